// Word count on real text, by one topology value on both engines.
//
// Look at: word_count.cpp builds the graph and never names an engine; `count` below runs it on whichever it is given.
// text.cpp counts by a plain loop what both must agree with; latency_table.cpp shows what a batch interval costs.
#include <cerrno>
#include <cstdio>
#include <iostream>
#include <system_error>

#include "arguments.hpp"
#include "interruption.hpp"
#include "latency_table.hpp"
#include "progress.hpp"
#include "report.hpp"
#include "word_count.hpp"

namespace demo {

namespace {

template <class Executor>
outcome count(std::string name, const Executor& executor, const freshet::topology& graph, const word_table& table,
              const text& from, interruption& interrupted) {
  outcome o;
  o.engine = std::move(name);
  progress shown(o.engine);
  const auto start = std::chrono::steady_clock::now();
  auto run = executor.start(graph);
  interrupted.watch(run);
  while (!run.wait_for(shown.pause())) {
    const auto m = run.metrics();
    shown.show(static_cast<double>(m.node("lines").acked) / static_cast<double>(from.lines),
               grouped(m.node("count").executed) + " words");
  }
  interrupted.unwatch();
  o.took = std::chrono::steady_clock::now() - start;
  o.counts = table.take();
  for (const auto& [word, n] : o.counts) o.words += n;
  const auto latency = run.metrics().node("lines").complete_latency;
  o.p50_ns = latency.percentile(50);
  o.p99_ns = latency.percentile(99);
  return o;
}

int interrupted_by(const interruption& interrupted) {
  std::cout << "Interrupted: what was under way is finished, the rest was not read.\n";
  return 128 + interrupted.signal();
}

// Nobody may take an unreadable answer for a right one.
void check_output() {
  if (std::fflush(stdout) != 0 || std::ferror(stdout))
    throw std::system_error(errno, std::generic_category(), "the standard output cannot be written");
}

int run(const arguments& asked) {
  interruption interrupted;
  const text from(asked, interrupted);
  if (interrupted.signal()) return interrupted_by(interrupted);
  print(from);
  check_output();
  const word_table table;
  const freshet::topology graph = word_count_topology(from, table);

  const auto event = count("event engine, one event at a time, each acked", freshet::event_executor{}, graph, table,
                           from, interrupted);
  print(event);
  if (interrupted.signal()) return interrupted_by(interrupted);
  const auto batch = count("batch engine, batches of 100 ms, recomputable", freshet::batch_executor{}, graph, table,
                           from, interrupted);
  print(batch);
  if (interrupted.signal()) return interrupted_by(interrupted);
  const bool same = print_comparison(from.counts, event, batch);
  print_latency_table(from.sample(1'000), asked.row_time, interrupted);
  if (interrupted.signal()) return interrupted_by(interrupted);
  check_output();
  return same ? 0 : 1;
}

}  // namespace

}  // namespace demo

int main(int argc, char** argv) try {
  const auto asked = demo::parse(argc, argv);
  if (asked.help) {
    std::cout << demo::usage();
    demo::check_output();
    return 0;
  }
  return demo::run(asked);
} catch (const demo::usage_error& e) {
  std::cerr << "freshet-demo: " << e.what() << "\nTry: freshet-demo --help\n";
  return 2;
} catch (const std::exception& e) {
  std::cerr << "freshet-demo: " << e.what() << '\n';
  return 1;
}
