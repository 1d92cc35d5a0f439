// expect: their move constructor must be noexcept
#include "freshet/freshet.hpp"
#include "freshet/state/list_state.hpp"
#include "freshet/state/map_state.hpp"

struct visits {
  freshet::list_state<int> pages;
#ifdef GOOD
  std::vector<int> seconds;
#else
  std::deque<int> seconds;
#endif
};

struct collect {
  struct state {
    freshet::map_state<std::string, visits> by_site;
  };
  void process(int, state&, freshet::emitter<int>&) {}
};

int main() {
  freshet::topology_builder builder{"x"};
  auto numbers = builder.spout("numbers", freshet::vector_spout<int>{{}});
  (void)builder.bolt("collect", collect{}).input(numbers, freshet::key_grouping{std::identity{}});
}
