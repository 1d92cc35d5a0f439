#include "freshet/connect/line_format.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace freshet {
namespace {

struct point {
  int x = 0, y = 0;
  friend std::ostream& operator<<(std::ostream& to, const point& p) { return to << '(' << p.x << ' ' << p.y << ')'; }
};
template <class T>
std::string written(const T& value) {
  std::string to = ">";
  line_format{}(to, value);
  return to;
}

TEST(line_format, writes_text_as_it_is) {
  EXPECT_EQ(written(std::string("a b")), ">a b");
  EXPECT_EQ(written(std::string_view("ab")), ">ab");
  EXPECT_EQ(written("ab"), ">ab");
}

TEST(line_format, writes_numbers_exactly) {
  EXPECT_EQ(written(std::uint64_t{18'446'744'073'709'551'615u}), ">18446744073709551615");
  EXPECT_EQ(written(-7), ">-7");
  EXPECT_EQ(written(0.1), ">0.1");
  EXPECT_EQ(written(1.0 / 3), ">0.3333333333333333");
  EXPECT_EQ(written('c'), ">c");
  EXPECT_EQ(written(true), ">1");
  EXPECT_EQ(written(std::numeric_limits<long double>::lowest()).front(), '>');
}

TEST(line_format, writes_other_types_as_their_stream_operator_does) { EXPECT_EQ(written(point{3, -4}), ">(3 -4)"); }

TEST(append_line, takes_functions_that_return_or_append) {
  std::string to;
  auto returns = [](const point& p) { return std::to_string(p.x); };
  auto appends = [](std::string& line, const point& p) { line += std::to_string(p.y); };
  line_format format;
  append_line(to, returns, point{1, 2});
  append_line(to, appends, point{1, 2});
  append_line(to, format, point{1, 2});
  EXPECT_EQ(to, "1\n2\n(1 2)\n");
}

}  // namespace
}  // namespace freshet
