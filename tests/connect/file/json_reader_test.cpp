#include "freshet/connect/file/json_reader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/src.hpp>
#include <random>

namespace freshet::file {
namespace {

using testing::HasSubstr;
using kind = json_reader::kind;

/// The whole text, well-formed or not.
std::string verdict(const std::string& text) {
  json_reader in;
  in.begin(text);
  return in.skip() && in.finish() ? "" : in.problem() + " at " + std::to_string(in.offset());
}
std::string string_in(const std::string& text) {
  json_reader in;
  in.begin(text);
  std::string_view s;
  return in.read_string(s) && in.finish() ? std::string(s) : "no string: " + in.problem();
}

TEST(json_reader, reads_what_it_is_asked_for) {
  json_reader in;
  in.begin(R"( {"a": 1, "b": [true, null, "x"], "c": {"d": -2.5e3}} )");
  std::string_view name, text;
  EXPECT_EQ(in.peek(), kind::object);
  ASSERT_TRUE(in.open_object());
  ASSERT_TRUE(in.next_member(name));
  EXPECT_EQ(name, "a");
  EXPECT_EQ(in.peek(), kind::number);
  ASSERT_TRUE(in.read_literal(text));
  EXPECT_EQ(text, "1");
  ASSERT_TRUE(in.next_member(name));
  EXPECT_EQ(name, "b");
  ASSERT_TRUE(in.open_array());
  for (const char* literal : {"true", "null"}) {
    ASSERT_TRUE(in.next_element());
    ASSERT_TRUE(in.read_literal(text));
    EXPECT_EQ(text, literal);
  }
  ASSERT_TRUE(in.next_element());
  ASSERT_TRUE(in.read_string(text));
  EXPECT_EQ(text, "x");
  EXPECT_FALSE(in.next_element());
  ASSERT_TRUE(in.next_member(name));
  EXPECT_TRUE(in.skip());
  EXPECT_FALSE(in.next_member(name));
  EXPECT_TRUE(in.finish());
}

TEST(json_reader, strings) {
  EXPECT_EQ(string_in(R"("")"), "");
  EXPECT_EQ(string_in(R"("a\"\\\/\b\f\n\r\tz")"), "a\"\\/\b\f\n\r\tz");
  EXPECT_EQ(string_in(R"("\u0041\u00e9\u20AC\ud83d\ude00")"), "A\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80");
  EXPECT_EQ(string_in("\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\""), "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80");
  EXPECT_EQ(string_in(R"("\u0000")"), std::string(1, '\0'));
}

TEST(json_reader, says_what_is_wrong_and_where) {
  const std::pair<const char*, const char*> samples[] = {
      {"", "expected a value, not the end of the line at 0"},
      {"nul", "expected a value, not \"n\" at 0"},
      {"[1 2]", "expected \",\" or \"]\", not \"2\" at 3"},
      {"[1,]", "expected a value, not \"]\" at 3"},
      {"{\"a\" 1}", "expected \":\", not \"1\" at 5"},
      {"{\"a\":1 ", "expected \",\" or \"}\", not the end of the line at 7"},
      {"{a:1}", "expected a member's name, not \"a\" at 1"},
      {"1 2", "expected the end of the line, not \"2\" at 2"},
      {"-", "expected a digit, not the end of the line at 1"},
      {"01", "expected the end of the line, not \"1\" at 1"},
      {"1.e1", "expected a digit, not \"e\" at 2"},
      {"\"a", "expected the end of a string, not the end of the line at 2"},
      {"\"\\x\"", "expected an escape, not \"x\" at 2"},
      {"\"\\u12g4\"", "expected four hexadecimal digits, not \"g\" at 5"},
      {"\"\\udc00\"", "half of a character, without the other before it at 3"},
      {"\"\\ud800x\"", "half of a character, without the other behind it at 7"},
      {"\"\xff\"", "bytes that are no UTF-8 at 1"},
      {"\"\t\"", "a control character in a string, not escaped at 1"}};
  for (const auto& [text, expected] : samples) EXPECT_EQ(verdict(text), expected) << text;
}

TEST(json_reader, the_first_mistake_is_kept) {
  json_reader in;
  in.begin("[}");
  std::string_view text;
  EXPECT_TRUE(in.open_array());
  EXPECT_TRUE(in.next_element());
  EXPECT_FALSE(in.skip());
  EXPECT_FALSE(in.read_string(text));
  EXPECT_FALSE(in.next_element());
  EXPECT_FALSE(in.finish());
  EXPECT_EQ(in.peek(), kind::nothing);
  EXPECT_EQ(in.problem(), "expected a value, not \"}\"");
}

TEST(json_reader, nesting_is_bounded) {
  const auto nested = [](std::size_t n) { return std::string(n, '[') + std::string(n, ']'); };
  EXPECT_EQ(verdict(nested(json_reader::most_levels)), "");
  EXPECT_THAT(verdict(nested(json_reader::most_levels + 1)), HasSubstr("nested deeper than 200"));
  EXPECT_THAT(verdict(std::string(1'000'000, '[')), HasSubstr("nested deeper than 200"));
}

// --- against Boost.JSON ---

class random_json {
 public:
  explicit random_json(unsigned seed) : random_(seed) {}
  std::string value(int depth = 0) {
    switch (random_() % (depth > 4 ? 5 : 7)) {
      case 0:
        return pick({"true", "false", "null"});
      case 1:
      case 2:
        return pick({"0", "-0", "12", "-1.5", "1e5", "2E-3", "0.125e+2", "9223372036854775807"});
      case 3:
      case 4:
        return string();
      case 5:
        return list('[', ']', [&] { return value(depth + 1); });
      default:
        return list('{', '}', [&] { return string() + blanks() + ":" + blanks() + value(depth + 1); });
    }
  }
  /// A few bytes changed, taken out or put in.
  std::string damaged(std::string text) {
    for (auto n = random_() % 4; n > 0 && !text.empty(); --n) {
      const auto at = random_() % text.size();
      const char byte = "{}[],:\"\\u09-+.eEtfn \x01\x80\xc3\xed\xf0\xff"[random_() % 26];
      switch (random_() % 3) {
        case 0:
          text[at] = byte;
          break;
        case 1:
          text.erase(at, 1);
          break;
        default:
          text.insert(at, 1, byte);
      }
    }
    return text;
  }

 private:
  std::string pick(std::initializer_list<const char*> all) { return *(all.begin() + random_() % all.size()); }
  std::string blanks() { return random_() % 4 ? "" : pick({" ", "\t", "\r", "  "}); }
  std::string string() {
    std::string s = "\"";
    for (auto n = random_() % 6; n > 0; --n)
      s += pick(
          {"a", "b", "\\n", "\\\"", "\\u0041", "\\ud83d\\ude00", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80", "/"});
    return s + '"';
  }
  template <class F>
  std::string list(char open, char close, F element) {
    std::string s(1, open);
    for (auto n = random_() % 4; n > 0; --n) s += blanks() + element() + blanks() + (n > 1 ? "," : "");
    return s + close;
  }
  std::mt19937 random_;
};

/// As a tree, by asking for everything.
boost::json::value tree(json_reader& in) {
  std::string_view text;
  switch (in.peek()) {
    case kind::object: {
      boost::json::object o;
      in.open_object();
      while (in.next_member(text)) {
        const std::string name(text);
        o[name] = tree(in);
      }
      return o;
    }
    case kind::array: {
      boost::json::array a;
      in.open_array();
      while (in.next_element()) a.push_back(tree(in));
      return a;
    }
    case kind::string:
      in.read_string(text);
      return boost::json::string(text);
    default:
      return in.read_literal(text) ? boost::json::parse(std::string(text)) : boost::json::value{};
  }
}

TEST(json_reader, judges_and_reads_as_boost_does) {
  int good = 0, bad = 0;
  for (unsigned seed = 0; seed < 20'000; ++seed) {
    random_json random(seed);
    const auto text = random.damaged(random.value());
    boost::json::error_code error;
    const auto expected = boost::json::parse(text, error);
    if (error == boost::json::error::exponent_overflow) continue;  // a bound of numbers, not of the grammar
    ASSERT_EQ(verdict(text).empty(), !error) << "seed " << seed << ": " << text << "\n" << verdict(text) << error;
    ++(error ? bad : good);
    if (error) continue;
    json_reader in;
    in.begin(text);
    ASSERT_EQ(tree(in), expected) << "seed " << seed << ": " << text;
    ASSERT_TRUE(in.finish());
  }
  EXPECT_GT(good, 5'000);
  EXPECT_GT(bad, 3'000);
}

}  // namespace
}  // namespace freshet::file
