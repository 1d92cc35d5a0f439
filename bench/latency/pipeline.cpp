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
  if (s.intended_ns == 0) return;
  const clock::time_point intended{std::chrono::nanoseconds(s.intended_ns)};
  const auto from = times_->measured_from(), to = times_->end();
  if (intended < from || intended >= to) return;
  const auto quarter = (intended - from) * 4 / (to - from);
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

namespace {

template <class Source, class Sink>
topology pipeline_of(const Source& source, const Sink& sink) {
  topology_builder b{"latency"};
  auto samples = b.spout("samples", source);
  auto doubled = b.bolt("double", [](const sample& s) {
                    return sample{s.key, s.amount * 2 + 1, s.intended_ns};
                  }).input(samples);
  auto sums = b.bolt("sum", sum_by_key{}, {.parallelism = 2}).input(doubled, key_grouping{&sample::key});
  b.sink("latency", sink, {.parallelism = 2}).input(sums);
  return b.build();
}

}  // namespace

topology pipeline(const push_spout<sample>& source, const latency_sink& sink) { return pipeline_of(source, sink); }
topology pipeline(const readable_samples& source, const latency_sink& sink) { return pipeline_of(source, sink); }
topology pipeline(const readable_samples& source, const latency_epoch_sink& sink) { return pipeline_of(source, sink); }

topology_run start(const setting& what, const options& asked, const topology& graph, const std::string& directory) {
  const auto ms = [](double n) {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double, std::milli>(n));
  };
  const checkpointing kept{.directory = what.checkpoint_ms ? directory : std::string()};
  if (what.engine == engine::event) {
    event_options o{.guarantee = what.guarantee, .workers = asked.workers, .idle = asked.idle, .checkpoints = kept};
    if (what.checkpoint_ms) o.checkpoint_interval = ms(*what.checkpoint_ms);
    return event_executor{o}.start(graph);
  }
  return batch_executor{{.interval = ms(what.interval_ms),
                         .guarantee = what.guarantee,
                         .workers = asked.workers,
                         .idle = asked.idle,
                         .checkpoints = kept}}
      .start(graph);
}

}  // namespace freshet::latency
