#pragma once
#include <exception>
#include <string>

namespace freshet {

/// What `f()` throws, in words.
template <class F>
std::string error_of(F f) {
  try {
    f();
  } catch (const std::exception& e) { return e.what(); }
  return "no error";
}

}  // namespace freshet
