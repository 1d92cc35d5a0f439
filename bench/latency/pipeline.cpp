#include "pipeline.hpp"

#include <algorithm>

namespace freshet::latency {

namespace {

struct sum_by_key {
  using state = std::uint64_t;
  void process(const sample& s, state& sum, emitter<sample>& out) {
    sum += s.amount;
    out.emit({s.key, sum, s.intended_ns});
  }
};

}  // namespace

histogram arrivals::all() const {
  histogram sum;
  for (const auto& q : quarters) sum.merge(q);
  return sum;
}

void latency_sink::write(const sample& s) {
  const clock::time_point intended{std::chrono::nanoseconds(s.intended_ns)};
  if (intended < measured_.from || intended >= measured_.to) return;
  const auto quarter = (intended - measured_.from) * 4 / (measured_.to - measured_.from);
  const auto took = std::max<std::int64_t>(0, (clock::now() - intended).count());
  mine_[static_cast<std::size_t>(quarter)].record(static_cast<std::uint64_t>(took));
}

void latency_sink::close() {
  std::lock_guard lock(into_->mutex);
  for (std::size_t i = 0; i < mine_.size(); ++i) {
    into_->quarters[i].merge(mine_[i]);
    mine_[i].reset();
  }
}

topology pipeline(const push_spout<sample>& source, const latency_sink& sink) {
  topology_builder b{"latency"};
  auto samples = b.spout("samples", source);
  auto doubled = b.bolt("double", [](const sample& s) {
                    return sample{s.key, s.amount * 2 + 1, s.intended_ns};
                  }).input(samples);
  auto sums = b.bolt("sum", sum_by_key{}, {.parallelism = 2}).input(doubled, key_grouping{&sample::key});
  b.sink("latency", sink, {.parallelism = 2}).input(sums);
  return b.build();
}

topology_run start(engine which, double interval_ms, const options& asked, const topology& graph) {
  if (which == engine::event) return event_executor{{.workers = asked.workers, .idle = asked.idle}}.start(graph);
  const std::chrono::duration<double, std::milli> interval{interval_ms};
  return batch_executor{{.interval = std::chrono::duration_cast<std::chrono::nanoseconds>(interval),
                         .workers = asked.workers,
                         .idle = asked.idle}}
      .start(graph);
}

}  // namespace freshet::latency
