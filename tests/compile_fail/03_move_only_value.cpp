// expect: a stream carries copyable values
#include "freshet/freshet.hpp"

#ifdef GOOD
using frame = std::shared_ptr<const int>;
#else
using frame = std::unique_ptr<int>;
#endif

struct frames {
  freshet::poll_status poll(freshet::spout_emitter<frame>&) { return freshet::poll_status::ended(); }
};

int main() {
  freshet::topology_builder builder{"x"};
  builder.spout("frames", frames{});
}
