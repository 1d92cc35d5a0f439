#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "batch/batch_check.hpp"
#include "batch/batch_probe.hpp"
#include "freshet/testing/simulated_files.hpp"

// Runs with a store of a few kilobytes: what it has no room for goes to a file and comes back, and nothing is computed
// again; where the disk fails it is.
namespace {
using namespace freshet;
using namespace freshet::batch_tests;
using freshet::testing::file_fault;
using freshet::testing::file_operation;
using freshet::testing::file_step;
using freshet::testing::simulated_files;
using ::testing::AllOf;
using ::testing::HasSubstr;

struct outcome {
  std::map<int, long> sums;  ///< by last digit, at the end
  run_metrics metrics;
};

constexpr int messages = 2000;

outcome finish(topology_run run, collect_sink<std::pair<int, long>>& sink) {
  run.wait();
  outcome o;
  for (auto [digit, sum] : sink.take()) o.sums[digit] = std::max(o.sums[digit], sum);
  o.metrics = run.metrics();
  return o;
}

/// in -> text (x 4) -> long (x 3, by its length) -> sums (x 3) -> out: numbers as texts of some length
template <class Spout>
outcome sums_of(Spout spout, batch_options options) {
  topology_builder builder{"spill"};
  collect_sink<std::pair<int, long>> sink;
  auto in = builder.spout("in", std::move(spout));
  auto text = builder.bolt("text", [](int v) { return std::string(30, '0') + std::to_string(v); }, {.parallelism = 4})
                  .input(in, shuffle_grouping{});
  auto number = builder.bolt("number", [](const std::string& s) { return std::stoi(s); }, {.parallelism = 3})
                    .input(text, key_grouping{[](const std::string& s) { return s.size(); }});
  auto sums = builder.bolt("sums", sum_once_a_batch{}, {.parallelism = 3}).input(number, key_grouping{last_digit{}});
  builder.sink("out", sink).input(sums, global_grouping{});
  return finish(batch_executor{std::move(options)}.start(builder.build()), sink);
}

outcome run_replayable(batch_options options) { return sums_of(vector_spout{numbers(messages)}, std::move(options)); }
outcome run_pushed(batch_options options) {
  push_like_spout spout;
  for (int v : numbers(messages)) spout.source().push(v);
  spout.source().close();
  return sums_of(spout, std::move(options));
}

class spill_test : public ::testing::TestWithParam<std::size_t> {
 protected:
  batch_options without_room(bool spilled = true) {
    auto o = batches_of(500, {.workers = GetParam(), .block_store_bytes = 4096, .max_batch = 16});
    if (spilled) o.spill = {.directory = "/spill", .files = &files};
    return o;
  }
  simulated_files files;
  const std::map<int, long> expected = run_replayable(batches_of(500)).sums;
};

TEST_P(spill_test, nothing_is_computed_again) {
  for (auto* run : {run_replayable, run_pushed}) {
    const auto without = run(without_room(false));
    EXPECT_EQ(without.sums, expected);
    EXPECT_GT(without.metrics.recomputed_partitions, 0u);
    EXPECT_GT(without.metrics.blocks.evicted, 0u);
    EXPECT_EQ(without.metrics.blocks.spilled, 0u);

    const auto with = run(without_room());
    EXPECT_EQ(with.sums, expected);
    EXPECT_EQ(with.metrics.recomputed_partitions, 0u);
    EXPECT_GT(with.metrics.blocks.spilled, 0u);
    EXPECT_GT(with.metrics.blocks.spilled_bytes, with.metrics.blocks.spilled);
    EXPECT_GT(with.metrics.blocks.read_back, 0u);
    EXPECT_EQ(with.metrics.blocks.not_spilled + with.metrics.blocks.spilled_lost, 0u);
  }
}

TEST_P(spill_test, the_file_holds_one_batch_and_goes_with_the_run) {
  std::atomic<std::uint64_t> batches{0}, longest{0};
  files.on_step([&](const file_step& step) {
    if (step.operation == file_operation::cut && step.done) ++batches;
    if (step.operation != file_operation::append || !step.done) return;
    const auto size = files.list("/spill").value().front().size;
    std::uint64_t seen = longest;
    while (size > seen && !longest.compare_exchange_weak(seen, size)) {}
  });
  const auto with = run_replayable(without_room());
  files.on_step({});
  EXPECT_GT(batches.load(), 4u);
  EXPECT_LT(longest.load() * 2, with.metrics.blocks.spilled_bytes);
  for (const auto& each : files.list("/spill").value()) EXPECT_THAT(each.name, HasSubstr(".lock"));
}

TEST_P(spill_test, a_disk_that_fails_costs_no_answer) {
  for (auto* run : {run_replayable, run_pushed})
    for (auto what : {file_operation::append, file_operation::read, file_operation::cut})
      for (auto how : {file_fault::no_space, file_fault::device_error, file_fault::short_write})
        for (std::uint64_t times : {std::uint64_t{3}, simulated_files::always}) {
          if (how == file_fault::short_write && what != file_operation::append) continue;
          SCOPED_TRACE(std::string(to_string(what)) + " " + std::to_string(static_cast<int>(how)) + " " +
                       std::to_string(times));
          files.forget_faults();
          files.fail(what, "spill-0.blocks", how, 2, times);
          const auto got = run(without_room());
          EXPECT_EQ(got.sums, expected);
          EXPECT_GT(got.metrics.blocks.not_spilled + got.metrics.blocks.spilled_lost, 0u);
        }
}

TEST_P(spill_test, bits_that_change_on_disk_cost_no_answer) {
  for (auto* run : {run_replayable, run_pushed}) {
    std::atomic<std::uint64_t> appends{0};
    files.on_step([&](const file_step& step) {
      if (step.operation != file_operation::append || !step.done || ++appends % 3 != 0) return;
      // Appends follow one another: the last byte is that of the block just written.
      const auto size = files.list("/spill").value().front().size;
      files.flip_bit(std::string(step.path), size - 1, 3);
    });
    const auto got = run(without_room());
    EXPECT_EQ(got.sums, expected);
    EXPECT_GT(got.metrics.blocks.spilled_lost, 0u);
    EXPECT_GT(got.metrics.recomputed_partitions, 0u);
    files.on_step({});
  }
}

TEST_P(spill_test, a_disk_that_is_full_costs_no_answer) {
  auto options = without_room();
  options.spill.most_bytes = 2000;
  const auto got = run_replayable(options);
  EXPECT_EQ(got.sums, expected);
  EXPECT_GT(got.metrics.blocks.not_spilled, 0u);
  EXPECT_GT(got.metrics.blocks.spilled, 0u);
}
INSTANTIATE_TEST_SUITE_P(workers, spill_test, ::testing::Values(1, 2, 8));

/// in -> out (x 2), which knows no multiple of 5; both tasks have dead letters, read by "letters"
outcome letters_of_a_sink(batch_options options) {
  topology_builder builder{"letters"};
  collect_sink<std::pair<int, long>> letters;
  auto source = builder.spout("in", vector_spout{numbers(40)});
  builder
      .sink("out",
            [](int v) {
              if (v % 5 == 0) throw std::runtime_error("no " + std::to_string(v));
            },
            {.parallelism = 2})
      .input(source, shuffle_grouping{});
  builder.sink("letters", letters)
      .input(builder.bolt("text", [](const dead_letter& l) { return std::pair(std::stoi(l.error.substr(3)), 1L); })
                 .input(builder.dead_letters(), global_grouping{}),
             global_grouping{});
  return finish(batch_executor{std::move(options)}.start(builder.build()), letters);
}

class spilled_letters : public ::testing::Test {
 protected:
  batch_options options() {
    auto o = batches_of(20, {.workers = 2, .max_task_attempts = 2, .block_store_bytes = 1});
    o.spill = {.directory = "/spill", .files = &files};
    return o;
  }
  simulated_files files;
};

TEST_F(spilled_letters, come_back) {
  const auto got = letters_of_a_sink(options());
  EXPECT_EQ(got.sums.size(), 8u);
  EXPECT_GT(got.metrics.blocks.read_back, 0u);
  EXPECT_EQ(got.metrics.recomputed_partitions, 0u);
}

TEST_F(spilled_letters, stay_in_memory_when_they_cannot_be_written) {
  files.fail(file_operation::append, "spill-0.blocks", file_fault::no_space, 0, simulated_files::always);
  const auto got = letters_of_a_sink(options());
  EXPECT_EQ(got.sums.size(), 8u);
  EXPECT_GT(got.metrics.blocks.not_spilled, 0u);
}

/// Nobody writes to a sink twice for the sake of its dead letters.
TEST_F(spilled_letters, that_cannot_be_read_back_end_the_run) {
  files.fail(file_operation::read, "spill-0.blocks", file_fault::device_error, 0, simulated_files::always);
  try {
    letters_of_a_sink(options());
    FAIL() << "the letters are lost";
  } catch (const run_error& e) {
    EXPECT_EQ(e.error().code, errc::data_loss);
    EXPECT_THAT(e.error().message, AllOf(HasSubstr("dead letters of sink \"out\""), HasSubstr("/spill/spill-0.blocks"),
                                         HasSubstr("block_store_bytes")));
  }
}

TEST(spill, goes_to_real_files_that_several_runs_share) {
  const auto folder = ::testing::TempDir() + "freshet_spill_test";
  std::filesystem::remove_all(folder);
  auto options = batches_of(500, {.block_store_bytes = 4096, .spill = {.directory = folder}});
  const auto expected = run_replayable(batches_of(500)).sums;
  topology_builder builder{"other"};
  push_like_spout spout;
  auto in = builder.spout("in", spout);
  builder.sink("out", [](int) {}).input(in, shuffle_grouping{});
  auto other = batch_executor{options}.start(builder.build());
  const auto got = run_replayable(options);
  EXPECT_EQ(got.sums, expected);
  EXPECT_GT(got.metrics.blocks.read_back, 0u);
  EXPECT_EQ(got.metrics.recomputed_partitions, 0u);
  EXPECT_TRUE(std::filesystem::exists(folder + "/spill-0.blocks"));
  EXPECT_FALSE(std::filesystem::exists(folder + "/spill-1.blocks"));
  spout.source().close();
  other.wait();
  EXPECT_FALSE(std::filesystem::exists(folder + "/spill-0.blocks"));
  std::filesystem::remove_all(folder);
}

TEST(spill, start_says_when_the_folder_cannot_be_used) {
  simulated_files files;
  files.fail(file_operation::create_folder, "/spill", file_fault::device_error);
  auto options = batches_of(500, {.spill = {.directory = "/spill", .files = &files}});
  try {
    run_replayable(options);
    FAIL() << "there is no such folder";
  } catch (const run_error& e) {
    EXPECT_THAT(e.what(), AllOf(HasSubstr("batch_options::spill.directory"), HasSubstr("/spill")));
  }
}

// --- what can be spilled ---

struct begun_text {
  explicit begun_text(std::string s) : text(std::move(s)) {}
  std::string text;
  friend auto freshet_fields(begun_text& t) { return std::tie(t.text); }
};

/// in -> close -> (chained) inside; and both texts to a sink over a block
topology closed() {
  topology_builder builder{"closed"};
  auto in = builder.spout("in", vector_spout{numbers(3)});
  auto close = builder.bolt("close", [](int v) { return closed_text(std::to_string(v)); }).input(in);
  auto inside = builder.bolt("begin", [](const closed_text&) { return begun_text("x"); }).input(close);
  builder.sink("begun", [](const begun_text&) {}).input(inside, global_grouping{});
  builder.sink("first", [](const closed_text&) {}).input(close, global_grouping{});
  builder.sink("second", [](const closed_text&) {}).input(close, shuffle_grouping{});
  return builder.build();
}

TEST(spill, start_says_which_streams_cannot_be_spilled) {
  auto wrong = mistakes_of({.spill = {.directory = "/spill"}}, closed());
  ASSERT_EQ(wrong.size(), 2u);
  if (wrong[0].find("closed_text") == std::string::npos) std::swap(wrong[0], wrong[1]);
  EXPECT_THAT(wrong[0], AllOf(HasSubstr("spill.directory"), HasSubstr("closed_text"), HasSubstr("bolt \"close\""),
                              HasSubstr("codec")));
  EXPECT_THAT(wrong[1], AllOf(HasSubstr("spill.directory"), HasSubstr("begun_text"), HasSubstr("bolt \"begin\""),
                              HasSubstr("default constructor")));
  EXPECT_TRUE(mistakes_of({}, closed()).empty());
}

TEST(spill, start_says_that_there_are_no_files) {
  const auto wrong = mistakes_of({.spill = {.directory = "/spill", .files = nullptr}}, closed());
  ASSERT_EQ(wrong.size(), 3u);
  EXPECT_THAT(wrong[0], HasSubstr("spill.files is null"));
}

}  // namespace
