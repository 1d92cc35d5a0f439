#include "freshet/connect/postgresql/sink.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <limits>
#include <thread>

#include "base/error_of.hpp"
#include "connect/postgresql/server.hpp"
#include "freshet/freshet.hpp"

namespace freshet::postgresql {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

struct order {
  int id = 0;
  std::string city;
};

static_assert(deciding_sink<sink<order>>);
static_assert(column_field<std::optional<std::vector<std::byte>>> && column_field<event_time>);
static_assert(!column_field<char> && !column_field<long double> && !column_field<std::vector<int>> &&
              !column_field<std::optional<std::optional<int>>> && !column_field<std::chrono::milliseconds>);
static_assert(kind_of<bool>() == value_kind::boolean && kind_of<std::optional<event_time>>() == value_kind::time);

constexpr const char* into_orders = "insert into orders(id, city) values ($1, $2)";
constexpr const char* orders_table = "create table if not exists orders(id integer primary key, city text)";

task_context context_of(std::string node = "out", std::size_t tasks = 1) {
  task_context c;
  c.node = std::move(node);
  c.task_count = tasks;
  return c;
}
/// A sink at work on the table of orders.
sink<order> opened(const std::string& to, sink_options options = {}) {
  options.schema += orders_table;
  sink<order> s{to, into_orders, options};
  s.open(context_of());
  return s;
}
template <class T>
std::string error_at_open(sink<T> s, const task_context& context = context_of()) {
  return error_of([&] { s.open(context); });
}
template <class S>
void write_epoch(S& s, const epoch_id& epoch, std::initializer_list<order> rows) {
  s.begin(epoch);
  for (const auto& r : rows) s.write(r);
  s.prepare();
  s.commit();
}
std::vector<order> some_orders(int from, int to) {
  std::vector<order> all;
  for (int i = from; i < to; ++i) all.push_back({i, "city " + std::to_string(i % 7)});
  return all;
}

class postgresql_sink : public database_test {};

// --- values ---

enum class colour : std::uint8_t { red = 1, violet = 200 };
enum class side : char { buy = 'B' };

template <class V>
struct one_value {
  V value;
};
/// What the server has of a value that was written as a field of a struct into a column of that type.
template <class V>
std::string stored(const std::string& to, const std::string& type, V value) {
  const std::string table = "drop table if exists t; create table t(v " + type + ")";
  sink<one_value<V>> s{to, "insert into t values ($1)", {.schema = table}};
  s.open(context_of());
  s.begin({});
  s.write({std::move(value)});
  s.prepare();
  s.commit();
  s.close();
  onlooker other(to);
  other.ask("set timezone = 'UTC'");
  return other.ask("select v from t").at(0);
}

TEST_F(postgresql_sink, numbers_are_what_they_were) {
  EXPECT_EQ(stored(here(), "boolean", true), "t");
  EXPECT_EQ(stored(here(), "boolean", false), "f");
  EXPECT_EQ(stored(here(), "integer", true), "1");
  EXPECT_EQ(stored(here(), "smallint", std::int8_t{-128}), "-128");
  EXPECT_EQ(stored(here(), "bigint", std::numeric_limits<std::uint32_t>::max()), "4294967295");
  EXPECT_EQ(stored(here(), "bigint", std::numeric_limits<std::int64_t>::min()), "-9223372036854775808");
  EXPECT_EQ(stored(here(), "numeric", std::numeric_limits<std::uint64_t>::max()), "18446744073709551615");
  EXPECT_EQ(stored(here(), "text", 7), "7");
  EXPECT_EQ(stored(here(), "float8", 0.1), "0.1");
  EXPECT_EQ(stored(here(), "real", -2.5f), "-2.5");
  EXPECT_EQ(stored(here(), "numeric", 1e-300), "0." + std::string(299, '0') + "1");
  EXPECT_EQ(stored(here(), "float8", std::numeric_limits<double>::quiet_NaN()), "NaN");
  EXPECT_EQ(stored(here(), "float8", -std::numeric_limits<double>::infinity()), "-Infinity");
  EXPECT_EQ(stored(here(), "integer", colour::violet), "200");
  EXPECT_EQ(stored(here(), "integer", side::buy), "66");
}

TEST_F(postgresql_sink, times_are_what_they_were) {
  EXPECT_EQ(stored(here(), "timestamptz", event_time(1'700'000'000'123ms)), "2023-11-14 22:13:20.123+00");
  EXPECT_EQ(stored(here(), "timestamp", event_time(-1ms)), "1969-12-31 23:59:59.999");
  EXPECT_EQ(stored(here(), "timestamptz", event_time(946'684'800'000ms)), "2000-01-01 00:00:00+00");
  EXPECT_EQ(stored(here(), "bigint", event_time(1'700'000'000'123ms)), "1700000000123");
  EXPECT_EQ(stored(here(), "timestamptz", std::optional<event_time>{}), "NULL");
  EXPECT_THAT(error_of([&] { stored(here(), "timestamptz", event_time::max()); }),
              AllOf(HasSubstr("parameter $1 of \"insert into t values ($1)\""), HasSubstr("9223372036854775807 ms"),
                    HasSubstr("bind it as an integer")));
  EXPECT_THAT(error_of([&] { stored(here(), "timestamptz", event_time::min()); }), HasSubstr("cannot be the time"));
}

TEST_F(postgresql_sink, text_and_bytes_are_what_they_were) {
  const auto odd = std::string("it's \\ Ω\n\t\"$1\" \\N \\.");
  EXPECT_EQ(stored(here(), "text", odd), odd);
  EXPECT_EQ(stored(here(), "text", std::string()), "");
  EXPECT_EQ(stored(here(), "jsonb", std::string("{\"a\":1}")), "{\"a\": 1}");
  EXPECT_EQ(stored(here(), "numeric", std::string("2.50")), "2.50");
  EXPECT_EQ(stored(here(), "bytea", std::vector<std::byte>{std::byte{0}, std::byte{0xff}}), "\\x00ff");
  EXPECT_EQ(stored(here(), "bytea", std::vector<std::byte>{}), "\\x");
  EXPECT_EQ(stored(here(), "bytea", std::string("\\x\0a", 4)), "\\x5c780061");
  EXPECT_THAT(error_of([&] { stored(here(), "text", std::string("a\0b", 3)); }),
              AllOf(HasSubstr("parameter $1"), HasSubstr("\"a\\x00b\""), HasSubstr("has no byte 0")));
}

TEST_F(postgresql_sink, an_empty_optional_is_null) {
  EXPECT_EQ(stored(here(), "integer", std::optional<int>{}), "NULL");
  EXPECT_EQ(stored(here(), "integer", std::optional<int>{0}), "0");
  EXPECT_EQ(stored(here(), "text", std::optional<std::string>{}), "NULL");
  EXPECT_EQ(stored(here(), "text", std::optional<std::string>{""}), "");
}

TEST_F(postgresql_sink, a_column_of_another_type_is_an_error_at_start) {
  const auto error_with = [&](auto value, const std::string& type) {
    using row = one_value<decltype(value)>;
    return error_at_open(sink<row>{
        here(), "insert into t values ($1)", {.schema = "drop table if exists t; create table t(v " + type + ")"}});
  };
  EXPECT_THAT(error_with(7, "boolean"),
              AllOf(HasSubstr("parameter $1 of \"insert into t values ($1)\" is of type boolean, and gets an integer"),
                    HasSubstr("$1::bigint")));
  EXPECT_THAT(error_with(7, "bytea"), HasSubstr("is of type bytea, and gets an integer"));
  EXPECT_THAT(error_with(0.5, "integer"), HasSubstr("is of type integer, and gets a floating-point number"));
  EXPECT_THAT(error_with(event_time{}, "integer"), HasSubstr("gets an event_time"));
  EXPECT_THAT(error_with(std::vector<std::byte>{}, "text"), HasSubstr("is of type text, and gets bytes"));
  EXPECT_THAT(error_with(std::vector<std::byte>{}, "jsonb"), HasSubstr("a type (number 3802)"));
  EXPECT_THAT(error_with(true, "uuid"), HasSubstr("is of type uuid, and gets a bool"));
}

// --- epochs ---

TEST_F(postgresql_sink, rows_and_their_epoch_are_visible_at_once_and_only_when_committed) {
  auto s = opened(here());
  onlooker other(here());
  const auto seen = [&] {
    return other.ask("select (select count(*) from orders), (select count(*) from freshet_epochs)");
  };
  EXPECT_EQ(s.last_committed(), std::nullopt);
  s.begin({5, 1});
  s.write({1, "Oslo"});
  s.write({2, "Rome"});
  EXPECT_THAT(seen(), ElementsAre("0", "0"));
  s.prepare();
  EXPECT_THAT(seen(), ElementsAre("0", "0"));
  EXPECT_EQ(s.last_committed(), std::nullopt);
  s.commit();
  EXPECT_THAT(seen(), ElementsAre("2", "1"));
  EXPECT_THAT(other.ask("select sink, history, epoch from freshet_epochs"), ElementsAre("out", "5", "1"));
  EXPECT_EQ(s.last_committed(), (epoch_id{5, 1}));
  s.commit();  // a second one changes nothing
  s.begin({5, 2});
  s.prepare();
  EXPECT_EQ(s.last_committed(), (epoch_id{5, 1}));
  s.commit();
  EXPECT_EQ(s.last_committed(), (epoch_id{5, 2}));
  EXPECT_THAT(seen(), ElementsAre("2", "1"));
}

TEST_F(postgresql_sink, what_is_aborted_has_never_been_there) {
  sink<order>{here(), into_orders}.abort();
  auto s = opened(here());
  s.abort();
  write_epoch(s, {5, 1}, {{1, ""}});
  s.begin({5, 2});
  s.write({2, ""});
  s.abort();
  s.begin({5, 2});
  s.write({3, ""});
  s.prepare();
  s.abort();
  s.abort();
  s.commit();
  onlooker other(here());
  EXPECT_THAT(other.orders(), ElementsAre("1"));
  s.begin({5, 2});
  s.write({4, ""});
  s.prepare();
  write_epoch(s, {5, 2}, {{5, ""}});  // what was begun before is garbage
  EXPECT_THAT(other.orders(), ElementsAre("1", "5"));
}

TEST_F(postgresql_sink, closing_commits_nothing) {
  auto s = opened(here());
  s.begin({5, 1});
  s.write({1, ""});
  s.prepare();
  s.close();
  auto next = opened(here());
  EXPECT_EQ(next.last_committed(), std::nullopt);
  EXPECT_THAT(onlooker(here()).orders(), ElementsAre());
}

TEST_F(postgresql_sink, the_epoch_outlives_the_sink_with_all_its_bits) {
  const epoch_id last{0xfedc'ba98'7654'3210, 12};
  auto s = opened(here());
  write_epoch(s, last, {{1, ""}});
  s.close();
  EXPECT_EQ(opened(here()).last_committed(), last);
}

TEST_F(postgresql_sink, several_share_a_database_by_their_names) {
  auto first = opened(here());
  auto second = opened(here(), {.name = "it's \"second\""});
  auto third = opened(here(), {.epochs_table = "Odd \"table"});
  write_epoch(first, {5, 1}, {{1, ""}});
  EXPECT_EQ(second.last_committed(), std::nullopt);
  write_epoch(second, {6, 9}, {{2, ""}});
  write_epoch(third, {7, 3}, {{3, ""}});
  EXPECT_EQ(first.last_committed(), (epoch_id{5, 1}));
  EXPECT_EQ(second.last_committed(), (epoch_id{6, 9}));
  EXPECT_EQ(third.last_committed(), (epoch_id{7, 3}));
  EXPECT_THAT(onlooker(here()).orders(), ElementsAre("1", "2", "3"));
}

TEST_F(postgresql_sink, a_run_without_checkpoints_leaves_the_epoch_of_one_with_them) {
  auto s = opened(here());
  write_epoch(s, {0, 1}, {{1, ""}});
  EXPECT_EQ(s.last_committed(), std::nullopt);
  write_epoch(s, {5, 1}, {{2, ""}});
  write_epoch(s, {0, 1}, {{3, ""}});
  EXPECT_EQ(s.last_committed(), (epoch_id{5, 1}));
  EXPECT_THAT(onlooker(here()).orders(), ElementsAre("1", "2", "3"));
}

TEST_F(postgresql_sink, steps_out_of_their_order_are_errors) {
  auto s = opened(here());
  EXPECT_THAT(error_of([&] { s.write({1, ""}); }), HasSubstr("sink \"out\": a row needs begin before it"));
  EXPECT_THAT(error_of([&] { s.prepare(); }), HasSubstr("prepare needs begin"));
  s.begin({5, 1});
  EXPECT_THAT(error_of([&] { s.commit(); }), HasSubstr("commit needs prepare"));
  s.prepare();
  EXPECT_THAT(error_of([&] { s.write({1, ""}); }), HasSubstr("a row needs begin"));
}

TEST_F(postgresql_sink, more_rows_than_are_under_way_at_once) {
  auto s = opened(here());
  s.begin({5, 1});
  for (const auto& o : some_orders(0, 2'500)) s.write(o);
  for (int i = 2'500; i < 2'506; ++i) s.write({i, std::string(700'000, 'x')});
  s.prepare();
  s.commit();
  EXPECT_THAT(onlooker(here()).ask("select count(*), count(distinct id), sum(length(city)) > 4200000 from orders"),
              ElementsAre("2506", "2506", "t"));
}

// --- others at the database ---

TEST_F(postgresql_sink, a_second_one_under_the_same_name_is_refused_until_the_first_has_gone) {
  auto first = opened(here());
  write_epoch(first, {5, 1}, {{1, ""}});
  EXPECT_THAT(error_of([&] { opened(here(), {.wait_timeout = 1ms}); }),
              AllOf(HasSubstr("sink \"out\" cannot be written: another run"), HasSubstr("sink_options::name"),
                    HasSubstr("more than 1 ms by process "), HasSubstr("(freshet, user postgres)"),
                    HasSubstr("pg_terminate_backend(")));
  write_epoch(first, {5, 2}, {{2, ""}});
  first.close();
  auto second = opened(here());
  EXPECT_EQ(second.last_committed(), (epoch_id{5, 2}));
}

TEST_F(postgresql_sink, one_that_has_lost_its_place_does_not_write_on) {
  auto first = opened(here(), {.wait_timeout = 1ms});
  write_epoch(first, {5, 1}, {{1, ""}});
  onlooker other(here());
  other.end_sinks();
  auto second = opened(here());
  EXPECT_THAT(error_of([&] {
                first.begin({5, 2});
              }),
              HasSubstr("another run, or another sink of this one, writes under that name"));
  write_epoch(second, {5, 2}, {{2, ""}});
  EXPECT_THAT(error_of([&] { first.begin({5, 2}); }), HasSubstr("writes under that name"));
  second.close();
  other.end_sinks();
  EXPECT_THAT(error_of([&] {
                first.begin({5, 2});
              }),
              AllOf(HasSubstr("has committed epoch 2 of history 5, and this run knows of epoch 1 of history 5"),
                    HasSubstr("another has written under that name")));
  EXPECT_THAT(error_of([&] { first.write({3, ""}); }), HasSubstr("is lost"));
  EXPECT_THAT(other.orders(), ElementsAre("1", "2"));
}

TEST_F(postgresql_sink, sinks_that_make_the_same_tables_at_the_same_time) {
  std::vector<std::thread> all;
  std::vector<std::string> errors(4);
  for (std::size_t i = 0; i < errors.size(); ++i)
    all.emplace_back([&, i] {
      errors[i] = error_of([&] {
        auto s = opened(here(), {.name = std::to_string(i)});
        write_epoch(s, {5, 1}, {{static_cast<int>(i), ""}});
      });
    });
  for (auto& t : all) t.join();
  EXPECT_THAT(errors, testing::Each("no error"));
  EXPECT_THAT(onlooker(here()).orders(), ElementsAre("0", "1", "2", "3"));
}

TEST_F(postgresql_sink, another_transaction_in_the_way_is_an_error_that_can_be_tried_again) {
  onlooker other(here());
  other.ask(std::string(orders_table) + "; insert into orders values (1, 'theirs')");
  sink<order> update{here() + " options='-c default_transaction_isolation=serializable'",
                     "update orders set city = $2 where id = $1"};
  update.open(context_of());
  update.begin({6, 1});  // reads, and so has its picture of the database
  other.ask("update orders set city = 'theirs again' where id = 1");
  update.write({1, "mine"});
  EXPECT_THAT(
      error_of([&] { update.prepare(); }),
      AllOf(HasSubstr("could not serialize access"), HasSubstr("SQLSTATE 40001"), HasSubstr("trying again can help")));
  update.abort();
  write_epoch(update, {6, 1}, {{1, "mine"}});
  EXPECT_THAT(other.ask("select city from orders"), ElementsAre("mine"));
}

// --- rows that cannot be written ---

TEST_F(postgresql_sink, a_row_that_breaks_a_constraint_loses_the_epoch_and_says_which) {
  auto s = opened(here());
  s.begin({5, 1});
  for (const auto& o : some_orders(0, 1'200)) s.write(o);
  s.write({7, "again"});
  EXPECT_THAT(error_of([&] { s.prepare(); }),
              AllOf(HasSubstr("database \"" + name_ + "\" at "), HasSubstr(into_orders), HasSubstr("for row 1201"),
                    HasSubstr("duplicate key value"), HasSubstr("(id)=(7)"), HasSubstr("SQLSTATE 23505"),
                    HasSubstr("on conflict")));
  EXPECT_THAT(error_of([&] {
                s.write({2'000, ""});
              }),
              AllOf(HasSubstr("epoch 1 of sink \"out\" is lost"), HasSubstr("duplicate key")));
  EXPECT_THAT(error_of([&] { s.prepare(); }), HasSubstr("is lost"));
  EXPECT_THAT(error_of([&] { s.commit(); }), HasSubstr("is lost"));
  s.abort();
  write_epoch(s, {5, 1}, {{3, ""}});
  EXPECT_THAT(onlooker(here()).orders(), ElementsAre("3"));
}

TEST_F(postgresql_sink, a_constraint_that_is_deferred_is_found_before_the_commit) {
  const std::string schema =
      "create table city(name text primary key);"
      "create table orders(id integer, city text references city deferrable initially deferred)";
  sink<order> s{here(), into_orders, {.schema = schema}};
  s.open(context_of());
  s.begin({5, 1});
  s.write({1, "nowhere"});
  EXPECT_THAT(error_of([&] { s.prepare(); }),
              AllOf(HasSubstr("epoch 1 of sink \"out\" cannot be prepared"), HasSubstr("foreign key constraint")));
  s.abort();
  EXPECT_THAT(onlooker(here()).orders(), ElementsAre());
}

TEST_F(postgresql_sink, a_value_that_the_column_does_not_read_is_an_error) {
  sink<one_value<std::string>> s{here(), "insert into t values ($1)", {.schema = "create table t(v smallint)"}};
  s.open(context_of());
  const auto error_with = [&](const std::string& text) {
    s.begin({5, 1});
    s.write({text});
    return error_of([&] { s.prepare(); });
  };
  EXPECT_THAT(error_with("seven"),
              AllOf(HasSubstr("for row 1"), HasSubstr("\"seven\""), HasSubstr("none of the column's type")));
  EXPECT_THAT(error_with("70000"), HasSubstr("doesn't reach so far"));
}

// --- binders ---

TEST_F(postgresql_sink, a_function_binds_what_it_likes) {
  sink<std::string> s{here(),
                      "insert into t(a, b, c) values ($1, $3, $2)",
                      [](binder& row, const std::string& word) {
                        row.bind(1, word + "!");
                        row.bind(2, word.size());
                        if (word == "one") row.bind(3, std::string_view(word).substr(1));
                        else if (word == "two") row.bind(3, nullptr);
                      },
                      {.schema = "create table t(a text, b text, c bigint)"}};
  s.open(context_of());
  s.begin({});
  for (const auto* word : {"one", "three", "two"}) s.write(word);
  s.prepare();
  s.commit();
  EXPECT_THAT(onlooker(here()).ask("select * from t"),
              ElementsAre("one!", "ne", "3",      //
                          "three!", "NULL", "5",  // not what the row before had
                          "two!", "NULL", "3"));
}

TEST_F(postgresql_sink, a_parameter_that_is_not_there_is_an_error_and_the_others_stay) {
  sink<int> s{here(),
              "insert into t values ($1)",
              [](binder& row, int v) { row.bind(v, v); },
              {.schema = "create table t(a integer)"}};
  s.open(context_of());
  s.begin({});
  s.write(1);
  EXPECT_THAT(error_of([&] { s.write(2); }),
              AllOf(HasSubstr("no parameter $2 of \"insert into t values ($1)\""), HasSubstr("it has 1")));
  EXPECT_THAT(error_of([&] { s.write(0); }), HasSubstr("no parameter $0"));
  s.write(1);
  s.prepare();
  s.commit();
  EXPECT_THAT(onlooker(here()).ask("select * from t"), ElementsAre("1", "1"));
}

// --- what is wrong from the start ---

TEST_F(postgresql_sink, a_statement_that_cannot_be_is_an_error_at_start) {
  const auto error_with = [&](const std::string& statement) {
    return error_at_open(sink<order>{here(), statement, {.schema = orders_table}});
  };
  EXPECT_THAT(error_with("inser into orders values ($1, $2)"),
              AllOf(HasSubstr("database \"" + name_), HasSubstr("\"inser into orders values ($1, $2)\" cannot be used"),
                    HasSubstr("syntax error")));
  EXPECT_THAT(error_with("insert into nowhere values ($1, $2)"),
              AllOf(HasSubstr("relation \"nowhere\" does not exist"), HasSubstr("make the table")));
  EXPECT_THAT(error_with("insert into orders(id, town) values ($1, $2)"),
              AllOf(HasSubstr("column \"town\" of relation \"orders\" does not exist"), HasSubstr("add the column")));
  EXPECT_THAT(error_with("insert into orders values ($1, $2); delete from orders"),
              AllOf(HasSubstr("multiple commands"), HasSubstr("a sink has one statement")));
  EXPECT_THAT(error_with("insert into orders values (?, ?)"), HasSubstr("with $1, $2, ... for its values"));
  EXPECT_THAT(error_with("insert into orders values ($1, $2);\n"), "no error");
  EXPECT_THAT(error_with(" "), HasSubstr("is empty"));
  EXPECT_THAT(error_with("Select $1, $2"), HasSubstr("writes no row"));
  EXPECT_THAT(
      error_with("insert into orders(id) values ($1)"),
      AllOf(HasSubstr("\"insert into orders(id) values ($1)\" has 1 parameter, and"), HasSubstr("order has 2 fields")));
}

TEST_F(postgresql_sink, a_schema_that_cannot_be_is_an_error_at_start) {
  const auto error_with = [&](const std::string& schema) {
    return error_at_open(sink<order>{here(), into_orders, {.schema = schema}});
  };
  EXPECT_THAT(error_with("create table orders(id integer, city text); create tabl x"),
              AllOf(HasSubstr("the schema \"create table orders"), HasSubstr("near \"tabl\"")));
  EXPECT_THAT(error_with("begin; create table orders(id integer, city text)"), HasSubstr("begins a transaction"));
  EXPECT_THAT(error_at_open(sink<order>{here(), into_orders, {.schema = orders_table, .epochs_table = "orders"}}),
              AllOf(HasSubstr("the table of epochs \"orders\" cannot be read"), HasSubstr("column \"history\"")));
}

TEST_F(postgresql_sink, several_tasks_are_an_error_at_start) {
  EXPECT_THAT(error_at_open(sink<order>{here(), into_orders}, context_of("rows", 3)),
              AllOf(HasSubstr("sink \"rows\""), HasSubstr("3 tasks"), HasSubstr("parallelism 1")));
}

TEST_F(postgresql_sink, a_table_that_is_not_the_users_is_an_error_at_start) {
  onlooker other(here());
  other.ask(std::string(orders_table) +
            "; create role guest login; create role writer login;"
            "revoke create on schema public from public");
  const auto as = [&](const std::string& user) { return here() + " user=" + user; };
  EXPECT_THAT(error_at_open(sink<order>{as("guest"), into_orders}),
              AllOf(HasSubstr("permission denied"), HasSubstr("grant the user")));
  opened(here());  // makes the table of epochs
  other.ask("grant insert, select, update on orders, freshet_epochs to writer");
  sink<order> s{as("writer"), into_orders};
  s.open(context_of());
  write_epoch(s, {5, 1}, {{1, ""}});
  EXPECT_EQ(s.last_committed(), (epoch_id{5, 1}));
  s.close();
  other.ask("drop owned by writer; drop role writer; drop role guest");
}

TEST(postgresql_connection, a_server_that_is_not_there_is_an_error_without_the_password) {
  const auto error_with = [](const std::string& to) { return error_at_open(sink<order>{to, into_orders}); };
  const auto nowhere = error_with("host=/nonexistent port=9 dbname=shop user=ann password=tiger");
  EXPECT_THAT(nowhere, AllOf(HasSubstr("database \"shop\" at \"/nonexistent:9\""), HasSubstr("the connection failed"),
                             HasSubstr("No such file"), Not(HasSubstr("tiger"))));
  EXPECT_THAT(error_with("postgresql://ann:tiger@%2Fnonexistent:9/shop"),
              AllOf(HasSubstr("database \"shop\" at \"/nonexistent:9\""), Not(HasSubstr("tiger"))));
  EXPECT_THAT(error_with("host=/nonexistent password=big tiger"),
              AllOf(HasSubstr("can't be read"), HasSubstr("in single quotes"), Not(HasSubstr("tiger"))));
  EXPECT_THAT(error_with("postgresql://ann:ti%ger@/shop"), AllOf(HasSubstr("can't be read"), Not(HasSubstr("ger"))));
}

// --- in a run ---

TEST_F(postgresql_sink, a_batch_whose_attempts_fail_is_written_once) {
  auto calls = std::make_shared<int>(0);
  const auto bind = [calls](binder& row, const order& o) {
    row.bind(1, o.id);
    if (++*calls == 30 || *calls == 100) throw std::runtime_error("not this time");
    row.bind(2, o.city);
  };
  topology_builder b{"t"};
  b.sink("out", sink<order>{here(), into_orders, bind, {.schema = orders_table}}, {.blocking = true})
      .input(b.spout("orders", vector_spout<order>{some_orders(0, 100)}));
  batch_executor{{.workers = 2, .log = {}}}.start(b.build()).wait();
  EXPECT_GT(*calls, 100);
  EXPECT_THAT(onlooker(here()).ask("select count(*), count(distinct id), sum(id), min(city) from orders"),
              ElementsAre("100", "100", "4950", "city 0"));
}

TEST_F(postgresql_sink, a_run_whose_connection_is_lost_goes_on_and_writes_every_row_once) {
  auto calls = std::make_shared<int>(0);
  const auto bind = [calls, to = here()](binder& row, const order& o) {
    row.bind(1, o.id);
    row.bind(2, o.city);
    if (++*calls == 30 || *calls == 100) onlooker(to).end_sinks();
  };
  topology_builder b{"t"};
  b.sink("out", sink<order>{here(), into_orders, bind, {.schema = orders_table}}, {.blocking = true})
      .input(b.spout("orders", vector_spout<order>{some_orders(0, 100)}));
  batch_executor{{.workers = 2, .log = {}}}.start(b.build()).wait();
  EXPECT_GT(*calls, 100);
  EXPECT_THAT(onlooker(here()).ask("select count(*), sum(id) from orders"), ElementsAre("100", "4950"));
}

}  // namespace
}  // namespace freshet::postgresql
