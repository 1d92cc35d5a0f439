#pragma once
#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace freshet {

class older_types;

/// A number that is written as its bytes. Not `long double`: its bytes differ between platforms, and some say nothing.
template <class T>
concept raw_number = std::is_arithmetic_v<T> && sizeof(T) <= 8 && !std::is_same_v<std::remove_cv_t<T>, long double>;

/// How deep values may be nested in each other: a bound on the stack that damaged bytes can make a reader use.
inline constexpr std::uint32_t most_nested_values = 512;

namespace detail {
[[noreturn]] void throw_too_long(std::size_t elements);
[[noreturn]] void throw_too_deep();
}  // namespace detail

/// Appends to a buffer of bytes that grows; numbers in little-endian order. Not thread safe.
class writer {
 public:
  template <raw_number T>
  void raw(T number) {
    char bytes[sizeof number];
    std::memcpy(bytes, &number, sizeof number);
    if constexpr (std::endian::native == std::endian::big) std::reverse(bytes, bytes + sizeof number);
    bytes_.append(bytes, sizeof number);
  }
  /// Bytes as they are: the reader must know how many.
  void append(std::string_view bytes) { bytes_.append(bytes); }
  /// How many elements follow. Throws std::length_error above 2^32 - 1.
  void length(std::size_t elements) {
    if (elements > UINT32_MAX) [[unlikely]]
      detail::throw_too_long(elements);
    raw(static_cast<std::uint32_t>(elements));
  }
  /// Bytes behind their length.
  void bytes(std::string_view bytes) {
    length(bytes.size());
    append(bytes);
  }
  /// Writes a nested value by calling `write()`. Throws std::length_error above `most_nested_values`.
  template <class F>
  void nested(F&& write) {
    if (depth_ == most_nested_values) [[unlikely]]
      detail::throw_too_deep();
    ++depth_;
    write();
    --depth_;
  }

  const std::string& data() const noexcept { return bytes_; }
  std::size_t size() const noexcept { return bytes_.size(); }
  /// Forgets the bytes and keeps the memory. Also needed to write on after an exception.
  void clear() noexcept {
    bytes_.clear();
    depth_ = 0;
  }
  /// Gives the bytes away and begins anew.
  std::string take() noexcept { return depth_ = 0, std::exchange(bytes_, {}); }

 private:
  std::string bytes_;
  std::uint32_t depth_ = 0;
};

/// Reads what `writer` wrote. Short or damaged input sets `failed()`; from then on every read gives zeros. Never throws
/// by itself and never believes a length that the bytes left can't fill. The bytes must outlive it. Not thread safe.
class reader {
 public:
  explicit reader(std::string_view bytes) noexcept : left_(bytes), reservable_(bytes.size()) {}

  template <raw_number T>
  T raw() noexcept {
    if constexpr (std::is_same_v<T, bool>) {
      const auto byte = raw<std::uint8_t>();
      if (byte > 1) fail();
      return byte == 1;
    } else {
      const std::string_view from = take(sizeof(T));
      if (from.empty()) return T{};
      char bytes[sizeof(T)];
      std::memcpy(bytes, from.data(), sizeof(T));
      if constexpr (std::endian::native == std::endian::big) std::reverse(bytes, bytes + sizeof(T));
      return std::bit_cast<T>(bytes);
    }
  }
  /// The next `n` bytes, or none and a failure. A view into the input.
  std::string_view take(std::size_t n) noexcept {
    if (n > left_.size()) return fail(), std::string_view{};
    const std::string_view taken = left_.substr(0, n);
    left_.remove_prefix(n);
    return taken;
  }
  /// What `writer::length` wrote. Elements take at least a byte each, so more of them than bytes left is a failure.
  std::size_t length() noexcept {
    const std::size_t n = raw<std::uint32_t>();
    return n <= left_.size() ? n : (fail(), 0);
  }
  /// For how many of `n` elements memory may be taken before they are read: those that the bytes left would fill, if
  /// they were written as large as they are. All that is so taken is not more than the input, and an element a call: in
  /// values that are nested in each other each of them claims the same bytes.
  std::size_t reservable(std::size_t n, std::size_t element_bytes) noexcept {
    const std::size_t fit = std::min(n, std::min(left_.size(), reservable_) / element_bytes + 1);
    reservable_ -= std::min(reservable_, fit * element_bytes);
    return fit;
  }
  /// What `writer::bytes` wrote: a view into the input.
  std::string_view bytes() noexcept { return take(length()); }
  /// Reads a nested value by calling `read()`; fails instead above `most_nested_values`.
  template <class F>
  void nested(F&& read) {
    if (depth_ == most_nested_values) return fail();
    ++depth_;
    read();
    --depth_;
  }

  /// Some types were written as what they were before: `read_value` reads them so. Null, as at the beginning: none was.
  /// REQUIRES: they outlive it.
  void has_older(const older_types* types) noexcept { older_ = types; }
  const older_types* older() const noexcept { return older_; }

  bool failed() const noexcept { return failed_; }
  /// For codecs: the bytes read can't be right.
  void fail() noexcept {
    failed_ = true;
    left_ = {};
  }
  /// Bytes not yet read; 0 after a failure.
  std::size_t left() const noexcept { return left_.size(); }

 private:
  std::string_view left_;
  std::size_t reservable_;
  std::uint32_t depth_ = 0;
  bool failed_ = false;
  const older_types* older_ = nullptr;
};

}  // namespace freshet
