// What becomes of rows when the connection, the process or the server ends between any two calls of a sink, or within
// its commit.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <memory>
#include <thread>

#include "base/error_of.hpp"
#include "connect/postgresql/server.hpp"
#include "freshet/connect/postgresql/sink.hpp"
#include "freshet/core/sink_task.hpp"

namespace freshet::postgresql {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

struct number {
  int id = 0;
};
constexpr std::uint64_t history = 5;

sink<number> opened(const std::string& to, std::chrono::milliseconds wait_timeout = 30s) {
  sink<number> s{to,
                 "insert into orders values ($1)",
                 {.schema = "create table if not exists orders(id integer)", .wait_timeout = wait_timeout}};
  task_context c;
  c.node = "out";
  s.open(c);
  return s;
}

/// An engine as far as one sink sees it: epochs of two rows each, and a record of what has been prepared, which
/// outlives the process.
class small_engine {
 public:
  static constexpr int epochs = 3, rows_an_epoch = 2, calls_an_epoch = 3 + rows_an_epoch;

  small_engine(std::string to, int call, std::function<void()> crash)
      : to_(std::move(to)), crash_at_(call), crash_(std::move(crash)) {}

  /// Sinks are opened until one comes to the end.
  void run() {
    while (!lives()) continue;
  }
  int calls() const { return calls_; }

 private:
  void called() {
    if (++calls_ == crash_at_) crash_();
  }
  bool lives() {
    auto s = opened(to_);
    const auto known = s.last_committed();
    int at = known ? static_cast<int>(known->epoch) + 1 : 1;
    EXPECT_LE(at, recorded_ + 1) << "an epoch has been committed that the engine had not recorded";
    EXPECT_GE(at, recorded_) << "an epoch is gone that was committed";
    for (; at <= epochs; ++at)
      if (!epoch(s, at)) return false;
    return true;
  }
  /// False: the process has to end, as it can't commit.
  bool epoch(sink<number>& s, int at) {
    constexpr int attempts = 4;
    for (int attempt = 1;; ++attempt) try {
        s.begin({history, static_cast<std::uint64_t>(at)});
        called();
        for (int i = 0; i < rows_an_epoch; ++i) {
          s.write({at * 10 + i});
          called();
        }
        s.prepare();
        called();
        break;
      } catch (const std::runtime_error&) {
        if (attempt == attempts) throw;
        s.abort();
      }
    recorded_ = at;
    for (int attempt = 1;; ++attempt) try {
        s.commit();
        called();
        return true;
      } catch (const std::runtime_error&) {
        if (attempt == attempts) return false;
      }
  }

  const std::string to_;
  const int crash_at_;
  const std::function<void()> crash_;
  int calls_ = 0, recorded_ = 0;
};

std::vector<std::string> all_rows() {
  std::vector<std::string> all;
  for (int at = 1; at <= small_engine::epochs; ++at)
    for (int i = 0; i < small_engine::rows_an_epoch; ++i) all.push_back(std::to_string(at * 10 + i));
  return all;
}
constexpr int all_calls = small_engine::epochs * small_engine::calls_an_epoch;

class postgresql_crash : public database_test {
 protected:
  void expect_rows_once(const std::string& after) {
    onlooker other(here());
    EXPECT_THAT(other.orders(), testing::ElementsAreArray(all_rows())) << after;
    EXPECT_THAT(other.ask("select history, epoch from freshet_epochs"), ElementsAre("5", "3")) << after;
    other.ask("drop table orders, freshet_epochs");
  }
};

TEST_F(postgresql_crash, a_connection_that_is_lost_after_any_call) {
  for (int call = 1; call <= all_calls; ++call) {
    small_engine engine(here(), call, [this] { onlooker(here()).end_sinks(); });
    engine.run();
    EXPECT_GE(engine.calls(), all_calls);
    expect_rows_once("the connection lost after call " + std::to_string(call));
  }
}

TEST_F(postgresql_crash, a_process_that_ends_after_any_call) {
  for (int call = 1; call <= all_calls; ++call) {
    const auto child = ::fork();
    if (child == 0) {
      try {
        small_engine(here(), call, [] { ::_exit(9); }).run();
      } catch (...) {}
      ::_exit(1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 9) << status;
    auto s = opened(here());
    const auto last = s.last_committed();
    const auto whole_epochs = static_cast<std::uint64_t>(call / small_engine::calls_an_epoch);
    EXPECT_EQ(last ? last->epoch : 0, whole_epochs) << call;
    for (auto at = whole_epochs + 1; at <= small_engine::epochs; ++at) {
      s.begin({history, at});
      for (int i = 0; i < small_engine::rows_an_epoch; ++i) s.write({static_cast<int>(at) * 10 + i});
      s.prepare();
      s.commit();
    }
    s.close();
    expect_rows_once("the process ended after call " + std::to_string(call));
  }
}

TEST_F(postgresql_crash, a_server_that_is_killed_in_the_middle_of_an_epoch) {
  for (const int call : {6, 7, 9, 10}) {  // after begin, a row, prepare and commit of the second epoch
    small_engine engine(here(), call, [this] {
      server_->kill();
      server_->start();
    });
    engine.run();
    expect_rows_once("the server killed after call " + std::to_string(call));
  }
}

TEST_F(postgresql_crash, a_server_that_does_not_come_back_is_an_error_until_it_does) {
  auto s = opened(here(), 1ms);
  s.begin({history, 1});
  s.write({1});
  server_->kill();
  EXPECT_THAT(error_of([&] { s.prepare(); }),
              AllOf(HasSubstr("connection is lost"), HasSubstr("trying again can help")));
  s.abort();
  EXPECT_THAT(
      error_of([&] {
        s.begin({history, 1});
      }),
      AllOf(HasSubstr("the connection failed"), HasSubstr("has been tried for 1 ms"), HasSubstr("wait_timeout")));
  server_->start();
  s.begin({history, 1});
  s.write({2});
  s.prepare();
  s.commit();
  EXPECT_THAT(onlooker(here()).orders(), ElementsAre("2"));
}

TEST_F(postgresql_crash, a_commit_that_has_not_arrived_is_never_said_to_be_done) {
  auto s = opened(here(), 1ms);
  s.begin({history, 1});
  s.write({1});
  s.prepare();
  server_->kill();
  for (int i = 0; i < 2; ++i)
    EXPECT_THAT(error_of([&] { s.commit(); }),
                AllOf(HasSubstr("epoch 1 of sink \"out\" is committed or not, which is not known yet"),
                      HasSubstr("trying again can help")));
  server_->start();
  EXPECT_THAT(error_of([&] { s.commit(); }),
              HasSubstr("the connection was lost before epoch 1 of sink \"out\" was committed"));
  EXPECT_THAT(error_of([&] { s.commit(); }), HasSubstr("is lost"));
  EXPECT_EQ(s.last_committed(), std::nullopt);
  EXPECT_THAT(onlooker(here()).orders(), ElementsAre());
}

/// A standby that doesn't exist keeps commits waiting, when they are done already: so the answer to one can be lost.
class unanswered_commits {
 public:
  unanswered_commits(onlooker& by, const std::string& to) : by_(by) {
    by_.ask("set synchronous_commit = local");
    by_.ask("alter system set synchronous_standby_names = 'nobody'");
    by_.ask("select pg_reload_conf()");
    // The server takes it up some time: as soon as a commit waits.
    const std::unique_ptr<PGconn, void (*)(PGconn*)> probe(PQconnectdb(to.c_str()), PQfinish);
    while (!waits_one()) {
      EXPECT_EQ(PQconsumeInput(probe.get()), 1);
      if (PQisBusy(probe.get()) != 0) continue;
      while (auto* result = PQgetResult(probe.get())) PQclear(result);
      EXPECT_EQ(PQsendQuery(probe.get(), "select pg_logical_emit_message(true, 'freshet', '')"), 1);
    }
    by_.ask("select pg_terminate_backend(" + std::to_string(PQbackendPID(probe.get())) + ", 30000)");
  }
  ~unanswered_commits() {
    by_.ask("alter system reset synchronous_standby_names");
    by_.ask("select pg_reload_conf()");
    by_.ask("set synchronous_commit = on");
    by_.ask("select pg_logical_emit_message(true, 'freshet', '')");  // waits until the server has taken that up
  }
  bool waits_one() {
    return by_.ask("select count(*) from pg_stat_activity where wait_event = 'SyncRep'").at(0) != "0";
  }

 private:
  onlooker& by_;
};

/// Lets a commit arrive and its answer be lost.
std::string commit_without_answer(sink<number>& s, const std::string& to) {
  onlooker other(to);
  unanswered_commits unanswered(other, to);
  std::string error;
  std::atomic<bool> has_ended = false;
  std::thread committing([&] {
    error = error_of([&] { s.commit(); });
    has_ended = true;
  });
  while (!unanswered.waits_one() && !has_ended) std::this_thread::yield();
  EXPECT_FALSE(has_ended) << "the commit was answered";
  other.end_sinks();
  committing.join();
  return error;
}

TEST_F(postgresql_crash, a_commit_whose_answer_is_lost_is_found_in_the_table) {
  auto s = opened(here());
  for (std::uint64_t at : {1u, 2u}) {
    s.begin({history, at});
    s.write({static_cast<int>(at)});
    s.prepare();
    EXPECT_EQ(commit_without_answer(s, here()), "no error");
    s.commit();
    EXPECT_EQ(s.last_committed(), (epoch_id{history, at}));
  }
  EXPECT_THAT(onlooker(here()).orders(), ElementsAre("1", "2"));
}

TEST_F(postgresql_crash, without_checkpoints_a_commit_whose_answer_is_lost_is_an_error) {
  auto s = opened(here());
  s.begin({0, 1});
  s.write({1});
  s.prepare();
  EXPECT_THAT(commit_without_answer(s, here()),
              AllOf(HasSubstr("was being committed"), HasSubstr("nothing says whether its rows are there")));
  EXPECT_THAT(error_of([&] { s.commit(); }), HasSubstr("is lost"));
}

}  // namespace
}  // namespace freshet::postgresql
