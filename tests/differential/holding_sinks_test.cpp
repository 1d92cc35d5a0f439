// Sinks that hold and fail tokens and calls at random, on both engines: what arrives is what a plain loop says.
//
//     FRESHET_SEED=123 build/dev/tests/differential_tests --gtest_filter='*holding_sinks_at_random*'     # one seed
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

#include "batch/batch_probe.hpp"
#include "core/courier.hpp"
#include "differential/time/seeds.hpp"
#include "freshet/base/hash.hpp"
#include "freshet/base/random.hpp"
#include "freshet/batch/batch_executor.hpp"
#include "freshet/event/event_executor.hpp"

namespace freshet::differential {
namespace {

using namespace std::chrono_literals;
using batch_tests::sorted;

constexpr int bad_writes = 2;  ///< so often a row may fail that arrives in the end
constexpr std::uint32_t attempts = 8;

/// What becomes of each row, each time it is written. Thread safe.
class fates {
 public:
  enum class fate { arrives, throws, fails, drops };
  explicit fates(std::uint64_t seed) : seed_(seed) {}

  bool is_poison(int row) const { return mix64(seed_ ^ static_cast<std::uint64_t>(row)) % 50 == 0; }
  fate next(int row) {
    std::lock_guard lock(mutex_);
    return fate_of(row, ++written_[row]);
  }
  fate last(int row) const {
    std::lock_guard lock(mutex_);
    return fate_of(row, written_.at(row));
  }

 private:
  fate fate_of(int row, int nth) const {
    const auto drawn = mix64(seed_ + static_cast<std::uint64_t>(row * 16 + nth));
    if (is_poison(row)) return static_cast<fate>(1 + drawn % 3);
    return nth > bad_writes ? fate::arrives : static_cast<fate>(drawn % 4);
  }
  const std::uint64_t seed_;
  mutable std::mutex mutex_;
  std::map<int, int> written_;
};

template <class Sink>
struct stumbling : Sink {
  std::shared_ptr<fates> fate;
  void write(const int& row, emitter<void>& out) {
    if (fate->next(row) == fates::fate::throws) throw std::runtime_error("not written");
    Sink::write(row, out);
  }
};

/// A message may have been emitted again meanwhile, and the row's next call have thrown.
courier::answer answer_for(fates::fate f) {
  if (f == fates::fate::arrives) return courier::answer::ack;
  return f == fates::fate::drops ? courier::answer::drop : courier::answer::fail;
}

/// Rows that arrive, and those that don't.
struct outcome {
  std::vector<int> rows, lost;
  bool operator==(const outcome&) const = default;
};

/// What is made of a message.
std::vector<int> rows_of(int message) { return {2 * message, 2 * message + 1}; }

outcome by_a_plain_loop(int messages, const fates& fate) {
  outcome all;
  for (int m = 0; m < messages; ++m)
    for (int row : rows_of(m)) (fate.is_poison(row) ? all.lost : all.rows).push_back(row);
  return all;
}

template <class Sink>
topology graph_of(int messages, const Sink& sink, collect_sink<dead_letter> letters, random_source& random) {
  topology_builder b{"holding"};
  const std::size_t tasks = 1 + random.below(3);
  const auto in = b.spout("in", batch_tests::partitioned_spout_probe{1, messages}, {.max_batch = 1 + random.below(40)});
  const auto make_rows = [](int message, emitter<int>& to) {
    for (int row : rows_of(message)) to.emit(row);
  };
  const auto rows = b.bolt("rows", make_rows, {.parallelism = tasks}).input(in, shuffle_grouping{});
  const auto out = b.sink("out", sink, {.parallelism = random.chance(0.5) ? tasks : 1 + random.below(3)});
  if (random.chance(0.5)) out.input(rows);
  else out.input(rows, key_grouping{std::identity{}});
  b.sink("letters", letters).input(b.dead_letters());
  return b.build();
}

topology graph_of(int messages, const std::shared_ptr<courier>& by, const std::shared_ptr<fates>& fate,
                  collect_sink<dead_letter> letters, random_source& random) {
  if (random.chance(0.5)) return graph_of(messages, stumbling<posting_sink>{{by}, fate}, letters, random);
  return graph_of(messages, stumbling<narrow_posting_sink>{{{by}}, fate}, letters, random);
}

topology_run start_events(guarantee g, const topology& graph, random_source& random) {
  event_options o;
  o.guarantee = g;
  o.workers = 1 + random.below(3);
  o.max_batch = 1 + random.below(64);
  o.retry = {.max_attempts = attempts, .first = 50us, .longest = 500us};
  o.log = {};
  return event_executor{o}.start(graph);
}

topology_run start_batches(const topology& graph, random_source& random) {
  batch_options o;
  o.workers = 1 + random.below(3);
  o.max_task_attempts = bad_writes + 1;
  o.log = {};
  return batch_executor{batch_tests::batches_of(60 + random.below(200), o)}.start(graph);
}

/// Throws if the run hangs.
template <class Start>
outcome outcome_of(int messages, std::shared_ptr<fates> fate, random_source& random, Start&& start) {
  const auto by = std::make_shared<courier>([fate](int row, int) { return answer_for(fate->last(row)); });
  collect_sink<dead_letter> letters;
  auto run = start(graph_of(messages, by, fate, letters, random));
  if (!run.wait_for(60s)) throw std::runtime_error("the run hangs\n" + run.describe());
  outcome all{sorted(by->delivered()), {}};
  for (const auto& letter : letters.values()) {
    reader r(letter.bytes);
    int value = 0;
    read_value(r, value);
    all.lost.push_back(value);
  }
  all.lost = sorted(all.lost);
  return all;
}

template <class Compare>
void for_each_seed(Compare&& compare) {
  const auto only = number_from("FRESHET_SEED", 0), count = number_from("FRESHET_SEEDS", 20);
  for (auto seed = only ? only : 1; seed <= (only ? only : count) && !::testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("FRESHET_SEED=" + std::to_string(seed));
    random_source random(seed);
    const auto fate = std::make_shared<fates>(seed);
    const int messages = 1 + static_cast<int>(random.below(150));
    compare(messages, fate, random);
  }
}

TEST(holding_sinks_at_random, have_each_row_once_in_batches) {
  for_each_seed([](int messages, std::shared_ptr<fates> fate, random_source& random) {
    const auto wanted = by_a_plain_loop(messages, *fate);
    const auto got = outcome_of(messages, fate, random, [&](const topology& g) { return start_batches(g, random); });
    EXPECT_EQ(got.rows, wanted.rows);
    EXPECT_EQ(got.lost, wanted.lost);
  });
}

TEST(holding_sinks_at_random, have_each_row_once_in_events_under_exactly_once) {
  for_each_seed([](int messages, std::shared_ptr<fates> fate, random_source& random) {
    const auto wanted = by_a_plain_loop(messages, *fate);
    const auto got = outcome_of(messages, fate, random,
                                [&](const topology& g) { return start_events(guarantee::exactly_once, g, random); });
    EXPECT_EQ(got.rows, wanted.rows);
    EXPECT_EQ(got.lost, wanted.lost);
  });
}

/// A message that fails is emitted again, with all of its rows, and given up as a whole.
TEST(holding_sinks_at_random, have_each_row_at_least_once_in_events) {
  for_each_seed([](int messages, std::shared_ptr<fates> fate, random_source& random) {
    auto wanted = by_a_plain_loop(messages, *fate);
    auto got = outcome_of(messages, fate, random,
                          [&](const topology& g) { return start_events(guarantee::at_least_once, g, random); });
    got.rows.erase(std::unique(got.rows.begin(), got.rows.end()), got.rows.end());
    for (auto& row : wanted.lost) row /= 2;
    wanted.lost.erase(std::unique(wanted.lost.begin(), wanted.lost.end()), wanted.lost.end());
    EXPECT_EQ(got.rows, wanted.rows);
    EXPECT_EQ(got.lost, wanted.lost);
  });
}

}  // namespace
}  // namespace freshet::differential
