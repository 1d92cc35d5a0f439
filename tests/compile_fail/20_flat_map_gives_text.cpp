// expect: would be taken apart into characters
#include "freshet/freshet.hpp"

#ifdef GOOD
std::vector<std::string> words(const std::string& s) { return {s}; }
#else
std::string words(const std::string& s) { return s; }
#endif

int main() {
  freshet::stream_builder builder{"x"};
  auto lines = builder.spout("lines", freshet::vector_spout<std::string>{{}});
  lines.flat_map("words", words);
}
