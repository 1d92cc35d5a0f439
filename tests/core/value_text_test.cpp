#include "freshet/core/value_text.hpp"

#include <gtest/gtest.h>

#include <array>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "freshet/base/event_time.hpp"
#include "freshet/base/time_arithmetic.hpp"
#include "freshet/state/list_state.hpp"
#include "freshet/state/map_state.hpp"

namespace freshet {
namespace {

using namespace std::chrono_literals;

enum class colour { red, green };
struct order {
  std::uint64_t id = 0;
  std::string what;
  std::optional<double> price;
  std::vector<std::pair<std::string, int>> parts;
};
struct with_a_word {
  int n = 0;
  friend std::ostream& operator<<(std::ostream& out, const with_a_word& w) { return out << "word " << w.n; }
};
class closed {
 public:
  explicit closed(int n) : n_(n) {}
  int get() const { return n_; }

 private:
  int n_;
};

TEST(value_text, of_numbers_and_text) {
  EXPECT_EQ(value_text(-42), "-42");
  EXPECT_EQ(value_text(std::uint8_t{7}), "7");
  EXPECT_EQ(value_text(0.1), "0.1");
  EXPECT_EQ(value_text(true), "true");
  EXPECT_EQ(value_text('x'), "\"x\"");
  EXPECT_EQ(value_text(colour::green), "1");
  EXPECT_EQ(value_text(std::string("a \"b\"\\\n\t\x01")), "\"a \\\"b\\\"\\\\\\n\\t\\x01\"");
}

TEST(value_text, of_classes_is_their_fields) {
  EXPECT_EQ(value_text(order{7, "tea", 2.5, {{"leaf", 3}}}), "{7, \"tea\", 2.5, [(\"leaf\", 3)]}");
  EXPECT_EQ(value_text(order{}), "{0, \"\", none, []}");
  EXPECT_EQ(value_text(with_a_word{3}), "word 3");
  EXPECT_EQ(value_text(std::vector<with_a_word>{{1}, {2}}), "[word 1, word 2]");
  EXPECT_NE(value_text(closed{1}).find("a "), std::string::npos);
  EXPECT_NE(value_text(closed{1}).find("closed"), std::string::npos);
}

TEST(value_text, of_containers) {
  EXPECT_EQ(value_text(std::map<std::string, int>{{"a", 1}, {"b", 2}}), "[\"a\": 1, \"b\": 2]");
  EXPECT_EQ(value_text(std::set<int>{3, 1}), "[1, 3]");
  EXPECT_EQ(value_text(std::array<int, 2>{1, 2}), "[1, 2]");
  EXPECT_EQ(value_text(std::vector<bool>{true, false}), "[true, false]");
  std::vector<int> many(25, 1);
  EXPECT_EQ(value_text(many).substr(value_text(many).size() - 13), "1, 1, 5 more]");
  list_state<int> list;
  list.push_back(5);
  map_state<int, std::string> map;
  map[1] = "one";
  EXPECT_EQ(value_text(list), "[5]");
  EXPECT_EQ(value_text(map), "[{1, \"one\"}]");
  EXPECT_EQ(value_text(std::make_shared<int>(4)), "4");
  EXPECT_EQ(value_text(std::shared_ptr<int>{}), "null");
  EXPECT_EQ(value_text(std::variant<int, std::string>{"x"}), "\"x\"");
}

TEST(value_text, of_times) {
  EXPECT_EQ(value_text(1500ms), "1500ms");
  EXPECT_EQ(value_text(2h), "2h");
  EXPECT_EQ(value_text(event_time{1714564800250ms}), "2024-05-01T12:00:00.250Z");
  EXPECT_EQ(value_text(event_time{-1ms}), "1969-12-31T23:59:59.999Z");
  EXPECT_EQ(value_text(end_of_time), "9223372036854775807ms");
  EXPECT_EQ(value_text(beginning_of_time), "-9223372036854775808ms");
}

}  // namespace
}  // namespace freshet
