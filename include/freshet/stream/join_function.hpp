#pragma once
#include <functional>
#include <optional>
#include <type_traits>
#include <utility>

#include "freshet/core/bolt.hpp"
#include "freshet/core/codec.hpp"
#include "freshet/stream/join_options.hpp"

// What a join asks of its function and of its tuples, and how it calls the one with the others.
namespace freshet {

namespace detail {
/// The kind that the parameters of `F` are for; null where they fit none. A generic function takes references.
template <class F, class L, class R>
consteval std::optional<join_kind> kind_written_for() {
  if constexpr (std::is_invocable_v<F&, const L&, const R&>) return join_kind::inner;
  else if constexpr (std::is_invocable_v<F&, const L&, const R*>) return join_kind::left;
  else if constexpr (std::is_invocable_v<F&, const L*, const R&>) return join_kind::right;
  else if constexpr (std::is_invocable_v<F&, const L*, const R*>) return join_kind::full;
  else return std::nullopt;
}
constexpr bool keeps_left(join_kind k) { return k == join_kind::left || k == join_kind::full; }
constexpr bool keeps_right(join_kind k) { return k == join_kind::right || k == join_kind::full; }

/// Calls `f` for a pair, or for a tuple alone where the other pointer is null. REQUIRES: the kind has such rows.
template <join_kind Kind, class F, class L, class R>
decltype(auto) call_join(F& f, const L* l, const R* r) {
  if constexpr (Kind == join_kind::inner) return std::invoke(f, *l, *r);
  else if constexpr (Kind == join_kind::left) return std::invoke(f, *l, r);
  else if constexpr (Kind == join_kind::right) return std::invoke(f, l, *r);
  else return std::invoke(f, l, r);
}
template <class F, class L, class R>
struct join_call {
  static constexpr auto written = kind_written_for<F, L, R>();
  static constexpr join_kind kind = written.value_or(join_kind::inner);
  static consteval auto find_result() {
    if constexpr (!written) return std::type_identity<void>{};
    else
      return std::type_identity<std::remove_cvref_t<decltype(call_join<kind>(
          std::declval<F&>(), std::declval<const L*>(), std::declval<const R*>()))>>{};
  }
  using result = typename decltype(find_result())::type;
};

/// Emits what a join's function gives, an optional only where it holds something.
template <class Emitter, class Result>
void emit_joined(Emitter& out, event_time at, event_time stamp, Result&& result) {
  using value = typename Emitter::value;
  if constexpr (std::is_same_v<std::optional<value>, std::remove_cvref_t<Result>>) {
    if (result) out.emit_stamped(at, stamp, value(*std::forward<Result>(result)));
  } else {
    out.emit_stamped(at, stamp, value(std::forward<Result>(result)));
  }
}
}  // namespace detail

/// The kind of join that a function of `L` and `R` is written for, by its parameters.
template <class F, class L, class R>
inline constexpr join_kind join_kind_of = detail::join_call<F, L, R>::kind;
/// What the rows of a join with the function `F` are.
template <class F, class L, class R>
using joined_t = typename detail::emitter_for_result<typename detail::join_call<F, L, R>::result>::type::value_type;

namespace wiring {
/// Both sides are grouped by the same type.
template <class LeftKey, class RightKey>
struct check_join_keys {
  static constexpr bool ok = std::is_same_v<LeftKey, RightKey>;
  static_assert(ok,
                "the two sides have keys of different types, so none would ever be equal: convert one in key_by (see "
                "LeftKey and RightKey above)");
};
/// The function can be called with a pair, and gives something.
template <class Function, class Left, class Right>
struct check_join_function {
  using call = freshet::detail::join_call<Function, Left, Right>;
  static constexpr bool called = call::written.has_value();
  static_assert(called,
                "this function can't be called with a pair of the two streams: it needs  Out f(const L&, const R&),  "
                "with a pointer in place of a reference for each side that may be missing, by the join's kind (see "
                "Left and Right above)");
  static constexpr bool gives = !called || !std::is_void_v<typename call::result>;
  static_assert(gives,
                "the function of a join gives nothing back: it must return the row (or a std::optional, where not "
                "every pair gives one)");
  static constexpr bool ok = called && gives;
};
/// The tuples of a side can wait in the state.
template <class Given>
struct check_join_tuple {
  static constexpr bool ok = durable<Given> && std::default_initializable<Given>;
  static_assert(
      ok,
      "a join keeps its tuples as state, which is checkpointed, and this type can't be: it needs a default "
      "constructor and a codec. Make it an aggregate of durable fields, give it freshet_fields, or specialise "
      "freshet::codec (see Given above)");
};
/// What has to hold for the two sides of any join.
template <class LeftKey, class RightKey, class Left, class Right>
struct check_join_sides {
  static constexpr bool ok =
      check_join_keys<LeftKey, RightKey>::ok && check_join_tuple<Left>::ok && check_join_tuple<Right>::ok;
};
}  // namespace wiring

}  // namespace freshet
