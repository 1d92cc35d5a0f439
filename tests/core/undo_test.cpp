#include "freshet/core/undo.hpp"

#include <gtest/gtest.h>

#include <map>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>

#include "freshet/core/codec.hpp"

namespace freshet {
namespace {

/// A number that notes what it was, and counts its copies.
class counter {
 public:
  counter() = default;
  counter(const counter& other) : value(other.value) { ++copies; }
  counter(counter&&) noexcept = default;
  counter& operator=(const counter& other) {
    value = other.value;
    ++copies;
    return *this;
  }
  void set(int v) {
    if (log_.is_on()) log_.note(value);
    value = v;
  }
  std::size_t mark() { return log_.mark(); }
  void undo(std::size_t mark) {
    log_.undo(mark, [this](int before) { value = before; });
  }
  void keep(std::size_t) {
    log_.keep([](auto&) {});
  }
  void forget_marks() {
    log_.forget_marks([](auto&) {});
  }
  bool is_noting() const { return log_.is_on(); }

  int value = 0;
  static inline int copies = 0;

 private:
  undo_log<int> log_;
};
static_assert(undoable<counter>);

struct plain {
  int n = 0;
  std::string text;
};
struct mixed {
  int n = 0;
  counter many;
  std::string text;
};
struct deep {
  mixed inner;
  int n = 0;
};
static_assert(!has_undoable_part<plain> && !has_undoable_part<std::map<int, counter>>);
static_assert(has_undoable_part<mixed> && has_undoable_part<deep> && has_undoable_part<counter>);
static_assert(has_undoable_part<std::tuple<int, counter>> && !has_undoable_part<std::pair<int, plain>>);

TEST(undo_point, of_a_plain_state_is_a_copy) {
  plain s{1, "one"};
  undo_point<plain> point(s);
  s = {2, "two"};
  point.undo(s);
  EXPECT_EQ(s.n, 1);
  EXPECT_EQ(s.text, "one");
}

TEST(undo_point, of_an_aggregate_copies_what_cannot_undo_itself_and_nothing_else) {
  deep s;
  s.inner.many.set(1);
  counter::copies = 0;
  undo_point<deep> point(s);
  s.inner.many.set(2);
  s.inner.many.set(3);
  s.inner.n = s.n = 4;
  s.inner.text = "changed";
  point.undo(s);
  EXPECT_EQ(s.inner.many.value, 1);
  EXPECT_EQ(s.inner.n, 0);
  EXPECT_EQ(s.n, 0);
  EXPECT_EQ(s.inner.text, "");
  EXPECT_EQ(counter::copies, 0);
  EXPECT_FALSE(s.inner.many.is_noting());
}

TEST(undo_point, of_a_tuple_is_part_by_part) {
  std::tuple<int, counter> s;
  counter::copies = 0;
  undo_point<std::tuple<int, counter>> point(s);
  std::get<0>(s) = 1;
  std::get<1>(s).set(2);
  point.undo(s);
  EXPECT_EQ(std::get<0>(s), 0);
  EXPECT_EQ(std::get<1>(s).value, 0);
  EXPECT_EQ(counter::copies, 0);
}

TEST(undo_point, that_is_kept_leaves_nothing_behind) {
  deep s;
  undo_point<deep> point(s);
  s.inner.many.set(2);
  point.keep(s);
  EXPECT_EQ(s.inner.many.value, 2);
  EXPECT_FALSE(s.inner.many.is_noting());
}

/// Throws when it is copied, if told to.
struct fragile {
  fragile() = default;
  fragile(const fragile&) {
    if (breaks) throw std::runtime_error("cannot be copied");
  }
  fragile(fragile&&) noexcept = default;
  fragile& operator=(fragile&&) noexcept = default;
  static inline bool breaks = false;
};
TEST(undo_point, that_could_not_be_made_leaves_no_mark) {
  std::tuple<counter, fragile, counter> s;
  fragile::breaks = true;
  EXPECT_THROW(undo_point<decltype(s)>{s}, std::runtime_error);
  fragile::breaks = false;
  EXPECT_FALSE(std::get<0>(s).is_noting());
  EXPECT_FALSE(std::get<2>(s).is_noting());
}

TEST(undo_point, points_nest) {
  counter s;
  undo_point<counter> outer(s);
  s.set(1);
  {
    undo_point<counter> inner(s);
    s.set(2);
    inner.undo(s);
    EXPECT_EQ(s.value, 1);
  }
  {
    undo_point<counter> inner(s);
    s.set(3);
    inner.keep(s);
  }
  EXPECT_TRUE(s.is_noting());
  outer.undo(s);
  EXPECT_EQ(s.value, 0);
  EXPECT_FALSE(s.is_noting());
}

TEST(undo_log, keeping_without_a_mark_does_nothing) {
  counter s;
  s.keep(0);
  s.set(1);
  EXPECT_EQ(s.value, 1);
}

TEST(undo_log, a_copy_has_no_marks) {
  counter s;
  const auto mark = s.mark();
  s.set(1);
  counter copy = s;
  EXPECT_FALSE(copy.is_noting());
  s.undo(mark);
  EXPECT_EQ(copy.value, 1);
  EXPECT_EQ(s.value, 0);
}

}  // namespace
}  // namespace freshet
