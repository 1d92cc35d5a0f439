#include "fuzz/fuzz.hpp"

#include <cstdio>
#include <cstdlib>

namespace freshet::fuzz {

void fail(std::string_view what) {
  std::fprintf(stderr, "fuzz: this does not hold: %.*s\n", static_cast<int>(what.size()), what.data());
  std::abort();
}

void check_says(const error& why, std::string_view name) {
  if (why.code != errc::data_loss && why.code != errc::unsupported)
    fail("damage is data_loss or unsupported: " + to_string(why));
  if (why.message.find(name) == std::string::npos)
    fail("the message names \"" + std::string(name) + "\": " + to_string(why));
}

}  // namespace freshet::fuzz
