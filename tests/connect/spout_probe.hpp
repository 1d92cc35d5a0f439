#pragma once
#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "freshet/core/topology_builder.hpp"

namespace freshet {

/// A spout's task without an engine: polls it, reads ranges again, seeks. Without `Closes`, it goes as the task of a
/// process that is killed.
template <class S, bool Closes = true>
class spout_probe : public spout_host {
 public:
  using value_type = spout_output_t<S>;
  struct message {
    position at;
    value_type value;
    event_time time;
  };

  /// `kept`: as in a run that keeps checkpoints.
  explicit spout_probe(S spout, task_context context = {}, bool kept = false) : task_(std::move(spout)) {
    const auto names = task_.partitions();
    for (auto p = context.task; p < names.size(); p += context.task_count)
      context.partitions.push_back({static_cast<partition_id>(p), names[p], kept});
    task_.attach(0, frame_);
    task_.open(context);
  }
  ~spout_probe() override {
    if (Closes) close();
  }
  void close() {
    if (!std::exchange(closed_, true)) task_.close();
  }

  /// One turn of about `wanted` messages; they are appended to `messages`.
  poll_status::kind poll(std::uint32_t wanted = 100) {
    auto status = poll_status::emitted();
    turn(wanted, messages, [&] { status = task_.poll(round_); });
    when = status.when();
    return status.what();
  }
  /// Polls until the spout says something else than `emitted`.
  poll_status::kind poll_all(std::uint32_t wanted = 100) {
    auto kind = poll_status::kind::emitted;
    while (kind == poll_status::kind::emitted) kind = poll(wanted);
    return kind;
  }
  std::vector<message> read(position_range range) {
    std::vector<message> got;
    turn(1, got, [&] { task_.read(range, round_); });
    return got;
  }
  void seek(position p) { task_.seek(p); }
  void commit(position p) { task_.commit(p); }
  std::string save(partition_id p = 0) { return task_.save(p); }
  void load(std::string_view saved, partition_id p = 0) { task_.load(p, saved); }
  bool drain() { return task_.drain(); }
  call_frame& frame() { return frame_; }
  std::vector<value_type> values() const {
    std::vector<value_type> all;
    for (const auto& m : messages) all.push_back(m.value);
    return all;
  }

  struct rejection {
    position at;
    error why;
    std::string bytes;
  };
  std::vector<message> messages;
  std::vector<rejection> rejected;
  poll_status::time_point when{};

 private:
  template <class F>
  void turn(std::uint32_t wanted, std::vector<message>& into, F f) {
    const std::unique_ptr<any_batch> raw(
        task_.type().make({.capacity = root::messages_per_slot, .roots = true, .times = true}));
    into_ = &into;
    round_ = {};
    round_.host = this;
    round_.slot = 1;  // so that roots tell the messages apart
    round_.wanted = wanted;
    round_.capacity = root::messages_per_slot;
    round_.keeps_positions = true;
    round_.raw = raw.get();
    // What went out before a throw has been emitted.
    const struct ending {
      spout_probe& probe;
      ~ending() { probe.collect(); }
    } last{*this};
    f();
  }
  void collect() {
    auto& raw = static_cast<batch<value_type>&>(*round_.raw);
    for (std::size_t i = 0; i < raw.size(); ++i)
      into_->push_back({round_.positions.at(raw.root_of(i).index()), raw.value(i), raw.time_of(i)});
    raw.clear();
    for (auto p : std::exchange(round_.ended, {})) frame_.clock->end_partition(p);
  }
  void message_failed(spout_round&, std::uint32_t, call_frame&) override {}
  void message_rejected(spout_round&, const position* at, call_frame&, error why, std::string bytes) override {
    rejected.push_back({at ? *at : position{}, std::move(why), std::move(bytes)});
  }
  void round_full(spout_round& round) override {
    collect();
    round.wanted -= std::min(round.wanted, round.messages);
    round.messages = 0;
    round.positions.clear();
  }

  spout_task<S> task_;
  call_frame frame_;
  spout_round round_;
  std::vector<message>* into_ = nullptr;
  bool closed_ = false;
};

}  // namespace freshet
