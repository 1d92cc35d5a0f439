#pragma once
#include <compare>
#include <type_traits>
#include <vector>

// Types that were written as something older: see `migratable` in codec.hpp.
namespace freshet {

/// The types that some bytes have as what they were before, each known by `type_identity`. Not thread safe; for
/// reading it is.
class older_types {
 public:
  bool contains(const void* type) const;
  void add(const void* type);
  bool empty() const { return all_.empty(); }
  friend bool operator==(const older_types&, const older_types&) = default;
  friend auto operator<=>(const older_types&, const older_types&) = default;

 private:
  std::vector<const void*> all_;  // sorted
};

namespace detail {

/// Its address stands for `T`.
template <class T>
inline constexpr char type_identity = 0;

/// What a pointer to `static T migrate(Old)` says: `Old`, and void for every other.
template <class T, class F>
struct taken_by_migrate {
  using type = void;
};
template <class T, class Old>
struct taken_by_migrate<T, T (*)(Old)> {
  using type = std::remove_cvref_t<Old>;
};
template <class T, class Old>
struct taken_by_migrate<T, T (*)(Old) noexcept> : taken_by_migrate<T, T (*)(Old)> {};
template <class T, class Old>
struct taken_by_migrate<T, T (*)(Old&)> {
  using type = void;
};
template <class T, class Old>
struct taken_by_migrate<T, T (*)(const Old&)> {
  using type = Old;
};

/// A member `migrate` that can be pointed to: public, neither overloaded nor a template.
template <class T>
concept points_to_migrate = std::is_class_v<T> && requires {
  &T::migrate;
};
template <class T>
struct migrates_from {
  using type = void;
};
template <points_to_migrate T>
struct migrates_from<T> : taken_by_migrate<T, decltype(&T::migrate)> {};

/// Following `migrate` back from `T` leads to no type twice.
template <class T, class... Newer>
consteval bool comes_to_an_end() {
  if constexpr (std::is_void_v<T>) return true;
  else if constexpr ((std::is_same_v<T, Newer> || ...)) return false;
  else return comes_to_an_end<typename migrates_from<T>::type, T, Newer...>();
}

struct has_the_name {
  int migrate;
};
template <class T>
struct with_the_name : T, has_the_name {};

/// A member of that name, whatever it is: together with another one it has become ambiguous.
template <class T>
concept has_migrate = points_to_migrate<T> ||
    (std::is_class_v<T> && !std::is_final_v<T> && !requires { &with_the_name<T>::migrate; });

}  // namespace detail
}  // namespace freshet
