#pragma once
#include <functional>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "freshet/base/type_name.hpp"
#include "freshet/connect/postgresql/binder.hpp"
#include "freshet/core/fields.hpp"
#include "freshet/core/shape.hpp"

namespace freshet::postgresql {

/// The struct whose fields are bound, for what is wrong with a statement: it has other parameters.
struct row_fields {
  std::string type;
  std::vector<value_kind> kinds;  ///< one a field, in their order
};

namespace detail {
template <class... F>
std::vector<value_kind> kinds_of(freshet::detail::type_list<F...>*) {
  return {kind_of<F>()...};
}
}  // namespace detail

/// How a T becomes the parameters of a statement: its fields in their order, or what a function binds. Copied with its
/// sink; not thread safe where the function isn't.
template <class T>
class row_format {
 public:
  row_format() : bind_(&bind_fields), fields_(fields_of_type()) {}
  template <class F>
  explicit row_format(F bind) : bind_(to_bind(std::move(bind))) {}

  void operator()(binder& row, const T& value) const { bind_(row, value); }
  /// None: a function binds, and nobody knows which parameters.
  const std::optional<row_fields>& fields() const { return fields_; }

 private:
  using bind_function = std::function<void(binder&, const T&)>;

  static row_fields fields_of_type() {
    if constexpr (has_fields<T>) {
      constexpr bool fit = freshet::detail::all_column_fields(freshet::detail::parts_of<T>());
      static_assert(fit,
                    "postgresql: each field of T has to be a bool, an integer, an enumeration, a float or double, a "
                    "std::string, a std::vector<std::byte>, an event_time, or a std::optional of one of these; for "
                    "others pass a function void(postgresql::binder&, const T&)");
      if constexpr (fit) return {readable_type_name<T>(), detail::kinds_of(freshet::detail::parts_of<T>())};
      else return {};
    } else {
      static_assert(has_fields<T>,
                    "postgresql: T has to be a struct of fields or a class with freshet_fields; for others pass a "
                    "function void(postgresql::binder&, const T&)");
      return {};
    }
  }
  static void bind_fields(binder& row, const T& value) {
    if constexpr (has_fields<T>) {
      if constexpr (freshet::detail::all_column_fields(freshet::detail::parts_of<T>()))
        with_fields(value, [&](const auto&... field) {
          int at = 0;
          (row.bind(++at, field), ...);
        });
    }
  }
  template <class F>
  static bind_function to_bind(F bind) {
    constexpr bool fits = std::is_invocable_v<F&, binder&, const T&>;
    static_assert(fits, "postgresql: the function that binds a row is called with (postgresql::binder&, const T&)");
    if constexpr (fits) return bind;
    else return {};
  }

  bind_function bind_;
  std::optional<row_fields> fields_;
};

}  // namespace freshet::postgresql
