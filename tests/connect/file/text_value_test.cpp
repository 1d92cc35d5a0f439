#include "freshet/connect/file/text_value.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "freshet/base/event_time.hpp"

namespace freshet::file {
namespace {

using namespace std::chrono_literals;
using namespace std::chrono;

std::optional<event_time> time_of(std::string_view text, const time_formats& formats = {}) {
  event_time t{};
  return read_text(text, t, formats) ? std::optional(t) : std::nullopt;
}
event_time at(int y, unsigned m, unsigned d, milliseconds in_day = 0ms) {
  return sys_days{year{y} / month{m} / day{d}} + in_day;
}

TEST(text_value, iso_8601) {
  const auto expected = at(2021, 7, 21, 6h + 5min + 9s);
  for (const char* text : {"2021-07-21T06:05:09Z", "2021-07-21 06:05:09", "2021-07-21t06:05:09z",
                           "2021-07-21T06:05:09+00", "2021-07-21T08:05:09+02:00", "2021-07-21T08:05:09+0200",
                           "2021-07-21T03:35:09-02:30", " 2021-07-21 06:05:09 +00:00 "})
    EXPECT_EQ(time_of(text), expected) << text;
  EXPECT_EQ(time_of("2021-07-21"), at(2021, 7, 21));
  EXPECT_EQ(time_of("2021-07-21T06:05"), at(2021, 7, 21, 6h + 5min));
  EXPECT_EQ(time_of("2021-07-21T24:00"), at(2021, 7, 22));
  EXPECT_EQ(time_of("2016-12-31T23:59:60Z"), at(2017, 1, 1));
  EXPECT_EQ(time_of("2021-07-21T06:05:09.1239999999999Z"), expected + 123ms);
  EXPECT_EQ(time_of("2021-07-21T06:05:09,5"), expected + 500ms);
  EXPECT_EQ(time_of("0000-03-01"), at(0, 3, 1));
  EXPECT_EQ(time_of("1969-12-31T23:59:59.999"), event_time{-1ms});
}

TEST(text_value, what_is_no_iso_8601_is_refused) {
  for (const char* text : {"",
                           "x",
                           "2021",
                           "2021-7-21",
                           "2021-13-01",
                           "2021-00-01",
                           "2021-02-29",
                           "2021-07-32",
                           "2021-07-21T",
                           "2021-07-21T6:05",
                           "2021-07-21T25:00",
                           "2021-07-21T24:01",
                           "2021-07-21T06:60",
                           "2021-07-21T06:05:61",
                           "2021-07-21T06:05:09.",
                           "2021-07-21T06:05:09Zx",
                           "2021-07-21T06:05:09+2",
                           "2021-07-21T06:05:09+02:",
                           "2021-07-21T06:05:09+02:60",
                           "2021-07-21X06:05",
                           "12021-07-21",
                           "-2021-07-21",
                           "2021-07-21T06:05:09+24:00"})
    EXPECT_EQ(time_of(text), std::nullopt) << text;
}

TEST(text_value, patterns) {
  const auto expected = at(2000, 10, 10, 20h + 55min + 36s);
  const std::pair<const char*, const char*> samples[] = {
      {"10/Oct/2000:13:55:36 -0700", "%d/%b/%Y:%H:%M:%S %z"},
      {"Tuesday,  October 10 2000, 8:55:36 PM", "%A, %B %e %Y, %I:%M:%S %p"},
      {"tue 10.10.00 20:55:36 GMT", "%a %d.%m.%y %T %Z"},
      {"284 2000 20:55:36", "%j %Y %T"},
      {"10/10/00 20:55:36", "%D %R:%S"},
      {"2000-10-10%20:55:36", "%F%%%T"},
      {"971211336", "%s"},
      {"971211336000", "%Q"}};
  for (const auto& [text, format] : samples) EXPECT_EQ(time_of(text, {format}), expected) << text;
  EXPECT_EQ(time_of("12:05 am", {"%I:%M %p"}), event_time{5min});
  EXPECT_EQ(time_of("12:05 pm", {"%I:%M %p"}), event_time{12h + 5min});
  EXPECT_EQ(time_of("1.25", {"%s"}), event_time{1250ms});
  EXPECT_EQ(time_of("-1500", {"%Q"}), event_time{-1500ms});
  EXPECT_EQ(time_of("-1.25", {"%s"}), event_time{-1250ms});
  EXPECT_EQ(time_of("68", {"%y"}), at(2068, 1, 1));
  EXPECT_EQ(time_of("69", {"%y"}), at(1969, 1, 1));
  EXPECT_EQ(time_of("366 2001", {"%j %Y"}), std::nullopt);
  EXPECT_EQ(time_of("10/Okt/2000", {"%d/%b/%Y"}), std::nullopt);
  EXPECT_EQ(time_of("10", {"%q"}), std::nullopt);
  EXPECT_EQ(time_of("10%", {"10%"}), event_time{});  // a sign that begins nothing stands for itself
}

TEST(text_value, formats_are_tried_in_their_order) {
  EXPECT_EQ(time_of("2021-07-21", {"%s", std::string(iso_8601)}), at(2021, 7, 21));
  EXPECT_EQ(time_of("21", {"%s", "%y"}), event_time{21s});
}

TEST(text_value, times_of_other_precision) {
  sys_time<nanoseconds> ns;
  EXPECT_TRUE(read_text("2021-07-21T00:00:00.123456789Z", ns, {}));
  EXPECT_EQ(ns, sys_days{2021y / 7 / 21} + 123456789ns);
  EXPECT_FALSE(read_text("9999-01-01", ns, {}));  // beyond what it holds
  sys_days day;
  EXPECT_TRUE(read_text("1969-12-31T23:00:00.5", day, {}));
  EXPECT_EQ(day, sys_days{1969y / 12 / 31});
  sys_seconds s;
  EXPECT_TRUE(read_text("-0.5", s, {"%s"}));
  EXPECT_EQ(s, sys_seconds{-1s});
}

template <class T>
std::optional<T> value_of(std::string_view text) {
  T v{};
  return read_text(text, v, {}) ? std::optional(v) : std::nullopt;
}

TEST(text_value, integers) {
  EXPECT_EQ(value_of<int>(" +42\t"), 42);
  EXPECT_EQ(value_of<std::int64_t>("-9223372036854775808"), std::numeric_limits<std::int64_t>::min());
  for (const char* text : {"", "+", "-", "+-1", "1.0", "1 2", "0x1", "2147483648", "1e3", "\n1"})
    EXPECT_EQ(value_of<int>(text), std::nullopt) << text;
  EXPECT_EQ(value_of<unsigned>("-1"), std::nullopt);
  EXPECT_EQ(value_of<std::uint8_t>("255"), 255);
}

TEST(text_value, floating_point) {
  EXPECT_EQ(value_of<double>("1e-3"), 1e-3);
  EXPECT_EQ(value_of<double>(" +.5 "), .5);
  EXPECT_EQ(value_of<double>("-inf"), -std::numeric_limits<double>::infinity());
  EXPECT_TRUE(std::isnan(*value_of<double>("nan")));
  for (const char* text : {"", ".", "1,5", "1.5x", "+-1", "1e999", "--1"})
    EXPECT_EQ(value_of<double>(text), std::nullopt);
}

TEST(text_value, bools) {
  for (const char* text : {"true", "TRUE", "1", "t", "Yes", "y", "on", " true "}) EXPECT_EQ(value_of<bool>(text), true);
  for (const char* text : {"false", "False", "0", "f", "NO", "n", "off"}) EXPECT_EQ(value_of<bool>(text), false);
  for (const char* text : {"", "2", "tru", "truee", "-1"}) EXPECT_EQ(value_of<bool>(text), std::nullopt);
}

}  // namespace
}  // namespace freshet::file
