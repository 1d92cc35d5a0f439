#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "freshet/core/emitter.hpp"
#include "freshet/core/timers.hpp"
#include "freshet/stream/pattern.hpp"

namespace freshet {

/// The bolt behind `pattern`, for tuples in order: the partial matches of each key are the states of an automaton that
/// is in several at once. A tuple costs one condition for each of them, or a few with absences.
///
/// What is kept of a key: the partial matches, each with its tuples, until a timer says that `within` is over.
template <class T, class K>
class pattern_bolt {
 public:
  using output = emitter<matched<T>>;
  struct partial_match {
    event_time began{};
    std::uint64_t first = 0, last = 0;  ///< which of the key's tuples
    std::vector<T> tuples;
  };
  struct state {
    std::vector<partial_match> open;  ///< by their beginnings
    std::uint64_t seen = 0;           ///< tuples
    std::optional<event_time> due;    ///< what the timer is set to
  };

  /// REQUIRES: no mistakes.
  explicit pattern_bolt(pattern<T> p) : pattern_(std::move(p)) {
    const auto& steps = pattern_.steps();
    for (std::size_t k = 0; k < steps.size(); ++k)
      if (!steps[k].is_absent()) step_of_.insert(step_of_.end(), steps[k].times, k);
  }

  void process(const T& value, state& s, timers& t, output& out) {
    const auto now = s.seen++;
    const bool is_skipped = advance_all(s.open, value, now, out);
    if (!is_skipped && pattern_.holds(0, value, {})) begin(value, now, s, out);
    set_timer(s, t);
  }
  void on_timer(const K&, event_time due, state& s, timers& t, output& out) {
    s.due.reset();
    while (!s.open.empty() && deadline(s.open.front()) <= due) {
      auto over = std::move(s.open.front());
      s.open.erase(s.open.begin());
      if (over.tuples.size() < step_of_.size()) continue;
      const auto last = over.last;
      emit(std::move(over), out);
      if (pattern_.after() == after_match::skip_past_last)
        std::erase_if(s.open, [last](const partial_match& m) { return m.first <= last; });
    }
    set_timer(s, t);
  }
  bool forgets(const state& s) const { return s.open.empty(); }

 private:
  enum class fate { open, dropped, complete };

  /// True when a match has ended and the others are skipped.
  bool advance_all(std::vector<partial_match>& open, const T& value, std::uint64_t now, output& out) {
    const bool skips = pattern_.after() == after_match::skip_past_last;
    // First what may throw, then what changes places.
    fates_.clear();
    for (auto& m : open) {
      fates_.push_back(advance(m, value, now));
      if (skips && fates_.back() == fate::complete) {
        emit(std::move(m), out);
        open.clear();
        return true;
      }
    }
    std::size_t kept = 0;
    for (std::size_t i = 0; i < open.size(); ++i) {
      if (fates_[i] == fate::complete) emit(std::move(open[i]), out);
      if (fates_[i] != fate::open) continue;
      if (kept != i) open[kept] = std::move(open[i]);
      ++kept;
    }
    open.erase(open.begin() + static_cast<std::ptrdiff_t>(kept), open.end());
    return false;
  }
  void begin(const T& value, std::uint64_t now, state& s, output& out) {
    partial_match m{out.time(), now, now, {value}};
    if (is_complete(m)) emit(std::move(m), out);
    else s.open.push_back(std::move(m));
  }
  fate advance(partial_match& m, const T& value, std::uint64_t now) const {
    const auto at = m.tuples.size();
    const bool waits_for_time = at == step_of_.size();
    const auto step = waits_for_time ? pattern_.steps().size() : step_of_[at];
    if (step != step_of_[at - 1])
      for (auto k = step; pattern_.steps()[k - 1].is_absent(); --k)
        if (pattern_.holds(k - 1, value, m.tuples)) return fate::dropped;
    if (waits_for_time) return fate::open;
    if (!pattern_.holds(step, value, m.tuples))
      return pattern_.steps()[step].how == pattern_step::contiguity::next ? fate::dropped : fate::open;
    m.tuples.push_back(value);
    m.last = now;
    return is_complete(m) ? fate::complete : fate::open;
  }
  bool is_complete(const partial_match& m) const {
    return m.tuples.size() == step_of_.size() && !pattern_.steps().back().is_absent();
  }
  static void emit(partial_match&& m, output& out) { out.emit({std::move(m.tuples), m.began, out.time()}); }

  event_time deadline(const partial_match& m) const { return shifted(m.began, *pattern_.within()); }
  void set_timer(state& s, timers& t) const {
    if (!pattern_.within()) return;
    const auto next = s.open.empty() ? std::nullopt : std::optional(deadline(s.open.front()));
    if (next == s.due) return;
    if (next) t.set(0, *next);
    else t.unset(0);
    s.due = next;
  }

  pattern<T> pattern_;
  std::vector<std::size_t> step_of_;  ///< of each tuple of a match
  std::vector<fate> fates_;           ///< of one call
};

}  // namespace freshet
