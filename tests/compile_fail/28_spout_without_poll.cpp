// expect: a spout needs
// expect: poll(freshet::spout_emitter<T>&)
#include "freshet/freshet.hpp"

#ifdef GOOD
struct ticks {
  freshet::poll_status poll(freshet::spout_emitter<int>&) { return freshet::poll_status::ended(); }
};
#else
struct ticks {
  int next() { return 1; }
};
#endif

int main() {
  freshet::stream_builder builder{"x"};
  builder.spout("ticks", ticks{});
}
