// expect: process() asks for something Freshet doesn't have
#include "freshet/freshet.hpp"

#ifdef GOOD
using kept = std::uint64_t;
#else
using kept = int;
#endif

struct count {
  using state = std::uint64_t;
  void process(const std::string&, kept& n, freshet::emitter<int>& out) { out.emit(static_cast<int>(++n)); }
};

int main() {
  freshet::stream_builder builder{"x"};
  auto lines = builder.spout("lines", freshet::vector_spout<std::string>{{}});
  lines.key_by(std::identity{}).process("count", count{});
}
