// expect: a spout that can read again has all of
#include "freshet/freshet.hpp"

struct nothing {
  freshet::poll_status poll(freshet::spout_emitter<int>&) { return freshet::poll_status::ended(); }
  void read(const freshet::position_range&, freshet::spout_emitter<int>&) {}
  void seek(const freshet::position&) {}
#ifdef GOOD
  void commit(const freshet::position&) {}
#endif
};

void build(freshet::topology_builder& builder) { builder.spout("nothing", nothing{}); }
