// expect: so it needs no journal: give it to the builder as it is
#include "freshet/connect/journaled.hpp"
#include "freshet/freshet.hpp"

int main() {
  freshet::topology_builder builder{"x"};
#ifdef GOOD
  builder.spout("numbers", freshet::journaled(freshet::push_spout<int>{}, "journal"));
#else
  builder.spout("numbers", freshet::journaled(freshet::vector_spout<int>{{1, 2}}, "journal"));
#endif
}
