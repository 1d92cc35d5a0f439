// expect: the bolt has no such side output
#include "freshet/freshet.hpp"

struct malformed : freshet::side_output<std::string, "malformed"> {};

#ifdef GOOD
using output = freshet::emitter<int, malformed>;
#else
using output = freshet::emitter<int>;
#endif

struct parse {
  void process(const std::string&, output&) {}
};

int main() {
  freshet::stream_builder builder{"x"};
  auto lines = builder.spout("lines", freshet::vector_spout<std::string>{{}});
  lines.process("parse", parse{}).side<malformed>();
}
