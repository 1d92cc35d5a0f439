#include "runtime/run_checkpoints.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error_of.hpp"
#include "freshet/core/topology_builder.hpp"
#include "freshet/testing/simulated_files.hpp"

// Which epochs count when a run goes on, by what the sink that decides says.
namespace freshet {
namespace {

using ::testing::HasSubstr;

/// Has committed whatever a test says.
struct deciding {
  void begin(const epoch_id&) {}
  void write(int) {}
  void prepare() {}
  void commit() {}
  void abort() {}
  std::optional<epoch_id> last_committed() const { return {}; }
};
struct plain {
  void write(int) {}
};
struct no_numbers {
  poll_status poll(spout_emitter<int>&) { return poll_status::ended(); }
};

template <class Sink>
topology graph_of() {
  topology_builder builder{"t"};
  builder.sink("d", Sink{}).input(builder.spout("numbers", no_numbers{}));
  return builder.build();
}

struct kept {
  testing::simulated_files files;

  std::unique_ptr<run_checkpoints> open(const topology& graph, std::vector<std::string> dropped = {}) {
    checkpointing how;
    how.directory = "/kept";
    how.files = &files;
    how.allow_dropped_state = std::move(dropped);
    return run_checkpoints::open(graph, how, {}, clock::real());
  }
  std::unique_ptr<run_checkpoints> open() { return open(graph_of<deciding>()); }
};
void no_states(const run_checkpoints::visitor&) {}
void append(run_checkpoints& to, std::uint64_t epoch) {
  epoch_record record;
  record.manifest = to.begin(epoch, {});
  to.append(std::move(record));
}

TEST(run_checkpoints, go_on_from_what_the_sink_that_decides_has_committed) {
  kept all;
  std::uint64_t history = 0;
  {
    auto run = all.open();
    history = run->history();
    run->make_base({}, no_states);
    append(*run, 2);
    append(*run, 3);
  }
  {
    auto run = all.open();
    run->decide("d", epoch_id{history, 3});
    EXPECT_EQ(run->newest(), 3u);
  }
  auto run = all.open();
  run->decide("d", epoch_id{history, 2});
  EXPECT_EQ(run->newest(), 2u);
  EXPECT_EQ(run->next(), 4u);
}

TEST(run_checkpoints, give_a_savepoint_no_number_that_was_discarded) {
  kept all;
  {
    auto run = all.open();
    run->make_base({}, no_states);
    append(*run, 2);
  }
  {
    auto run = all.open();
    run->decide("d", {});
    append(*run, run->next());
  }
  {
    auto run = all.open();
    run->decide("d", {});
    EXPECT_EQ(run->savepoint(no_states), 4u);
  }
  EXPECT_EQ(all.open()->newest(), 4u);
}

TEST(run_checkpoints, ask_no_sink_about_the_epoch_of_a_savepoint) {
  kept all;
  std::uint64_t history = 0;
  {
    auto run = all.open();
    history = run->history();
    run->make_base({}, no_states);
    append(*run, 2);
    run->savepoint(no_states);
    all.files.fail(testing::file_operation::create, "/kept", testing::file_fault::no_space, 0);
    EXPECT_NE(error_of([&] { run->savepoint(no_states); }), "");  // epoch 3 is in the log, and no checkpoint
    all.files.forget_faults();
    EXPECT_EQ(run->newest(), 3u);
  }
  {
    auto run = all.open();
    run->decide("d", epoch_id{history, 2});
    EXPECT_EQ(run->newest(), 3u);
    append(*run, 4);
  }
  auto run = all.open();
  run->decide("d", epoch_id{history, 2});  // not 4
  EXPECT_EQ(run->newest(), 3u);
}

TEST(run_checkpoints, ask_no_sink_that_had_no_part_in_the_epoch) {
  kept all;
  {
    auto run = all.open(graph_of<plain>());
    run->make_base({}, no_states);
    append(*run, 2);
  }
  auto run = all.open();
  run->decide("d", {});
  EXPECT_EQ(run->newest(), 2u);
  EXPECT_TRUE(run->must_begin());  // so that it is known from now on who decides
}

TEST(run_checkpoints, miss_the_sink_that_has_to_decide) {
  kept all;
  {
    auto run = all.open();
    run->make_base({}, no_states);
    append(*run, 2);
  }
  EXPECT_THAT(error_of([&] { (void)all.open(graph_of<plain>()); }),
              HasSubstr("sink \"d\" decides whether that epoch counts, and the topology has no such sink"));
  EXPECT_EQ(all.open(graph_of<plain>(), {"d"})->newest(), 2u);
}

}  // namespace
}  // namespace freshet
