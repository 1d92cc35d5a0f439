// expect: this function can't be called with the stream's type
#include "freshet/freshet.hpp"

#ifdef GOOD
using number = double;
#else
using number = int;
#endif

int main() {
  freshet::stream_builder builder{"x"};
  builder.spout("prices", freshet::vector_spout<double>{{}}).map("twice", [](number n) { return n * 2; });
}
