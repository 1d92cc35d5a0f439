#pragma once
#include <concepts>
#include <string_view>

#include "freshet/base/type_name.hpp"

namespace freshet {

/// A further, named and typed output of a bolt. The tag type names it in code, the string in `describe()`:
///     struct malformed : freshet::side_output<std::string, "malformed"> {};
template <class T, fixed_string Name>
struct side_output {
  using value_type = T;
  static constexpr std::string_view name() { return Name.view(); }
};

/// A type that names a side output: derived from `side_output`, or with the same two members.
template <class Tag>
concept side_output_tag = requires {
  typename Tag::value_type;
  { Tag::name() } -> std::convertible_to<std::string_view>;
};

}  // namespace freshet
