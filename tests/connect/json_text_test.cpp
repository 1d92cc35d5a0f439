#include "freshet/connect/json_text.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <optional>
#include <ostream>
#include <vector>

#include "freshet/base/event_time.hpp"
#include "freshet/connect/file/json_fields.hpp"

namespace freshet {
namespace {

template <class T>
std::string json_of(const T& value) {
  std::string text;
  append_json(text, value);
  return text;
}
template <class T>
T read_back(const std::string& text) {
  T value{};
  file::json_reader in;
  in.begin(text);
  EXPECT_TRUE(file::detail::read_json(in, value, {}) && in.finish()) << text << ": " << in.problem();
  return value;
}

enum class level : std::int8_t { low = -1, high = 1 };
struct point {
  int x = 0, y = 0;
  bool operator==(const point&) const = default;
};
struct version {
  int major = 0;
  friend std::ostream& operator<<(std::ostream& s, const version& v) { return s << "v\"" << v.major; }
  friend bool freshet_from_text(std::string_view text, version& v) {
    if (!text.starts_with("v\"")) return false;
    v.major = std::stoi(std::string(text.substr(2)));
    return true;
  }
  bool operator==(const version&) const = default;
};
struct all_kinds {
  static constexpr std::string_view field_names[] = {"flag", "letter", "level", "number", "text",
                                                     "time", "points", "maybe", "own"};
  bool flag = false;
  char letter = 'a';
  freshet::level level = {};
  double number = 0;
  std::string text;
  event_time time{};
  std::vector<point> points;
  std::optional<int> maybe;
  version own;
  bool operator==(const all_kinds&) const = default;
};

TEST(json_text, writes_each_kind_of_field) {
  const all_kinds value{true,      '"', level::low, 0.1, "ü", event_time{std::chrono::milliseconds(1'514'764'800'123)},
                        {{1, -2}}, {},  {7}};
  EXPECT_EQ(json_of(value), R"({"flag":true,"letter":"\"","level":-1,"number":0.1,"text":"ü",)"
                            R"("time":"2018-01-01T00:00:00.123Z","points":[[1,-2]],"maybe":null,"own":"v\"7"})");
  EXPECT_EQ(read_back<all_kinds>(json_of(value)), value);
}

TEST(json_text, escapes_what_may_not_stand_in_a_string) {
  std::string every_byte;
  for (int c = 0; c < 128; ++c) every_byte += static_cast<char>(c);
  EXPECT_EQ(json_of(std::string("a\"b\\c\nd\x1f/")), R"("a\"b\\c\nd\u001f/")");
  EXPECT_EQ(read_back<std::string>(json_of(every_byte)), every_byte);
  EXPECT_EQ(json_of(std::string()), R"("")");
}

TEST(json_text, numbers_come_back_exactly) {
  for (const double d : {0.0, -0.0, 1.0 / 3, 5e-324, std::numeric_limits<double>::max(), 1e22})
    EXPECT_EQ(read_back<double>(json_of(d)), d);
  for (const auto n : {std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()})
    EXPECT_EQ(read_back<std::int64_t>(json_of(n)), n);
  EXPECT_EQ(json_of(std::uint8_t{200}), "200");
}

TEST(json_text, refuses_numbers_that_json_does_not_have) {
  std::string text;
  EXPECT_THROW(append_json(text, std::numeric_limits<double>::infinity()), std::invalid_argument);
  EXPECT_THROW(append_json(text, std::numeric_limits<float>::quiet_NaN()), std::invalid_argument);
}

TEST(json_text, times_before_1970_and_in_far_years) {
  EXPECT_EQ(json_of(event_time{std::chrono::milliseconds(-1)}), R"("1969-12-31T23:59:59.999Z")");
  EXPECT_EQ(json_of(std::chrono::sys_days{std::chrono::year(999) / 1 / 2}), R"("0999-01-02T00:00:00.000Z")");
}

TEST(json_text, lists_of_bools) { EXPECT_EQ(json_of(std::vector<bool>{true, false}), "[true,false]"); }

}  // namespace
}  // namespace freshet
