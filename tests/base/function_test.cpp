#include "freshet/base/function.hpp"

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <string>

namespace freshet {
namespace {

/// Counts how many are alive, to see that none is leaked or destroyed twice.
struct counted {
  int* alive;
  explicit counted(int& n) : alive(&n) { ++*alive; }
  counted(counted&& o) noexcept : alive(o.alive) { ++*alive; }
  ~counted() { --*alive; }
};

TEST(move_only_function, is_empty_by_default_and_after_a_move) {
  move_only_function<int()> f;
  EXPECT_FALSE(f);
  f = [] { return 3; };
  ASSERT_TRUE(f);
  auto g = std::move(f);
  EXPECT_FALSE(f);  // NOLINT: the moved-from state is documented
  EXPECT_EQ(g(), 3);
  g = nullptr;
  EXPECT_FALSE(g);
}

TEST(move_only_function, an_empty_pointer_makes_an_empty_function) {
  int (*none)() = nullptr;
  EXPECT_FALSE(move_only_function<int()>(none));
}

TEST(move_only_function, holds_move_only_callables_and_forwards_arguments) {
  move_only_function<int(std::unique_ptr<int>)> f = [held = std::make_unique<int>(40)](std::unique_ptr<int> given) {
    return *held + *given;
  };
  EXPECT_EQ(f(std::make_unique<int>(2)), 42);
}

TEST(move_only_function, calls_pointers_to_members_and_discards_results) {
  move_only_function<std::size_t(const std::string&)> size = &std::string::size;
  EXPECT_EQ(size("four"), 4u);
  int calls = 0;
  move_only_function<void()> nothing = [&calls] { return ++calls; };
  nothing();
  EXPECT_EQ(calls, 1);
}

template <std::size_t Bytes>
void check_lifetime() {
  int alive = 0;
  {
    move_only_function<int()> f = [c = counted(alive), room = std::array<char, Bytes>{}] {
      return *c.alive + static_cast<int>(room[0]);
    };
    EXPECT_EQ(alive, 1);
    auto g = std::move(f);
    EXPECT_EQ(alive, 1);
    move_only_function<int()> h;
    h = std::move(g);
    EXPECT_EQ(h(), 1);
    h = [] { return 9; };
    EXPECT_EQ(alive, 0);
    EXPECT_EQ(h(), 9);
  }
  EXPECT_EQ(alive, 0);
}
TEST(move_only_function, destroys_its_target_once_inside_and_on_the_heap) {
  check_lifetime<1>();
  check_lifetime<40>();
  check_lifetime<41>();
  check_lifetime<4000>();
}

TEST(move_only_function, moves_over_itself) {
  move_only_function<int()> f = [] { return 1; };
  auto& same = f;
  f = std::move(same);
  EXPECT_EQ(f(), 1);
}

}  // namespace
}  // namespace freshet
