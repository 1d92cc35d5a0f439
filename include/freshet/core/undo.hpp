#pragma once
#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "freshet/base/assert.hpp"
#include "freshet/core/shape.hpp"

namespace freshet {

/// State that keeps what undoes its changes, so that it need not be copied before a call that may fail: a container of
/// much. From `mark` on changes are noted; `undo` takes back those since the mark, `keep` lets them stand, and the mark
/// is gone. Marks nest. `keep` without a mark does nothing; a copy has no marks, and what is assigned to keeps its own.
template <class S>
concept undoable = requires(S& s, std::size_t mark) {
  { s.mark() } -> std::same_as<std::size_t>;
  s.undo(mark);
  s.keep(mark);
  s.forget_marks();
};

namespace detail {
template <class S>
consteval bool find_undoable_part();
template <class... F>
consteval bool any_undoable(type_list<F...>*) {
  return (find_undoable_part<F>() || ...);
}
template <class S>
consteval bool find_undoable_part() {
  if constexpr (undoable<S>) return true;
  else if constexpr (has_fields<S> || shape_of<S> == shape::tuple) return any_undoable(parts_of<S>());
  else return false;
}
}  // namespace detail

/// Whether `S`, or a field or member of a tuple that it has, undoes its own changes.
template <class S>
inline constexpr bool has_undoable_part = detail::find_undoable_part<S>();

template <class S>
class undo_point;

namespace detail {
/// Asks an undo_point for its copies alone.
struct without_marks {};
/// Calls `visit` with the fields, or the members of a tuple.
template <class S, class F>
decltype(auto) with_parts(S& s, F&& visit) {
  if constexpr (has_fields<S>) return with_fields(s, std::forward<F>(visit));
  else return std::apply(std::forward<F>(visit), s);
}
template <class L>
struct undo_points_of;
template <class... F>
struct undo_points_of<type_list<F...>> {
  using type = std::tuple<undo_point<F>...>;
};
}  // namespace detail

/// What a state was, to come back to: a copy; of an undoable state a mark; of an aggregate or a tuple with such a part
/// either, part by part (so of a class with `freshet_fields` only what those name). At most one of `undo` and `keep` is
/// called, for the same object, wherever it has been moved. In two steps, as copies may throw and marks can't: the
/// marks are set last, by all parts.
template <class S>
class undo_point {
 public:
  explicit undo_point(S& s) : undo_point(s, detail::without_marks{}) {}
  undo_point(S& s, detail::without_marks) : before_(s) {}
  void set_marks(S&) noexcept {}
  void undo(S& s) { s = std::move(before_); }
  void keep(S&) {}
  static void forget_marks(S&) {}

 private:
  S before_;
};

template <undoable S>
class undo_point<S> {
 public:
  explicit undo_point(S& s) { set_marks(s); }
  undo_point(S&, detail::without_marks) {}
  void set_marks(S& s) noexcept { mark_ = s.mark(); }
  void undo(S& s) { s.undo(mark_); }
  void keep(S& s) { s.keep(mark_); }
  /// Keeps the changes since all marks that stand.
  static void forget_marks(S& s) { s.forget_marks(); }

 private:
  std::size_t mark_ = 0;
};

template <class S>
requires(has_undoable_part<S> && !undoable<S>) class undo_point<S> {
 public:
  explicit undo_point(S& s) : undo_point(s, detail::without_marks{}) { set_marks(s); }
  undo_point(S& s, detail::without_marks only_copies)
      : parts_(detail::with_parts(
            s, [&](auto&... p) { return points(undo_point<std::remove_cvref_t<decltype(p)>>(p, only_copies)...); })) {}
  void set_marks(S& s) noexcept {
    for_each(s, [](auto& point, auto& part) { point.set_marks(part); });
  }
  void undo(S& s) {
    for_each(s, [](auto& point, auto& part) { point.undo(part); });
  }
  void keep(S& s) {
    for_each(s, [](auto& point, auto& part) { point.keep(part); });
  }
  static void forget_marks(S& s) {
    detail::with_parts(s, [](auto&... p) { (undo_point<std::remove_cvref_t<decltype(p)>>::forget_marks(p), ...); });
  }

 private:
  template <class F>
  void for_each(S& s, F f) {
    detail::with_parts(s, [&](auto&... part) { std::apply([&](auto&... point) { (f(point, part), ...); }, parts_); });
  }
  using points = typename detail::undo_points_of<std::remove_pointer_t<decltype(detail::parts_of<S>())>>::type;
  points parts_;
};

/// Elements of a container that are moved about with their marks.
template <class T>
consteval bool check_moves_with_marks() {
  constexpr bool ok = !has_undoable_part<T> || std::is_nothrow_move_constructible_v<T>;
  static_assert(
      ok,
      "elements with a list_state or map_state in them are moved about with what undoes their changes, so their "
      "move constructor must be noexcept: a std::deque's isn't, a std::vector's is");
  return ok;
}

/// The changes of an undoable container while marks stand, the newest last: memory is taken with the first change, and
/// given back with the last mark. A copy is empty; what is moved takes its marks along.
template <class Change>
class undo_log {
 public:
  undo_log() = default;
  undo_log(const undo_log&) noexcept {}
  undo_log(undo_log&& other) noexcept { swap(other); }
  /// By its container, which decides what becomes of the marks: see `take_over`.
  undo_log& operator=(const undo_log&) = delete;
  ~undo_log() = default;

  /// The marks and changes of a container that is moved here. REQUIRES: no mark stands.
  void take_over(undo_log&& other) noexcept {
    FRESHET_ASSERT(!is_on(), "marks would be lost");
    swap(other);
  }

  bool is_on() const noexcept { return marks_ != 0; }
  /// The newest change since the newest mark; null where there is none.
  Change* last() noexcept { return changes_ && changes_->size() > newest_mark_ ? &changes_->back() : nullptr; }
  /// REQUIRES: is_on().
  void note(Change c) {
    if (!changes_) changes_ = std::make_unique<std::vector<Change>>();
    changes_->push_back(std::move(c));
  }

  std::size_t mark() noexcept {
    ++marks_;
    return newest_mark_ = size();
  }
  /// Calls `take_back(Change&&)` for the changes since the mark, backwards. It must not note anything.
  template <class F>
  void undo(std::size_t mark, F&& take_back) {
    while (size() > mark) {
      Change c = std::move(changes_->back());
      changes_->pop_back();
      take_back(std::move(c));
    }
    release();
  }
  /// Calls `forget(changes)` before all of them are forgotten, with the last mark.
  template <class F>
  void keep(F&& forget) {
    if (!is_on()) return;
    if (marks_ == 1 && changes_) forget(std::as_const(*changes_));
    release();
  }
  /// As if every mark were kept.
  template <class F>
  void forget_marks(F&& forget) {
    marks_ = std::min(marks_, std::uint32_t{1});
    keep(forget);
  }

 private:
  std::size_t size() const noexcept { return changes_ ? changes_->size() : 0; }
  /// What older marks may go back behind is not changed in place any more.
  void release() {
    FRESHET_ASSERT(is_on(), "a mark was lost");
    newest_mark_ = size();
    if (--marks_ != 0) return;
    changes_.reset();
    newest_mark_ = 0;
  }
  void swap(undo_log& other) noexcept {
    std::swap(changes_, other.changes_);
    std::swap(newest_mark_, other.newest_mark_);
    std::swap(marks_, other.marks_);
  }
  std::unique_ptr<std::vector<Change>> changes_;
  std::size_t newest_mark_ = 0;
  std::uint32_t marks_ = 0;
};

}  // namespace freshet
