// expect: a query asks for the state of a key, and this type can't be one
#include "freshet/freshet.hpp"

#ifdef GOOD
using key = std::uint64_t;
#else
using key = double;
#endif

std::optional<int> ask(const freshet::topology_run& run) { return run.query<int>("count", key{3}); }
int main() {}
