// expect: this type borrows its data
#include "freshet/freshet.hpp"

#ifdef GOOD
using text = std::string;
#else
using text = std::string_view;
#endif

int main() {
  freshet::stream_builder builder{"x"};
  builder.spout("lines", freshet::vector_spout<std::string>{{}}).map("rest", [](const std::string& s) {
    return text(s).substr(1);
  });
}
