// expect: window() takes windows: tumbling{1min}
#include "freshet/freshet.hpp"

struct visit {
  std::string page;
  freshet::event_time at;
};

void build(freshet::stream_builder& builder) {
  const std::chrono::minutes minute(1);
  auto visits = builder.spout("visits", freshet::vector_spout<visit>{{}}).event_time(&visit::at).key_by(&visit::page);
#ifdef GOOD
  visits.window(freshet::tumbling{minute}).count("visits a minute");
#else
  visits.window(minute).count("visits a minute");
#endif
}
