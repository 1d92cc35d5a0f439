#pragma once
#include <functional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

#include "nexmark/queries.hpp"

// How every query begins.
namespace freshet::nexmark::queries {

/// The events with their times.
inline stream<event> timed(const stream<event>& events, const options& o) {
  return events.event_time([](const event& e) { return time_of(e); }, {.bound = o.bound});
}

/// What `f(const T&)` makes of each event that is a `T`.
template <class T, class F>
auto each(const stream<event>& events, std::string name, F f, const options& o) {
  using out = std::remove_cvref_t<std::invoke_result_t<const F&, const T&>>;
  const auto take = [f = std::move(f)](const event& e, emitter<out>& emit_to) {
    if (const auto* value = std::get_if<T>(&e)) emit_to.emit(std::invoke(f, *value));
  };
  return events.flat_map(std::move(name), take, {.parallelism = o.parallelism});
}
/// The same of those for which `keep(const T&)` holds.
template <class T, class Keep, class F>
auto each_if(const stream<event>& events, std::string name, Keep keep, F f, const options& o) {
  using out = std::remove_cvref_t<std::invoke_result_t<const F&, const T&>>;
  const auto take = [keep = std::move(keep), f = std::move(f)](const event& e, emitter<out>& emit_to) {
    if (const auto* value = std::get_if<T>(&e); value && keep(*value)) emit_to.emit(std::invoke(f, *value));
  };
  return events.flat_map(std::move(name), take, {.parallelism = o.parallelism});
}

}  // namespace freshet::nexmark::queries
