#include "freshet/connect/sqlite/sink.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <limits>

#include "base/error_of.hpp"
#include "connect/temporary_folder.hpp"
#include "freshet/freshet.hpp"

namespace freshet::sqlite {
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

constexpr const char* into_orders = "insert into orders(id, city) values (?, ?)";
constexpr const char* orders_table = "create table if not exists orders(id integer primary key, city text)";

/// Another connection, as somebody else's program has it.
class onlooker {
 public:
  explicit onlooker(const std::string& path) { EXPECT_EQ(sqlite3_open(path.c_str(), &connection_), SQLITE_OK); }
  onlooker(const onlooker&) = delete;
  onlooker& operator=(const onlooker&) = delete;
  ~onlooker() { sqlite3_close(connection_); }

  /// The values of all rows, as SQLite writes them: numbers, 'text', X'00ff', NULL.
  std::vector<std::string> ask(const std::string& sql) {
    std::vector<std::string> all;
    sqlite3_stmt* s = nullptr;
    EXPECT_EQ(sqlite3_prepare_v2(connection_, sql.c_str(), -1, &s, nullptr), SQLITE_OK) << sqlite3_errmsg(connection_);
    while (sqlite3_step(s) == SQLITE_ROW)
      for (int i = 0; i < sqlite3_column_count(s); ++i) {
        const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(s, i));
        all.emplace_back(text ? text : "NULL");
      }
    EXPECT_EQ(sqlite3_finalize(s), SQLITE_OK) << sqlite3_errmsg(connection_);
    return all;
  }
  std::vector<std::string> orders() { return ask("select id from orders order by id"); }
  void run(const std::string& sql) {
    EXPECT_EQ(sqlite3_exec(connection_, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK)
        << sqlite3_errmsg(connection_);
  }

 private:
  sqlite3* connection_ = nullptr;
};

task_context context_of(std::string node = "out", std::size_t tasks = 1) {
  task_context c;
  c.node = std::move(node);
  c.task_count = tasks;
  return c;
}
/// A sink at work on the table of orders.
sink<order> opened(const std::string& path, sink_options options = {}) {
  options.schema += orders_table;
  sink<order> s{path, into_orders, options};
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

// --- values ---

enum class colour : std::uint8_t { red = 1, violet = 200 };
enum class side : char { buy = 'B' };
enum class depth : std::int16_t { below = -5 };

template <class V>
struct one_value {
  V value;
};
/// How SQLite writes a value that was written as a field of a struct, and what type it has there.
template <class V>
std::string stored(V value) {
  temporary_folder dir;
  sink<one_value<V>> s{dir / "db", "insert into t values (?)", {.schema = "create table t(v)"}};
  s.open(context_of());
  s.begin({});
  s.write({std::move(value)});
  s.prepare();
  s.commit();
  const auto row = onlooker(dir / "db").ask("select typeof(v), quote(v) from t");
  return row.at(0) + " " + row.at(1);
}

TEST(sqlite_sink, numbers_are_what_they_were) {
  EXPECT_EQ(stored(true), "integer 1");
  EXPECT_EQ(stored(false), "integer 0");
  EXPECT_EQ(stored(std::int8_t{-128}), "integer -128");
  EXPECT_EQ(stored(std::uint8_t{255}), "integer 255");
  EXPECT_EQ(stored(std::numeric_limits<std::uint32_t>::max()), "integer 4294967295");
  EXPECT_EQ(stored(std::numeric_limits<std::int64_t>::min()), "integer -9223372036854775808");
  EXPECT_EQ(stored(std::numeric_limits<std::int64_t>::max()), "integer 9223372036854775807");
  EXPECT_EQ(stored((std::uint64_t{1} << 63) - 1), "integer 9223372036854775807");
  EXPECT_EQ(stored(0.5), "real 0.5");
  EXPECT_EQ(stored(-2.5f), "real -2.5");
  EXPECT_EQ(stored(1.0), "real 1.0");
  EXPECT_EQ(stored(std::numeric_limits<double>::quiet_NaN()), "null NULL");
  EXPECT_EQ(stored(colour::violet), "integer 200");
  EXPECT_EQ(stored(side::buy), "integer 66");
  EXPECT_EQ(stored(depth::below), "integer -5");
  EXPECT_EQ(stored(event_time(1'700'000'000'123ms)), "integer 1700000000123");
  EXPECT_EQ(stored(event_time(-1ms)), "integer -1");
}

TEST(sqlite_sink, text_and_bytes_are_what_they_were) {
  EXPECT_EQ(stored(std::string("it's Ω")), "text 'it''s Ω'");
  EXPECT_EQ(stored(std::string()), "text ''");
  EXPECT_EQ(stored(std::vector<std::byte>{std::byte{0}, std::byte{0xff}}), "blob X'00FF'");
  EXPECT_EQ(stored(std::vector<std::byte>{}), "blob X''");
}

TEST(sqlite_sink, an_empty_optional_is_null) {
  EXPECT_EQ(stored(std::optional<int>{}), "null NULL");
  EXPECT_EQ(stored(std::optional<int>{0}), "integer 0");
  EXPECT_EQ(stored(std::optional<std::string>{}), "null NULL");
  EXPECT_EQ(stored(std::optional<std::string>{""}), "text ''");
  EXPECT_EQ(stored(std::optional<event_time>{event_time(7ms)}), "integer 7");
  EXPECT_EQ(stored(std::optional<std::vector<std::byte>>{}), "null NULL");
}

TEST(sqlite_sink, an_integer_that_sqlite_does_not_have_is_an_error) {
  EXPECT_THAT(error_of([] { stored(std::uint64_t{1} << 63); }),
              AllOf(HasSubstr("db\": parameter 1 of \"insert into t values (?)\""), HasSubstr("9223372036854775808"),
                    HasSubstr("bind it as text")));
}

class account {
 public:
  account(int number, std::string owner) : number_(number), owner_(std::move(owner)) {}
  friend auto freshet_fields(account& a) { return std::tie(a.owner_, a.number_); }

 private:
  int number_;
  std::string owner_;
};

TEST(sqlite_sink, takes_the_fields_that_a_class_names) {
  temporary_folder dir;
  sink<account> s{dir / "db", "insert into t values (?, ?)", {.schema = "create table t(owner, number)"}};
  s.open(context_of());
  s.begin({});
  s.write({7, "ann"});
  s.prepare();
  s.commit();
  EXPECT_THAT(onlooker(dir / "db").ask("select * from t"), ElementsAre("ann", "7"));
}

// --- epochs ---

TEST(sqlite_sink, rows_and_their_epoch_are_visible_at_once_and_only_when_committed) {
  temporary_folder dir;
  auto s = opened(dir / "db");
  onlooker other(dir / "db");
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
  s.begin({5, 2});
  s.prepare();
  EXPECT_EQ(s.last_committed(), (epoch_id{5, 1}));
  s.commit();
  EXPECT_EQ(s.last_committed(), (epoch_id{5, 2}));
}

TEST(sqlite_sink, a_second_commit_changes_nothing) {
  temporary_folder dir;
  auto s = opened(dir / "db");
  write_epoch(s, {5, 1}, {{1, ""}});
  s.commit();
  EXPECT_THAT(onlooker(dir / "db").orders(), ElementsAre("1"));
  EXPECT_EQ(s.last_committed(), (epoch_id{5, 1}));
}

TEST(sqlite_sink, what_is_aborted_has_never_been_there) {
  temporary_folder dir;
  sink<order>{dir / "db", into_orders}.abort();
  auto s = opened(dir / "db");
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
  EXPECT_THAT(onlooker(dir / "db").orders(), ElementsAre("1"));
  EXPECT_EQ(s.last_committed(), (epoch_id{5, 1}));
  write_epoch(s, {5, 2}, {{4, ""}});
  EXPECT_THAT(onlooker(dir / "db").orders(), ElementsAre("1", "4"));
}

TEST(sqlite_sink, what_was_begun_before_is_garbage) {
  temporary_folder dir;
  auto s = opened(dir / "db");
  s.begin({5, 1});
  s.write({1, ""});
  s.prepare();
  write_epoch(s, {5, 1}, {{2, ""}});
  EXPECT_THAT(onlooker(dir / "db").orders(), ElementsAre("2"));
}

TEST(sqlite_sink, closing_commits_nothing) {
  temporary_folder dir;
  auto s = opened(dir / "db");
  s.begin({5, 1});
  s.write({1, ""});
  s.prepare();
  s.close();
  {
    auto destroyed = opened(dir / "db");
    EXPECT_EQ(destroyed.last_committed(), std::nullopt);
    destroyed.begin({5, 1});
    destroyed.write({1, ""});
    destroyed.prepare();
  }
  EXPECT_THAT(onlooker(dir / "db").orders(), ElementsAre());
  EXPECT_THAT(onlooker(dir / "db").ask("select * from freshet_epochs"), ElementsAre());
}

TEST(sqlite_sink, the_epoch_outlives_the_sink_with_all_its_bits) {
  temporary_folder dir;
  const epoch_id last{0xfedc'ba98'7654'3210, 12};
  auto s = opened(dir / "db");
  write_epoch(s, last, {{1, ""}});
  s.close();
  EXPECT_EQ(opened(dir / "db").last_committed(), last);
}

TEST(sqlite_sink, several_share_a_file_by_their_names) {
  temporary_folder dir;
  auto first = opened(dir / "db");
  auto second = opened(dir / "db", {.name = "it's \"second\""});
  auto third = opened(dir / "db", {.epochs_table = "odd \"table"});
  write_epoch(first, {5, 1}, {{1, ""}});
  EXPECT_EQ(second.last_committed(), std::nullopt);
  write_epoch(second, {6, 9}, {{2, ""}});
  write_epoch(third, {7, 3}, {{3, ""}});
  EXPECT_EQ(first.last_committed(), (epoch_id{5, 1}));
  EXPECT_EQ(second.last_committed(), (epoch_id{6, 9}));
  EXPECT_EQ(third.last_committed(), (epoch_id{7, 3}));
  EXPECT_THAT(onlooker(dir / "db").orders(), ElementsAre("1", "2", "3"));
}

TEST(sqlite_sink, a_run_without_checkpoints_leaves_the_epoch_of_one_with_them) {
  temporary_folder dir;
  auto s = opened(dir / "db");
  write_epoch(s, {0, 1}, {{1, ""}});
  EXPECT_EQ(s.last_committed(), std::nullopt);
  write_epoch(s, {5, 1}, {{2, ""}});
  write_epoch(s, {0, 1}, {{3, ""}});
  EXPECT_EQ(s.last_committed(), (epoch_id{5, 1}));
  EXPECT_THAT(onlooker(dir / "db").orders(), ElementsAre("1", "2", "3"));
}

TEST(sqlite_sink, steps_out_of_their_order_are_errors) {
  temporary_folder dir;
  auto s = opened(dir / "db");
  EXPECT_THAT(error_of([&] { s.write({1, ""}); }), HasSubstr("sink \"out\": a row needs begin before it"));
  EXPECT_THAT(error_of([&] { s.prepare(); }), HasSubstr("prepare needs begin"));
  s.begin({5, 1});
  EXPECT_THAT(error_of([&] { s.commit(); }), HasSubstr("commit needs prepare"));
  s.prepare();
  EXPECT_THAT(error_of([&] { s.write({1, ""}); }), HasSubstr("a row needs begin"));
}

// --- ends of the process ---

/// What `f` does in a process that ends in the middle of it.
template <class F>
void killed_after(F f) {
  const auto child = ::fork();
  if (child == 0) {
    try {
      f();
    } catch (...) { ::_exit(1); }
    ::_exit(9);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 9) << status;
}

TEST(sqlite_sink, a_process_that_is_killed_before_the_commit_has_written_nothing) {
  temporary_folder dir;
  killed_after([&] {
    auto s = opened(dir / "db");
    write_epoch(s, {5, 1}, {{1, ""}});
    s.begin({5, 2});
    for (int i = 2; i < 2'000; ++i) s.write({i, std::string(100, 'x')});
    s.prepare();
    ::_exit(9);  // nothing is destroyed, nothing closed
  });
  auto s = opened(dir / "db");
  EXPECT_EQ(s.last_committed(), (epoch_id{5, 1}));
  EXPECT_THAT(onlooker(dir / "db").orders(), ElementsAre("1"));
  write_epoch(s, {5, 2}, {{2, ""}});
  EXPECT_EQ(s.last_committed(), (epoch_id{5, 2}));
  EXPECT_THAT(onlooker(dir / "db").orders(), ElementsAre("1", "2"));
}

TEST(sqlite_sink, a_process_that_is_killed_after_the_commit_has_written_all) {
  temporary_folder dir;
  killed_after([&] {
    auto s = opened(dir / "db");
    write_epoch(s, {5, 1}, {{1, ""}});
    write_epoch(s, {5, 2}, {{2, ""}});
    ::_exit(9);
  });
  EXPECT_EQ(opened(dir / "db").last_committed(), (epoch_id{5, 2}));
  EXPECT_THAT(onlooker(dir / "db").orders(), ElementsAre("1", "2"));
}

// --- others at the database ---

TEST(sqlite_sink, readers_do_not_keep_it_from_committing) {
  temporary_folder dir;
  auto s = opened(dir / "db", {.busy_timeout = 0ms});
  onlooker reader(dir / "db");
  reader.run("begin");
  EXPECT_THAT(reader.orders(), ElementsAre());
  write_epoch(s, {5, 1}, {{1, ""}});
  EXPECT_THAT(reader.orders(), ElementsAre());  // its transaction sees what was there when it began
  reader.run("commit");
  EXPECT_THAT(reader.orders(), ElementsAre("1"));
}

TEST(sqlite_sink, a_database_that_somebody_writes_is_an_error_until_they_have_done) {
  temporary_folder dir;
  auto s = opened(dir / "db", {.busy_timeout = 1ms});
  onlooker writer(dir / "db");
  writer.run("begin immediate");
  EXPECT_THAT(error_of([&] {
                s.begin({5, 1});
              }),
              AllOf(HasSubstr(dir / "db"), HasSubstr("epoch 1 of sink \"out\" cannot begin: database is locked"),
                    HasSubstr("more than 1 ms"), HasSubstr("trying again can help")));
  s.abort();
  writer.run("insert into orders values (1, 'theirs'); commit");
  write_epoch(s, {5, 1}, {{2, ""}});
  EXPECT_THAT(writer.orders(), ElementsAre("1", "2"));
}

TEST(sqlite_sink, a_commit_that_finds_readers_can_be_repeated) {
  temporary_folder dir;
  // Without a write-ahead log readers are in the way of a commit.
  auto s = opened(dir / "db", {.schema = "pragma journal_mode = delete;", .busy_timeout = 0ms});
  s.begin({5, 1});
  s.write({1, ""});
  onlooker reader(dir / "db");
  reader.run("begin");
  EXPECT_THAT(reader.orders(), ElementsAre());
  s.prepare();
  for (int i = 0; i < 2; ++i)
    EXPECT_THAT(error_of([&] { s.commit(); }),
                AllOf(HasSubstr(dir / "db"), HasSubstr("epoch 1 of sink \"out\" cannot be committed"),
                      HasSubstr("database is locked"), HasSubstr("trying again can help")));
  reader.run("commit");
  s.commit();
  EXPECT_THAT(reader.orders(), ElementsAre("1"));
  EXPECT_EQ(s.last_committed(), (epoch_id{5, 1}));
}

// --- rows that cannot be written ---

TEST(sqlite_sink, a_row_that_breaks_a_constraint_is_an_error_and_the_others_stay) {
  temporary_folder dir;
  auto s = opened(dir / "db");
  s.begin({5, 1});
  s.write({1, ""});
  EXPECT_THAT(error_of([&] {
                s.write({1, ""});
              }),
              AllOf(HasSubstr(dir / "db"), HasSubstr(into_orders), HasSubstr("UNIQUE constraint failed: orders.id")));
  s.write({2, ""});
  s.prepare();
  s.commit();
  EXPECT_THAT(onlooker(dir / "db").orders(), ElementsAre("1", "2"));
}

TEST(sqlite_sink, a_transaction_that_sqlite_rolled_back_is_lost_as_a_whole) {
  temporary_folder dir;
  sink<order> s{dir / "db", "insert or rollback into orders values (?, ?)", {.schema = orders_table}};
  s.open(context_of());
  s.begin({5, 1});
  s.write({1, ""});
  EXPECT_THAT(error_of([&] { s.write({1, ""}); }), HasSubstr("UNIQUE"));
  const auto is_lost = AllOf(HasSubstr("epoch 1 of sink \"out\" is lost"), HasSubstr("UNIQUE"));
  EXPECT_THAT(error_of([&] { s.write({2, ""}); }), is_lost);
  EXPECT_THAT(error_of([&] { s.prepare(); }), is_lost);
  EXPECT_THAT(error_of([&] { s.commit(); }), is_lost);
  EXPECT_THAT(onlooker(dir / "db").orders(), ElementsAre());
  s.abort();
  write_epoch(s, {5, 1}, {{3, ""}});
  EXPECT_THAT(onlooker(dir / "db").orders(), ElementsAre("3"));
}

TEST(sqlite_sink, a_constraint_that_is_looked_at_in_the_commit_keeps_failing_it) {
  temporary_folder dir;
  const std::string schema =
      "pragma foreign_keys = on; create table city(name text primary key);"
      "create table orders(id integer, city text references city(name) deferrable initially deferred)";
  sink<order> s{dir / "db", into_orders, {.schema = schema}};
  s.open(context_of());
  s.begin({5, 1});
  s.write({1, "nowhere"});
  s.prepare();
  for (int i = 0; i < 2; ++i) EXPECT_THAT(error_of([&] { s.commit(); }), HasSubstr("FOREIGN KEY constraint failed"));
  s.abort();
  EXPECT_THAT(onlooker(dir / "db").orders(), ElementsAre());
  EXPECT_EQ(s.last_committed(), std::nullopt);
}

/// A limit on the size of files takes the place of a disk that is full for a while.
class limited_files {
 public:
  limited_files() {
    std::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
  }
  ~limited_files() { lift(); }
  void set(std::uintmax_t bytes) {
    auto now = before_;
    now.rlim_cur = bytes;
    ::setrlimit(RLIMIT_FSIZE, &now);
  }
  void lift() { ::setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  struct rlimit before_ {};
};

TEST(sqlite_sink, a_full_disk_is_found_before_the_commit_and_the_epoch_made_again) {
  temporary_folder dir;
  auto s = opened(dir / "db");
  write_epoch(s, {5, 1}, {{1, ""}});
  limited_files limit;
  s.begin({5, 2});
  for (int i = 2; i < 100; ++i) s.write({i, std::string(1'000, 'x')});
  limit.set(std::filesystem::file_size(dir / "db-wal"));
  EXPECT_THAT(error_of([&] { s.prepare(); }), AllOf(HasSubstr("epoch 2 of sink \"out\""), HasSubstr("disk")));
  limit.lift();
  s.abort();
  EXPECT_EQ(s.last_committed(), (epoch_id{5, 1}));
  write_epoch(s, {5, 2}, {{2, ""}});
  EXPECT_THAT(onlooker(dir / "db").orders(), ElementsAre("1", "2"));
}

TEST(sqlite_sink, a_commit_that_failed_for_good_never_says_that_it_was_done) {
  temporary_folder dir;
  auto s = opened(dir / "db");
  write_epoch(s, {5, 1}, {{1, ""}});
  limited_files limit;
  s.begin({5, 2});
  s.write({2, ""});
  s.prepare();
  limit.set(std::filesystem::file_size(dir / "db-wal"));
  EXPECT_THAT(error_of([&] { s.commit(); }),
              AllOf(HasSubstr("cannot be committed: disk I/O error"), HasSubstr("extended result code 778")));
  limit.lift();
  EXPECT_THAT(error_of([&] { s.commit(); }), AllOf(HasSubstr("epoch 2 of sink \"out\" is lost"), HasSubstr("disk")));
  EXPECT_EQ(s.last_committed(), (epoch_id{5, 1}));
  EXPECT_THAT(onlooker(dir / "db").orders(), ElementsAre("1"));
}

// --- binders ---

TEST(sqlite_sink, a_function_binds_by_number_and_by_name) {
  temporary_folder dir;
  sink<std::string> s{dir / "db",
                      "insert into t(a, b, c, d, e) values (?1, :b, ?3, $d, ?5)",
                      [](binder& row, const std::string& word) {
                        row.bind(1, word + "!");
                        row.bind(":b", word.size());
                        row.bind(3, "text");
                        row.bind("$d", std::string_view(word).substr(1));
                        if (word == "one") row.bind(5, 5);
                        else if (word == "two") row.bind(5, nullptr);
                      },
                      {.schema = "create table t(a, b, c, d, e)"}};
  s.open(context_of());
  s.begin({});
  for (const auto* word : {"one", "three", "two"}) s.write(word);
  s.prepare();
  s.commit();
  EXPECT_THAT(onlooker(dir / "db").ask("select * from t"),
              ElementsAre("one!", "3", "text", "ne", "5",         //
                          "three!", "5", "text", "hree", "NULL",  // and not what the row before it had
                          "two!", "3", "text", "wo", "NULL"));
}

TEST(sqlite_sink, a_parameter_that_is_not_there_is_an_error) {
  temporary_folder dir;
  const auto error_with = [&](auto bind) {
    sink<int> s{dir / "db", "insert into t values (:a)", bind, {.schema = "create table if not exists t(a)"}};
    s.open(context_of());
    s.begin({});
    return error_of([&] { s.write(1); });
  };
  EXPECT_THAT(error_with([](binder& row, int v) { row.bind(2, v); }),
              AllOf(HasSubstr("no parameter 2 of \"insert into t values (:a)\""), HasSubstr("it has 1")));
  EXPECT_THAT(error_with([](binder& row, int v) { row.bind(0, v); }), HasSubstr("no parameter 0"));
  EXPECT_THAT(error_with([](binder& row, int v) { row.bind("a", v); }),
              AllOf(HasSubstr("has no parameter \"a\""), HasSubstr("with its \":\"")));
  EXPECT_THAT(error_with([](binder& row, int) { row.bind(":a", ~std::uint64_t{}); }),
              AllOf(HasSubstr("parameter 1 (\":a\")"), HasSubstr("18446744073709551615")));
}

TEST(sqlite_sink, an_update_is_a_statement_too) {
  temporary_folder dir;
  sink<order> s{dir / "db",
                "insert into orders values (?1, ?2) on conflict(id) do update set city = ?2 returning id",
                {.schema = orders_table}};
  s.open(context_of());
  write_epoch(s, {5, 1}, {{1, "Oslo"}, {2, "Rome"}, {1, "Bonn"}});
  EXPECT_THAT(onlooker(dir / "db").ask("select * from orders order by id"), ElementsAre("1", "Bonn", "2", "Rome"));
}

// --- what is wrong from the start ---

TEST(sqlite_sink, a_statement_that_cannot_be_is_an_error_at_start) {
  temporary_folder dir;
  const auto error_with = [&](const std::string& statement) {
    return error_at_open(sink<order>{dir / "db", statement, {.schema = orders_table}});
  };
  EXPECT_THAT(error_with("inser into orders values (?, ?)"),
              AllOf(HasSubstr(dir / "db"), HasSubstr("\"inser into orders values (?, ?)\" cannot be used"),
                    HasSubstr("syntax error")));
  EXPECT_THAT(error_with("insert into nowhere values (?, ?)"), HasSubstr("no such table: nowhere"));
  EXPECT_THAT(error_with("insert into orders(id, town) values (?, ?)"), HasSubstr("no column named town"));
  EXPECT_THAT(error_with("insert into orders values (?, ?); delete from orders"),
              AllOf(HasSubstr("more than one statement"), HasSubstr("sink_options::schema")));
  EXPECT_THAT(error_with("insert into orders values (?, ?); -- as above\n ; "), "no error");
  EXPECT_THAT(error_with(" -- nothing"), HasSubstr("is empty"));
  EXPECT_THAT(error_with("select ?, ?"), HasSubstr("writes nothing"));
  EXPECT_THAT(error_with("commit"), HasSubstr("writes nothing"));
}

TEST(sqlite_sink, fields_and_parameters_are_as_many) {
  temporary_folder dir;
  const auto error_with = [&](const std::string& statement) {
    return error_at_open(sink<order>{dir / "db", statement, {.schema = orders_table}});
  };
  EXPECT_THAT(error_with("insert into orders(id) values (?)"),
              AllOf(HasSubstr(dir / "db"), HasSubstr("\"insert into orders(id) values (?)\" has 1 parameter, and"),
                    HasSubstr("order has 2 fields")));
  EXPECT_THAT(error_with("insert into orders(id, city) values (?, ? || ?)"), HasSubstr("has 3 parameters"));
}

TEST(sqlite_sink, a_file_that_cannot_be_is_an_error_at_start) {
  temporary_folder dir;
  const auto error_with = [&](const std::string& path) { return error_at_open(sink<order>{path, into_orders}); };
  EXPECT_THAT(error_with(dir / "no/such/db"),
              AllOf(HasSubstr(dir / "no/such/db"), HasSubstr("cannot be opened"), HasSubstr("No such file")));
  EXPECT_THAT(error_with(dir / ""), HasSubstr("cannot be opened"));
  EXPECT_THAT(error_with(dir.write("text", std::string(4'096, 'x'))), HasSubstr("not a database"));
  EXPECT_THAT(error_with(":memory:"), AllOf(HasSubstr(":memory:"), HasSubstr("name a file")));
  EXPECT_THAT(error_with(""), HasSubstr("name a file"));
}

/// SQLite goes on writing to what has no name any more, and commits there.
TEST(sqlite_sink, a_file_that_is_removed_or_replaced_meanwhile_is_an_error) {
  for (const bool is_replaced : {false, true}) {
    temporary_folder dir;
    auto s = opened(dir / "db");
    write_epoch(s, {5, 1}, {{1, ""}});
    s.begin({5, 2});
    std::filesystem::rename(dir / "db", dir / "old");
    if (is_replaced) dir.write("db", "");
    const auto is_said =
        AllOf(HasSubstr("/db\": the file has been removed or replaced while the sink was writing to it"),
              HasSubstr("stop the run and bring back"));
    EXPECT_THAT(error_of([&] { s.prepare(); }), is_said);
    EXPECT_THAT(error_of([&] { s.begin({5, 2}); }), is_said);
    std::filesystem::rename(dir / "old", dir / "db");
    write_epoch(s, {5, 2}, {{2, ""}});
    EXPECT_THAT(onlooker(dir / "db").orders(), ElementsAre("1", "2"));
  }
}

TEST(sqlite_sink, a_schema_that_cannot_be_is_an_error_at_start) {
  temporary_folder dir;
  const auto error_with = [&](const std::string& schema) {
    return error_at_open(sink<order>{dir / "db", into_orders, {.schema = schema}});
  };
  EXPECT_THAT(error_with("create table orders(id integer, city text); create tabl x"),
              AllOf(HasSubstr("the schema \"create table orders"), HasSubstr("near \"tabl\"")));
  EXPECT_THAT(error_with("begin; create table if not exists orders(id integer, city text)"),
              HasSubstr("begins a transaction"));
}

TEST(sqlite_sink, a_table_of_epochs_that_is_another_table_is_an_error_at_start) {
  temporary_folder dir;
  EXPECT_THAT(error_at_open(sink<order>{dir / "db", into_orders, {.schema = orders_table, .epochs_table = "orders"}}),
              AllOf(HasSubstr("from \"orders\""), HasSubstr("no such column")));
}

TEST(sqlite_sink, several_tasks_are_an_error_at_start) {
  temporary_folder dir;
  EXPECT_THAT(error_at_open(sink<order>{dir / "db", into_orders, {.schema = orders_table}}, context_of("rows", 3)),
              AllOf(HasSubstr(dir / "db"), HasSubstr("3 tasks"), HasSubstr("one writer"), HasSubstr("sink \"rows\"")));
  EXPECT_FALSE(std::filesystem::exists(dir / "db"));
}

// --- in a run ---

std::vector<order> some_orders(int n) {
  std::vector<order> all;
  for (int i = 0; i < n; ++i) all.push_back({i, "city " + std::to_string(i % 7)});
  return all;
}

TEST(sqlite_sink, a_batch_whose_attempts_fail_is_written_once) {
  temporary_folder dir;
  auto calls = std::make_shared<int>(0);
  const auto bind = [calls](binder& row, const order& o) {
    row.bind(1, o.id);
    if (++*calls == 30 || *calls == 100) throw std::runtime_error("not this time");
    row.bind(2, o.city);
  };
  topology_builder b{"t"};
  b.sink("out", sink<order>{dir / "db", into_orders, bind, {.schema = orders_table}})
      .input(b.spout("orders", vector_spout<order>{some_orders(100)}));
  auto run = batch_executor{{.workers = 2, .log = {}}}.start(b.build());
  run.wait();
  EXPECT_GT(*calls, 100);
  EXPECT_THAT(onlooker(dir / "db").ask("select count(*), count(distinct id), sum(id), min(city) from orders"),
              ElementsAre("100", "100", "4950", "city 0"));
}

TEST(sqlite_sink, two_of_one_run_are_refused_the_same_file) {
  temporary_folder dir;
  topology_builder b{"t"};
  auto in = b.spout("orders", vector_spout<order>{some_orders(1)});
  b.sink("a", sink<order>{dir / "db", into_orders, {.schema = orders_table}}).input(in);
  b.sink("b", sink<order>{dir / "db", into_orders, {.schema = orders_table}}).input(in);
  const auto graph = b.build();
  EXPECT_THAT(error_of([&] { batch_executor{{.workers = 1, .log = {}}}.start(graph).wait(); }),
              AllOf(HasSubstr(dir / "db"), HasSubstr("two sinks of the same run")));
}

}  // namespace
}  // namespace freshet::sqlite
