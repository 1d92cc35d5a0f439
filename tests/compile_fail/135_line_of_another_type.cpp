// expect: the function of this sink makes a line of a tuple
#include "freshet/freshet.hpp"

void build(freshet::topology_builder& builder) {
  auto numbers = builder.spout("numbers", freshet::vector_spout<int>{{1}});
#ifdef GOOD
  const auto line = [](int v) { return std::to_string(v); };
#else
  const auto line = [](const std::string& v) { return v; };
#endif
  builder.sink("print", freshet::file::line_sink{"numbers.txt", line}).input(numbers);
}
