#include "freshet/state/rocksdb_store.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "connect/temporary_folder.hpp"
#include "core/keyed_state_suite.hpp"
#include "freshet/runtime/executor.hpp"
#include "runtime/stored_state_suite.hpp"

namespace freshet::rocksdb {
namespace {

namespace fs = std::filesystem;
using samples::stored_states;
using ::testing::HasSubstr;

/// Small, so that files are written and merged while a test runs.
options options_in(std::string dir, std::size_t cache_bytes) {
  return {.dir = std::move(dir), .cache_bytes = cache_bytes, .memory_bytes = 1u << 20};
}
/// A directory that no other test has had.
std::string fresh_dir() {
  static std::atomic<int> number{0};
  return ::testing::TempDir() + "rocksdb_store_" + std::to_string(::getpid()) + "_" + std::to_string(++number);
}

// --- what holds for every store ---

kind_of_store kind(std::string name, std::size_t cache_bytes) {
  return {std::move(name), [=] { return store(options_in(fresh_dir(), cache_bytes))->open("\"test\" task 0"); }};
}
INSTANTIATE_TEST_SUITE_P(in_rocksdb, keyed_states,
                         ::testing::Values(kind("without_a_cache", 0), kind("with_a_small_cache", 3000)),
                         name_of_store);
INSTANTIATE_TEST_SUITE_P(in, stored_states,
                         ::testing::Combine(::testing::ValuesIn(samples::every_engine()),
                                            ::testing::Values(samples::kind_of_backend{"rocksdb",
                                                                                       [](std::size_t cache_bytes) {
                                                                                         return store(options_in(
                                                                                             fresh_dir(), cache_bytes));
                                                                                       }})),
                         samples::name_of_stored);

// --- the rows ---

std::vector<std::string> keys_of(state_store& s, std::uint32_t group, std::string_view from = {}) {
  std::vector<std::string> keys;
  s.scan(group, from, [&](auto key, auto) { return keys.emplace_back(key), true; });
  return keys;
}
void put(state_store& s, std::uint32_t group, std::string_view key, std::string_view value) {
  const state_store::change changes[] = {{group, key, value}};
  s.write(changes);
}
std::string value_of(state_store& s, std::uint32_t group, std::string_view key) {
  std::string value;
  return s.get(group, key, value) ? value : "none";
}

TEST(rocksdb_store, has_its_rows_by_key_group) {
  const auto backend = store(options_in(fresh_dir(), 0));
  const auto one = backend->open("one"), other = backend->open("other");
  put(*one, 0, "b", "1");
  put(*one, 0, std::string_view("\0", 1), "2");
  put(*one, 0, "", "3");
  put(*one, 255, "a", "4");
  put(*one, 256, "a", "5");
  put(*other, 0, "b", "6");
  using keys = std::vector<std::string>;
  EXPECT_EQ(keys_of(*one, 0), (keys{"", std::string(1, '\0'), "b"}));
  EXPECT_EQ(keys_of(*one, 0, "a"), keys{"b"});
  EXPECT_EQ(value_of(*one, 255, "a"), "4");
  EXPECT_EQ(value_of(*one, 1, "b"), "none");
  one->drop(0);
  EXPECT_TRUE(keys_of(*one, 0).empty());
  EXPECT_EQ(value_of(*one, 256, "a"), "5");
  EXPECT_EQ(value_of(*other, 0, "b"), "6");
  const state_store::change erased_and_put[] = {{255, "a", std::nullopt}, {255, "a", "7"}, {256, "a", std::nullopt}};
  one->write(erased_and_put);
  EXPECT_EQ(value_of(*one, 255, "a"), "7");
  EXPECT_EQ(value_of(*one, 256, "a"), "none");
}

/// States of ten times what the cache holds, and more than RocksDB has room for in memory.
TEST(rocksdb_store, holds_ten_times_what_fits_into_memory) {
  constexpr int keys = 20'000;
  const std::string padding(120, 'x');
  const auto dir = fresh_dir();
  constexpr std::size_t cache_bytes = 200'000;
  keyed_state<int, std::string> s(16);
  s.keep_in(store(options_in(dir, cache_bytes))->open("\"test\" task 0"));
  random_source random(4);
  std::map<int, int> expected;
  for (int i = 0; i < 60'000; ++i) {
    const int key = static_cast<int>(random.below(keys));
    std::string& value = s.use(key, stable_hash<int>::of(key));
    const int n = ++expected[key];
    ASSERT_EQ(value.size(), n == 1 ? 0 : padding.size() + std::to_string(n - 1).size());
    value = padding + std::to_string(n);
    if (i % 100 == 0) s.evict();
  }
  EXPECT_EQ(s.rows(), expected.size());
  std::size_t in_all = 0;
  s.for_each([&](int key, const std::string& value) {
    EXPECT_EQ(value, padding + std::to_string(expected[key])) << key;
    in_all += value.size();
  });
  EXPECT_GE(in_all, 10 * cache_bytes);
  std::uintmax_t bytes = 0;
  for (const auto& file : fs::recursive_directory_iterator(dir))
    if (file.path().extension() == ".sst") bytes += file.file_size();
  EXPECT_GT(bytes, 200'000u) << "in files";
  EXPECT_LT(s.bytes(), cache_bytes) << "in tables";
}

// --- snapshots ---

TEST(rocksdb_store, is_made_anew_of_a_snapshot) {
  const auto dir = fresh_dir();
  const auto backend = store(options_in(dir, 0));
  ASSERT_TRUE(backend->has_snapshots());
  auto one = backend->open("one");
  put(*one, 0, "a", "1");
  put(*one, 3, "b", "2");
  const auto snapshot = one->snapshot();
  EXPECT_EQ(snapshot->store(), one->id());
  for (const auto& f : snapshot->files())
    if (f.is_immutable) { EXPECT_EQ(fs::hard_link_count(f.path), 2u) << f.name << " is not written again"; }
  put(*one, 0, "a", "later");
  put(*one, 4, "c", "3");
  auto other = backend->open_snapshot("other", snapshot->files());
  EXPECT_NE(other->id(), one->id());
  one.reset();
  EXPECT_EQ(value_of(*other, 0, "a"), "1");
  EXPECT_EQ(value_of(*other, 3, "b"), "2");
  EXPECT_EQ(value_of(*other, 4, "c"), "none");
  put(*other, 0, "a", "4");
  put(*other, 5, "d", "5");
  const auto next = other->snapshot();
  const auto third = backend->open_snapshot("third", next->files());
  EXPECT_EQ(value_of(*third, 0, "a"), "4");
  EXPECT_EQ(value_of(*third, 5, "d"), "5");
  EXPECT_EQ(value_of(*backend->open_snapshot("again", snapshot->files()), 0, "a"), "1") << "it stays what it is";
  std::map<std::string, std::uint64_t> first;
  for (const auto& f : snapshot->files())
    if (f.is_immutable) first[f.name] = f.size;
  std::size_t same = 0;
  for (const auto& f : next->files()) same += f.is_immutable && first.count(f.name) && first[f.name] == f.size;
  EXPECT_EQ(same, first.size()) << "what a store was made of it need not write again";
  EXPECT_GT(same, 0u);
}

/// Files of a device can't have a second name on another.
TEST(rocksdb_store, copies_a_snapshot_of_another_device) {
  struct stat here {
  }, there{};
  if (::stat(::testing::TempDir().c_str(), &here) != 0 || ::stat("/dev/shm", &there) != 0 ||
      here.st_dev == there.st_dev || ::access("/dev/shm", W_OK) != 0)
    GTEST_SKIP() << "there is no second device at /dev/shm";
  const auto first = store(options_in("/dev/shm/rocksdb_store_" + std::to_string(::getpid()), 0))->open("one");
  put(*first, 0, "a", "1");
  const auto backend = store(options_in(fresh_dir(), 0));
  const auto copy = backend->open_snapshot("other", first->snapshot()->files());
  put(*first, 0, "a", "later");
  EXPECT_EQ(value_of(*copy, 0, "a"), "1");
}

TEST(rocksdb_store, says_which_file_of_a_snapshot_is_missing) {
  const auto backend = store(options_in(fresh_dir(), 0));
  const auto why = [&](const std::vector<store_file>& files) -> std::string {
    try {
      backend->open_snapshot("\"count\" task 3", files);
    } catch (const state_store_error& e) { return e.what(); }
    return "nothing";
  };
  EXPECT_THAT(why({{"000008.sst", "/nowhere/1.store"}}),
              ::testing::AllOf(HasSubstr("\"count\" task 3"), HasSubstr("/nowhere/1.store"),
                               HasSubstr("No such file or directory")));
}

// --- the directory ---

TEST(rocksdb_store, removes_what_it_has_made) {
  const auto dir = fresh_dir();
  {
    const auto backend = store(options_in(dir, 0));
    EXPECT_FALSE(fs::exists(dir)) << "nothing is opened before there is a task";
    auto one = backend->open("one"), other = backend->open("other");
    put(*one, 0, "a", "1");
    one.reset();
    EXPECT_EQ(value_of(*other, 0, "a"), "none");
    EXPECT_TRUE(fs::exists(dir));
    other.reset();
    EXPECT_FALSE(fs::exists(dir));
    EXPECT_EQ(value_of(*backend->open("again"), 0, "a"), "none");
  }
  fs::create_directory(dir);
  store(options_in(dir, 0))->open("one");
  EXPECT_TRUE(fs::exists(dir)) << "it was there before";
  EXPECT_TRUE(fs::is_empty(dir));
  fs::remove(dir);
}

std::string why_refused(const std::string& dir) {
  try {
    store(options_in(dir, 0))->open("one");
  } catch (const state_store_error& e) { return e.what(); }
  return "nothing";
}

TEST(rocksdb_store, refuses_a_directory_that_it_cannot_have) {
  EXPECT_THAT(why_refused(""), HasSubstr("rocksdb::options::dir is empty"));
  EXPECT_THAT(why_refused("/dev/null/states"),
              HasSubstr("the state store cannot use \"/dev/null/states\": it cannot be created: Not a directory"));
  const auto dir = fresh_dir();
  fs::create_directory(dir);
  std::ofstream(dir + "/letters.txt") << "Dear Ann";
  EXPECT_THAT(why_refused(dir),
              HasSubstr("it holds other files, such as \"letters.txt\"; name a directory that is empty"));
  EXPECT_TRUE(fs::exists(dir + "/letters.txt"));
  fs::remove_all(dir);
  const auto first = store(options_in(dir, 0))->open("one");
  EXPECT_THAT(why_refused(dir), HasSubstr("a run is using it; give each process a directory of its own"));
  put(*first, 0, "a", "1");
  EXPECT_EQ(value_of(*first, 0, "a"), "1") << "the other has touched nothing";
}

/// A journal, say, or the checkpoints: whoever gives them a place below this one must not lose them.
TEST(rocksdb_store, leaves_what_others_have_put_there_meanwhile) {
  const auto dir = fresh_dir();
  const auto letters = dir + "/1/letters.txt";
  const auto write_letters = [&] {
    fs::create_directory(dir + "/1");
    std::ofstream(letters) << "Dear Ann";
  };
  {
    const auto one = store(options_in(dir, 0))->open("one"), other = store(options_in(dir + "/2", 0))->open("other");
    write_letters();
  }
  EXPECT_TRUE(fs::exists(letters));
  EXPECT_FALSE(fs::exists(dir + "/2"));
  EXPECT_THAT(why_refused(dir), HasSubstr("it holds other files, such as \"1\""));
  EXPECT_TRUE(fs::exists(letters));
  fs::remove_all(dir);
}

/// In another process, which begins the test anew: RocksDB has threads, which a fork would not have.
std::string dir_of_two_processes(const std::string& name) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  return ::testing::TempDir() + "rocksdb_store_" + name;
}

TEST(rocksdb_store, begins_empty_after_a_run_that_was_killed) {
  const auto dir = dir_of_two_processes("killed");
  const auto killed = [&] {
    const auto one = store(options_in(dir, 0))->open("one");
    for (int i = 0; i < 20'000; ++i) put(*one, 0, std::to_string(i), std::string(100, 'x'));
    ::_exit(7);
  };
  EXPECT_EXIT(killed(), ::testing::ExitedWithCode(7), "");
  EXPECT_FALSE(fs::is_empty(dir));
  EXPECT_TRUE(keys_of(*store(options_in(dir, 0))->open("one"), 0).empty());
  EXPECT_TRUE(fs::is_empty(dir)) << "the killed one had made it";
  EXPECT_EXIT(killed(), ::testing::ExitedWithCode(7), "");
  std::ofstream(dir + "/letters.txt") << "Dear Ann";
  EXPECT_THAT(why_refused(dir), HasSubstr("it holds other files, such as \"letters.txt\""));
  EXPECT_TRUE(fs::exists(dir + "/letters.txt"));
  fs::remove_all(dir);
}

// --- on the engines ---

topology counting(std::size_t readings, std::uint64_t keys, collect_sink<samples::counted> got) {
  random_source random(6);
  stream_builder b{"counting"};
  b.spout("readings", vector_spout<samples::reading>{samples::readings_of(random, readings, keys)})
      .key_by(&samples::reading::key)
      .process("count", samples::count_readings{}, {.parallelism = 2})
      .to("results", got);
  return b.build();
}

TEST(rocksdb_store, may_serve_several_runs_at_a_time) {
  collect_sink<samples::counted> alone, first, second;
  event_executor{}.start(counting(5000, 1000, alone)).wait();
  const auto one = store(options_in(fresh_dir(), 2000));
  auto events = event_executor{{.store = one}}.start(counting(5000, 1000, first));
  auto batches = batch_executor{{.interval = {}, .store = one}}.start(counting(5000, 1000, second));
  events.wait();
  batches.wait();
  const auto expected = samples::sorted(alone.take());
  EXPECT_EQ(samples::sorted(first.take()), expected);
  EXPECT_EQ(samples::sorted(second.take()), expected);
}

std::string why_it_ended(const samples::any_engine& on, const topology& graph) {
  try {
    samples::start_on(on, graph).wait();
  } catch (const run_error& e) { return e.what(); }
  return "nothing";
}

TEST(rocksdb_store, that_cannot_be_opened_is_an_error_of_start) {
  const auto nowhere = store({.dir = "/dev/null/states"});
  const auto graph = counting(10, 10, {});
  for (const samples::any_engine& on :
       {samples::any_engine{event_options{.store = nowhere}}, samples::any_engine{batch_options{.store = nowhere}}})
    EXPECT_THAT(why_it_ended(on, graph),
                ::testing::AllOf(HasSubstr("bolt \"count\" task 0"), HasSubstr("\"/dev/null/states\"")));
}

/// No file may grow large, which is as good as a full disk.
[[noreturn]] void run_where_no_file_grows(const samples::any_engine& on) {
  std::signal(SIGXFSZ, SIG_IGN);
  const rlimit limit{100'000, 100'000};
  ::setrlimit(RLIMIT_FSIZE, &limit);
  std::fputs(why_it_ended(on, counting(200'000, 1'000'000, {})).c_str(), stderr);
  std::exit(3);
}

TEST(rocksdb_store, that_finds_no_room_on_the_disk_ends_the_run) {
  const auto dir = dir_of_two_processes("full");
  const auto small = store(options_in(dir, 2000));
  const auto sentence =
      "the states of \"count\" task [01] cannot be (written|read): the state store in \".*rocksdb_store.*\" "
      "says: IO error";
  event_options events{.store = small};
  batch_options batches{.interval = {}, .rows_per_batch = 1000, .store = small};
  events.log = batches.log = logger{};
  EXPECT_EXIT(run_where_no_file_grows(events), ::testing::ExitedWithCode(3), sentence);
  EXPECT_EXIT(run_where_no_file_grows(batches), ::testing::ExitedWithCode(3), sentence);
  fs::remove_all(dir);
}

}  // namespace
}  // namespace freshet::rocksdb
