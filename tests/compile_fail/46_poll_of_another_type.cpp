// expect: a spout needs
// expect: poll(freshet::spout_emitter<T>&)
#include "freshet/freshet.hpp"

struct numbers {
  int next = 0;
#ifdef GOOD
  freshet::poll_status poll(freshet::spout_emitter<int>& out) {
    out.emit(next++);
    return next < 10 ? freshet::poll_status::emitted() : freshet::poll_status::ended();
  }
#else
  bool poll(freshet::spout_emitter<int>& out) {
    out.emit(next++);
    return next < 10;
  }
#endif
};

int main() {
  freshet::topology_builder builder{"x"};
  builder.spout("numbers", numbers{});
}
