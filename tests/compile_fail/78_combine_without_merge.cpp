// expect: behind combine() tuples are put together before they are sent, so the aggregate needs
#include "freshet/freshet.hpp"

struct longest {
  void add(std::size_t& so_far, const std::string& word) const { so_far = std::max(so_far, word.size()); }
#ifdef GOOD
  void merge(std::size_t& into, const std::size_t& from) const { into = std::max(into, from); }
#endif
};

int main() {
  freshet::stream_builder builder{"x"};
  auto words = builder.spout("words", freshet::vector_spout<std::string>{{}});
  words.key_by(std::identity{}).combine().aggregate("longest", longest{});
}
