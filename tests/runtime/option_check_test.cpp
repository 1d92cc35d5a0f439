#include "runtime/option_check.hpp"

#include <gtest/gtest.h>

namespace freshet {
namespace {

using namespace std::chrono_literals;

TEST(option_check, says_option_value_and_way_out) {
  option_check check("options");
  check.about("size", "0", "at least 1");
  check.at_least_0("wait", -2s, "0 for none");
  check.at_least_0("wait", -2ms, "0 for none");
  check.at_least_0("wait", -2ns, "0 for none");
  check.at_least_0("wait", 0ns, "0 for none");
  check.at_least_0("wait", std::chrono::nanoseconds::max(), "0 for none");
  check.from_1_to("count", 0, 9, ", because");
  check.from_1_to("count", 10, 9, "");
  check.from_1_to("count", 9, 9, "");
  EXPECT_EQ(std::move(check).all(),
            (std::vector<std::string>{
                "options::size is 0: at least 1", "options::wait is -2 s: a time cannot be negative; 0 for none",
                "options::wait is -2 ms: a time cannot be negative; 0 for none",
                "options::wait is -2 ns: a time cannot be negative; 0 for none",
                "options::count is 0: it must be 1 to 9, because", "options::count is 10: it must be 1 to 9"}));
}

}  // namespace
}  // namespace freshet
