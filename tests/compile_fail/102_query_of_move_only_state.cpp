// expect: a query gives a copy of the state: its type must be copyable
#include "freshet/freshet.hpp"

#ifdef GOOD
using state = std::shared_ptr<int>;
#else
using state = std::unique_ptr<int>;
#endif

bool ask(const freshet::topology_run& run) { return run.query<state>("count", 3).has_value(); }
int main() {}
