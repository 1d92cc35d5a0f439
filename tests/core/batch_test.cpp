#include "freshet/core/batch.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace freshet {
namespace {

event_time at(int ms) { return event_time{std::chrono::milliseconds(ms)}; }

TEST(batch, has_only_the_columns_it_is_asked_for) {
  batch<int> plain({.capacity = 2});
  plain.append(root{1, 2}, at(3), at(4), 5);
  EXPECT_FALSE(plain.has_roots() || plain.has_times());
  EXPECT_EQ(plain.root_of(0), root{});
  EXPECT_EQ(plain.time_of(0), event_time{});
  EXPECT_EQ(plain.stamp_of(0), beginning_of_time);
  EXPECT_EQ(plain.value(0), 5);

  batch<int> full({.capacity = 2, .roots = true, .times = true});
  full.append(root{1, 2}, at(3), at(4), 5);
  EXPECT_EQ(full.root_of(0), (root{1, 2}));
  EXPECT_EQ(full.time_of(0), at(3));
  EXPECT_EQ(full.stamp_of(0), at(4));
  EXPECT_FALSE(full.full());
  full.append({}, {}, {}, 6);
  EXPECT_TRUE(full.full());
}

TEST(batch, destroys_what_it_truncates) {
  auto value = std::make_shared<int>(1);
  batch<std::shared_ptr<int>> b({.capacity = 8});
  for (int i = 0; i < 5; ++i) b.append({}, {}, {}, value);
  EXPECT_EQ(value.use_count(), 6);
  b.truncate(2);
  EXPECT_EQ(value.use_count(), 3);
  b.marks.end = true;
  b.clear();
  EXPECT_EQ(value.use_count(), 1);
  EXPECT_FALSE(b.marks.any());
}

struct throws_when_copied {
  throws_when_copied() = default;
  throws_when_copied(const throws_when_copied&) { throw std::runtime_error("copy"); }
  throws_when_copied& operator=(const throws_when_copied&) = default;
};

TEST(batch, a_constructor_that_throws_leaves_it_as_it_was) {
  batch<throws_when_copied> b({.capacity = 2});
  b.append({}, {}, {});
  const throws_when_copied value;
  EXPECT_THROW(b.append({}, {}, {}, value), std::runtime_error);
  EXPECT_EQ(b.size(), 1u);
}

TEST(batch, keeps_lists_of_roots_beside_and_drops_those_cut_off) {
  batch<int> b({.capacity = 4, .roots = true});
  const root_list one{root{1, 0}, root{2, 0}}, two{root{3, 0}, root{3, 0}};
  for (int i = 0; i < 3; ++i) b.append(root{9, 0}, {}, {}, i);
  b.set_roots(0, one);
  b.set_roots(2, two);
  EXPECT_EQ(b.roots_of(0), one);
  EXPECT_EQ(b.roots_of(2), two);
  EXPECT_EQ(b.several_size(), 2u);
  b.truncate(2);
  EXPECT_EQ(b.several_size(), 1u);
  EXPECT_EQ(b.roots_of(0), one);
  b.truncate(0);
  EXPECT_EQ(b.several_size(), 0u);
}

TEST(batch, the_last_of_several_readers_owns_it) {
  batch<int> b({.capacity = 1});
  EXPECT_TRUE(b.release());
  b.share(3);
  EXPECT_TRUE(b.shared());
  EXPECT_FALSE(b.release());
  EXPECT_FALSE(b.release());
  EXPECT_FALSE(b.shared());
  EXPECT_TRUE(b.release());
}

struct no_codec {
  std::shared_ptr<int> p;
};

TEST(stream_type, knows_what_can_be_done_with_its_values) {
  const auto& text = stream_type_of<std::string>();
  EXPECT_NE(text.id, stream_type_of<int>().id);
  EXPECT_EQ(&text, &stream_type_of<std::string>());
  std::unique_ptr<any_batch> from(text.make({.capacity = 2, .roots = true})),
      to(text.make({.capacity = 2, .roots = true}));
  auto& values = static_cast<batch<std::string>&>(*from);
  values.append(root{1, 1}, {}, {}, "one");
  values.append(root{1, 2}, {}, {}, "two");
  values.set_roots(1, {root{1, 2}, root{5, 0}});
  text.append(*from, 1, *to);
  text.append(*from, 0, *to);
  EXPECT_EQ(static_cast<batch<std::string>&>(*to).value(0), "two");
  EXPECT_EQ(to->roots_of(0), from->roots_of(1));
  EXPECT_EQ(to->root_of(1), (root{1, 1}));

  writer w;
  text.write(w, *from, 0);
  reader r(w.data());
  to->clear();
  text.read(r, *to);
  EXPECT_EQ(static_cast<batch<std::string>&>(*to).value(0), "one");
  EXPECT_EQ(stream_type_of<no_codec>().write, nullptr);
  EXPECT_EQ(stream_type_of<no_codec>().read, nullptr);
}

/// What the reader was told, instead of what was written.
struct dated {
  std::uint32_t version = 0;
};
}  // namespace

template <>
struct codec<dated> {
  static constexpr std::uint32_t version = 3;
  static void write(writer& w, const dated&) { w.raw('x'); }
  static void read(reader& r, dated& d, std::uint32_t written) {
    (void)r.raw<char>();
    d.version = written;
  }
};

namespace {
TEST(stream_type, reads_with_the_version_it_writes) {
  const auto& type = stream_type_of<dated>();
  batch<dated> b({.capacity = 2});
  b.append({}, {}, {});
  writer w;
  type.write(w, b, 0);
  reader r(w.data());
  type.read(r, b);
  EXPECT_EQ(b.value(1).version, 3u);
}

TEST(batch_checksum, changes_with_any_value) {
  const auto sum = [](const std::vector<std::string>& all) {
    batch<std::string> b({.capacity = 8});
    for (const auto& s : all) b.append({}, {}, {}, s);
    return stream_type_of<std::string>().checksum(b);
  };
  EXPECT_EQ(sum({"a", "b"}), sum({"a", "b"}));
  EXPECT_NE(sum({"a", "b"}), sum({"b", "a"}));
  EXPECT_NE(sum({"a", "b"}), sum({"ab"}));
  batch<int> numbers({.capacity = 2});
  EXPECT_EQ(batch_checksum(numbers), 0u);
  numbers.append({}, {}, {}, 1);
  const auto one = batch_checksum(numbers);
  numbers.value(0) ^= 1 << 30;
  EXPECT_NE(batch_checksum(numbers), one);
}

TEST(batch_checksum, is_not_there_where_a_change_cannot_be_noticed) {
  EXPECT_EQ(stream_type_of<no_codec>().checksum, nullptr);
  EXPECT_NE(stream_type_of<int*>().checksum, nullptr);
}

}  // namespace
}  // namespace freshet
