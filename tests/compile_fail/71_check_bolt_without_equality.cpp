// expect: check_bolt compares what comes out: the type needs an operator== or a codec
#include "freshet/testing/check_bolt.hpp"

class opaque {
 public:
  explicit opaque(int v) : v_(v) {}
#ifdef GOOD
  bool operator==(const opaque&) const = default;
#endif

 private:
  int v_;
};

int main() {
  (void)freshet::testing::check_bolt([](const int& v) { return opaque(v); }, freshet::forward_grouping{},
                                     [](auto& harness) { harness.process(1); });
}
