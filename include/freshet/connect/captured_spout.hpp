#pragma once
#include <algorithm>
#include <cstdint>
#include <deque>
#include <exception>
#include <string>
#include <utility>
#include <variant>

#include "freshet/core/spout.hpp"

namespace freshet {

/// One task of a spout within another's: what it emits is kept instead of sent. It sees an engine as any spout does.
/// Not thread safe.
template <spout_class S>
class captured_spout final : public spout_host {
 public:
  using value_type = spout_output_t<S>;
  struct message {
    event_time time;  ///< event_time{}: none was given
    value_type value;
  };
  struct rejection {
    error why;
    std::string bytes;
  };
  /// What it has given, in order.
  using gifts = std::deque<std::variant<message, rejection>>;

  explicit captured_spout(S spout) : task_(std::move(spout)) { task_.attach(0, frame_); }

  /// Its partitions, if it names any, are dealt as engines deal them.
  void open(task_context context) {
    const auto names = task_.partitions();
    context.partitions.clear();
    for (auto p = context.task; p < names.size(); p += context.task_count)
      context.partitions.push_back({static_cast<partition_id>(p), names[p]});
    task_.open(context);
  }
  void close() { task_.close(); }
  /// False: it has none of its own, and isn't polled any more.
  bool drain() { return task_.drain(); }
  /// Polls for about `wanted` messages. What it throws is put into `thrown`, and what it gave before that is there.
  poll_status poll(std::size_t wanted, gifts& into, std::exception_ptr& thrown) {
    into_ = &into;
    spout_round round;
    round.host = this;
    round.wanted = static_cast<std::uint32_t>(std::clamp<std::size_t>(wanted, 1, most_wanted));
    round.capacity = ~std::uint32_t{0};
    round.raw = &raw_;
    auto status = poll_status::emitted();
    try {
      status = task_.poll(round);
    } catch (...) { thrown = std::current_exception(); }
    collect();
    return status;
  }

 private:
  static constexpr std::size_t most_wanted = 1 << 20;

  void collect() {
    for (std::size_t i = 0; i < raw_.size(); ++i)
      into_->emplace_back(message{raw_.time_of(i), std::move(raw_.value(i))});
    raw_.clear();
  }
  // Messages are kept, so none of them goes through a chain that could fail.
  void message_failed(spout_round&, std::uint32_t, call_frame&) override {}
  void message_rejected(spout_round&, const position*, call_frame&, error why, std::string bytes) override {
    collect();
    into_->emplace_back(rejection{std::move(why), std::move(bytes)});
  }
  void round_full(spout_round&) override { collect(); }

  call_frame frame_;  // without a clock: times are those that it gives
  batch<value_type> raw_{{.capacity = 256, .times = true}};
  spout_task<S> task_;
  gifts* into_ = nullptr;
};

}  // namespace freshet
