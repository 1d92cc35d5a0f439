// expect: distinct compares values as keys
#include "freshet/freshet.hpp"

struct reading {
#ifdef GOOD
  int value = 0;
#else
  double value = 0;
#endif
};

int main() {
  freshet::stream_builder builder{"x"};
  auto readings = builder.spout("readings", freshet::vector_spout<reading>{{}});
  readings.key_by([](const reading&) { return 0; }).aggregate("values", freshet::aggregates::distinct{&reading::value});
}
