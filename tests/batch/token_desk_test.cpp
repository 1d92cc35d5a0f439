// The tokens of one attempt, without a run: what is outstanding, and how its task hears of failures. Runs that hold:
// attempts_test.cpp.
#include "batch/token_desk.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "core/counting_wakes.hpp"
#include "core/failing_memory.hpp"

namespace freshet {
namespace {

using samples::counting_wakes;
using testing::ElementsAre;
using token = std::shared_ptr<held_state>;
using time_point = token_desk::time_point;
using texts = std::vector<std::string>;
constexpr auto never = time_point::max();
time_point at(int ms) { return time_point{std::chrono::milliseconds(ms)}; }

class token_desk_of_an_attempt : public testing::Test {
 protected:
  ~token_desk_of_an_attempt() override { desk->abandon(); }

  token hold(std::uint32_t node = 5, std::uint64_t ordinal = 0, time_point until = never) {
    return desk->hold(frame, node, ordinal, until);
  }
  texts failed() {
    texts all;
    for (const auto& f : desk->take_failed())
      all.push_back("tuple " + std::to_string(f.ordinal) + " of node " + std::to_string(f.node) + ": " +
                    f.error.message);
    return all;
  }

  std::shared_ptr<counting_wakes> wakes = std::make_shared<counting_wakes>();
  std::shared_ptr<token_desk> desk = std::make_shared<token_desk>(waker{wakes});
  call_frame frame;
};

TEST_F(token_desk_of_an_attempt, a_token_is_outstanding_until_it_is_consumed) {
  const auto t = hold();
  EXPECT_EQ(desk->outstanding(), 1u);
  EXPECT_TRUE(t->live());
  EXPECT_TRUE(frame.flags.deferred) << "the call revokes it when it fails";
  EXPECT_THAT(frame.holds, ElementsAre(t));
  EXPECT_EQ(wakes->count, 0);
  t->ack();
  EXPECT_FALSE(t->live());
  EXPECT_EQ(desk->outstanding(), 0u);
  EXPECT_EQ(wakes->count, 1);
  EXPECT_FALSE(desk->has_failed());
}

TEST_F(token_desk_of_an_attempt, it_is_consumed_once_whatever_comes_later) {
  const auto acked = hold(), failed_one = hold(5, 7), revoked = hold();
  acked->ack();
  failed_one->fail({errc::user_function, "no"});
  revoked->revoke();
  for (const auto& t : {acked, failed_one, revoked}) {
    t->ack();
    t->fail({errc::user_function, "late"});
    t->revoke();
  }
  EXPECT_EQ(desk->outstanding(), 0u);
  EXPECT_EQ(wakes->count, 3);
  EXPECT_EQ(failed(), texts{"tuple 7 of node 5: no"});
}

/// The task reads `has_failed` when nothing is outstanding: an attempt must not end well with a failure under way.
TEST_F(token_desk_of_an_attempt, one_that_there_is_no_memory_for_counts_nowhere) {
  if (!samples::memory_can_fail) GTEST_SKIP() << "operator new is the sanitizer's";
  int failed = 0;
  for (std::uint32_t had = 0; had < 40; ++had)  // each list grows now and then
    for (std::size_t n = 1; desk->outstanding() == had; ++n) {
      try {
        const samples::failing_memory memory(n);
        (void)hold();
        continue;
      } catch (const std::bad_alloc&) { ++failed; }
      ASSERT_EQ(desk->outstanding(), had) << n;
      ASSERT_EQ(frame.holds.size(), had) << n;
    }
  EXPECT_GT(failed, 40) << "not only the tokens themselves";
}

TEST_F(token_desk_of_an_attempt, a_failure_is_there_before_the_token_is_counted_off) {
  const auto t = hold(6, 3);
  bool at_hand = false;
  wakes->then = [&] { at_hand = desk->has_failed(); };
  t->fail({errc::user_function, "no"});
  EXPECT_TRUE(at_hand);
  EXPECT_TRUE(desk->has_failed());
  EXPECT_EQ(failed(), texts{"tuple 3 of node 6: no"});
  EXPECT_FALSE(desk->has_failed()) << "taken";
  EXPECT_EQ(failed(), texts{});
}

TEST_F(token_desk_of_an_attempt, says_whether_a_node_holds_any) {
  const auto first = hold(5), second = hold(6), third = hold(5);
  EXPECT_TRUE(desk->holds(5));
  EXPECT_FALSE(desk->holds(7));
  first->ack();
  EXPECT_TRUE(desk->holds(5)) << "the third";
  second->revoke();
  EXPECT_FALSE(desk->holds(6));
  third->fail({errc::user_function, "no"});
  EXPECT_FALSE(desk->holds(5));
}

TEST_F(token_desk_of_an_attempt, expires_what_is_due_and_says_after_how_long) {
  std::vector<token> all;
  for (int ms = 1; ms <= 4; ++ms) all.push_back(hold(5, static_cast<std::uint64_t>(ms), at(ms)));
  EXPECT_EQ(desk->next_deadline(), at(1));
  EXPECT_EQ(desk->expire(at(0), std::chrono::milliseconds(20)), 0u);
  all[1]->ack();
  EXPECT_EQ(desk->expire(at(3), std::chrono::milliseconds(20)), 2u);
  EXPECT_THAT(failed(), ElementsAre("tuple 1 of node 5: held longer than message_timeout (20 ms)",
                                    "tuple 3 of node 5: held longer than message_timeout (20 ms)"));
  EXPECT_EQ(desk->next_deadline(), at(4));
  EXPECT_EQ(desk->outstanding(), 1u);
  all[0]->ack();
  EXPECT_EQ(desk->outstanding(), 1u) << "it had ended";
}

/// The task has begun another attempt, with a desk of its own.
TEST_F(token_desk_of_an_attempt, tokens_of_an_attempt_that_is_over_are_answered_and_then_free_the_desk) {
  const std::weak_ptr<token_desk> left = desk;
  const auto other = std::make_shared<token_desk>(waker{wakes});
  std::vector<token> all{hold(5, 0, at(1)), hold(5, 1, at(2))};
  frame.holds.clear();
  desk->abandon();
  EXPECT_EQ(desk->next_deadline(), never);
  EXPECT_EQ(desk->expire(at(9), {}), 0u) << "nobody waits for them";
  desk = other;
  all[0]->fail({errc::user_function, "late"});
  all[1]->ack();
  EXPECT_EQ(other->outstanding(), 0u);
  EXPECT_FALSE(other->has_failed());
  all.clear();
  EXPECT_TRUE(left.expired()) << "desk and tokens hold each other";
}

/// Whoever sees that nothing is outstanding sees every failure.
TEST_F(token_desk_of_an_attempt, other_threads_consume_its_tokens_and_no_failure_is_missed) {
  constexpr int rounds = 300, each = 8;
  for (int r = 0; r < rounds; ++r) {
    std::vector<token> all;
    for (int i = 0; i < 2 * each; ++i) all.push_back(hold());
    frame.holds.clear();
    const auto answer = [&](int from) {
      for (int i = from; i < from + each; ++i) {
        if (i % 2) all[static_cast<std::size_t>(i)]->ack();
        else all[static_cast<std::size_t>(i)]->fail({errc::user_function, std::to_string(i)});
      }
    };
    std::thread first([&] { answer(0); }), second([&] { answer(each); });
    while (desk->outstanding() != 0) std::this_thread::yield();
    EXPECT_TRUE(desk->has_failed());
    EXPECT_EQ(desk->take_failed().size(), 1u * each);
    first.join();
    second.join();
  }
  EXPECT_EQ(wakes->count, rounds * 2 * each);
}

/// A member is flushed when nothing before it holds, and only if nothing of that has failed.
TEST_F(token_desk_of_an_attempt, whoever_sees_that_a_node_holds_none_sees_every_failure_of_it) {
  constexpr std::uint32_t rounds = 20'000;
  std::vector<token> all(rounds + 1);
  std::atomic<std::uint32_t> handed_out{0};
  std::thread other([&] {
    for (std::uint32_t i = 1; i <= rounds; ++i) {
      while (handed_out.load(std::memory_order_acquire) < i) std::this_thread::yield();
      all[i]->fail({errc::user_function, "no"});
    }
  });
  std::uint32_t missed = 0;
  for (std::uint32_t i = 1; i <= rounds; ++i) {
    all[i] = hold(5);
    frame.holds.clear();
    handed_out.store(i, std::memory_order_release);
    while (desk->holds(5)) {}
    missed += !desk->has_failed();
    while (desk->outstanding() != 0) {}
    EXPECT_EQ(desk->take_failed().size(), 1u);
  }
  other.join();
  EXPECT_EQ(missed, 0u);
}

TEST_F(token_desk_of_an_attempt, an_answer_and_a_deadline_end_a_token_once) {
  constexpr int rounds = 2000;
  std::vector<token> all;
  for (int i = 0; i < rounds; ++i) all.push_back(hold(5, 0, at(i)));
  std::thread other([&] {
    for (auto t = all.rbegin(); t != all.rend(); ++t) (*t)->ack();
  });
  std::size_t expired = 0;
  for (int i = 0; i < rounds; ++i) expired += desk->expire(at(i), std::chrono::milliseconds(1));
  other.join();
  EXPECT_EQ(desk->take_failed().size(), expired);
  EXPECT_EQ(desk->outstanding(), 0u);
}

}  // namespace
}  // namespace freshet
