// expect: a generator_spout makes its values by a function of their index
#include "freshet/freshet.hpp"

void build(freshet::topology_builder& builder) {
#ifdef GOOD
  builder.spout("ticks", freshet::generator_spout{[](std::uint64_t i) { return i; }});
#else
  builder.spout("ticks", freshet::generator_spout{[](const std::string& i) { return i; }});
#endif
}
