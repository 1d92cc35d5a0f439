// expect: partitions() gives the names of a spout's partitions
#include "freshet/freshet.hpp"

struct nothing {
  freshet::poll_status poll(freshet::spout_emitter<int>&) { return freshet::poll_status::ended(); }
#ifdef GOOD
  std::vector<std::string> partitions() { return {"only"}; }
#else
  int partitions() { return 1; }
#endif
};

void build(freshet::topology_builder& builder) { builder.spout("nothing", nothing{}); }
