// expect: a split has at most 100 branches
#include "freshet/freshet.hpp"

#ifdef GOOD
constexpr std::size_t branch = 99;
#else
constexpr std::size_t branch = 100;
#endif

freshet::split_branch<int, branch> last;
int main() {}
