// expect: a map_state compares its keys as keys
#include "freshet/freshet.hpp"
#include "freshet/state/map_state.hpp"

#ifdef GOOD
freshet::map_state<int, int> counts;
#else
freshet::map_state<double, int> counts;
#endif
int main() {}
