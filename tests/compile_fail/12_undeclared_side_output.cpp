// expect: this side output isn't listed in the emitter
#include "freshet/freshet.hpp"

struct malformed : freshet::side_output<std::string, "malformed"> {};

#ifdef GOOD
using output = freshet::emitter<int, malformed>;
#else
using output = freshet::emitter<int>;
#endif

struct parse {
  void process(const std::string& s, output& out) { out.emit<malformed>(s); }
};

int main() {
  freshet::topology_builder builder{"x"};
  auto lines = builder.spout("lines", freshet::vector_spout<std::string>{{}});
  (void)builder.bolt("parse", parse{}).input(lines);
}
