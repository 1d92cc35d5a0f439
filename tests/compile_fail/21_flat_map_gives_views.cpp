// expect: this type borrows its data
#include "freshet/freshet.hpp"

std::vector<std::string_view> words(const std::string& s) { return {s}; }

#ifdef GOOD
using stored = std::string;
#else
using stored = void;
#endif

int main() {
  freshet::stream_builder builder{"x"};
  auto lines = builder.spout("lines", freshet::vector_spout<std::string>{{}});
  lines.flat_map<stored>("words", words);
}
