// expect: windows that count tuples depend on their order: leave out combine()
#include "freshet/freshet.hpp"

int main() {
  freshet::stream_builder builder{"x"};
  auto words = builder.spout("words", freshet::vector_spout<std::string>{{}});
  const auto windows = words.key_by(std::identity{}).window(freshet::tumbling_count{100});
#ifdef GOOD
  windows.count("count");
#else
  windows.combine().count("count");
#endif
}
