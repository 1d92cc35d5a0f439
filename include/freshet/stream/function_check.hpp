#pragma once
#include <functional>
#include <type_traits>

#include "freshet/core/bolt.hpp"

/// The sentences a person reads when a function doesn't fit a stream.
namespace freshet::wiring {

/// Whether a function written with a plain parameter list takes a number of another type than the stream's: it would
/// compile, and round or wrap.
template <class Function, class Given>
consteval bool takes_other_number() {
  if constexpr (std::is_arithmetic_v<Given> &&
                !std::is_void_v<typename decltype(process_signature<Function>())::type>) {
    using Takes =
        typename freshet::detail::first_arg<typename decltype(process_signature<Function>())::type::args>::type;
    return std::is_arithmetic_v<Takes> && !std::is_same_v<Takes, Given>;
  } else {
    return false;
  }
}

/// Its name and arguments are what the compiler prints above the sentence.
template <class Function, class Given>
struct check_function {
  static constexpr bool ok = std::is_invocable_v<Function&, const Given&> && !takes_other_number<Function, Given>();
  static_assert(ok,
                "this function can't be called with the stream's type: it needs  R f(const T&)  (see Function and "
                "Given above)");
};

/// The function gives the new value.
template <class Function, class Given>
struct check_map {
  static constexpr bool called = check_function<Function, Given>::ok;
  static constexpr bool gives = !called || !std::is_void_v<std::invoke_result_t<Function&, const Given&>>;
  static_assert(gives,
                "map's function gives nothing back: it must return the new value (to look at tuples use peek, to emit "
                "from an emitter use flat_map or process)");
  static constexpr bool ok = called && gives;
};

/// The function answers yes or no.
template <class Function, class Given>
struct check_predicate {
  static constexpr bool called = check_function<Function, Given>::ok;
  static constexpr bool says = !called || std::is_invocable_r_v<bool, Function&, const Given&>;
  static_assert(says, "this function must answer yes or no: it needs  bool f(const T&)");
  static constexpr bool ok = called && says;
};

}  // namespace freshet::wiring
