// expect: this type has no codec: make it an aggregate of types that have one
#include "freshet/freshet.hpp"

class closed {
  int n_ = 0;
#ifdef GOOD
  friend auto freshet_fields(closed& c) { return std::tie(c.n_); }
#endif
};

static_assert(freshet::check_durable<closed>());
int main() {}
