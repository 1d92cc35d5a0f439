#pragma once
#include <cstddef>
#include <numeric>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "freshet/time/window.hpp"

namespace freshet {

/// The merge of a queue of accumulators, oldest first, for any associative merge, with an inverse or without: two
/// stacks (Tangwongsan, Hirzel, Schneider, "In-order sliding-window aggregation in worst-case constant time", VLDB
/// Journal 2021, section 2). Adding at the back and taking from the front cost one merge, amortised: each accumulator
/// is moved from the back to the front stack once, where each stands merged with all after it. A plain value with a
/// codec. Not thread safe. `merge(accumulator& earlier, const accumulator& later)`.
template <class Accumulator>
class two_stacks {
 public:
  std::size_t size() const noexcept { return front_.size() + back_.size(); }

  template <class Merge>
  void push(Accumulator value, Merge&& merge) {
    if (back_.empty()) back_total_ = value;
    else merge(*back_total_, std::as_const(value));
    back_.push_back(std::move(value));
  }
  /// Takes the oldest away. REQUIRES: size() > 0.
  template <class Merge>
  void pop(Merge&& merge) {
    if (front_.empty()) turn(merge);
    front_.pop_back();
  }
  /// All of them, merged in their order. REQUIRES: size() > 0.
  template <class Merge>
  Accumulator total(Merge&& merge) const {
    if (front_.empty()) return *back_total_;
    Accumulator all = front_.back();
    if (!back_.empty()) merge(all, *back_total_);
    return all;
  }

  friend auto freshet_fields(two_stacks& s) { return std::tie(s.front_, s.back_, s.back_total_); }

 private:
  template <class Merge>
  void turn(Merge& merge) {
    for (; !back_.empty(); back_.pop_back()) {
      Accumulator with_later = std::move(back_.back());
      if (!front_.empty()) merge(with_later, std::as_const(front_.back()));
      front_.push_back(std::move(with_later));
    }
    back_total_.reset();
  }
  std::vector<Accumulator> front_;  // the oldest on top, each merged with all below it
  std::vector<Accumulator> back_;   // the newest on top, as they came
  std::optional<Accumulator> back_total_;
};

/// The sliding count window of one key: its last `size` tuples after every `slide` of them. Tuples are collected in
/// slices of gcd(size, slide), and those kept in two stacks. A plain value with a codec, to be a bolt's state. Not
/// thread safe.
template <class Accumulator>
class sliding_count_window {
 public:
  /// Adds a tuple by `put(accumulator&)`; true: a window ends with it, ask for `result`.
  template <class Start, class Put, class Merge>
  bool add(const sliding_count& w, Start&& start, Put&& put, Merge&& merge) {
    const std::uint64_t slice = std::gcd(w.size, w.slide);
    if (!open_) open_.emplace(start());
    put(*open_);
    ++count_;
    if (count_ % slice == 0) {
      slices_.push(std::move(*open_), merge);
      open_.reset();
      if (slices_.size() > w.size / slice) slices_.pop(merge);
    }
    return count_ % w.slide == 0;
  }
  /// REQUIRES: `add` has just given true.
  template <class Merge>
  Accumulator result(Merge&& merge) const {
    return slices_.total(merge);
  }
  /// How many tuples there have been.
  std::uint64_t count() const noexcept { return count_; }

  friend auto freshet_fields(sliding_count_window& s) { return std::tie(s.count_, s.open_, s.slices_); }

 private:
  std::uint64_t count_ = 0;
  std::optional<Accumulator> open_;  // the slice being filled
  two_stacks<Accumulator> slices_;
};

}  // namespace freshet
