// expect: this can't be emitted: it is not of the output's type
#include "freshet/freshet.hpp"

struct one {
  freshet::poll_status poll(freshet::spout_emitter<std::string>& out) {
#ifdef GOOD
    out.emit("1");
#else
    out.emit(std::vector<int>{1});
#endif
    return freshet::poll_status::ended();
  }
};

void build(freshet::topology_builder& builder) { builder.spout("one", one{}); }
