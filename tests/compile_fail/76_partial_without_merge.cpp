// expect: behind partial() two tasks share a key, so its bolt has  using state = ...;
#include "freshet/freshet.hpp"

struct count_words {
  using state = std::uint64_t;
  void process(const std::string&, state& n) { ++n; }
#ifdef GOOD
  void merge(state& into, const state& from) { into += from; }
#endif
  void result(const std::string&, const state& n, freshet::emitter<std::uint64_t>& out) { out.emit(n); }
};

int main() {
  freshet::stream_builder builder{"x"};
  auto words = builder.spout("words", freshet::vector_spout<std::string>{{}});
  words.key_by(std::identity{}).partial().process("count", count_words{});
}
