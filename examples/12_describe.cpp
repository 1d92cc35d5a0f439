// A topology described, and what a run has sent over each of its edges.
//
// Look at the text: a line a node, and below it what it reads, by which grouping, and how many tuples came that way.
// The same as a graph follows, for Graphviz (dot -Tsvg); `describe_format::mermaid` is for Markdown, `json` for
// programs. A topology that doesn't run describes itself, too: `graph.describe()`, without the numbers.
#include <charconv>
#include <cstdint>
#include <freshet/freshet.hpp>
#include <iostream>
#include <stdexcept>
#include <string>

struct sale {
  std::string shop;
  std::int64_t cents = 0;
};
struct malformed : freshet::side_output<std::string, "malformed"> {};

// "Oslo 1200"; a line without a number goes to the side output, one without a shop is a failure.
struct parse {
  void process(const std::string& line, freshet::emitter<sale, malformed>& out) {
    const auto space = line.find(' ');
    if (space == 0) throw std::invalid_argument("no shop");
    sale s{line.substr(0, space), 0};
    const auto* end = line.data() + line.size();
    if (space == std::string::npos || std::from_chars(line.data() + space + 1, end, s.cents).ptr != end)
      return out.emit<malformed>(line);
    out.emit(s);
  }
};
struct add_up {
  using state = std::int64_t;
  void process(const sale& s, state& sum, freshet::emitter<sale>& out) { out.emit({s.shop, sum += s.cents}); }
};
struct ignore {
  template <class T>
  void write(const T&) {}
};

int main() {
  freshet::topology_builder builder("sales");
  auto lines = builder.spout("lines", freshet::vector_spout<std::string>{
                                          {"Oslo 1200", "Porto 800", "Oslo 300", "Porto ?", " 500", "Quito 700"}});
  auto sales = builder.bolt("parse", parse{}, {.parallelism = 2}).input(lines, freshet::shuffle_grouping{});
  auto sums = builder.bolt("add up", add_up{}, {.parallelism = 2}).input(sales, freshet::key_grouping{&sale::shop});
  builder.sink("sums", ignore{}).input(sums, freshet::global_grouping{});
  builder.sink("check by hand", ignore{}).input(sales.side<malformed>(), freshet::global_grouping{});
  builder.sink("failures", ignore{}).input(builder.dead_letters());

  auto run = freshet::event_executor{{.guarantee = freshet::guarantee::best_effort}}.start(builder.build());
  const freshet::drain_on_signals guard{run};
  run.wait();
  std::cout << run.describe() << '\n' << run.describe(freshet::describe_format::dot);
}
