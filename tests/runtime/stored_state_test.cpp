// States that memory has no room for, in a store in memory: what the engines do with any store.
#include <gmock/gmock.h>

#include <string>

#include "core/memory_store.hpp"
#include "freshet/runtime/executor.hpp"
#include "runtime/stored_state_suite.hpp"

namespace freshet::samples {
namespace {

INSTANTIATE_TEST_SUITE_P(every, stored_states,
                         ::testing::Combine(::testing::ValuesIn(every_engine()),
                                            ::testing::Values(kind_of_backend{
                                                "memory",
                                                [](std::size_t cache_bytes) {
                                                  return std::make_shared<testing::memory_backend>(cache_bytes);
                                                }})),
                         name_of_stored);

class store_of_engine : public on_every_engine {
 protected:
  any_engine with(std::shared_ptr<state_backend> store) const {
    auto made = GetParam().second;
    std::visit([&](auto& o) { o.store = std::move(store); }, made);
    return made;
  }
};

TEST_P(store_of_engine, is_opened_for_each_task_with_state_by_key) {
  const auto store = std::make_shared<testing::memory_backend>(2000);
  random_source random(3);
  // More than a slice of each task: what is evicted behind one is read in the next.
  const auto all = readings_of(random, 12'000, 500);
  (void)readings(all).key_by(&reading::key).process("count", count_readings{}, {.parallelism = 2});
  start_on(with(store), builder.build()).wait();
  ASSERT_EQ(store->stores.size(), 2u);
  for (const char* task : {"\"count\" task 0", "\"count\" task 1"}) {
    const auto& rows = store->stores.at(task);
    EXPECT_GT(rows.rows(), 100u) << "most of them";
    EXPECT_GT(rows.reads, 100u);
  }
}

/// The sentence that a run ends with.
std::string why_it_ended(const any_engine& on, const topology& graph) {
  try {
    start_on(on, graph).wait();
  } catch (const run_error& e) { return e.what(); } catch (const topology_error& e) {
    return e.what();
  }
  return "nothing";
}

/// Fails after so many reads or writes.
class breaking_backend final : public state_backend {
 public:
  explicit breaking_backend(std::string when) : when_(std::move(when)) {}
  std::unique_ptr<state_store> open(const std::string& task) override {
    if (when_ == "open") throw state_store_error("there is no room for " + task);
    return std::make_unique<store>(when_);
  }

 private:
  struct store final : state_store {
    explicit store(std::string when) : when_(std::move(when)) {}
    bool get(std::uint32_t group, std::string_view key, std::string& value) override {
      if (when_ == "read") throw state_store_error("the disk is broken");
      return in_.get(group, key, value);
    }
    void write(std::span<const change> changes) override {
      if (when_ == "write") throw state_store_error("the disk is full");
      in_.write(changes);
    }
    void scan(std::uint32_t group, std::string_view from, const visitor& visit) override {
      in_.scan(group, from, visit);
    }
    void drop(std::uint32_t group) override { in_.drop(group); }
    std::size_t cache_bytes() const override { return 1000; }
    const std::string when_;
    testing::memory_store::contents rows_;
    testing::memory_store in_{rows_, 0};
  };
  const std::string when_;
};

TEST_P(store_of_engine, ends_the_run_when_it_fails) {
  random_source random(3);
  // As above.
  (void)readings(readings_of(random, 12'000, 500)).key_by(&reading::key).process("count", count_readings{});
  const auto graph = builder.build();
  using ::testing::HasSubstr;
  EXPECT_THAT(why_it_ended(with(std::make_shared<breaking_backend>("open")), graph),
              ::testing::AllOf(HasSubstr("\"count\" task 0"), HasSubstr("there is no room for \"count\" task 0")));
  EXPECT_THAT(why_it_ended(with(std::make_shared<breaking_backend>("write")), graph), HasSubstr("the disk is full"));
  EXPECT_THAT(why_it_ended(with(std::make_shared<breaking_backend>("read")), graph), HasSubstr("the disk is broken"));
}

struct keep_pointers {
  using state = transient<std::shared_ptr<int>>;
  void process(const reading&, transient<std::shared_ptr<int>>&) {}
};

TEST_P(store_of_engine, refuses_what_cannot_be_written_at_start) {
  (void)readings({}).key_by(&reading::key).process("keep", keep_pointers{});
  EXPECT_THAT(
      why_it_ended(with(std::make_shared<testing::memory_backend>(0)), builder.build()),
      ::testing::HasSubstr("::store is set, but bolt \"keep\" keeps a freshet::transient<std::shared_ptr<int>> for "
                           "each std::string, and these can't be written to it"));
  start_on(GetParam().second, builder.build()).wait();
}

INSTANTIATE_TEST_SUITE_P(every, store_of_engine, ::testing::ValuesIn(every_engine()), name_of_engine);

}  // namespace
}  // namespace freshet::samples
