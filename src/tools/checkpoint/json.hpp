#pragma once
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "freshet/state/checkpoint_reader.hpp"

namespace freshet::checkpoint_tool {

/// {"name": value, ...} of values that are JSON already.
std::string json_object(std::initializer_list<std::pair<std::string_view, std::string>> members);
/// [...] of what `f` makes of the elements.
template <class Range, class F>
std::string json_array(const Range& range, F f) {
  std::string text;
  for (const auto& each : range) text += (text.empty() ? "" : ", ") + f(each);
  return "[" + text + "]";
}

/// Everything a manifest says. Tokens and clocks as their numbers of bytes, histories as text of 16 hexadecimal digits,
/// times as milliseconds.
std::string json_of(const checkpoint_manifest& manifest);
/// What `list` shows of an epoch.
std::string json_of(const epoch_status& status);

}  // namespace freshet::checkpoint_tool
