// expect: this type borrows its data
// expect: perhaps in a field
#include "freshet/freshet.hpp"

#ifdef GOOD
struct token {
  int number;
  std::string text;
};
#else
struct token {
  int number;
  std::string_view text;
};
#endif

struct lex {
  void process(const std::string&, freshet::emitter<token>&) {}
};

int main() {
  freshet::topology_builder builder{"x"};
  auto lines = builder.spout("lines", freshet::vector_spout<std::string>{{}});
  (void)builder.bolt("lex", lex{}).input(lines);
}
