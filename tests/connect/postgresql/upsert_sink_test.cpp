#include "freshet/connect/postgresql/upsert_sink.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error_of.hpp"
#include "connect/postgresql/server.hpp"
#include "freshet/freshet.hpp"

namespace freshet::postgresql {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

struct total {
  std::string city;
  int cents = 0;
};

static_assert(!deciding_sink<upsert_sink<total>> && !transactional_sink<upsert_sink<total>>);

constexpr const char* into_totals =
    "insert into totals values ($1, $2) on conflict (city) do update set cents = excluded.cents";
constexpr const char* totals_table = "create table if not exists totals(city text primary key, cents integer)";

task_context context_of(bool batched = true) {
  task_context c;
  c.node = "out";
  c.batched = batched;
  return c;
}

class postgresql_upsert_sink : public database_test {
 protected:
  upsert_sink<total> opened(upsert_options options = {}, bool batched = true) {
    options.schema = totals_table;
    upsert_sink<total> s{here(), into_totals, options};
    s.open(context_of(batched));
    return s;
  }
  std::string error_with(const std::string& statement) {
    upsert_sink<total> s{here(), statement, {.schema = totals_table}};
    return error_of([&] { s.open(context_of()); });
  }
  std::vector<std::string> totals() { return onlooker(here()).ask("select * from totals order by city"); }
};

TEST_F(postgresql_upsert_sink, a_newer_row_takes_the_place_of_the_one_with_its_key) {
  auto s = opened();
  for (const auto& t : {total{"Oslo", 1}, total{"Rome", 2}, total{"Oslo", 3}}) s.write(t);
  s.flush();
  EXPECT_THAT(totals(), ElementsAre("Oslo", "3", "Rome", "2"));
  s.write({"Rome", 2});  // again
  s.write({"Rome", 4});
  s.close();
  EXPECT_THAT(totals(), ElementsAre("Oslo", "3", "Rome", "4"));
  s.close();
}

TEST_F(postgresql_upsert_sink, in_the_event_engine_a_row_is_there_when_it_has_been_written) {
  auto s = opened({}, false);
  s.write({"Oslo", 1});
  EXPECT_THAT(totals(), ElementsAre("Oslo", "1"));
}

TEST_F(postgresql_upsert_sink, in_batches_rows_are_held) {
  auto s = opened();
  for (int i = 0; i < 1'999; ++i) s.write({std::to_string(i), i});
  EXPECT_THAT(onlooker(here()).ask("select count(*) from totals"), ElementsAre("1000"));
  s.flush();
  s.flush();
  EXPECT_THAT(onlooker(here()).ask("select count(*) from totals"), ElementsAre("1999"));
}

TEST_F(postgresql_upsert_sink, what_is_held_outlives_the_connection) {
  auto s = opened();
  s.write({"Oslo", 1});
  onlooker other(here());
  other.end_sinks();
  s.write({"Rome", 2});
  s.flush();
  EXPECT_THAT(totals(), ElementsAre("Oslo", "1", "Rome", "2"));
}

TEST_F(postgresql_upsert_sink, what_is_held_outlives_a_server_that_is_away) {
  auto s = opened({.wait_timeout = 1ms, .rows = 3});
  s.write({"Oslo", 1});
  s.write({"Rome", 2});
  server_->kill();
  EXPECT_THAT(error_of([&] {
                s.write({"Bonn", 3});
              }),
              AllOf(HasSubstr("the connection failed"), HasSubstr("trying again can help")));
  EXPECT_THAT(error_of([&] { s.flush(); }), HasSubstr("has been tried for 1 ms"));
  server_->start();
  s.write({"Bonn", 4});  // the one that failed hadn't been taken
  EXPECT_THAT(totals(), ElementsAre("Bonn", "4", "Oslo", "1", "Rome", "2"));
}

TEST_F(postgresql_upsert_sink, a_row_that_cannot_be_written_is_not_taken) {
  upsert_sink<total> s{
      here(),
      into_totals,
      {.schema = "create table totals(city text primary key, cents integer check (cents > 0))", .rows = 2}};
  s.open(context_of());
  s.write({"Oslo", 1});
  EXPECT_THAT(error_of([&] {
                s.write({"Rome", -1});
              }),
              AllOf(HasSubstr("for row 2"), HasSubstr("violates check constraint"), HasSubstr("SQLSTATE 23514")));
  s.write({"Rome", 1});
  EXPECT_THAT(totals(), ElementsAre("Oslo", "1", "Rome", "1"));
}

TEST_F(postgresql_upsert_sink, a_statement_that_cannot_be_repeated_is_an_error_at_start) {
  EXPECT_THAT(error_with("INSERT into totals values ($1, $2)"),
              AllOf(HasSubstr("a row that comes again twice"), HasSubstr("on conflict (key) do update")));
  EXPECT_THAT(error_with("insert into totals values ($1, $2) ON\n  CONFLICT do nothing"), "no error");
  EXPECT_THAT(error_with("update totals set cents = $2 where city = $1"), "no error");
  EXPECT_THAT(error_with("insert into totals(city) values ($1) on conflict do nothing"), HasSubstr("has 1 parameter"));
  EXPECT_THAT(error_with("insert into nowhere values ($1, $2) on conflict do nothing"), HasSubstr("does not exist"));
}

std::vector<total> some_totals(int n) {
  std::vector<total> all;
  for (int i = 0; i < n; ++i) all.push_back({"city " + std::to_string(i % 20), i});
  return all;
}

/// What is emitted again comes behind newer ones in the event engine.
constexpr const char* newest_of_totals =
    "insert into totals values ($1, $2) on conflict (city) do update set cents = "
    "excluded.cents where totals.cents < excluded.cents";

template <class Engine, class Options>
void run_and_lose_connections(const std::string& to, Options options) {
  auto calls = std::make_shared<std::atomic<int>>(0);
  const auto bind = [calls, to](binder& row, const total& t) {
    row.bind(1, t.city);
    row.bind(2, t.cents);
    if (const int n = ++*calls; n == 30 || n == 100) onlooker(to).end_sinks();
  };
  topology_builder b{"t"};
  b.sink("out", upsert_sink<total>{to, newest_of_totals, bind, {.schema = totals_table}},
         {.parallelism = 2, .blocking = true})
      .input(b.spout("totals", vector_spout<total>{some_totals(200)}), key_grouping{&total::city});
  Engine{options}.start(b.build()).wait();
}

TEST_F(postgresql_upsert_sink, both_engines_come_to_the_same_table_when_connections_are_lost) {
  const std::vector<std::string> wanted = {"20", "180", "199"};
  const std::string question = "select count(*), min(cents), max(cents) from totals";
  run_and_lose_connections<batch_executor>(here(), batch_options{.workers = 2, .log = {}});
  EXPECT_EQ(onlooker(here()).ask(question), wanted);
  onlooker(here()).ask("drop table totals");
  run_and_lose_connections<event_executor>(here(), event_options{.workers = 2, .log = {}});
  EXPECT_EQ(onlooker(here()).ask(question), wanted);
}

}  // namespace
}  // namespace freshet::postgresql
