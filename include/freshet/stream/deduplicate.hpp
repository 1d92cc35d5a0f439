#pragma once
#include <algorithm>
#include <string>
#include <vector>

#include "freshet/core/timers.hpp"
#include "freshet/core/topology.hpp"
#include "freshet/stream/late.hpp"
#include "freshet/stream/time_rows.hpp"

namespace freshet {

/// Settings of `deduplicate`.
struct deduplicate_options {
  /// How far a tuple may be behind the watermark of its partition without being late; keys are kept so much longer.
  event_span allowed_lateness{};
  std::size_t parallelism = 1;
  std::uint32_t max_parallelism = 128;  ///< key groups: fixed for the life of a checkpoint
  freshet::on_failure on_failure = freshet::on_failure::dead_letter;

  bolt_options of_bolt() const {
    return {.parallelism = parallelism, .max_parallelism = max_parallelism, .on_failure = on_failure};
  }
};

/// Names the output for what `deduplicate` drops.
template <class T>
struct duplicate : side_output<T, "duplicates"> {};

/// The bolt behind `deduplicate`: a tuple passes when none of its key that has passed is at most `within` away.
///
/// What passes is sent on by a timer that is due at once, so that its message is finished with the state that knows it:
/// were it sent on by the call that remembers it, and failed behind this bolt, its replay would be taken for a
/// duplicate. What is kept of a key: the times that have passed, until no tuple in time can be near them. A tuple costs
/// O(log of these), one that passes two timers besides: to send it on, and to forget it.
template <class T, class K>
class deduplicate_bolt {
 public:
  using output = emitter<T, duplicate<T>, late_output<T>>;
  struct state {
    std::vector<event_time> passed;     ///< in order
    std::vector<timed_row<T>> waiting;  ///< to be sent on; of those that have passed
  };
  deduplicate_bolt(event_span within, event_span allowed_lateness) : within_(within), lateness_(allowed_lateness) {}

  void process(const T& value, state& s, timers& t, output& out) {
    if (went_late<late_output<T>>(value, lateness_, out)) return;
    const auto next = std::lower_bound(s.passed.begin(), s.passed.end(), out.time());
    const bool is_near = (next != s.passed.end() && *next <= shifted(out.time(), within_)) ||
                         (next != s.passed.begin() && out.time() <= shifted(*(next - 1), within_));
    if (is_near) return out.template emit<duplicate<T>>(value);
    s.passed.insert(next, out.time());
    s.waiting.push_back({value, out.time(), out.stamp()});
    t.set(send, out.frame().watermark);
    t.set(forget, forgotten_at(s.passed.front()));
  }
  void on_timer(const K&, event_time due, state& s, timers& t, output& out) {
    if (t.is(send)) {
      // One call, one tuple: should it fail, it is the one to blame. The latest first: those that have failed for good
      // stay behind, and must not keep back others.
      timed_row<T> last = std::move(s.waiting.back());
      s.waiting.pop_back();
      if (!s.waiting.empty()) t.repeat();
      out.emit_stamped(last.time, last.stamp, std::move(last.value));
      return;
    }
    const auto is_over = [&](event_time passed) { return forgotten_at(passed) <= due; };
    s.passed.erase(s.passed.begin(), std::partition_point(s.passed.begin(), s.passed.end(), is_over));
    std::erase_if(s.waiting, [&](const timed_row<T>& failed) { return is_over(failed.time); });
    if (!s.passed.empty()) t.set(forget, forgotten_at(s.passed.front()));
  }
  bool forgets(const state& s) const { return s.passed.empty(); }

 private:
  static constexpr std::uint32_t send = 0, forget = 1;
  /// A tuple still to come is after watermark - allowed lateness.
  event_time forgotten_at(event_time passed) const { return shifted(shifted(passed, within_), lateness_); }

  event_span within_;
  event_span lateness_;
};

/// The same for tuples in order: all that follow the one that has passed are near it, until its timer is called.
template <class T, class K>
class ordered_deduplicate_bolt {
 public:
  using output = emitter<T, duplicate<T>>;
  struct state {
    bool has_passed = false;
  };
  explicit ordered_deduplicate_bolt(event_span within) : within_(within) {}

  void process(const T& value, state& s, timers& t, output& out) {
    if (s.has_passed) return out.template emit<duplicate<T>>(value);
    s.has_passed = true;
    t.set(0, shifted(out.time(), within_));
    out.emit(value);
  }
  void on_timer(const K&, event_time, state& s) { s = {}; }
  bool forgets(const state& s) const { return !s.has_passed; }

 private:
  event_span within_;
};

/// What is wrong with them, as sentences for `build()`.
std::vector<std::string> mistakes_of(const deduplicate_options&, event_span within);

}  // namespace freshet
