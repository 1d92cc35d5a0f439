#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "freshet/state/list_state.hpp"

namespace freshet {

/// The accumulators of numbered slices of time, of those in which something happened, and a tree over them that gives
/// the merge of any range: a quarter of the nodes of a FlatFAT (Tangwongsan, Hirzel, Schneider, Wu, "General
/// incremental sliding-window aggregation", VLDB 2015), as four make one of the next level. For associative merges, in
/// the order of slices; needs no inverse, and takes what comes out of order. For n slices: adding to one costs O(log n)
/// once after each question and O(1) again; a new one behind the others O(1), in the middle O(those behind it);
/// `merged` O(log n) merges, and one for each that changed since. A node is made when it is first asked for, so a few
/// slices have no tree. A plain value with a codec. Not thread safe.
template <class Accumulator>
class slice_tree {
 public:
  struct slice {
    std::int64_t number = 0;
    Accumulator value{};
  };

  bool empty() const noexcept { return slices_.empty(); }
  std::size_t size() const noexcept { return slices_.size(); }
  /// The number of the first slice. REQUIRES: !empty().
  std::int64_t first() const { return slices_.front().number; }
  /// The number of the first slice from `number` on; none where there is no further one.
  std::optional<std::int64_t> first_from(std::int64_t number) const {
    const std::size_t i = position(number);
    return i == slices_.size() ? std::nullopt : std::optional(slices_[i].number);
  }

  /// The accumulator of a slice, made by `start()` where it is new. Valid until the next call. REQUIRES: the number is
  /// not below one that was dropped.
  template <class Start>
  Accumulator& at(std::int64_t number, Start&& start) {
    const std::size_t i = position(number);
    if (i == slices_.size() || slices_[i].number != number) {
      slices_.insert(i, slice{number, start()});
      forget_from(i + head_);
    } else {
      forget(i + head_);
    }
    return slices_.modify(i).value;
  }
  /// All slices from `from` up to, without, `to`, merged in their order by `merge(into, from)`; nothing if none is
  /// there.
  template <class Merge>
  std::optional<Accumulator> merged(std::int64_t from, std::int64_t to, Merge&& merge) {
    std::optional<Accumulator> all;
    std::size_t i = head_ + position(from);
    for (const std::size_t end = head_ + position(to); i < end;) {
      std::size_t level = 0;
      while (i % width(level + 1) == 0 && i + width(level + 1) <= end) ++level;
      const Accumulator& part = node(level, i / width(level), merge);
      if (all) merge(*all, part);
      else all = part;
      i += width(level);
    }
    return all;
  }
  /// Forgets the slices below `number`.
  void drop_below(std::int64_t number) {
    const std::size_t dropped = position(number);
    slices_.erase(0, dropped);
    head_ += dropped;
    if (head_ > slices_.size()) forget_all();
  }
  /// Calls `f(slice)` for each, in order.
  template <class F>
  void for_each(F&& f) const {
    for (const slice& s : slices_) f(s);
  }

  std::size_t mark() { return slices_.mark(); }
  void undo(std::size_t mark) {
    slices_.undo(mark);
    forget_all();
  }
  void keep(std::size_t mark) { slices_.keep(mark); }
  void forget_marks() { slices_.forget_marks(); }

 private:
  static constexpr std::size_t width(std::size_t level) { return std::size_t{1} << 2 * level; }
  std::size_t position(std::int64_t number) const {
    if (!slices_.empty() && slices_.back().number < number) return slices_.size();
    const auto below = [](const slice& s, std::int64_t n) { return s.number < n; };
    return static_cast<std::size_t>(std::lower_bound(slices_.begin(), slices_.end(), number, below) - slices_.begin());
  }
  /// Node i of a level above 0 stands for slices i * width to (i + 1) * width, all of which are there.
  template <class Merge>
  const Accumulator& node(std::size_t level, std::size_t i, Merge& merge) {
    if (level == 0) return slices_[i - head_].value;
    if (levels_.size() < level) levels_.resize(level);
    if (levels_[level - 1].size() <= i) levels_[level - 1].resize(i + 1);
    if (!levels_[level - 1][i]) {
      Accumulator whole = node(level - 1, 4 * i, merge);
      for (std::size_t child = 1; child < 4; ++child) merge(whole, node(level - 1, 4 * i + child, merge));
      levels_[level - 1][i] = std::move(whole);
    }
    return *levels_[level - 1][i];
  }
  /// What stands for slice i is out of date. A node above one that isn't there isn't there either.
  void forget(std::size_t i) {
    for (auto& level : levels_) {
      i /= 4;
      if (i >= level.size() || !level[i]) return;
      level[i].reset();
    }
  }
  void forget_from(std::size_t i) {
    for (auto& level : levels_) {
      i /= 4;
      if (i < level.size()) level.resize(i);
    }
  }
  void forget_all() {
    head_ = 0;
    levels_.clear();
  }
  list_state<slice> slices_;  // sorted
  std::size_t head_ = 0;      // how many were dropped since the tree was begun: it counts them
  std::vector<std::vector<std::optional<Accumulator>>> levels_;
};

template <class A>
requires durable<A>
struct codec<slice_tree<A>> {
  static constexpr std::uint32_t version = 1;
  using parts = std::tuple<A>;
  static void write(writer& w, const slice_tree<A>& tree) {
    w.length(tree.size());
    tree.for_each([&w](const auto& s) {
      w.raw(s.number);
      write_value(w, s.value);
    });
  }
  static void read(reader& r, slice_tree<A>& tree, std::uint32_t) {
    tree = {};
    for (std::size_t n = r.length(); n != 0 && !r.failed(); --n) {
      const auto number = r.raw<std::int64_t>();
      A value{};
      read_value(r, value);
      tree.at(number, [&] { return std::move(value); });
    }
  }
};

}  // namespace freshet
