#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <vector>

#include "freshet/core/codec.hpp"

// What the bytes are that a type's codec writes, as a text: a checkpoint has it of each state, so that a type that has
// changed is noticed. Types with the same bytes have the same text, whatever they are called and made of:
//   i32, u8, f64, bool   a number, an enum
//   text                 a string
//   {u64 f64}            the fields of a class, a pair, a tuple. Those of one within it stand there as its own, and
//                        where there is one alone, it stands for itself
//   list<i32>            a sequence or a set; map<text i32>, optional<i32>, variant<i32 text>, array<3 i32>
//   time<i64 1/1000s>    a duration or a point in time: the number, and its unit
//   codec, versioned     what has a codec of its own, without or with a version, which its bytes have: versioned<i32>
//   1:{i32 list<^1>}     a type within itself
namespace freshet {

/// The text while it grows. Not thread safe.
class layout_text {
 public:
  /// Of types of which some are described as what they were before. REQUIRES: `older` outlives it.
  explicit layout_text(const older_types& older);
  /// Empty: of nothing.
  std::string text() const;
  /// The migratable types that were met, in the order of their places, some perhaps several times.
  const std::vector<const void*>& migratable_types() const { return migratable_; }

  // --- for add_layout ---
  /// Notes a migratable type. True: it is to be described as what it was before.
  bool is_older(const void* type);
  /// 'i', 'u' or 'f'.
  void number(char kind, std::size_t bytes);
  void word(std::string text);
  /// In seconds.
  void unit(std::intmax_t numerator, std::intmax_t denominator);
  /// The parts of a type follow, up to `end`; an empty name for a class. False: it is within itself, and all is said.
  bool begin(std::string_view name, const void* type);
  void end();

 private:
  struct open_type {
    std::string_view name{};
    const void* type = nullptr;
    std::size_t label = 0;  ///< 0: it has not been met within itself
    std::vector<std::string> parts{};
  };
  static std::string joined(const open_type& all);

  const older_types& older_;
  std::vector<const void*> migratable_;
  std::vector<open_type> open_;
  std::size_t labels_ = 0;
};

template <class T>
void add_layout(layout_text& to);

namespace detail {

template <class... P>
void add_layouts(layout_text& to, type_list<P...>*) {
  (add_layout<P>(to), ...);
}

template <class T>
void add_number(layout_text& to) {
  if constexpr (std::is_enum_v<T>) add_number<std::underlying_type_t<T>>(to);
  else if constexpr (std::is_same_v<T, bool>) to.word("bool");
  else if constexpr (std::is_same_v<T, char>) to.number('i', 1);  // on every platform
  else to.number(std::is_floating_point_v<T> ? 'f' : std::is_signed_v<T> ? 'i' : 'u', sizeof(T));
}

/// What an `add_layout` calls a type with parts.
template <class T>
constexpr std::string_view layout_name() {
  if constexpr (!std::is_base_of_v<standard_codec, codec<T>>) return codec_version<T> != 0 ? "versioned" : "codec";
  switch (shape_of<T>) {
    case shape::array:
      return "array";
    case shape::sequence:
    case shape::set:
      return "list";
    case shape::map:
      return "map";
    case shape::optional:
      return "optional";
    case shape::variant:
      return "variant";
    case shape::time_span:
      return "time";
    default:
      return {};
  }
}

template <class T>
void add_parts(layout_text& to) {
  if constexpr (!std::is_base_of_v<standard_codec, codec<T>>) {
    if constexpr (requires { typename codec<T>::parts; }) add_layouts(to, parts_of<typename codec<T>::parts>());
  } else {
    constexpr shape s = shape_of<T>;
    if constexpr (s == shape::array) to.word(std::to_string(std::tuple_size_v<T>));
    add_layouts(to, parts_of<T>());
    if constexpr (s == shape::time_span) to.unit(T::period::num, T::period::den);
  }
}

}  // namespace detail

/// Adds what the bytes of a `T` are. REQUIRES: durable<T>.
template <class T>
void add_layout(layout_text& to) {
  constexpr bool is_standard = std::is_base_of_v<detail::standard_codec, codec<T>>;
  if constexpr (is_standard && shape_of<T> == shape::scalar) {
    detail::add_number<T>(to);
  } else if constexpr (is_standard && shape_of<T> == shape::text) {
    to.word("text");
  } else {
    if constexpr (!is_standard || shape_of<T> == shape::fields) static_cast<void>(check_migrate<T>());
    if constexpr (migratable<T>)
      if (to.is_older(&detail::type_identity<T>)) {
        if (!to.begin({}, &detail::type_identity<T>)) return;
        add_layout<older_of<T>>(to);
        return to.end();
      }
    if (!to.begin(detail::layout_name<T>(), &detail::type_identity<T>)) return;
    detail::add_parts<T>(to);
    to.end();
  }
}

/// What the bytes of a `T` are.
template <durable T>
std::string layout_of() {
  const older_types none;
  layout_text text(none);
  add_layout<T>(text);
  return text.text();
}

/// What the bytes of a task's state are, in its parts.
struct state_layout {
  /// REQUIRES: `older` outlives it.
  explicit state_layout(const older_types& older);

  /// As a checkpoint has it: "{u64 f64} and timers by text with list<i32>", for a state by key with timers, and
  /// broadcast state.
  std::string text() const;
  /// Of the state and the shared one, as keys aren't migrated.
  std::vector<const void*> migratable_types() const;

  layout_text state, key, shared;  ///< without a text where there is none
  bool has_timers = false;
};
/// What a `state_layout::text()` has of a key: empty where it has none.
std::string_view key_in_layout(std::string_view text);

}  // namespace freshet
