// expect: this type borrows its data
#include "freshet/freshet.hpp"

#ifdef GOOD
struct odd : freshet::side_output<std::string, "odd"> {};
#else
struct odd : freshet::side_output<std::string_view, "odd"> {};
#endif
struct words {
  void process(const std::string& line, freshet::emitter<std::string, odd>& out) { out.emit<odd>(line); }
};

void build(freshet::topology_builder& builder) {
  auto lines = builder.spout("lines", freshet::vector_spout<std::string>{{}});
  builder.bolt("words", words{}).input(lines);
}
