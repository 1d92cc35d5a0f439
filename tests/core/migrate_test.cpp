#include "freshet/core/migrate.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

#include "freshet/core/layout.hpp"
#include "freshet/state/list_state.hpp"
#include "freshet/state/map_state.hpp"

// What was written of older types is read by newer ones.
namespace freshet {
namespace {

struct visit_v1 {
  std::uint32_t pages = 0;
};
struct visit_v2 {
  std::uint64_t pages = 0;
  static visit_v2 migrate(visit_v1 old) { return {old.pages}; }
};
struct visit {
  std::string note{};
  std::uint64_t pages = 0;
  static visit migrate(const visit_v2& old) {
    if (old.pages == 13) throw std::runtime_error("nobody has seen 13 pages");
    return {"read", old.pages};
  }
};
static_assert(migratable<visit> && migratable<visit_v2> && !migratable<visit_v1>);
static_assert(std::same_as<older_of<visit>, visit_v2> && std::same_as<older_of<visit_v2>, visit_v1>);

// What is none; tests/compile_fail has the sentences.
struct gives_another {
  int n = 0;
  static visit migrate(visit_v1);
};
struct takes_nothing {
  int n = 0;
  static takes_nothing migrate();
};
struct has_two {
  int n = 0;
  static has_two migrate(visit_v1);
  static has_two migrate(visit_v2);
};
struct takes_itself {
  int n = 0;
  static takes_itself migrate(takes_itself);
};
struct second_of_two;
struct first_of_two {
  int n = 0;
  static first_of_two migrate(const second_of_two&);
};
struct second_of_two {
  long n = 0;
  static second_of_two migrate(const first_of_two&);
};
struct takes_what_it_may_change {
  int n = 0;
  static takes_what_it_may_change migrate(visit_v1&);
};
struct not_static {
  int n = 0;
  not_static migrate(visit_v1) const;
};
struct takes_what_has_no_codec {
  int n = 0;
  static takes_what_has_no_codec migrate(std::shared_ptr<int>);
};
class hides_it {
  static hides_it migrate(visit_v1);
};
template <class... T>
constexpr bool all_wrong = ((!migratable<T> && detail::has_migrate<T>)&&...);
static_assert(all_wrong<gives_another, takes_nothing, has_two, takes_itself, first_of_two, second_of_two,
                        takes_what_it_may_change, not_static, takes_what_has_no_codec, hides_it>);
static_assert(!detail::has_migrate<visit_v1> && !detail::has_migrate<std::string> && !detail::has_migrate<int>);

template <class... T>
older_types older() {
  older_types all;
  (all.add(&detail::type_identity<T>), ...);
  return all;
}

/// A `New` made of the bytes of an old value, whole or cut.
template <class New, class Old>
std::optional<New> migrated(const Old& old, const older_types& types, std::size_t cut = 0) {
  writer w;
  write_value(w, old);
  reader r(std::string_view(w.data()).substr(0, w.size() - cut));
  r.has_older(&types);
  New made{};
  read_value(r, made);
  if (r.failed() || r.left() != 0) return {};
  return made;
}

bool operator==(const visit& a, const visit& b) { return a.note == b.note && a.pages == b.pages; }

TEST(migrate, takes_a_step_or_several) {
  EXPECT_EQ(migrated<visit>(visit{"new", 5}, {}), (visit{"new", 5}));
  EXPECT_EQ(migrated<visit>(visit_v2{5}, older<visit>()), (visit{"read", 5}));
  EXPECT_EQ(migrated<visit>(visit_v1{5}, older<visit, visit_v2>()), (visit{"read", 5}));
}

TEST(migrate, reaches_every_part_of_a_state) {
  const auto types = older<visit>();
  EXPECT_EQ((migrated<std::vector<visit>>(std::vector{visit_v2{1}, visit_v2{2}}, types)),
            (std::vector{visit{"read", 1}, visit{"read", 2}}));
  using map = std::map<std::string, visit>;
  EXPECT_EQ((migrated<map>(std::map<std::string, visit_v2>{{"a", {1}}}, types)), (map{{"a", {"read", 1}}}));
  EXPECT_EQ((migrated<std::optional<visit>>(std::optional(visit_v2{1}), types)), std::optional(visit{"read", 1}));
  EXPECT_EQ((migrated<std::variant<int, visit>>(std::variant<int, visit_v2>(visit_v2{1}), types)),
            (std::variant<int, visit>(visit{"read", 1})));
  EXPECT_EQ((migrated<std::array<visit, 1>>(std::array{visit_v2{1}}, types)), (std::array{visit{"read", 1}}));
  EXPECT_EQ((migrated<std::pair<visit, int>>(std::pair(visit_v2{1}, 7), types)), std::pair(visit({"read", 1}), 7));
}

TEST(migrate, reaches_into_list_state_and_map_state) {
  list_state<visit_v2> list;
  list.push_back({1});
  list.push_back({2});
  const auto read = migrated<list_state<visit>>(list, older<visit>());
  ASSERT_TRUE(read);
  EXPECT_EQ(std::vector(read->begin(), read->end()), (std::vector{visit{"read", 1}, visit{"read", 2}}));
  map_state<std::string, visit_v2> map;
  map.insert("a", {3});
  const auto read_map = migrated<map_state<std::string, visit>>(map, older<visit>());
  ASSERT_TRUE(read_map);
  ASSERT_EQ(read_map->size(), 1u);
  EXPECT_EQ(*read_map->find("a"), (visit{"read", 3}));
}

/// Changed itself, and in one of its parts: the old one had the old part.
struct trip_v1 {
  visit_v2 first{};
};
struct trip {
  visit first{};
  bool is_over = false;
  static trip migrate(trip_v1 old) { return {visit::migrate(old.first), true}; }
};
/// Changed itself, its part not.
struct shop_v1 {
  visit last{};
};
struct shop {
  visit last{};
  int rooms = 0;
  static shop migrate(shop_v1 old) { return {std::move(old.last), 1}; }
};

TEST(migrate, of_types_within_each_other) {
  const auto a_trip = migrated<trip>(trip_v1{{4}}, older<trip>());
  ASSERT_TRUE(a_trip);
  EXPECT_EQ(a_trip->first, (visit{"read", 4}));
  EXPECT_TRUE(a_trip->is_over);
  // Both have changed since, one after the other.
  const auto a_shop = migrated<shop>(visit_v1{4}, older<shop, visit, visit_v2>());
  ASSERT_TRUE(a_shop);
  EXPECT_EQ(a_shop->last, (visit{"read", 4}));
  EXPECT_EQ(a_shop->rooms, 1);
}

/// A type within itself.
struct tree_v1 {
  std::int32_t value = 0;
  std::vector<tree_v1> below{};
};
struct tree {
  std::int64_t value = 0;
  std::vector<tree> below{};
  static tree migrate(const tree_v1& old) {
    tree made{old.value, {}};
    for (const auto& b : old.below) made.below.push_back(migrate(b));
    return made;
  }
};

TEST(migrate, of_a_type_within_itself) {
  const auto read = migrated<tree>(tree_v1{1, {{2, {}}, {3, {}}}}, older<tree>());
  ASSERT_TRUE(read);
  EXPECT_EQ(read->below.at(1).value, 3);
}

TEST(migrate, is_not_asked_about_damaged_bytes) {
  for (std::size_t cut = 1; cut <= sizeof(std::uint64_t); ++cut)
    EXPECT_EQ(migrated<visit>(visit_v2{13}, older<visit>(), cut), std::nullopt) << cut;
}

TEST(migrate, throws_out_of_reading) {
  EXPECT_THROW(migrated<std::vector<visit>>(std::vector{visit_v2{13}}, older<visit>()), std::runtime_error);
}

// --- the layouts of older types ---

template <class T>
std::string layout(const older_types& types, std::vector<const void*>* met = nullptr) {
  layout_text text(types);
  add_layout<T>(text);
  if (met) *met = text.migratable_types();
  return text.text();
}

TEST(migrate, describes_what_was_before) {
  EXPECT_EQ(layout<visit>({}), "{text u64}");
  EXPECT_EQ(layout<visit>(older<visit>()), "u64");
  EXPECT_EQ(layout<visit>(older<visit_v2>()), "{text u64}");  // it isn't in there
  EXPECT_EQ((layout<visit>(older<visit, visit_v2>())), "u32");
  EXPECT_EQ((layout<std::pair<int, visit>>(older<visit, visit_v2>())), "{i32 u32}");
  EXPECT_EQ((layout<map_state<int, shop>>(older<shop>())), "versioned<i32 {text u64}>");
  EXPECT_EQ(layout<tree>(older<tree>()), "1:{i32 list<^1>}");
}

TEST(migrate, tells_which_types_may_be_older) {
  std::vector<const void*> met;
  (void)layout<shop>(older<shop, visit>(), &met);
  EXPECT_THAT(met, ::testing::ElementsAre(&detail::type_identity<shop>, &detail::type_identity<visit>,
                                          &detail::type_identity<visit_v2>));
}

}  // namespace
}  // namespace freshet
