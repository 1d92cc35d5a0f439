// Exit status 0 when the headers are those of the version that the package announced, and one topology gives the same,
// right answer on both engines.
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <freshet/freshet.hpp>
#include <map>
#include <string>
#include <vector>

struct count_words {
  using state = std::uint64_t;
  void process(const std::string& word, state& n, freshet::emitter<freshet::keyed<std::string, std::uint64_t>>& out) {
    out.emit({word, ++n});
  }
};
using counts = std::map<std::string, std::uint64_t>;

int main() {
  freshet::collect_sink<freshet::keyed<std::string, std::uint64_t>> rows;
  freshet::topology_builder builder("consumer");
  auto words = builder.spout("words", freshet::vector_spout<std::string>{{"to", "be", "or", "not", "to", "be"}});
  auto counted =
      builder.bolt("count", count_words{}, {.parallelism = 2}).input(words, freshet::key_grouping{std::identity{}});
  builder.sink("rows", rows).input(counted, freshet::global_grouping{});
  const freshet::topology graph = builder.build();

  const auto answer = [&](freshet::topology_run run) {
    run.wait();
    counts largest;
    for (const auto& row : rows.take()) largest[row.key] = std::max(largest[row.key], row.value);
    return largest;
  };
  const counts expected{{"to", 2}, {"be", 2}, {"or", 1}, {"not", 1}};
  const bool live = answer(freshet::event_executor{}.start(graph)) == expected;
  const bool batched = answer(freshet::batch_executor{}.start(graph)) == expected;
  const bool same_version = std::strcmp(FRESHET_VERSION, EXPECTED_VERSION) == 0;
  std::printf("headers of %s, package of %s; event engine %s, batch engine %s\n", FRESHET_VERSION, EXPECTED_VERSION,
              live ? "right" : "WRONG", batched ? "right" : "WRONG");
  return same_version && live && batched ? 0 : 1;
}
