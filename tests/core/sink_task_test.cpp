// One task of a sink alone. The order in which engines call it: batch/sinks_test.cpp,
// runtime/checkpointed_runs_test.cpp; how many tasks and sinks may decide: there.
#include "freshet/core/sink_task.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "base/error_of.hpp"
#include "core/bolt_bench.hpp"
#include "freshet/connect/memory/vector_spout.hpp"
#include "freshet/core/topology_builder.hpp"

namespace freshet {
namespace {

using calls = std::vector<std::string>;

/// What all sinks here write their calls into.
struct noting {
  calls* said;
  void note(const std::string& what) { said->push_back(what); }
};

struct plain : noting {
  void write(const int& v) { note("write " + std::to_string(v)); }
};
struct preparing : plain {
  using token = std::string;
  std::string prefix = "token ";
  int failing_commits = 0, prepared = 0;
  void begin(const epoch_id& id) { note("begin " + std::to_string(id.history) + "/" + std::to_string(id.epoch)); }
  token prepare() {
    note("prepare");
    return prefix + std::to_string(++prepared);
  }
  void commit(const token& t) {
    note("commit " + t);
    if (failing_commits-- > 0) throw std::runtime_error("not now");
  }
  void abort() { note("abort"); }
};
struct deciding : plain {
  std::optional<epoch_id> last{};
  void begin(const epoch_id& id) { note("begin " + std::to_string(id.epoch)); }
  void prepare() { note("prepare"); }
  void commit() { note("commit"); }
  void abort() { note("abort"); }
  std::optional<epoch_id> last_committed() const { return last; }
};

// --- which is what ---

struct without_abort : plain {
  using token = int;
  void begin(const epoch_id&) {}
  token prepare() { return 0; }
  void commit(const token&) {}
};
struct prepares_something_else : without_abort {
  void abort() {}
  long prepare() { return 0; }
};
struct both : preparing {
  using preparing::commit;
  void commit() { note("commit, nameless"); }
  std::optional<epoch_id> last_committed() const { return {}; }
};
struct number_of_epoch : deciding {
  epoch_id last_committed() const { return {}; }
};
static_assert(!transactional_sink<plain> && !deciding_sink<plain>);
static_assert(transactional_sink<preparing> && !deciding_sink<preparing>);
static_assert(!transactional_sink<deciding> && deciding_sink<deciding>);
static_assert(!transactional_sink<without_abort> && !transactional_sink<prepares_something_else>);
static_assert(transactional_sink<both> && deciding_sink<both>);
static_assert(deciding_sink<number_of_epoch>);

template <class S>
node node_of(S sink) {
  topology_builder b{"sinks"};
  const auto in = b.spout("in", vector_spout<int>{{}});
  (void)b.sink("sink", sink).input(in);
  return b.build().nodes()[1];
}

TEST(sink_task, a_topology_knows_which_sinks_have_epochs_and_which_decide) {
  calls said;
  EXPECT_FALSE(node_of(plain{{&said}}).transactional);
  EXPECT_FALSE(node_of(plain{{&said}}).decides);
  EXPECT_TRUE(node_of(preparing{{&said}}).transactional);
  EXPECT_FALSE(node_of(preparing{{&said}}).decides);
  EXPECT_TRUE(node_of(deciding{{&said}}).transactional);
  EXPECT_TRUE(node_of(deciding{{&said}}).decides);
}

// --- what is called ---

/// A task of the sink `S`, and what was called.
template <class S>
struct bench {
  calls said;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmissing-braces"  // some sinks have the base in a base
  sink_task<S> task{S{{&said}}};
#pragma GCC diagnostic pop
  task_operator& op = task;
  S& sink() { return task.sink(); }
  calls take() { return std::exchange(said, {}); }
};

TEST(sink_task, a_plain_one_hears_nothing_of_epochs) {
  bench<plain> b;
  b.op.begin_epoch({1, 2});
  b.op.prepare_epoch();
  EXPECT_FALSE(b.op.prepared());
  b.op.commit_epoch();
  b.op.abort_epoch();
  b.op.commit_prepared("anything");
  EXPECT_EQ(b.op.last_committed(), std::nullopt);
  b.op.open({});
  b.op.flush();
  b.op.tick();
  b.op.wake();
  EXPECT_TRUE(b.op.ready());
  b.op.close();
  EXPECT_EQ(b.take(), calls{});
}

TEST(sink_task, commits_with_the_token_of_its_prepare_and_once) {
  bench<preparing> b;
  b.op.begin_epoch({7, 3});
  b.op.commit_epoch();
  EXPECT_EQ(b.take(), calls{"begin 7/3"}) << "nothing is prepared";
  b.op.prepare_epoch();
  b.op.commit_epoch();
  b.op.commit_epoch();
  EXPECT_EQ(b.take(), (calls{"prepare", "commit token 1"}));
  EXPECT_EQ(b.op.last_committed(), std::nullopt);
}

TEST(sink_task, an_epoch_that_is_aborted_is_not_committed) {
  bench<preparing> b;
  b.op.begin_epoch({7, 3});
  b.op.prepare_epoch();
  b.op.abort_epoch();
  EXPECT_FALSE(b.op.prepared());
  b.op.commit_epoch();
  EXPECT_EQ(b.take(), (calls{"begin 7/3", "prepare", "abort"}));
  b.op.prepare_epoch();
  b.op.commit_epoch();
  EXPECT_EQ(b.take(), (calls{"prepare", "commit token 2"}));
}

TEST(sink_task, a_commit_that_failed_can_be_done_again) {
  bench<preparing> b;
  b.sink().failing_commits = 1;
  b.op.prepare_epoch();
  EXPECT_EQ(error_of([&] { b.op.commit_epoch(); }), "not now");
  EXPECT_TRUE(b.op.prepared());
  b.op.commit_epoch();
  EXPECT_EQ(b.take(), (calls{"prepare", "commit token 1", "commit token 1"}));
  EXPECT_FALSE(b.op.prepared());
}

TEST(sink_task, another_task_commits_what_was_prepared) {
  bench<preparing> before, behind;
  before.op.prepare_epoch();
  const auto bytes = before.op.prepared().value();
  EXPECT_EQ(before.op.prepared(), bytes) << "it stays prepared";
  behind.op.commit_prepared(bytes);
  behind.op.commit_prepared(bytes);
  EXPECT_EQ(behind.take(), (calls{"commit token 1", "commit token 1"}));
  behind.op.commit_epoch();
  EXPECT_EQ(behind.take(), calls{}) << "it has prepared nothing itself";
}

TEST(sink_task, a_token_that_is_cut_off_or_goes_on_is_refused_and_not_committed) {
  bench<preparing> b;
  b.op.prepare_epoch();
  const auto bytes = b.op.prepared().value();
  b.take();
  for (std::size_t n = 0; n < bytes.size(); ++n)
    EXPECT_EQ(error_of([&] { b.op.commit_prepared(bytes.substr(0, n)); }), "its token is damaged, or of another sink");
  EXPECT_EQ(error_of([&] { b.op.commit_prepared(bytes + '\0'); }), "its token is damaged, or of another sink");
  EXPECT_EQ(b.take(), calls{});
}

/// A token of no bytes is one.
struct nothing {};
struct nothing_inside {
  nothing inside{};
};
struct wordless : plain {
  using token = nothing_inside;
  void begin(const epoch_id&) {}
  token prepare() { return {}; }
  void commit(const token&) { said->push_back("commit"); }
  void abort() {}
};

TEST(sink_task, a_token_without_bytes_is_a_token) {
  bench<wordless> b;
  EXPECT_FALSE(b.op.prepared());
  b.op.prepare_epoch();
  ASSERT_EQ(b.op.prepared(), "");
  b.op.commit_prepared("");
  EXPECT_EQ(b.take(), calls{"commit"});
}

TEST(sink_task, one_that_decides_has_no_token_and_is_committed_when_it_has_prepared) {
  bench<deciding> b;
  b.op.commit_epoch();
  b.op.begin_epoch({7, 3});
  b.op.prepare_epoch();
  EXPECT_FALSE(b.op.prepared());
  b.op.commit_epoch();
  b.op.commit_epoch();
  b.op.prepare_epoch();
  b.op.abort_epoch();
  b.op.commit_epoch();
  EXPECT_EQ(b.take(), (calls{"begin 3", "prepare", "commit", "prepare", "abort"}));
  b.op.commit_prepared("of whom ever");
  EXPECT_EQ(b.take(), calls{});
}

TEST(sink_task, one_that_decides_says_what_it_has_committed_last) {
  bench<deciding> b;
  EXPECT_EQ(b.op.last_committed(), std::nullopt);
  b.sink().last = epoch_id{7, 3};
  EXPECT_EQ(b.op.last_committed(), (epoch_id{7, 3}));
}

TEST(sink_task, one_that_could_be_both_decides) {
  bench<both> b;
  b.op.prepare_epoch();
  EXPECT_FALSE(b.op.prepared());
  b.op.commit_epoch();
  EXPECT_EQ(b.take(), (calls{"prepare", "commit, nameless"}));
}

// --- what else it may have ---

struct complete : plain {
  bool has_room = false;
  void open(const task_context& c) { note("open " + c.node); }
  void open() { note("open of nothing"); }
  void flush() { note("flush"); }
  void on_tick() { note("tick"); }
  void close() { note("close"); }
  bool ready() const { return has_room; }
};

TEST(sink_task, passes_on_what_the_sink_has) {
  bench<complete> b;
  b.op.close();
  EXPECT_EQ(b.take(), calls{}) << "it was not opened";
  task_context context;
  context.node = "rows";
  b.op.open(context);
  b.op.flush();
  b.op.tick();
  EXPECT_FALSE(b.op.ready());
  b.sink().has_room = true;
  EXPECT_TRUE(b.op.ready());
  b.op.close();
  b.op.close();
  EXPECT_EQ(b.take(), (calls{"open rows", "flush", "tick", "close"}));
}

struct opens_alone : plain {
  void open() { note("open"); }
};

TEST(sink_task, open_needs_no_context) {
  bench<opens_alone> b;
  b.op.open({});
  EXPECT_EQ(b.take(), calls{"open"});
}

struct called : noting {
  void operator()(const int& v) { note("call " + std::to_string(v)); }
  void operator()(int&) { note("changed"); }
};
struct called_and_written : called {
  void write(const int& v) { note("write " + std::to_string(v)); }
};

TEST(sink_task, is_given_values_by_write_or_by_call_and_cannot_change_them) {
  int value = 5;
  bench<called> by_call;
  sink_call<called>{&by_call.task}.call(value);
  sink_call<called>{&by_call.task}.call(6);
  EXPECT_EQ(by_call.take(), (calls{"call 5", "call 6"}));
  bench<called_and_written> by_write;
  sink_call<called_and_written>{&by_write.task}.call(value);
  EXPECT_EQ(by_write.take(), calls{"write 5"});
  static_assert(sink_call<complete>::can_refuse && !sink_call<plain>::can_refuse);
}

// --- what holds ---

struct holding : noting {
  held_tuple kept = {};
  void write(const int& v, emitter<void>& out) {
    note("write " + std::to_string(v));
    kept = out.hold();
  }
  void on_wake() {
    note("woken");
    kept.ack();
  }
};
struct writes_both_ways : plain {
  using plain::write;
  void write(const int& v, emitter<void>&) { note("write and hold " + std::to_string(v)); }
};
struct woken : plain {
  void on_wake() {}
};
struct refuses : plain {
  bool ready() const { return true; }
};
static_assert(holding_sink<holding, int> && holding_sink<writes_both_ways, int>);
static_assert(!holding_sink<plain, int> && !holding_sink<called, int> && !holding_sink<holding, std::string>);

TEST(sink_task, takes_over_a_tuple_in_its_own_name) {
  samples::fake_host host;
  call_frame frame;
  frame.host = &host;
  bench<holding> b;
  b.op.attach(7, frame);
  b.op.open({});
  sink_call<holding>{&b.task}.call(5);
  EXPECT_EQ(host.holders, std::vector<std::uint32_t>{7});
  EXPECT_TRUE(host.ends.empty());
  b.op.wake();
  EXPECT_EQ(host.ends[0], "acked");
  EXPECT_EQ(b.take(), (calls{"write 5", "woken"}));
}

TEST(sink_task, is_given_an_emitter_where_it_could_do_without) {
  call_frame frame;
  bench<writes_both_ways> b;
  b.op.attach(7, frame);
  sink_call<writes_both_ways>{&b.task}.call(5);
  EXPECT_EQ(b.take(), calls{"write and hold 5"});
}

TEST(sink_task, is_not_chained_when_it_holds_refuses_or_is_woken) {
  calls said;
  EXPECT_TRUE(node_of([&said] { return holding{{&said}}; }).heads_chain);
  EXPECT_TRUE(node_of(refuses{{{&said}}}).heads_chain);
  EXPECT_TRUE(node_of(woken{{{&said}}}).heads_chain);
  EXPECT_FALSE(node_of(plain{{&said}}).heads_chain);
}

}  // namespace
}  // namespace freshet
