// expect: a stream carries assignable values
#include "freshet/freshet.hpp"

#ifdef GOOD
struct order {
  int id;
};
#else
struct order {
  const int id;
};
#endif

int main() {
  freshet::stream_builder builder{"x"};
  builder.spout("orders", freshet::vector_spout<order>{{}});
}
