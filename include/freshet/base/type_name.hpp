#pragma once
#include <cstddef>
#include <string>
#include <string_view>

namespace freshet {

namespace detail {
/// No alias in the signature: GCC would explain it in the text ("with std::string_view = ...").
template <class T>
constexpr const char* signature_of() {
  return __PRETTY_FUNCTION__;
}
}  // namespace detail

/// The type's name as the compiler spells it: for messages and `describe()`, never for a file format. Lives for ever.
template <class T>
constexpr std::string_view type_name() {
  // What stands around the name is the same for all types, so a known one tells how much to cut.
  constexpr std::string_view probe = detail::signature_of<double>();
  constexpr std::size_t before = probe.find("double");
  constexpr std::size_t after = probe.size() - before - std::string_view("double").size();
  constexpr std::string_view text = detail::signature_of<T>();
  return text.substr(before, text.size() - before - after);
}

/// A compiler's name of a type as a person would write it: "std::vector<std::string>" for
/// "std::vector<std::__cxx11::basic_string<char>, std::allocator<std::__cxx11::basic_string<char> > >". Library
/// namespaces of versions, default template arguments of std containers and anonymous namespaces go, `long unsigned
/// int` becomes std::uint64_t. A text it doesn't understand is kept.
std::string readable_type_name(std::string_view compiler_name);

/// `readable_type_name(type_name<T>())`.
template <class T>
std::string readable_type_name() {
  return readable_type_name(type_name<T>());
}

/// A text as a template argument: `side_output<std::string, "malformed">`.
template <std::size_t N>
struct fixed_string {
  char text[N]{};

  constexpr fixed_string(const char (&s)[N]) noexcept {
    for (std::size_t i = 0; i < N; ++i) text[i] = s[i];
  }
  constexpr std::string_view view() const noexcept { return {text, N - 1}; }
  template <std::size_t M>
  constexpr bool operator==(const fixed_string<M>& other) const noexcept {
    return view() == other.view();
  }
};

}  // namespace freshet
