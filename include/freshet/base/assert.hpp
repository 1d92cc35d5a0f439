#pragma once
#include <concepts>
#include <cstdint>
#include <string_view>
#include <type_traits>

namespace freshet::detail {

/// A value as a failed assertion prints it. The constructors are the set of types that can be shown.
class shown_value {
 public:
  enum class kind : std::uint8_t { boolean, signed_integer, unsigned_integer, floating, text, pointer };

  shown_value(bool v) noexcept : kind_(kind::boolean), unsigned_(v) {}
  template <std::signed_integral T>
  shown_value(T v) noexcept : kind_(kind::signed_integer), signed_(v) {}
  template <std::unsigned_integral T>
  shown_value(T v) noexcept : kind_(kind::unsigned_integer), unsigned_(v) {}
  template <class T>
  requires std::is_enum_v<T> shown_value(T v)
  noexcept : shown_value(static_cast<std::underlying_type_t<T>>(v)) {}
  shown_value(double v) noexcept : kind_(kind::floating), floating_(v) {}
  shown_value(std::string_view v) noexcept : kind_(kind::text), text_{v.data(), v.size()} {}
  template <class T>
  requires std::convertible_to<const T&, std::string_view> shown_value(const T& v)
  noexcept : shown_value(static_cast<std::string_view>(v)) {}
  shown_value(const void* v) noexcept : kind_(kind::pointer), pointer_(v) {}

  /// Writes the value to stderr.
  void print() const noexcept;

 private:
  struct extent {
    const char* begin;
    std::size_t size;
  };
  kind kind_;
  union {
    std::int64_t signed_;
    std::uint64_t unsigned_;
    double floating_;
    extent text_;
    const void* pointer_;
  };
};

/// Where an assertion stands in the code.
struct assertion {
  const char* file;
  int line;
  const char* condition;
};

[[noreturn]] void assertion_failed(const assertion& where, std::string_view text, const shown_value* values,
                                   std::size_t count) noexcept;

template <class... V>
[[noreturn, gnu::cold, gnu::noinline]] void fail_assertion(const assertion& where, std::string_view text,
                                                           const V&... values) noexcept {
  const shown_value shown[] = {shown_value(values)..., shown_value(false)};  // the last: no array is empty
  assertion_failed(where, text, shown, sizeof...(V));
}

}  // namespace freshet::detail

/// Checks an invariant, in release builds too. When it doesn't hold: prints file and line, the condition, `text` and
/// the trailing values (integers, enums, strings, pointers) to stderr and aborts, because a broken invariant means
/// that what would be written next can't be trusted. For faults of this library only: a user's mistakes and the
/// world's failures are errors, not assertions.
///     FRESHET_ASSERT(tail - head <= capacity, "channel holds more than it can", head, tail);
#define FRESHET_ASSERT(condition, text, ...)                                                             \
  (static_cast<bool>(condition)                                                                          \
       ? void()                                                                                          \
       : ::freshet::detail::fail_assertion(::freshet::detail::assertion{__FILE__, __LINE__, #condition}, \
                                           text __VA_OPT__(, ) __VA_ARGS__))
