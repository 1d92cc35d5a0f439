#pragma once
#include <algorithm>
#include <concepts>
#include <exception>
#include <string>
#include <string_view>
#include <utility>

#include "freshet/core/value_text.hpp"
#include "freshet/testing/bolt_harness.hpp"

namespace freshet::testing {

namespace detail {
template <class T>
bool same_value(const T& a, const T& b) {
  static_assert(std::equality_comparable<T> || durable<T>,
                "check_bolt compares what comes out: the type needs an operator== or a codec");
  if constexpr (std::equality_comparable<T>) {
    return a == b;
  } else if constexpr (durable<T>) {
    writer of_a, of_b;
    codec<T>::write(of_a, a);
    codec<T>::write(of_b, b);
    return of_a.data() == of_b.data();
  } else {
    return false;
  }
}

/// A tuple of an output as people read it: 5 at 1000 ms, stamp 900 ms
std::string in_words(const std::string& value, event_time time, event_time stamp);
/// The sentence of the first difference, at tuple `index` of an output. A text is empty where there is no such tuple.
std::string difference_in_words(std::string_view output, std::size_t index, const std::string& plain,
                                const std::string& other);

/// Empty: there is none.
template <class T>
std::string first_difference(std::string_view name, const harness_output<T>& plain, const harness_output<T>& other) {
  const auto text = [](const harness_output<T>& o, std::size_t i) {
    return i < o.values.size() ? in_words(value_text(o.values[i]), o.times[i], o.stamps[i]) : std::string();
  };
  for (std::size_t i = 0; i < std::max(plain.values.size(), other.values.size()); ++i)
    if (i >= std::min(plain.values.size(), other.values.size()) || !same_value(plain.values[i], other.values[i]) ||
        plain.times[i] != other.times[i] || plain.stamps[i] != other.stamps[i])
      return difference_in_words(name, i, text(plain, i), text(other, i));
  return {};
}
template <class B, class Out, class... Sides>
std::string first_difference(bolt_harness<B>& plain, bolt_harness<B>& other,
                             std::type_identity<emitter<Out, Sides...>>) {
  std::string found;
  if constexpr (!std::is_void_v<Out>) found = first_difference("", plain.output(), other.output());
  ((found = !found.empty()
                ? found
                : first_difference(Sides::name(), plain.template side<Sides>(), other.template side<Sides>())),
   ...);
  return found;
}
}  // namespace detail

/// Whether a bolt gives the same when it is interrupted: calls `script(harness)` for a plain harness, for one with
/// snapshots between all calls, and for one with full outboxes, each around a bolt made of `made_of`. Gives the first
/// difference as text, and an empty one where there is none:
///     EXPECT_EQ(check_bolt(add_up{}, key_grouping{&order::shop}, [](auto& harness) {
///       harness.process({"Oslo", 3});
///       harness.process({"Oslo", 4});
///     }), "");
/// What the script throws in the plain harness comes through.
template <class F, class G, class Script>
std::string check_bolt(const F& made_of, const G& grouping, Script&& script) {
  using B = freshet::detail::made_by_t<F>;
  bolt_harness<B> plain{made_of, grouping};
  script(plain);
  const auto difference = [&](harness_options options) -> std::string {
    bolt_harness<B> other{made_of, grouping, options};
    try {
      script(other);
    } catch (const std::exception& e) { return e.what(); }
    return detail::first_difference(plain, other, std::type_identity<emitter_of_t<B>>{});
  };
  if (const auto found = difference({.snapshots = true}); !found.empty())
    return "with a snapshot between any two calls: " + found;
  if (const auto found = difference({.full_outbox = true}); !found.empty()) return "with full outboxes: " + found;
  return {};
}

}  // namespace freshet::testing
