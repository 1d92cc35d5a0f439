// expect: is made of what it was before by one public function  static T migrate(Old)
#include "freshet/freshet.hpp"

struct visits_v1 {
  std::uint32_t n = 0;
};
struct visits {
  std::uint64_t n = 0;
#ifdef GOOD
  static visits migrate(visits_v1 old) { return {old.n}; }
#else
  static visits migrate(visits_v1 old) { return {old.n}; }
  static visits migrate(std::string old) { return {old.size()}; }
#endif
};
struct count_visits {
  struct state {
    std::vector<visits> by_day{};
  };
  void process(const std::string&, state& s) { s.by_day.push_back({1}); }
};

int main() {
  freshet::topology_builder builder{"x"};
  auto users = builder.spout("users", freshet::vector_spout<std::string>{{}});
  builder.bolt("count", count_visits{}).input(users, freshet::key_grouping{std::identity{}});
}
