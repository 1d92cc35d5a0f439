#include "freshet/core/layout.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <list>
#include <map>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "core/sample_types.hpp"
#include "freshet/base/event_time.hpp"
#include "freshet/core/broadcast_state.hpp"
#include "freshet/core/keyed_state.hpp"
#include "freshet/core/timed_state.hpp"
#include "freshet/state/list_state.hpp"
#include "freshet/state/map_state.hpp"
#include "freshet/time/slice_tree.hpp"

namespace freshet {
namespace {

using namespace samples;

enum class level : std::int16_t { low, high };
struct nothing_at_all {};
/// Holds itself by way of another.
struct branch;
struct leaves {
  std::uint8_t weight = 0;
  std::vector<branch> branches;
};
struct branch {
  leaves all;
  bool is_dry = false;
};
struct plain_codec {
  std::shared_ptr<int> hidden;
};
struct versioned_codec {
  std::shared_ptr<int> hidden;
};
template <class T>
struct ring {
  std::shared_ptr<T> hidden;
};

}  // namespace

template <>
struct codec<plain_codec> {
  static void write(writer&, const plain_codec&) {}
  static void read(reader&, plain_codec&, std::uint32_t) {}
};
template <>
struct codec<versioned_codec> {
  static constexpr std::uint32_t version = 4;
  static void write(writer&, const versioned_codec&) {}
  static void read(reader&, versioned_codec&, std::uint32_t) {}
};
template <class T>
struct codec<ring<T>> {
  using parts = std::tuple<T, level>;
  static void write(writer&, const ring<T>&) {}
  static void read(reader&, ring<T>&, std::uint32_t) {}
};

namespace {

TEST(layout, of_numbers_enums_and_text) {
  EXPECT_EQ(layout_of<std::int8_t>(), "i8");
  EXPECT_EQ(layout_of<std::uint16_t>(), "u16");
  EXPECT_EQ(layout_of<int>(), "i32");
  EXPECT_EQ(layout_of<std::uint64_t>(), "u64");
  EXPECT_EQ(layout_of<long long>(), layout_of<std::int64_t>());
  EXPECT_EQ(layout_of<char>(), "i8");
  EXPECT_EQ(layout_of<bool>(), "bool");
  EXPECT_EQ(layout_of<float>(), "f32");
  EXPECT_EQ(layout_of<double>(), "f64");
  EXPECT_EQ(layout_of<level>(), "i16");
  EXPECT_EQ(layout_of<std::string>(), "text");
}

TEST(layout, of_containers) {
  EXPECT_EQ(layout_of<std::vector<int>>(), "list<i32>");
  EXPECT_EQ(layout_of<std::deque<int>>(), "list<i32>");
  EXPECT_EQ(layout_of<std::list<int>>(), "list<i32>");
  EXPECT_EQ(layout_of<std::set<int>>(), "list<i32>");
  EXPECT_EQ(layout_of<std::unordered_multiset<int>>(), "list<i32>");
  EXPECT_EQ(layout_of<std::vector<bool>>(), "list<bool>");
  EXPECT_EQ((layout_of<std::map<std::string, point>>()), "map<text {i32 i32}>");
  EXPECT_EQ((layout_of<std::unordered_multimap<std::string, point>>()), "map<text {i32 i32}>");
  EXPECT_EQ((layout_of<std::array<double, 3>>()), "array<3 f64>");
  EXPECT_EQ((layout_of<std::vector<std::vector<point>>>()), "list<list<{i32 i32}>>");
}

TEST(layout, of_sums) {
  EXPECT_EQ(layout_of<std::optional<point>>(), "optional<{i32 i32}>");
  EXPECT_EQ((layout_of<std::variant<std::monostate, int, std::string>>()), "variant<{} i32 text>");
}

TEST(layout, of_products_is_that_of_their_bytes) {
  EXPECT_EQ(layout_of<journey>(), "{text list<{i32 i32}> optional<{i32 i32}> map<text list<u8>>}");
  EXPECT_EQ((layout_of<std::pair<int, std::string>>()), "{i32 text}");
  EXPECT_EQ((layout_of<std::tuple<int, std::string>>()), "{i32 text}");
  EXPECT_EQ(layout_of<money>(), "{i64 text}");
  // What is within it writes nothing of its own.
  EXPECT_EQ((layout_of<std::tuple<point, std::tuple<>, std::pair<int, point>>>()), "{i32 i32 i32 i32 i32}");
  EXPECT_EQ((layout_of<std::tuple<nothing_at_all, std::tuple<int>>>()), "i32");
  EXPECT_EQ(layout_of<nothing_at_all>(), "{}");
  EXPECT_EQ((layout_of<std::vector<std::tuple<std::tuple<int>>>>()), "list<i32>");
}

TEST(layout, of_times_has_their_unit) {
  using namespace std::chrono;
  EXPECT_EQ(layout_of<event_time>(), "time<i64 1/1000s>");
  EXPECT_EQ(layout_of<event_span>(), "time<i64 1/1000s>");
  EXPECT_EQ((layout_of<std::chrono::duration<std::int32_t>>()), "time<i32 1s>");
  EXPECT_EQ((layout_of<std::chrono::duration<double, std::ratio<3600>>>()), "time<f64 3600s>");
  EXPECT_NE(layout_of<milliseconds>(), layout_of<microseconds>());
}

TEST(layout, of_types_with_a_codec_of_their_own) {
  EXPECT_EQ(layout_of<plain_codec>(), "codec");
  EXPECT_EQ(layout_of<versioned_codec>(), "versioned");
  EXPECT_EQ(layout_of<ring<point>>(), "codec<{i32 i32} i16>");
  EXPECT_EQ((layout_of<std::tuple<int, plain_codec>>()), "{i32 codec}");
  EXPECT_EQ(layout_of<list_state<point>>(), "versioned<{i32 i32}>");
  EXPECT_EQ((layout_of<map_state<std::string, point>>()), "versioned<text {i32 i32}>");
  EXPECT_EQ(layout_of<slice_tree<point>>(), "versioned<{i32 i32}>");
}

TEST(layout, of_a_type_within_itself_ends) {
  EXPECT_EQ(layout_of<tree>(), "1:{u32 list<^1>}");
  EXPECT_EQ((layout_of<std::tuple<int, tree>>()), "{i32 1:{u32 list<^1>}}");
  EXPECT_EQ((layout_of<std::tuple<tree, tree>>()), "{1:{u32 list<^1>} 2:{u32 list<^2>}}");
  EXPECT_EQ(layout_of<branch>(), "1:{u8 list<^1> bool}");
  EXPECT_EQ(layout_of<leaves>(), "1:{u8 list<{^1 bool}>}");
}

/// The counterpart of all the above: where the texts are the same, one reads what the other wrote.
TEST(layout, that_is_the_same_reads_the_same_bytes) {
  struct nested {
    std::pair<std::uint32_t, std::deque<std::string>> first{};
    std::tuple<level> second{};
  };
  struct flat {
    unsigned first = 0;
    std::list<std::string> texts{};
    std::int16_t second = 0;
  };
  ASSERT_EQ(layout_of<nested>(), layout_of<flat>());
  writer w;
  write_value(w, nested{{7, {"a", "b"}}, {level::high}});
  reader r(w.data());
  flat read;
  read_value(r, read);
  EXPECT_FALSE(r.failed());
  EXPECT_EQ(r.left(), 0u);
  EXPECT_EQ(read.first, 7u);
  EXPECT_EQ(read.texts, (std::list<std::string>{"a", "b"}));
  EXPECT_EQ(read.second, 1);
}

// --- of states ---

std::string text_of(const any_state& state) {
  const older_types none;
  state_layout layout(none);
  state.add_layout(layout);
  return layout.text();
}

TEST(layout, of_states_has_keys_timers_and_what_is_shared) {
  EXPECT_EQ(text_of(single_state<point>()), "{i32 i32}");
  EXPECT_EQ(text_of(keyed_state<std::string, std::pair<int, bool>>(4)), "{i32 bool} by text");
  EXPECT_EQ(text_of(timed_state<point, double>(4)), "f64 and timers by {i32 i32}");
  const auto keys = [] { return std::unique_ptr<any_state>(new keyed_state<std::string, double>(4)); };
  EXPECT_EQ(text_of(with_broadcast<tree>(keys())), "f64 by text with 1:{u32 list<^1>}");
  EXPECT_EQ(text_of(with_broadcast<int>(nullptr)), " with i32");
}

TEST(layout, of_a_state_without_codec_is_none) {
  EXPECT_EQ(text_of(single_state<std::shared_ptr<int>>()), "");
  EXPECT_EQ(text_of(keyed_state<int, std::shared_ptr<int>>(4)), "");
}

TEST(layout, of_the_key_is_found_in_it) {
  EXPECT_EQ(key_in_layout("{i32 bool} by text"), "text");
  EXPECT_EQ(key_in_layout("f64 and timers by {i32 i32} with list<i32>"), "{i32 i32}");
  EXPECT_EQ(key_in_layout("f64 with list<i32>"), "");
  EXPECT_EQ(key_in_layout(""), "");
}

}  // namespace
}  // namespace freshet
