#pragma once
#include <iterator>
#include <optional>
#include <utility>

#include "freshet/core/bolt_task.hpp"

namespace freshet {

namespace detail {
/// What the function gives, called as `invoke_bolt` does.
template <class B, class Fn, class V, class A0, class... Rest>
decltype(auto) ask_bolt(bolt_task<B>& task, const Fn& fn, const V& value, emitter_of_t<B>& out,
                        parameter_list<A0, Rest...>) {
  return fn(task.bolt(), pass<A0>(value), supply<Rest, B, no_key>(task, static_cast<no_key*>(nullptr), out)...);
}
template <class B, class T, class Fn, class Args>
using lazy_result_t = std::remove_cvref_t<decltype(ask_bolt(
    std::declval<bolt_task<B>&>(), Fn{}, std::declval<const T&>(), std::declval<emitter_of_t<B>&>(), Args{}))>;
}  // namespace detail

/// How one input calls a bolt without state that gives a range (`lazy_output`): its elements are emitted while there is
/// room, those that follow in further calls for the same tuple, which is finished when the range is at its end. Each
/// such part fails, and is repeated, by itself. The range may refer to the tuple.
template <class B, class T, class Fn, class Args>
class lazy_call {
  using range_type = detail::lazy_result_t<B, T, Fn, Args>;

 public:
  static constexpr std::size_t strip = 0;
  static constexpr bool can_refuse = detail::refuses<B>;
  static constexpr bool is_lazy = true;
  explicit lazy_call(bolt_task<B>* task) : task_(task) {}

  void call(const T& value) {
    emitter_of_t<B> out{task_->outputs(), task_->frame()};
    if (is_unfinished(value)) return pull(out);
    range_type range = detail::ask_bolt(*task_, Fn{}, value, out, Args{});
    if (of_) return detail::emit_result(out, std::move(range));  // a tuple that is repeated between two parts
    range_.emplace(std::move(range));
    of_ = &value;
    at_ = from_ = std::begin(*range_);
    pull(out);
  }
  /// There is more of the tuple's range, or what there was of it has just failed.
  bool is_unfinished(const T& value) const { return of_ == &value; }
  /// The part that was emitted last counts, or is to be emitted once more.
  void keep_part() { from_ = at_; }
  void repeat_part() { at_ = from_; }
  /// The rest of the range is given up.
  void drop() {
    of_ = nullptr;
    range_.reset();
  }

 private:
  void pull(emitter_of_t<B>& out) {
    const call_flags& flags = task_->frame().flags;
    for (const auto end = std::end(*range_); at_ != end && !flags.outbox_full; ++at_) {
      out.emit(*at_);
      if (flags.failed) return;
    }
    if (at_ == std::end(*range_)) drop();
  }

  bolt_task<B>* task_;
  const T* of_ = nullptr;  ///< the tuple whose range is not at its end
  std::optional<range_type> range_;
  decltype(std::begin(std::declval<range_type&>())) at_{}, from_{};
};

}  // namespace freshet
