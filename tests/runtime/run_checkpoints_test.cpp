#include "runtime/run_checkpoints.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "base/error_of.hpp"
#include "freshet/core/topology_builder.hpp"
#include "freshet/state/epoch_log.hpp"
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
/// Has rows in its tokens.
struct with_tokens {
  using token = std::string;
  void begin(const epoch_id&) {}
  void write(int) {}
  token prepare() { return {}; }
  void commit(const token&) {}
  void abort() {}
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

struct kept_warnings final : log_sink {
  std::string text;
  void write(const log_record& r) noexcept override { text += std::string(r.message) + "\n"; }
};

struct kept {
  testing::simulated_files files;
  std::shared_ptr<kept_warnings> warnings = std::make_shared<kept_warnings>();

  std::unique_ptr<run_checkpoints> open(const topology& graph, std::vector<std::string> dropped = {},
                                        std::optional<std::uint64_t> resume_from = {}) {
    warnings->text.clear();
    checkpointing how;
    how.resume_from = resume_from;
    how.directory = "/kept";
    how.files = &files;
    how.allow_dropped_state = std::move(dropped);
    return run_checkpoints::open(graph, how, nullptr, logger(warnings, log_level::warning), clock::real());
  }
  std::unique_ptr<run_checkpoints> open() { return open(graph_of<deciding>()); }
};
void no_states(bool, const run_checkpoints::visitor&) {}
void append(run_checkpoints& to, std::uint64_t epoch) {
  epoch_record record;
  record.manifest = to.begin(epoch, {});
  to.append(std::move(record));
}

/// The first run of a directory: a checkpoint, and epochs up to `last` in the log.
std::unique_ptr<run_checkpoints> begun(kept& all, std::uint64_t last) {
  auto run = all.open();
  run->make_base({}, no_states);
  for (std::uint64_t epoch = 2; epoch <= last; ++epoch) append(*run, epoch);
  return run;
}

TEST(run_checkpoints, go_on_from_what_the_sink_that_decides_has_committed) {
  kept all;
  const auto history = begun(all, 3)->history();
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

/// Somebody has brought back a directory of before, or what the sink writes to.
TEST(run_checkpoints, older_than_what_the_sink_that_decides_has_are_refused) {
  kept all;
  std::uint64_t history = 0;
  const auto refused = [&](std::uint64_t said) {
    return error_of([&] { all.open()->decide("d", epoch_id{history, said}); });
  };
  const auto is_older = ::testing::AllOf(HasSubstr("sink \"d\" has committed epoch 5, and the newest in \"/kept\" is "),
                                         HasSubstr("the directory is older than what the sink writes to"));
  {
    auto run = all.open();
    history = run->history();
    run->make_base({}, no_states);
  }
  EXPECT_THAT(refused(5), is_older) << "with a checkpoint alone";
  EXPECT_EQ(refused(1), "no error");
  append(*all.open(), 2);
  EXPECT_THAT(refused(5), is_older) << "with an epoch in the log";
  all.open()->savepoint(no_states);
  EXPECT_THAT(refused(5), is_older) << "with a savepoint of it";
}

TEST(run_checkpoints, newer_than_what_the_sink_that_decides_has_are_refused) {
  kept all;
  const auto history = begun(all, 4)->history();
  const auto refused = [&](std::optional<epoch_id> said) { return error_of([&] { all.open()->decide("d", said); }); };
  const auto is_older =
      HasSubstr("and not epoch 3, which \"/kept\" has as committed: what the sink writes to is older");
  EXPECT_THAT(refused(epoch_id{history, 2}), ::testing::AllOf(HasSubstr("has committed epoch 2 "), is_older));
  EXPECT_THAT(refused({}), ::testing::AllOf(HasSubstr("has committed nothing of this history "), is_older));
  EXPECT_THAT(refused(epoch_id{history + 1, 4}), is_older);
  EXPECT_EQ(refused(epoch_id{history, 3}), "no error");
}

/// Of what sinks have committed nothing is committed again where the run had time to say so.
TEST(run_checkpoints, that_were_closed_ask_for_no_commit_again) {
  for (const bool have_committed : {true, false}) {
    kept all;
    const auto graph = graph_of<with_tokens>();
    const auto tokens_again = [&] {
      std::vector<std::string> tokens;
      const auto run = all.open(graph);
      run->commit_again([&](std::uint32_t, std::string_view bytes) { tokens.emplace_back(bytes); });
      run->close();
      return tokens;
    };
    {
      auto run = all.open(graph);
      run->make_base({}, no_states);
      run->have_committed();
      run->close();  // there is nothing to be said
      epoch_record record;
      record.manifest = run->begin(2, {});
      record.manifest.tokens.push_back({"d", 0, "token"});
      run->append(std::move(record));
      if (have_committed) run->have_committed();
      run->close();
    }
    EXPECT_EQ(tokens_again(), std::vector<std::string>(have_committed ? 0 : 1, "token"));
    EXPECT_EQ(tokens_again(), std::vector<std::string>());  // the run before has done it
    const auto run = all.open(graph);
    EXPECT_EQ(run->newest(), 2u);
    EXPECT_EQ(run->next(), 3u);
  }
}

TEST(run_checkpoints, newer_than_a_sink_that_decides_are_refused_where_it_had_committed_the_newest) {
  kept all;
  std::uint64_t history = 0;
  {
    const auto run = begun(all, 3);
    history = run->history();
    run->have_committed();
    run->close();
  }
  const auto said = [&](std::uint64_t epoch) {
    return error_of([&] { all.open()->decide("d", epoch_id{history, epoch}); });
  };
  EXPECT_THAT(said(2), HasSubstr("has committed epoch 2 and not epoch 3, which \"/kept\" has as committed"));
  EXPECT_EQ(said(3), "no error");
}

TEST(run_checkpoints, say_where_it_cannot_be_written_that_sinks_have_committed) {
  kept all;
  const auto graph = graph_of<plain>();
  auto run = all.open(graph);
  run->make_base({}, no_states);
  append(*run, 2);
  run->have_committed();
  all.files.fail(testing::file_operation::append, "/kept/log", testing::file_fault::no_space);
  EXPECT_EQ(error_of([&] { run->close(); }), "no error");
  EXPECT_THAT(all.warnings->text, HasSubstr("so the next run commits epoch 2 once more"));
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

/// The record of the savepoint's epoch was not written, and its number is the next batch's.
TEST(run_checkpoints, go_on_behind_a_savepoint_that_a_full_device_refused) {
  for (const auto how : {testing::file_fault::no_space, testing::file_fault::short_write}) {
    kept all;
    const auto graph = graph_of<plain>();
    {
      auto run = all.open(graph);
      run->make_base({}, no_states);
      append(*run, 2);
      run->savepoint(no_states);
      all.files.fail(testing::file_operation::append, "/kept/log", how);
      EXPECT_THAT(error_of([&] { run->savepoint(no_states); }), HasSubstr("No space left"));
      EXPECT_EQ(run->newest(), 2u);
      append(*run, 3);
    }
    EXPECT_EQ(all.open(graph)->newest(), 3u);
  }
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

/// Whatever is to be known anew: the watermarks are at the end of time, and what came now would be late.
TEST(run_checkpoints, of_an_input_that_has_ended_stay_so_under_another_topology) {
  kept all;
  {
    auto run = all.open(graph_of<plain>());
    run->make_base({}, no_states);
    epoch_record last;
    last.manifest = run->begin(2, {});
    last.manifest.is_final = true;
    run->append(std::move(last));
  }
  {
    auto run = all.open();  // another sink
    ASSERT_TRUE(run->must_begin());
    EXPECT_TRUE(run->is_final());
    run->make_base({}, no_states);
  }
  EXPECT_TRUE(all.open()->is_final());
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

/// A sink of that name that keeps no tokens would take them, and show nothing.
TEST(run_checkpoints, whose_rows_are_still_to_be_committed_miss_the_sink_that_had_prepared_them) {
  kept all;
  {
    auto run = all.open(graph_of<with_tokens>());
    run->make_base({}, no_states);
    epoch_record record;
    record.manifest = run->begin(2, {});
    record.manifest.tokens.push_back({"d", 0, "token"});
    run->append(std::move(record));
  }
  const auto commit = [&](const topology& graph, std::vector<std::string> dropped = {}) {
    int tokens = 0;
    all.open(graph, std::move(dropped))->commit_again([&](std::uint32_t, std::string_view) { ++tokens; });
    return tokens;
  };
  for (const auto& graph : {graph_of<plain>(), graph_of<deciding>()})
    EXPECT_THAT(error_of([&] { commit(graph); }),
                ::testing::AllOf(HasSubstr("epoch 2 in \"/kept\" has rows that sink \"d\" is still to commit"),
                                 HasSubstr("the topology has no sink of that name with tokens"),
                                 HasSubstr("checkpoints.allow_dropped_state, and they are lost")));
  EXPECT_EQ(commit(graph_of<plain>(), {"d"}), 0);
  EXPECT_EQ(commit(graph_of<with_tokens>()), 1);
}

// --- what states are made of ---

struct count_by_value {
  using state = long;
  void process(int, state& n) { ++n; }
};
topology graph_with_state() {
  topology_builder builder{"t"};
  builder.bolt("count", count_by_value{}).input(builder.spout("numbers", no_numbers{}), key_grouping{std::identity{}});
  return builder.build();
}
/// Makes the newest checkpoint say something else of that.
void say_of_states(kept& all, const std::string& layout) {
  auto log = epoch_log::open(all.files, "/kept").value();
  auto newest = *log->newest().value().manifest();
  ++newest.epoch;
  for (auto& n : newest.nodes)
    if (n.name == "count") n.codec = layout;
  ASSERT_TRUE(log->checkpoint(newest, [](auto&, auto&) { return result<void>(); }));
}

TEST(run_checkpoints, are_made_of_bolts_that_emit_nothing) {
  kept all;
  all.open(graph_with_state())->make_base({}, no_states);
  const auto run = all.open(graph_with_state());
  for (const auto& n : run->from()->nodes) EXPECT_EQ(n.stream_types.size(), n.name == "count" ? 0u : 1u) << n.name;
}

TEST(run_checkpoints, say_what_the_bytes_of_a_state_are) {
  kept all;
  const auto graph = graph_with_state();
  {
    auto run = all.open(graph);
    run->make_base({}, no_states);
  }
  auto run = all.open(graph);
  EXPECT_FALSE(run->must_begin());
  for (const auto& n : run->from()->nodes) EXPECT_EQ(n.codec, n.name == "count" ? "i64 by i32" : "") << n.name;
}

TEST(run_checkpoints, of_versions_that_said_nothing_of_it_are_taken) {
  for (const char* nothing : {"freshet", ""}) {
    kept all;
    const auto graph = graph_with_state();
    all.open(graph)->make_base({}, no_states);
    say_of_states(all, nothing);
    EXPECT_TRUE(all.open(graph)->must_begin()) << "so that it is known from now on";
  }
}

TEST(run_checkpoints, of_other_bytes_are_refused) {
  kept all;
  const auto graph = graph_with_state();
  all.open(graph)->make_base({}, no_states);
  say_of_states(all, "f64 by i32");
  EXPECT_THAT(error_of([&] { (void)all.open(graph); }),
              HasSubstr("bolt \"count\" keeps std::int64_t by int, whose bytes have changed: the checkpoint has f64 by "
                        "i32, and it is i64 by i32 now"));
  EXPECT_TRUE(all.open(graph, {"count"})->must_begin());
  say_of_states(all, "i64 and timers by i32");
  EXPECT_THAT(error_of([&] { (void)all.open(graph); }), HasSubstr("the checkpoint has i64 and timers by i32"));
}

/// Left where they are set, both do at each start what was meant once.
TEST(run_checkpoints, say_what_is_given_up) {
  kept all;
  const auto graph = graph_with_state();
  all.open(graph)->make_base({}, no_states);
  append(*all.open(graph), 2);
  EXPECT_EQ(all.warnings->text, "");
  (void)all.open(graph, {"count", "unknown"});
  EXPECT_EQ(all.warnings->text,
            "what epoch 2 in \"/kept\" has of \"count\" is given up, as checkpoints.allow_dropped_state says: take it "
            "out of there when this run has begun, or the next begins without, too\n");
  all.open(graph)->savepoint(no_states);
  append(*all.open(graph), 3);
  (void)all.open(graph, {}, 2);
  EXPECT_EQ(all.warnings->text,
            "the run goes on from epoch 2 in \"/kept\", as checkpoints.resume_from says, and what came after it is "
            "given up: take that out when this run has begun, or the next goes back, too\n");
}

// --- what a spout saves ---

/// Goes where it is told to, but for messages that it says are gone, and remembers what it was told.
struct forgetful {
  struct told {
    std::vector<std::string> loaded;
    std::vector<std::uint64_t> seeks;
    std::vector<position_range> gone;
  };
  std::shared_ptr<told> world;
  std::vector<std::string> partitions() const { return {"p"}; }
  poll_status poll(spout_emitter<int>&) { return poll_status::ended(); }
  void read(const position_range&, spout_emitter<int>&) {}
  void seek(const position& p) {
    world->seeks.push_back(p.offset);
    if (world->gone.empty()) return;
    const auto lost = world->gone.front();
    if (lost.from != lost.to) world->gone.erase(world->gone.begin());
    throw range_lost(lost, "somebody has taken it");
  }
  void commit(const position&) {}
  std::string save(partition_id) { return {}; }
  void load(partition_id, std::string_view saved) { world->loaded.emplace_back(saved); }
};
static_assert(saving_spout<forgetful> && !saving_spout<no_numbers>);

struct saved_by_spouts : ::testing::Test {
  topology graph(on_data_loss then = on_data_loss::stop) const {
    topology_builder builder{"t"};
    spout_options options;
    options.on_data_loss = then;
    builder.sink("d", plain{}).input(builder.spout("numbers", forgetful{world}, options));
    return builder.build();
  }
  static void append(run_checkpoints& to, std::uint64_t epoch, std::uint64_t offset, std::string saved) {
    epoch_record record;
    record.manifest = to.begin(epoch, {});
    record.manifest.partitions.push_back({"numbers", "p", offset, {}, {}, {}, {}, std::move(saved)});
    to.append(std::move(record));
  }
  /// What the spout is told by a run that goes on.
  void go_on(on_data_loss then = on_data_loss::stop) {
    world->loaded.clear();
    world->seeks.clear();
    const auto of = graph(then);
    const auto run = all.open(of);
    spout_task<forgetful> task(forgetful{world});
    run->seek(static_cast<std::uint32_t>(of.find("numbers")), {{0, "p", true}}, task, nullptr);
  }

  kept all;
  std::shared_ptr<forgetful::told> world = std::make_shared<forgetful::told>();
};

TEST_F(saved_by_spouts, nothing_before_the_first_run) {
  go_on();
  EXPECT_THAT(world->loaded, ::testing::ElementsAre(""));
  EXPECT_THAT(world->seeks, ::testing::IsEmpty());
}

TEST_F(saved_by_spouts, an_epoch_without_it_has_that_of_the_one_before) {
  {
    auto run = all.open(graph());
    run->make_base({}, no_states);
    append(*run, 2, 10, "ten");
    append(*run, 3, 20, "");
  }
  go_on();
  EXPECT_THAT(world->loaded, ::testing::ElementsAre("ten"));
  EXPECT_THAT(world->seeks, ::testing::ElementsAre(20));
  {
    auto run = all.open(graph());
    append(*run, 4, 30, "thirty");
    append(*run, 5, 40, "");
    EXPECT_EQ(run->savepoint(no_states), 5u);  // no record is needed for what is in it
  }
  go_on();
  EXPECT_THAT(world->loaded, ::testing::ElementsAre("thirty"));
  EXPECT_THAT(world->seeks, ::testing::ElementsAre(40));
}

TEST_F(saved_by_spouts, what_is_gone_ends_the_run_or_is_skipped) {
  {
    auto run = all.open(graph());
    run->make_base({}, no_states);
    append(*run, 2, 10, "ten");
  }
  world->gone = {{0, 10, 15}, {0, 30, 40}};
  EXPECT_THAT(error_of([&] { go_on(); }),
              ::testing::AllOf(HasSubstr("spout \"numbers\""), HasSubstr("offsets 10 to 15 of partition 0 \"p\""),
                               HasSubstr("somebody has taken it"), HasSubstr("on_data_loss")));
  world->gone = {{0, 10, 15}, {0, 30, 40}};
  go_on(on_data_loss::skip);
  EXPECT_THAT(world->seeks, ::testing::ElementsAre(10, 15, 15));
  world->gone = {{0, 5, 5}};  // again and again
  EXPECT_THAT(error_of([&] { go_on(on_data_loss::skip); }), HasSubstr("somebody has taken it"));
}

/// Whatever reads now would read all of it again.
TEST_F(saved_by_spouts, of_which_there_is_none_any_more_or_none_that_can_be_read_again) {
  {
    const auto run = all.open(graph());
    run->make_base({}, no_states);
    append(*run, 2, 7, "");
  }
  topology_builder builder{"t"};
  builder.sink("d", plain{})
      .input(builder.bolt("numbers", [](int v) { return v; }).input(builder.spout("renamed", forgetful{world})));
  for (const auto& other : {builder.build(), graph_of<plain>()}) {
    EXPECT_THAT(error_of([&] { (void)all.open(other); }),
                ::testing::AllOf(HasSubstr("it has positions of spout \"numbers\", and the topology has no spout of "
                                           "that name that can be read again"),
                                 HasSubstr("put \"numbers\" into checkpoints.allow_dropped_state")));
    EXPECT_EQ(all.open(other, {"numbers"})->newest(), 2u);
  }
  EXPECT_EQ(all.open(graph())->newest(), 2u);
}

}  // namespace
}  // namespace freshet
