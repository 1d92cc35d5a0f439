// What a spout is told of messages that are finished, and what it is told again.
#include "runtime/position_committer.hpp"

#include <gmock/gmock.h>

#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "freshet/core/topology_builder.hpp"

namespace freshet {
namespace {

using testing::ElementsAre;

/// What a spout is told, and which partitions it can't take now.
struct broker {
  std::vector<position> told;
  std::map<partition_id, std::string> refuses;
};
struct committing {
  std::shared_ptr<broker> to;
  poll_status poll(spout_emitter<int>&) { return poll_status::ended(); }
  void read(const position_range&, spout_emitter<int>&) {}
  void seek(const position&) {}
  void commit(const position& p) {
    if (const auto why = to->refuses.find(p.partition); why != to->refuses.end()) throw std::runtime_error(why->second);
    to->told.push_back(p);
  }
};

class position_committer_of_a_spout : public testing::Test {
 protected:
  position_committer_of_a_spout() {
    topology_builder b{"committed"};
    (void)b.spout("numbers", committing{at});
    task = b.build().nodes()[0].tasks->make();
    task->attach(0, frame);
  }
  /// What is told with this commit.
  std::vector<position> commit() {
    at->told.clear();
    const auto e = committer.commit(static_cast<spout_operator&>(*task));
    failure = e ? e->message : "";
    return at->told;
  }

  std::shared_ptr<broker> at = std::make_shared<broker>();
  call_frame frame;
  std::unique_ptr<task_operator> task;
  position_committer committer;
  std::string failure;
};

TEST_F(position_committer_of_a_spout, tells_each_partition_once_how_far_it_came) {
  EXPECT_TRUE(committer.empty());
  EXPECT_THAT(commit(), ElementsAre());
  committer.finished({2, 10, 11});
  committer.finished({1, 5, 6});
  committer.finished({2, 11, 20});
  EXPECT_FALSE(committer.empty());
  EXPECT_THAT(commit(), ElementsAre(position{1, 5, 6}, position{2, 11, 20}));
  EXPECT_TRUE(committer.empty());
  EXPECT_THAT(commit(), ElementsAre()) << "it knows";
}

TEST_F(position_committer_of_a_spout, what_one_partition_refuses_keeps_none_of_the_others_and_is_told_again) {
  for (partition_id p : {1u, 2u, 3u, 4u}) committer.finished({p, 10, 11});
  at->refuses = {{2, "away"}, {3, "gone"}};
  EXPECT_THAT(commit(), ElementsAre(position{1, 10, 11}, position{4, 10, 11}));
  EXPECT_EQ(failure, "away") << "the first";
  EXPECT_FALSE(committer.empty());
  at->refuses.erase(2);
  EXPECT_THAT(commit(), ElementsAre(position{2, 10, 11}));
  EXPECT_EQ(failure, "gone");
  at->refuses.clear();
  EXPECT_THAT(commit(), ElementsAre(position{3, 10, 11}));
  EXPECT_EQ(failure, "");
  EXPECT_TRUE(committer.empty());
}

/// A position commits all that is before it.
TEST_F(position_committer_of_a_spout, what_comes_meanwhile_takes_the_place_of_what_was_refused) {
  committer.finished({1, 0, 1});
  at->refuses = {{1, "away"}};
  EXPECT_THAT(commit(), ElementsAre());
  committer.finished({1, 1, 7});
  at->refuses.clear();
  EXPECT_THAT(commit(), ElementsAre(position{1, 1, 7}));
  EXPECT_TRUE(committer.empty());
}

}  // namespace
}  // namespace freshet
