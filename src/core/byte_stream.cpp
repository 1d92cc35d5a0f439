#include "freshet/core/byte_stream.hpp"

#include <stdexcept>

namespace freshet::detail {

void throw_too_long(std::size_t elements) {
  throw std::length_error("a value of " + std::to_string(elements) +
                          " elements or bytes can't be written: a codec takes at most 4294967295");
}

void throw_too_deep() {
  throw std::length_error("a value can't be written: it is nested deeper than " + std::to_string(most_nested_values) +
                          " values");
}

}  // namespace freshet::detail
