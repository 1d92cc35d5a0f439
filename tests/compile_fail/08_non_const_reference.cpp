// expect: the bolt can't take this stream
#include "freshet/freshet.hpp"

#ifdef GOOD
struct upper {
  std::string process(std::string s) { return s += "!"; }
};
#else
struct upper {
  void process(std::string& s) { s += "!"; }
};
#endif

int main() {
  freshet::topology_builder builder{"x"};
  auto lines = builder.spout("lines", freshet::vector_spout<std::string>{{}});
  (void)builder.bolt("upper", upper{}).input(lines);
}
