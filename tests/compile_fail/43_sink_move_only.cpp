// expect: each task gets a copy of the object and this one can't be copied
#include "freshet/freshet.hpp"

struct store {
  std::unique_ptr<int> file;
  void write(const std::string&) {}
};

#ifdef GOOD
auto sink = [] { return store{}; };
#else
auto sink = store{};
#endif

int main() {
  freshet::stream_builder builder{"x"};
  auto lines = builder.spout("lines", freshet::vector_spout<std::string>{{}});
  lines.to("store", std::move(sink));
}
