#include "latency_table.hpp"

#include <algorithm>
#include <functional>
#include <iomanip>
#include <iostream>
#include <memory>
#include <mutex>

#include "progress.hpp"
#include "report.hpp"
#include "word_count.hpp"

namespace demo {

namespace {

using clock = std::chrono::steady_clock;
constexpr double lines_per_second = 2'000;

// Both carry the instant at which their line should have come: an open loop. A late source or a queue can't hide then.
struct timed_line {
  std::string line;
  clock::time_point intended;
};
struct timed_word {
  std::string word;
  clock::time_point intended;
};

struct split_timed {
  std::string lower;
  void process(const timed_line& l, freshet::emitter<timed_word>& out) {
    each_word(l.line, lower, [&](const std::string& word) { out.emit({word, l.intended}); });
  }
};
struct count_timed {
  using state = std::uint64_t;
  void process(const timed_word& w, state& n, freshet::emitter<timed_word>& out) {
    ++n;
    out.emit(w);
  }
};

// Copies share one histogram; each adds its own when its task closes.
class latency_sink {
 public:
  struct result {
    std::mutex mutex;
    freshet::histogram latency;
  };
  explicit latency_sink(std::shared_ptr<result> to) : to_(std::move(to)) {}
  void write(const timed_word& w) {
    mine_.record(static_cast<std::uint64_t>(std::max<std::int64_t>(0, (clock::now() - w.intended).count())));
  }
  void close() {
    std::lock_guard lock(to_->mutex);
    to_->latency.merge(mine_);
    mine_.reset();
  }

 private:
  std::shared_ptr<result> to_;
  freshet::histogram mine_;
};

freshet::topology timed_topology(const std::vector<std::string>& lines, std::chrono::duration<double> row_time,
                                 std::shared_ptr<latency_sink::result> to) {
  const auto text = std::make_shared<const std::vector<std::string>>(lines);
  const auto make = [text](std::uint64_t i, clock::time_point intended) {
    return timed_line{(*text)[i % text->size()], intended};
  };
  freshet::topology_builder builder("paced-word-count");
  auto source = builder.spout(
      "lines", freshet::generator_spout{make,
                                        {.rate = lines_per_second,
                                         .duration = std::chrono::duration_cast<std::chrono::nanoseconds>(row_time)}});
  auto words = builder.bolt("split", split_timed{}).input(source);
  auto counts =
      builder.bolt("count", count_timed{}, {.parallelism = 2}).input(words, freshet::key_grouping{&timed_word::word});
  builder.sink("latency", latency_sink{std::move(to)}, {.parallelism = 2}).input(counts);
  return builder.build();
}

template <class Executor>
void print_row(const std::string& name, const Executor& executor, const std::vector<std::string>& lines,
               std::chrono::duration<double> row_time, interruption& interrupted) {
  const auto result = std::make_shared<latency_sink::result>();
  {
    progress shown(name, progress::elsewhere::nothing);  // the row itself says enough
    auto run = executor.start(timed_topology(lines, row_time, result));
    interrupted.watch(run);
    const auto start = clock::now();
    while (!run.wait_for(shown.pause()))
      shown.show((clock::now() - start) / row_time, grouped(run.metrics().node("lines").acked) + " lines");
    interrupted.unwatch();
  }
  const auto& l = result->latency;
  std::cout << "  " << std::left << std::setw(20) << name << std::right;
  for (const auto ns : {l.percentile(50), l.percentile(90), l.percentile(99), l.max()})
    std::cout << std::setw(11) << readable(ns);
  std::cout << std::endl;
}

}  // namespace

void print_latency_table(const std::vector<std::string>& lines, std::chrono::duration<double> row_time,
                         interruption& interrupted) {
  using namespace std::chrono_literals;
  std::cout << "Latency against batch interval, " << grouped(static_cast<std::uint64_t>(lines_per_second))
            << " lines a second, from when a line was due to each word counted:\n"
            << "  " << std::left << std::setw(20) << "" << std::right;
  for (const auto* column : {"p50", "p90", "p99", "max"}) std::cout << std::setw(11) << column;
  std::cout << '\n';
  print_row("per event", freshet::event_executor{}, lines, row_time, interrupted);
  for (const auto interval : {1ms, 10ms, 100ms}) {
    if (interrupted.signal()) return;
    print_row("batches of " + std::to_string(interval.count()) + " ms", freshet::batch_executor{{.interval = interval}},
              lines, row_time, interrupted);
  }
}

}  // namespace demo
