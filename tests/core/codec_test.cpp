#include "freshet/core/codec.hpp"

#include <gtest/gtest.h>

#include <boost/container/flat_map.hpp>
#include <chrono>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "core/sample_types.hpp"
#include "freshet/base/event_time.hpp"
#include "freshet/base/random.hpp"
#include "freshet/core/key_equal.hpp"

namespace freshet {
namespace {

using namespace samples;

template <class T>
std::string encode(const T& value) {
  writer w;
  codec<T>::write(w, value);
  return w.take();
}
template <class T>
bool decode(std::string_view bytes, T& value) {
  reader r(bytes);
  codec<T>::read(r, value, codec_version<T>);
  return !r.failed() && r.left() == 0;
}
/// What comes back; the object it is read into holds something else before.
template <class T>
T round_trip(const T& value, T into = T{}) {
  EXPECT_TRUE(decode(encode(value), into));
  return into;
}
template <class T>
void expect_same(const T& value, T into = T{}) {
  EXPECT_TRUE(key_equal{}(round_trip(value, std::move(into)), value));
}

/// Has a codec of its own, with a version: writes its digits, and in version 1 wrote them backwards.
struct digits {
  std::string text;
  bool operator==(const digits&) const = default;
};
/// A field without codec, and a codec for the whole.
struct custom_whole {
  std::function<void()> callback;
  int value = 0;
};
struct uncodable_field {
  int id = 0;
  std::shared_ptr<int> shared;
};

}  // namespace

template <>
struct codec<digits> {
  static constexpr std::uint32_t version = 2;
  static void write(writer& w, const digits& d) { w.bytes(d.text); }
  static void read(reader& r, digits& d, std::uint32_t written_by) {
    d.text = r.bytes();
    if (written_by == 1) d.text.assign(d.text.rbegin(), d.text.rend());
  }
};
template <>
struct codec<custom_whole> {
  static void write(writer& w, const custom_whole& v) { w.raw(v.value); }
  static void read(reader& r, custom_whole& v, std::uint32_t) { v.value = r.raw<int>(); }
};

namespace {

TEST(codec, numbers_enums_and_text) {
  expect_same(std::int8_t{-5});
  expect_same(std::uint64_t{1} << 63);
  expect_same(-0.25);
  expect_same(true);
  expect_same(colour::green);
  expect_same(std::string("with \0 inside", 13), std::string("before"));
  EXPECT_EQ(encode(std::int16_t{-2}), "\xfe\xff");
  EXPECT_EQ(encode(std::string("ab")), std::string("\x02\0\0\0ab", 6));
}

TEST(codec, standard_containers_replace_what_was_there) {
  expect_same(std::vector<int>{1, 2, 3}, std::vector<int>{9});
  expect_same(std::vector<std::string>{"a", "", "c"}, std::vector<std::string>{"x"});
  expect_same(std::vector<bool>{true, false, true}, std::vector<bool>{false});
  expect_same(std::deque<point>{{1, 2}, {3, 4}}, std::deque<point>{{5, 6}});
  expect_same(std::list<std::vector<std::string>>{{"a"}, {}, {"b", "c"}});
  expect_same(std::array<std::string, 2>{"a", "b"});
  expect_same(std::array<double, 3>{1, 2, 3});
  expect_same(std::set<std::string>{"a", "b"}, std::set<std::string>{"z"});
  expect_same(std::multiset<int>{1, 1, 2});
  expect_same(std::map<std::string, std::vector<int>>{{"a", {1}}, {"b", {}}}, {{"z", {1}}});
  expect_same(std::multimap<int, int>{{1, 2}, {1, 3}});
  expect_same(std::unordered_map<std::string, int>{{"a", 1}, {"b", 2}}, {{"z", 1}});
  expect_same(std::unordered_set<int>{1, 2, 3}, std::unordered_set<int>{4});
  expect_same(boost::container::flat_map<int, std::string>{{1, "a"}});
}

TEST(codec, sums_and_products) {
  expect_same(std::optional<std::string>("a"));
  expect_same(std::optional<std::string>(), std::optional<std::string>("before"));
  expect_same(std::pair<int, std::string>(1, "a"));
  expect_same(std::tuple<int, std::tuple<>, std::optional<int>>(1, {}, 2));
  expect_same(std::variant<int, std::string, int>(std::in_place_index<2>, 7));
  expect_same(std::variant<std::monostate, std::string>("a"));
  expect_same(std::vector<std::variant<int, std::vector<std::string>>>{1, std::vector<std::string>{"a"}});
}

TEST(codec, times) {
  expect_same(event_time(std::chrono::seconds(-3)));
  expect_same(std::chrono::minutes(5));
  expect_same(std::chrono::duration<double>(0.5));
}

TEST(codec, classes_with_fields) {
  expect_same(point{1, -2});
  expect_same(nothing{});
  expect_same(journey{"r", {{1, 2}, {3, 4}}, point{5, 6}, {{"t", {colour::green}}}});
  expect_same(tree{1, {{2, {{3, {}}}}, {4, {}}}}, tree{9, {{9, {}}}});
  expect_same(money(5, "EUR"));
  named_base b;
  b.x = 1;
  b.z = 3;
  expect_same(b);
}

TEST(codec, elements_without_bytes_still_count) {
  EXPECT_EQ(round_trip(std::vector<nothing>(3)).size(), 3u);
  EXPECT_EQ(round_trip(std::vector<std::tuple<>>(1000)).size(), 1000u);
}

TEST(codec, byte_layout_is_a_format) {
  EXPECT_EQ(encode(journey{"r", {{1, -1}}, std::nullopt, {{"k", {colour::green}}}}),
            std::string("\x01\0\0\0r"                           // name
                        "\x01\0\0\0\x01\0\0\0\xff\xff\xff\xff"  // one stop
                        "\0"                                    // no depot
                        "\x01\0\0\0\x01\0\0\0k\x01\0\0\0\x01",
                        32));
}

TEST(durable, holds_for_what_has_codecs_in_all_parts) {
  static_assert(durable<journey> && durable<tree> && durable<money> && durable<named_base> && durable<custom_whole>);
  static_assert(durable<std::map<std::string, std::vector<std::optional<money>>>> && check_durable<journey>());
  static_assert(durable<std::vector<custom_whole>>);
}

TEST(durable, fails_for_a_part_without) {
  static_assert(!durable<secret> && !durable<with_array> && !durable<with_base> && !durable<int*>);
  static_assert(!durable<uncodable_field> && !durable<std::vector<uncodable_field>>);
  static_assert(!durable<std::map<int, secret>> && !durable<std::variant<int, secret>> && !durable<long double>);
  static_assert(!durable<std::shared_ptr<int>> && !durable<transient<secret>> && !durable<std::string_view>);
}

TEST(codec_version, is_written_ahead_of_nested_values_that_declare_one) {
  static_assert(codec_version<digits> == 2 && codec_version<int> == 0 && codec_version<std::vector<digits>> == 0);
  EXPECT_EQ(encode(digits{"12"}), std::string("\x02\0\0\0", 4) + "12");
  EXPECT_EQ(encode(std::optional(digits{"1"})), std::string("\x01\x02\0\0\0\x01\0\0\0", 9) + "1");
  EXPECT_EQ(round_trip(std::vector<digits>{{"12"}, {"34"}}), (std::vector<digits>{{"12"}, {"34"}}));
}

TEST(codec_version, old_values_are_read_by_their_version_and_future_ones_refused) {
  writer w;
  w.raw(true);
  w.raw(std::uint32_t{1});
  w.bytes("21");
  std::optional<digits> old;
  ASSERT_TRUE(decode(w.data(), old));
  EXPECT_EQ(old->text, "12");

  std::string future = w.take();
  future[1] = 3;
  EXPECT_FALSE(decode(future, old));
}

TEST(codec, truncated_input_fails_everywhere) {
  const std::string whole =
      encode(journey{"name", {{1, 2}, {3, 4}}, point{5, 6}, {{"t", {colour::red, colour::green}}}});
  for (std::size_t n = 0; n < whole.size(); ++n) {
    journey into;
    EXPECT_FALSE(decode(whole.substr(0, n), into)) << n;
  }
}

TEST(codec, a_huge_length_fails_before_anything_is_allocated) {
  const std::string huge("\xff\xff\xff\xff", 4);
  std::vector<std::array<char, 4096>> blocks;
  EXPECT_FALSE(decode(huge, blocks));
  EXPECT_EQ(blocks.capacity(), 0u);
  std::vector<nothing> nothings;
  EXPECT_FALSE(decode(huge + "abc", nothings));
  EXPECT_EQ(nothings.size(), 0u);
  std::string text;
  EXPECT_FALSE(decode(huge, text));
  std::vector<double> numbers;
  EXPECT_FALSE(decode(std::string("\x04\0\0\0abcdefgh", 12), numbers));
  EXPECT_LE(numbers.capacity(), 4u);
}

/// Four bytes a level: claims a child that has a child that has ...
TEST(codec, bytes_nested_without_end_do_not_exhaust_the_stack) {
  std::string bytes;
  for (int i = 0; i < 1'000'000; ++i) bytes += std::string("\0\0\0\0\x01\0\0\0", 8);
  tree into;
  EXPECT_FALSE(decode(bytes, into));
}

struct everything {
  journey r;
  tree t;
  std::variant<int, std::string, std::vector<money>> v;
  std::unordered_map<std::string, std::set<std::string>> m;
  std::list<std::optional<digits>> l;
  std::vector<bool> b;
  std::vector<nothing> n;
};

TEST(codec, random_and_damaged_bytes_never_crash) {
  random_source random(11);
  everything sample{
      {"name", {{1, 2}}, point{}, {{"a", {}}}}, {1, {{2, {}}}}, std::vector<money>{{1, "X"}}, {}, {}, {}, {}};
  sample.m["k"] = {"a", "b"};
  sample.l.emplace_back(digits{"123"});
  sample.b = {true, false};
  sample.n.resize(2);
  const std::string good = encode(sample);
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes = good;
    if (round % 2 == 0) {
      bytes.resize(random.below(200));
      for (auto& c : bytes) c = static_cast<char>(random.chance(0.5) ? random.below(4) : random.below(256));
    } else {
      for (auto n = random.below(4) + 1; n != 0; --n) bytes[random.below(bytes.size())] = static_cast<char>(random());
    }
    everything into;
    if (decode(bytes, into)) encode(into);
  }
}

TEST(transient, gives_its_value) {
  transient<std::vector<int>> t;
  t->push_back(1);
  EXPECT_EQ((*t).size(), 1u);
  EXPECT_EQ(std::as_const(t)->front(), 1);
}

}  // namespace
}  // namespace freshet
