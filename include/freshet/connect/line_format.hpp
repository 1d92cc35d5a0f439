#pragma once
#include <charconv>
#include <concepts>
#include <ostream>
#include <streambuf>
#include <string>
#include <string_view>
#include <type_traits>

namespace freshet {

namespace detail {
/// Appends to a string what is written to an ostream, without a copy.
class appending_buffer final : public std::streambuf {
 public:
  explicit appending_buffer(std::string& to) : to_(to) {}

 protected:
  int_type overflow(int_type c) override {
    if (!traits_type::eq_int_type(c, traits_type::eof())) to_.push_back(traits_type::to_char_type(c));
    return traits_type::not_eof(c);
  }
  std::streamsize xsputn(const char* text, std::streamsize n) override {
    to_.append(text, static_cast<std::size_t>(n));
    return n;
  }

 private:
  std::string& to_;
};
}  // namespace detail

/// How sinks write a value where they are told nothing else: text as it is, numbers in their shortest exact form, other
/// types through their operator<<.
struct line_format {
  template <class T>
  void operator()(std::string& to, const T& value) const {
    if constexpr (std::is_convertible_v<const T&, std::string_view>) {
      to += static_cast<std::string_view>(value);
    } else if constexpr (std::is_arithmetic_v<T> && !std::is_same_v<T, bool> && sizeof(T) > 1) {
      char text[64];  // the longest: a long double, 36 digits and its exponent
      to.append(text, std::to_chars(text, text + sizeof text, value).ptr);
    } else if constexpr (requires(std::ostream & s) { s << value; }) {
      detail::appending_buffer buffer(to);
      std::ostream(&buffer) << value;
    } else {
      static_assert(!sizeof(T*),
                    "this sink can't write the stream's type as text: give the type an operator<<, or the sink a "
                    "function that returns a std::string");
    }
  }
};

/// Appends `value` as one line, by `void format(std::string& to, const T&)` or by what `format(value)` returns.
template <class Format, class T>
void append_line(std::string& to, Format& format, const T& value) {
  constexpr bool appends = std::is_invocable_v<Format&, std::string&, const T&>;
  constexpr bool gives = std::is_invocable_r_v<std::string_view, Format&, const T&>;
  static_assert(appends || gives,
                "the function of this sink makes a line of a tuple: std::string f(const T&), or void f(std::string& "
                "to, const T&), for the stream's type");
  if constexpr (appends) format(to, value);
  else if constexpr (gives) to += format(value);
  to += '\n';
}

/// Adds `value` as a line to what `file` has in its `buffer()`. Nothing is added where the format throws.
template <class File, class Format, class T>
void add_line(File& file, Format& format, const T& value) {
  auto& buffer = file.buffer();
  const auto before = buffer.size();
  try {
    append_line(buffer, format, value);
  } catch (...) {
    buffer.resize(before);
    throw;
  }
  file.added(before);
}

}  // namespace freshet
