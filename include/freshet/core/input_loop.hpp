#pragma once
#include <algorithm>
#include <utility>

#include "freshet/core/batch.hpp"
#include "freshet/core/consumer.hpp"
#include "freshet/core/task_operator.hpp"

namespace freshet {

/// Sums the ledger changes of tuples with the same slot, which mostly follow one another.
class settlement {
 public:
  explicit settlement(task_host& host) : host_(host) {}
  settlement(const settlement&) = delete;
  settlement& operator=(const settlement&) = delete;
  ~settlement() { apply(); }
  void add(std::uint32_t slot, std::int32_t delta) {
    if (slot != slot_) {
      apply();
      slot_ = slot;
    }
    delta_ += delta;
  }
  void add(root r, const root_list* several, std::int32_t delta) {
    if (!several) [[likely]]
      add(r.slot(), delta);
    else
      for (root each : *several) add(each.slot(), delta);
  }
  void apply() {
    if (delta_ != 0 && slot_ != 0) host_.settle(slot_, delta_);
    delta_ = 0;
  }

 private:
  task_host& host_;
  std::uint32_t slot_ = 0;
  std::int32_t delta_ = 0;
};

/// Ends the call for tuple `i` of `in`, in which something has failed, has to do with tokens or has filled an outbox.
/// `read_stop::end`: go on. `again_later` and `stop`: the tuple counts as not read. `goes_on`: further calls follow for
/// the same tuple.
read_stop after_unusual_call(any_batch& in, std::size_t i, call_frame& frame, settlement& ledger, bool goes_on = false);

/// The per-tuple loop under one input of one bolt or sink: no virtual call, no allocation, no atomic; `Call::call` is
/// inlined. Also the consumer by which the bolt is chained behind another.
/// `Call` has: void call(T&& or const T&), static constexpr std::size_t strip; if that isn't 0, the tuples of a batch
/// are taken in strips of so many: void look_ahead(batch<T>&, from, to) is told each, and call gets the place in it
/// besides.
template <class T, class Call>
class input_loop final : public consumer_by<T, input_loop<T, Call>>, public any_reader {
 public:
  input_loop(task_operator& op, Call call) : op_(op), call_(std::move(call)) {}

  /// As a chained bolt.
  template <class V>
  [[gnu::always_inline]] void put(V&& value) {
    if constexpr (Call::strip == 0) {  // what looks ahead reads batches: it heads a chain
      ++op_.executed;
      if (op_.frame().flags.any()) [[unlikely]]
        return put_carefully(std::forward<V>(value));
      guarded(std::forward<V>(value));
    }
  }
  read_result read(any_batch& in, std::size_t from) override {
    auto& frame = op_.frame();
    const inside_calls inside(frame.place);
    return loop(static_cast<batch<T>&>(in), from, frame);
  }
  any_consumer& entry() override { return *this; }

 private:
  /// What it reads is a spout's, before the clock has seen it.
  static constexpr bool reads_messages = requires { Call::reads_messages; };
  static constexpr bool is_lazy = requires { Call::is_lazy; };

  static void note_message(const any_batch& in, std::size_t i, call_frame& frame) {
    if (!in.sources()) return;
    frame.source = in.sources()[i];
    frame.own_stamp = in.stamps() + i;
  }
  template <class... Args>
  [[gnu::always_inline]] void guarded(Args&&... args) {
    try {
      call_.call(std::forward<Args>(args)...);
    } catch (...) { op_.frame().fail_from_exception(op_.node()); }
  }
  /// Ends an unusual call. False: it was for a part of what the tuple gives, and more follows.
  bool end_call(any_batch& in, std::size_t i, call_frame& frame, settlement& ledger, read_stop& why) {
    if constexpr (is_lazy) {
      if (call_.is_unfinished(static_cast<batch<T>&>(in).value(i))) {
        const bool failed = frame.flags.failed;
        if (failed) call_.repeat_part();
        else call_.keep_part();
        why = after_unusual_call(in, i, frame, ledger, !failed);
        // It has met its policy, or will be emitted again.
        if (failed && (why == read_stop::end || why == read_stop::outbox_full)) call_.drop();
        return failed;
      }
    }
    why = after_unusual_call(in, i, frame, ledger);
    return true;
  }
  /// Nothing is called in a call that has failed, but what shows the clock a message.
  template <class V>
  [[gnu::noinline, gnu::cold]] void put_carefully(V&& value) {
    if (op_.frame().flags.failed && !op_.frame().shows_clock(op_.node())) return void(--op_.executed);
    if (op_.pass_faults()) guarded(std::forward<V>(value));
  }
  read_result loop(batch<T>& in, std::size_t from, call_frame& frame) {
    settlement ledger{*frame.host};
    const std::size_t n = in.size();
    const root* const roots = in.roots();
    const event_time* const times = in.times();
    const tuple_origin* const origins = in.origins();
    const bool faults = frame.flags.faults;
    auto why = read_stop::end;
    frame.inherit_nothing();  // the columns that are not there stay so
    frame.flags.outbox_full = false;
    std::uint64_t call = frame.call;
    std::size_t i = from, strip = from;
    while (i < n && why == read_stop::end) {
      std::size_t end = n;
      if constexpr (Call::strip > 0) {
        strip = i;
        end = std::min(n, i + Call::strip);
        call_.look_ahead(in, i, end);
      }
      for (; i < end; ++i) {
        frame.call = ++call;
        frame.children = 0;
        if (roots) {
          frame.anchor = roots[i];
          frame.anchors = frame.anchor.is_several() ? &in.roots_of(i) : nullptr;
        }
        if (times) {
          frame.time = times[i];
          if (origins) frame.origin = origins[i];
          if constexpr (reads_messages) note_message(in, i, frame);
          else frame.stamp = in.stamps()[i];
        }
        if (!faults || op_.pass_faults()) [[likely]] {
          if constexpr (Call::strip > 0) guarded(std::as_const(in.value(i)), i - strip);
          else guarded(std::as_const(in.value(i)));
        }
        if (frame.flags.any()) [[unlikely]] {
          const bool is_over = end_call(in, i, frame, ledger, why);
          call = frame.call;
          if (why == read_stop::outbox_full && is_over) ++i;
          if (why != read_stop::end) break;
        } else if (roots) {
          ledger.add(frame.anchor, frame.anchors, frame.children - 1);
        }
        if (Call::can_refuse && !op_.ready()) [[unlikely]] {
          why = read_stop::not_ready;
          ++i;
          break;
        }
      }
    }
    op_.executed += i - from;
    return {i, i == n ? read_stop::end : why};
  }

  task_operator& op_;
  Call call_;
};

}  // namespace freshet
