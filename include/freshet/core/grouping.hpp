#pragma once
#include <concepts>
#include <cstdint>
#include <functional>
#include <string_view>
#include <type_traits>

#include "freshet/base/type_name.hpp"
#include "freshet/core/stable_hash.hpp"

namespace freshet {

// How a stream is divided among the tasks of the bolt that reads it. Each is a tag with at most one function, copied
// into every producing task; the functions are called from several threads, one copy each.

/// Task i to task i where both sides have as many, which are then chained: no channel between. Shuffle otherwise. The
/// default.
struct forward_grouping {};
/// Evenly, task after task.
struct shuffle_grouping {};
/// Evenly among the tasks on the producer's own worker, where there are any: no hop between cores.
struct local_or_shuffle_grouping {};
/// Every tuple to every task, which share one batch: values aren't copied. For rules and dimensions.
struct all_grouping {};
/// Everything to task 0.
struct global_grouping {};

/// Equal keys to one task: `key(const T&)` gives the key, or is a pointer to member. Keyed state needs it.
template <class F>
struct key_grouping {
  F key;
};
/// A key to the less loaded of two tasks ("the power of both choices", Nasir et al., ICDE 2015): for keys so frequent
/// that one task can't carry them. Bolts behind it have no state; `key_by(f).partial()` merges what two tasks
/// have of a key.
template <class F>
struct partial_key_grouping {
  F key;
};
/// `choose(const T&, std::size_t task_count)` gives the task's index. A stateless function routes a replayed tuple as
/// before.
template <class F>
struct custom_grouping {
  F choose;
};
/// `task(const T&)` gives the task's index: the producer has put it into the value. Sugar over custom.
template <class F>
struct direct_grouping {
  F task;
};
template <class F>
key_grouping(F) -> key_grouping<F>;
/// Says that a key is what one function gives.
template <class... F>
struct several_key_functions {
  static_assert(sizeof...(F) == 0,
                "one function gives the key; one of several parts is a tuple: key_grouping{[](const T& v) { return "
                "std::tuple(v.a, v.b); }}");
};
template <class F, class G, class... More>
key_grouping(F, G, More...) -> key_grouping<several_key_functions<F, G, More...>>;
template <class F>
partial_key_grouping(F) -> partial_key_grouping<F>;
template <class F>
custom_grouping(F) -> custom_grouping<F>;
template <class F>
direct_grouping(F) -> direct_grouping<F>;

/// Whether `G` divides by one key: what keyed state needs.
template <class G>
inline constexpr bool is_key_grouping = false;
template <class F>
inline constexpr bool is_key_grouping<key_grouping<F>> = true;
/// Whether `G` lets a key choose between two tasks.
template <class G>
inline constexpr bool is_partial_key_grouping = false;
template <class F>
inline constexpr bool is_partial_key_grouping<partial_key_grouping<F>> = true;

/// What `describe()` calls a grouping; defined for groupings only.
template <class G>
struct grouping_name;

namespace detail {
template <fixed_string Name>
struct named {
  static constexpr std::string_view value = Name.view();
};
}  // namespace detail
template <>
struct grouping_name<forward_grouping> : detail::named<"forward"> {};
template <>
struct grouping_name<shuffle_grouping> : detail::named<"shuffle"> {};
template <>
struct grouping_name<local_or_shuffle_grouping> : detail::named<"local_or_shuffle"> {};
template <>
struct grouping_name<all_grouping> : detail::named<"all"> {};
template <>
struct grouping_name<global_grouping> : detail::named<"global"> {};
template <class F>
struct grouping_name<key_grouping<F>> : detail::named<"key"> {};
template <class F>
struct grouping_name<partial_key_grouping<F>> : detail::named<"partial_key"> {};
template <class F>
struct grouping_name<custom_grouping<F>> : detail::named<"custom"> {};
template <class F>
struct grouping_name<direct_grouping<F>> : detail::named<"direct"> {};

/// One of the groupings above.
template <class G>
concept any_grouping = requires {
  { grouping_name<G>::value } -> std::convertible_to<std::string_view>;
};

/// The group of a key: its hash taken as a fraction of 2^64, times the number of groups (Lemire's multiply-shift). It
/// uses the high bits, so the low ones are free for hash tables within a group. REQUIRES: groups > 0.
constexpr std::uint32_t key_group_of(std::uint64_t hash, std::uint32_t groups) noexcept {
  __extension__ using uint128 = unsigned __int128;
  return static_cast<std::uint32_t>(static_cast<uint128>(hash) * groups >> 64);
}

/// The task that has a group: task t of n has the groups from ceil(t * groups / n) to before that of t + 1, so that
/// tasks own neighbouring groups, as many as each other but for one, and none is empty while tasks <= groups. REQUIRES:
/// group < groups, tasks > 0.
constexpr std::uint32_t task_of_group(std::uint32_t group, std::uint32_t groups, std::uint32_t tasks) noexcept {
  return static_cast<std::uint32_t>(std::uint64_t{group} * tasks / groups);
}

/// The key groups [first, end). State that isn't by key is group 0.
struct key_group_range {
  std::uint32_t first = 0;
  std::uint32_t end = 1;
  constexpr bool contains(std::uint32_t group) const noexcept { return group >= first && group < end; }
  friend bool operator==(const key_group_range&, const key_group_range&) = default;
};

/// The groups of a task, as `task_of_group` has them. REQUIRES: task < tasks.
constexpr key_group_range groups_of_task(std::uint32_t task, std::uint32_t groups, std::uint32_t tasks) noexcept {
  const auto first = [&](std::uint64_t t) { return static_cast<std::uint32_t>((t * groups + tasks - 1) / tasks); };
  return {first(task), first(std::uint64_t{task} + 1)};
}

namespace detail {
struct exactness {
  template <class T>
  static consteval verdict ask() {
    if constexpr (std::is_floating_point_v<T>) return verdict::no;
    else if constexpr (hashability::ask<T>() == verdict::yes) return verdict::yes;
    else return verdict::parts_decide;
  }
};
}  // namespace detail

/// Stands for the key type where a key function is refused.
struct no_key {};

/// The type of key that `F` gives for a `T`, kept as an owned value, in a std::type_identity; `no_key` after a sentence
/// if it gives none.
template <class F, class T>
consteval auto key_type_of() {
  constexpr bool callable = std::is_invocable_v<const F&, const T&>;
  static_assert(callable,
                "the key function can't be called with the stream's type: key_grouping needs key(const T&), callable "
                "on a const object, or a pointer to a member of T");
  if constexpr (callable) {
    using K = owned_t<std::invoke_result_t<const F&, const T&>>;
    constexpr bool exact = detail::holds<detail::exactness, K>();
    static_assert(exact,
                  "a floating-point key, or part of one, has no stable identity (-0.0, NaN, rounding): group by an "
                  "integer or a string");
    static_assert(!exact || key_value<K>,
                  "this key type has no stable hash: make it an aggregate of hashable fields, give it freshet_fields "
                  "(also where it has a C array or a base class), or specialise freshet::stable_hash<K>");
    if constexpr (key_value<K>) return std::type_identity<K>{};
    else return std::type_identity<no_key>{};
  } else {
    return std::type_identity<no_key>{};
  }
}

}  // namespace freshet
