// Random topologies, groupings, parallelism and faults: what an engine gives is what a plain loop gives.
//
// A test that fails names the seed. To run it alone:
//     FRESHET_SEED=123 build/dev/tests/differential_tests --gtest_filter='*at_least_once*'
// More seeds a case than the usual hundred: FRESHET_SEEDS=2000.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <set>
#include <string>
#include <vector>

#include "differential/compare.hpp"

namespace freshet::differential {
namespace {

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

/// One spout with one partition: what is in a batch then depends on nothing but the number of rows.
plan with_one_spout(plan p) {
  for (auto& n : p.nodes) {
    if (n.is != role::spout) continue;
    const bool first = &n == &p.nodes[0];
    n.spout.replayable = true;
    n.spout.messages_each = first ? n.spout.messages() : 0;
    n.spout.partitions = 1;
    n.spout.failing_polls = 0;
  }
  p.faults.clear();
  random_source random(p.seed);
  add_passing_faults(p, random);
  return p;
}

/// In the order in which they were written: by one task, if the sink has one.
std::vector<row> rows_in_order(const plan& p, const record& got) {
  std::vector<row> rows;
  for (const auto& r : got.rows)
    if (p.nodes[r.sink].parallelism == 1) rows.push_back(r);
  std::stable_sort(rows.begin(), rows.end(), [](auto& a, auto& b) { return a.sink < b.sink; });
  return rows;
}

/// The messages of the rows around row `n`.
std::string around(const std::vector<row>& rows, std::size_t n) {
  std::string text;
  for (auto at = n < 40 ? 0 : n - 40; at < std::min(rows.size(), n + 60); ++at)
    text += (at == n ? " | " : " ") + std::to_string(rows[at].value.message);
  return text;
}

std::string same_order(const plan& p, const std::vector<row>& wanted, const std::vector<row>& is) {
  for (std::size_t n = 0; n < std::min(wanted.size(), is.size()); ++n)
    if (wanted[n] != is[n])
      return "  the messages of " + p.nodes[is[n].sink].name + " come as" + around(is, n) + "\n  instead of" +
             around(wanted, n) + "\n";
  return wanted.size() == is.size() ? "" : "  another number of rows\n";
}

std::set<std::uint64_t> emitted_in(const record& got) {
  std::set<std::uint64_t> all;
  for (const auto& e : got.emissions) all.insert(e.message);
  return all;
}

enum class promise : std::uint8_t {
  nothing_missing,
  exactly_once,
  best_effort,
  nothing_twice,
  exact_batches,
  one_order,
  drains
};
constexpr const char* names[] = {"nothing_missing", "exactly_once", "best_effort", "nothing_twice",
                                 "exact_batches",   "one_order",    "drains"};
constexpr std::uint64_t cases = 10;

/// Each case takes a share of the seeds, so that the cases run side by side.
class random_topologies : public ::testing::TestWithParam<std::uint64_t> {
 protected:
  /// Calls `f(plan, answer, random)` for the seeds of this case, or for some of them, until something is wrong. No two
  /// promises have a seed in common.
  template <class F>
  void for_each_seed(promise of, F f, std::uint64_t one_in = 1) {
    const auto only = number_from("FRESHET_SEED", 0), each = number_from("FRESHET_SEEDS", 100);
    if (only) {
      if (GetParam() == 0) run(only, f);
      return;
    }
    const auto before = (static_cast<std::uint64_t>(of) * cases + GetParam()) * each;
    std::uint64_t seeds = 0;
    for (std::uint64_t n = 1; n <= each && !HasFailure(); n += one_in, ++seeds) run(before + n, f);
    std::printf("%s: seeds=%llu differences=%d\n", names[static_cast<std::size_t>(of)],
                static_cast<unsigned long long>(seeds), HasFailure() ? 1 : 0);
  }

  static void expect_nothing(const plan& p, const outcome& o, const std::string& wrong) {
    if (wrong.empty()) return;
    ADD_FAILURE() << wrong << "again with FRESHET_SEED=" << p.seed << "\n" << describe(p) << o.described;
  }

 private:
  template <class F>
  static void run(std::uint64_t seed, F f) {
    const plan p = random_plan(seed);
    random_source random(seed);
    f(p, plain_loop(p), random);
  }
};

TEST_P(random_topologies, at_least_once_nothing_is_missing_and_none_finished_early) {
  for_each_seed(promise::nothing_missing, [](const plan& p, const answer& expected, random_source& random) {
    const auto o = run_events(p, some_event_options(p, guarantee::at_least_once, random), {});
    auto wrong = nothing_missing(p, expected, o.seen) + counters_agree(p, o);
    if (!p.has_poison()) wrong += none_finished_early(p, expected, o.seen, true);
    expect_nothing(p, o, wrong);
  });
}

TEST_P(random_topologies, exactly_once_is_exact) {
  for_each_seed(promise::exactly_once, [](const plan& p, const answer& expected, random_source& random) {
    const auto o =
        run_events(p, some_event_options(p, guarantee::exactly_once, random), {.tokens = false, .below_holds = false});
    auto wrong = exact(p, expected, o.seen);
    if (!p.has_poison()) wrong += none_finished_early(p, expected, o.seen, false);
    expect_nothing(p, o, wrong);
  });
}

TEST_P(random_topologies, best_effort_is_exact_without_faults) {
  for_each_seed(
      promise::best_effort,
      [](const plan& p, const answer& expected, random_source& random) {
        plan quiet = p;
        quiet.faults.clear();
        const auto o = run_events(quiet, some_event_options(quiet, guarantee::best_effort, random), {.throws = false});
        expect_nothing(quiet, o, exact(quiet, expected, o.seen));
      },
      2);
}

TEST_P(random_topologies, best_effort_gives_nothing_twice) {
  for_each_seed(
      promise::nothing_twice,
      [](const plan& p, const answer& expected, random_source& random) {
        if (p.faults.empty() || p.has(operation::hold) || p.has(operation::gather)) return;  // they share their fate
        if (p.has(trouble::forgets)) return;  // on a busy machine others time out with the forgotten one, for good
        const auto o = run_events(p, some_event_options(p, guarantee::best_effort, random), {.tokens = false});
        expect_nothing(p, o, nothing_twice(p, expected, o.seen));
      },
      2);
}

TEST_P(random_topologies, batches_are_exact) {
  for_each_seed(promise::exact_batches, [](const plan& p, const answer& expected, random_source& random) {
    const auto o = run_batches(p, some_batch_options(p, random), {});
    auto wrong = exact(p, expected, o.seen) + counters_agree(p, o);
    if (!p.has_poison()) wrong += none_finished_early(p, expected, o.seen, false);
    expect_nothing(p, o, wrong);
  });
}

/// The same batches by one, two and eight workers, with faults and without: the same rows in the same order.
TEST_P(random_topologies, batches_come_in_one_order_whatever_the_workers) {
  for_each_seed(
      promise::one_order,
      [](const plan& p, const answer&, random_source& random) {
        const plan one = with_one_spout(p);
        const auto expected = plain_loop(one);
        auto options = some_batch_options(one, random);
        // The rows of a batch must not depend on time, or on where in a poll the store is half full.
        options.trigger = batch_trigger::rows;
        options.block_store_bytes = batch_options{}.block_store_bytes;
        std::vector<row> first;
        for (std::size_t workers : {1, 2, 8}) {
          options.workers = workers;
          auto o = run_batches(one, options, {.throws = workers != 1});
          auto rows = rows_in_order(one, o.seen);
          if (workers == 1) first = std::move(rows);
          else expect_nothing(one, o, same_order(one, first, rows));
          expect_nothing(one, o, exact(one, expected, o.seen));
        }
      },
      3);
}

/// A drain in the midst of it: what was emitted is finished, and nothing else is there.
TEST_P(random_topologies, a_drain_finishes_what_was_emitted) {
  for_each_seed(promise::drains, [](const plan& p, const answer&, random_source& random) {
    if (p.has_poison()) return;
    const std::chrono::microseconds after(random.below(3000));
    const bool batches = random.chance(0.5);
    const auto o = batches ? run_batches(p, some_batch_options(p, random), {}, after)
                           : run_events(p, some_event_options(p, guarantee::at_least_once, random), {}, after);
    const auto expected = plain_loop(p, emitted_in(o.seen));
    expect_nothing(p, o, batches ? exact(p, expected, o.seen) : nothing_missing(p, expected, o.seen));
  });
}

INSTANTIATE_TEST_SUITE_P(seeds, random_topologies, ::testing::Range<std::uint64_t>(0, cases));

}  // namespace
}  // namespace freshet::differential
