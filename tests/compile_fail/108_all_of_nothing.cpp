// expect: all_of needs at least one aggregate
#include "freshet/freshet.hpp"

int main() {
  freshet::stream_builder builder{"x"};
  auto numbers = builder.spout("numbers", freshet::vector_spout<int>{{}}).key_by(std::identity{});
#ifdef GOOD
  numbers.aggregate("all", freshet::aggregates::all_of{freshet::aggregates::count<int>{}});
#else
  numbers.aggregate("all", freshet::aggregates::all_of{});
#endif
}
