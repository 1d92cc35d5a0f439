// expect: split needs at least one predicate
#include "freshet/freshet.hpp"

int main() {
  freshet::stream_builder builder{"x"};
  auto numbers = builder.spout("numbers", freshet::vector_spout<int>{{}});
#ifdef GOOD
  numbers.split("by sign", [](int n) { return n < 0; });
#else
  numbers.split("by sign");
#endif
}
