#include "freshet/connect/memory/vector_spout.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "connect/spout_probe.hpp"

namespace freshet {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using kind = poll_status::kind;

using letters = spout_probe<vector_spout<std::string>>;

vector_spout<std::string> abcde() { return vector_spout<std::string>{{"a", "b", "c", "d", "e"}}; }
task_context of_two(std::size_t task) {
  task_context c;
  c.task = task;
  c.task_count = 2;
  return c;
}

TEST(vector_spout, emits_its_values_in_order_as_there_is_room) {
  letters probe{abcde()};
  EXPECT_EQ(probe.poll(2), kind::emitted);
  EXPECT_THAT(probe.values(), ElementsAre("a", "b"));
  EXPECT_EQ(probe.poll(2), kind::emitted);
  EXPECT_EQ(probe.poll(2), kind::ended);
  EXPECT_THAT(probe.values(), ElementsAre("a", "b", "c", "d", "e"));
}

TEST(vector_spout, ends_at_once_without_values) {
  letters probe{vector_spout<std::string>{{}}};
  EXPECT_EQ(probe.poll(), kind::ended);
  EXPECT_THAT(probe.messages, IsEmpty());
}

TEST(vector_spout, positions_are_places_in_the_vector) {
  letters probe{abcde()};
  probe.poll_all();
  for (std::size_t i = 0; i < 5; ++i) EXPECT_EQ(probe.messages[i].at, (position{0, i, i + 1}));
}

TEST(vector_spout, reads_a_range_again_between_polls) {
  letters probe{abcde()};
  probe.poll(3);
  const auto again = probe.read({0, 1, 3});
  ASSERT_EQ(again.size(), 2u);
  EXPECT_EQ(again[0].value, "b");
  EXPECT_EQ(again[1].value, "c");
  EXPECT_EQ(again[1].at, (position{0, 2, 3}));
  EXPECT_EQ(probe.poll_all(), kind::ended);
  EXPECT_THAT(probe.values(), ElementsAre("a", "b", "c", "d", "e"));
}

TEST(vector_spout, goes_on_from_where_it_is_sent) {
  letters probe{abcde()};
  probe.seek({0, 3, 3});
  EXPECT_EQ(probe.poll_all(), kind::ended);
  EXPECT_THAT(probe.values(), ElementsAre("d", "e"));

  letters at_the_end{abcde()};
  at_the_end.seek({0, 5, 5});
  EXPECT_EQ(at_the_end.poll(), kind::ended);
  EXPECT_THAT(at_the_end.messages, IsEmpty());
}

TEST(vector_spout, only_the_first_task_reads) {
  const auto spout = abcde();
  letters first{spout, of_two(0)}, second{spout, of_two(1)};
  EXPECT_EQ(second.poll(), kind::ended);
  EXPECT_THAT(second.messages, IsEmpty());
  EXPECT_EQ(first.poll_all(), kind::ended);
  EXPECT_EQ(first.messages.size(), 5u);
}

TEST(vector_spout, copies_begin_at_the_beginning) {
  const auto spout = abcde();
  for (int run = 0; run < 2; ++run) {
    letters probe{spout};
    probe.poll_all();
    EXPECT_EQ(probe.messages.size(), 5u);
  }
}

}  // namespace
}  // namespace freshet
