#pragma once
#include <chrono>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

namespace demo {

/// What the demo was asked to do.
struct arguments {
  std::vector<std::string> files;               ///< none: the licence texts of Debian
  std::size_t repeat = 0;                       ///< how often the text is read; 0: until it is worth measuring
  std::chrono::duration<double> row_time{1.0};  ///< of one row of the latency table
  bool help = false;
};

/// Arguments that can't be used, and why: exit status 2.
class usage_error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Throws usage_error.
arguments parse(int argc, char** argv);
const char* usage();

}  // namespace demo
