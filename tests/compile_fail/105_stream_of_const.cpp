// expect: a stream carries values: use a non-const object type
#include "freshet/freshet.hpp"

#ifdef GOOD
using value = int;
#else
using value = const int;
#endif

struct numbers {
  freshet::poll_status poll(freshet::spout_emitter<value>&) { return freshet::poll_status::ended(); }
};

int main() {
  freshet::topology_builder builder{"x"};
  builder.spout("numbers", numbers{});
}
