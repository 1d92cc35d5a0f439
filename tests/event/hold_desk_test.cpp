// The tokens of one task, without a run: what they count, and who hears how they ended. Runs that hold: hold_test.cpp.
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "core/counting_wakes.hpp"
#include "core/failing_memory.hpp"
#include "event/holds.hpp"

namespace freshet {
namespace {

using samples::counting_wakes;
using token = std::shared_ptr<held_state>;
using time_point = hold_desk::time_point;
constexpr auto never = time_point::max();
time_point at(int ms) { return time_point{std::chrono::milliseconds(ms)}; }

class hold_desk_of_a_task : public testing::Test {
 protected:
  hold_desk_of_a_task() {
    slot = lane.open();
    book->settle(slot, 1 - ledger::open_bias);  // the tuple in process
  }
  ~hold_desk_of_a_task() override { desk->abandon(); }

  /// By a call for message 3 of the slot.
  token hold(std::uint32_t node = 5, time_point until = never, hold_desk::repetition again = {}) {
    frame.begin(root{slot, 3}, nullptr);
    return desk->hold(frame, node, until, std::move(again));
  }
  std::vector<std::string> told_to_spout() {
    std::vector<std::string> all;
    lane.take_failures([&](ledger::failure& f) {
      all.push_back(std::to_string(f.message.index()) + " of node " + std::to_string(f.node) + " task " +
                    std::to_string(f.task) + ": " + f.error.message);
    });
    return all;
  }
  static std::vector<std::string> errors_of(const std::vector<hold_desk::failed_hold>& failed) {
    std::vector<std::string> all;
    for (auto& f : failed) all.push_back(f.error.message);
    return all;
  }
  bool is_complete() {
    bool zero = false;
    lane.take_completed([&](std::uint32_t) { zero = true; });
    return zero;
  }

  using texts = std::vector<std::string>;
  std::shared_ptr<ledger> book = std::make_shared<ledger>();
  std::shared_ptr<counting_wakes> wakes = std::make_shared<counting_wakes>();
  std::shared_ptr<hold_desk> desk = std::make_shared<hold_desk>(book, 2, waker{wakes});
  std::function<void()> lane_woken = [] {};
  ledger::lane& lane = book->add_lane(100, [this] { lane_woken(); });
  call_frame frame;
  std::uint32_t slot = 0;
};

// --- what is counted ---

TEST_F(hold_desk_of_a_task, a_token_counts_for_its_message_until_it_is_consumed) {
  const auto t = hold();
  EXPECT_EQ(desk->outstanding(), 1u);
  EXPECT_EQ(desk->taken(), 1u);
  EXPECT_EQ(book->live(slot), 2);
  EXPECT_TRUE(frame.flags.deferred) << "the call revokes it when it fails";
  EXPECT_EQ(frame.holds, std::vector{t});
  EXPECT_EQ(wakes->count, 0);
  t->ack();
  EXPECT_FALSE(t->live());
  EXPECT_EQ(desk->outstanding(), 0u);
  EXPECT_EQ(desk->taken(), 1u);
  EXPECT_EQ(book->live(slot), 1);
  EXPECT_EQ(wakes->count, 1);
}

TEST_F(hold_desk_of_a_task, it_is_consumed_once_and_later_answers_are_counted) {
  const auto t = hold();
  t->ack();
  t->ack();
  t->fail({errc::user_function, "late"});
  t->revoke();
  EXPECT_EQ(desk->late_answers(), 2u);
  EXPECT_EQ(desk->outstanding(), 0u);
  EXPECT_EQ(book->live(slot), 1);
  EXPECT_EQ(wakes->count, 1);
  EXPECT_EQ(told_to_spout(), texts{});
}

TEST_F(hold_desk_of_a_task, one_that_is_revoked_counts_no_more_and_what_its_bolt_does_with_it_is_no_answer) {
  const auto t = hold();
  t->revoke();
  EXPECT_FALSE(t->live());
  EXPECT_EQ(desk->outstanding(), 0u);
  EXPECT_EQ(book->live(slot), 1);
  t->fail({errc::user_function, "dropped"});
  t->ack();
  EXPECT_EQ(desk->late_answers(), 0u);
  EXPECT_EQ(book->live(slot), 1);
  EXPECT_EQ(told_to_spout(), texts{});
}

TEST_F(hold_desk_of_a_task, a_tuple_of_several_messages_counts_for_each_and_for_one_listed_twice_twice) {
  const auto other = lane.open();
  const root_list several{{slot, 1}, {other, 0}, {slot, 1}};
  frame.begin(root::several(0), &several);
  const auto t = desk->hold(frame, 5, never, {});
  EXPECT_EQ(book->live(slot), 3);
  EXPECT_EQ(book->live(other), 1 + ledger::open_bias);
  EXPECT_EQ(desk->outstanding(), 1u);
  t->ack();
  EXPECT_EQ(book->live(slot), 1);
  EXPECT_EQ(book->live(other), ledger::open_bias);
}

TEST_F(hold_desk_of_a_task, an_ack_frees_the_copy_of_the_tuple) {
  const auto value = std::make_shared<int>(7);
  auto tuple = std::make_unique<batch<std::shared_ptr<int>>>(batch_layout{.capacity = 1});
  tuple->append({}, {}, {}, value);
  hold_desk::repetition again;
  again.tuple = std::move(tuple);
  const auto t = hold(5, never, std::move(again));
  EXPECT_EQ(value.use_count(), 2);
  t->ack();
  EXPECT_EQ(value.use_count(), 1) << "however long the desk and the bolt keep the token";
}

TEST_F(hold_desk_of_a_task, one_that_there_is_no_memory_for_counts_nowhere) {
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
      ASSERT_EQ(book->live(slot), 1 + static_cast<std::int32_t>(had)) << n;
      ASSERT_EQ(frame.holds.size(), had) << n;
    }
  EXPECT_GT(failed, 40) << "not only the tokens themselves";
}

// --- failures ---

TEST_F(hold_desk_of_a_task, a_failure_is_told_to_the_spout_before_it_is_counted_off) {
  const auto t = hold();
  book->settle(slot, -1);  // the call is over
  texts told_before;
  lane_woken = [&] {
    if (!lane.has_completed()) told_before = told_to_spout();
  };
  t->fail({errc::user_function, "no"});
  EXPECT_TRUE(is_complete());
  EXPECT_EQ(told_before, texts{"3 of node 5 task 2: no"});
  EXPECT_EQ(desk->outstanding(), 0u);
  EXPECT_EQ(wakes->count, 1);
  EXPECT_FALSE(desk->has_failed()) << "its spout emits it again";
}

TEST_F(hold_desk_of_a_task, a_failure_of_several_messages_is_told_to_the_spout_of_each) {
  auto& another = book->add_lane(100, [] {});
  const auto other = another.open();
  const root_list several{{slot, 1}, {other, 4}};
  frame.begin(root::several(0), &several);
  desk->hold(frame, 5, never, {})->fail({errc::user_function, "no"});
  EXPECT_EQ(told_to_spout(), texts{"1 of node 5 task 2: no"});
  int others = 0;
  another.take_failures([&](ledger::failure& f) { others += f.message == root{other, 4}; });
  EXPECT_EQ(others, 1);
  EXPECT_EQ(book->live(slot), 1);
  EXPECT_EQ(book->live(other), ledger::open_bias);
}

TEST_F(hold_desk_of_a_task, tokens_of_one_tuple_fail_each_for_itself) {
  std::vector<token> all;
  for (std::uint32_t node : {5u, 6u, 7u}) all.push_back(hold(node));
  book->settle(slot, -1);
  all[2]->fail({errc::user_function, "first"});
  all[0]->fail({errc::user_function, "second"});
  EXPECT_EQ(told_to_spout(), (texts{"3 of node 7 task 2: first", "3 of node 5 task 2: second"}));
  EXPECT_FALSE(is_complete()) << "one is still out";
  all[1]->ack();
  EXPECT_TRUE(is_complete());
}

TEST_F(hold_desk_of_a_task, what_no_spout_emits_again_fails_to_the_task_which_may_repeat_it) {
  for (const bool has_book : {true, false}) {
    if (!has_book) {
      desk->abandon();
      desk = std::make_shared<hold_desk>(nullptr, 2, waker{wakes});
    }
    hold_desk::repetition again;
    again.tuple = std::make_unique<batch<int>>(batch_layout{.capacity = 1});
    again.attempts = 4;
    frame.begin(has_book ? root{} : root{9, 9}, nullptr);  // unrooted, or nothing to count on
    const auto* copy = again.tuple.get();
    const auto t = desk->hold(frame, 5, never, std::move(again));
    EXPECT_FALSE(desk->has_failed());
    bool at_hand = false;
    wakes->then = [&] { at_hand = desk->has_failed(); };
    t->fail({errc::user_function, "no"});
    EXPECT_TRUE(at_hand) << "before the task is woken for it";
    EXPECT_EQ(desk->outstanding(), 0u);
    EXPECT_TRUE(desk->has_failed());
    const auto failed = desk->take_failed();
    ASSERT_EQ(failed.size(), 1u);
    EXPECT_EQ(failed[0].node, 5u);
    EXPECT_EQ(failed[0].error.message, "no");
    EXPECT_EQ(failed[0].again.tuple.get(), copy);
    EXPECT_EQ(failed[0].again.attempts, 4u);
    EXPECT_FALSE(desk->has_failed()) << "taken";
    desk->settle_failed(failed[0]);
  }
  EXPECT_EQ(book->live(slot), 1);
  EXPECT_EQ(told_to_spout(), texts{});
}

TEST_F(hold_desk_of_a_task, kept_failures_count_for_their_messages_until_they_are_settled) {
  desk->keep_failures();
  const root_list several{{slot, 1}, {slot, 2}};
  std::vector<token> all{hold(), hold()};
  frame.begin(root::several(0), &several);
  all.push_back(desk->hold(frame, 6, never, {}));
  for (auto& t : all) t->fail({errc::user_function, "no"});
  EXPECT_EQ(told_to_spout(), texts{});
  EXPECT_EQ(desk->outstanding(), 0u);
  EXPECT_EQ(book->live(slot), 5) << "the tuple, two tokens, and one of two messages";
  const auto failed = desk->take_failed();
  ASSERT_EQ(failed.size(), 3u);
  EXPECT_EQ(failed[0].anchor, (root{slot, 3}));
  EXPECT_EQ(failed[2].anchors, several);
  EXPECT_EQ(failed[2].node, 6u);
  desk->settle_failed(failed[0]);
  EXPECT_EQ(book->live(slot), 4);
  desk->settle_failed(failed[2]);
  EXPECT_EQ(book->live(slot), 2);
  desk->settle_failed(failed[1]);
  EXPECT_EQ(book->live(slot), 1);
}

/// The call is made again: a repetition of the tuple besides would be one too many.
TEST_F(hold_desk_of_a_task, one_that_is_revoked_takes_its_failure_back_and_no_other) {
  desk->keep_failures();
  std::vector<token> all{hold(), hold(), hold()};
  all[0]->fail({errc::user_function, "stays"});
  all[1]->fail({errc::user_function, "goes"});
  all[2]->ack();
  EXPECT_EQ(book->live(slot), 3) << "the tuple, and two failures";
  all[1]->revoke();
  all[2]->revoke();
  EXPECT_EQ(book->live(slot), 2);
  EXPECT_EQ(desk->outstanding(), 0u);
  EXPECT_EQ(errors_of(desk->take_failed()), texts{"stays"});
}

// --- time ---

TEST_F(hold_desk_of_a_task, expires_what_is_due_in_order_and_says_why) {
  desk->keep_failures();
  std::vector<token> all;
  for (int ms = 1; ms <= 4; ++ms) all.push_back(hold(static_cast<std::uint32_t>(ms), at(ms)));
  EXPECT_EQ(desk->next_deadline(), at(1));
  EXPECT_EQ(desk->expire(at(0), std::chrono::milliseconds(20)), 0u);
  all[1]->ack();
  EXPECT_EQ(desk->expire(at(3), std::chrono::milliseconds(20)), 2u);
  const auto failed = desk->take_failed();
  ASSERT_EQ(errors_of(failed), (texts{2, "held longer than message_timeout (20 ms)"}));
  EXPECT_EQ(failed[0].error.code, errc::timeout);
  EXPECT_EQ(failed[0].node, 1u);
  EXPECT_EQ(failed[1].node, 3u);
  EXPECT_EQ(desk->next_deadline(), at(4));
  EXPECT_EQ(desk->outstanding(), 1u);
  EXPECT_TRUE(all[3]->live());
  EXPECT_FALSE(all[0]->live());
}

TEST_F(hold_desk_of_a_task, one_that_expired_is_told_to_its_spout_and_its_answer_comes_late) {
  const auto t = hold(5, at(1));
  EXPECT_EQ(desk->expire(at(1), std::chrono::seconds(2)), 1u);
  EXPECT_EQ(told_to_spout(), texts{"3 of node 5 task 2: held longer than message_timeout (2000 ms)"});
  EXPECT_EQ(book->live(slot), 1);
  t->ack();
  EXPECT_EQ(desk->late_answers(), 1u);
  EXPECT_EQ(book->live(slot), 1);
  EXPECT_EQ(desk->expire(at(9), std::chrono::seconds(2)), 0u);
}

TEST_F(hold_desk_of_a_task, without_a_deadline_none_is_next_and_nothing_expires) {
  EXPECT_EQ(desk->next_deadline(), never);
  const auto t = hold(5, never);
  EXPECT_EQ(desk->next_deadline(), never);
  EXPECT_EQ(desk->expire(at(1'000'000), {}), 0u);
  EXPECT_TRUE(t->live());
  const auto due = hold(5, at(1));
  due->ack();
  EXPECT_EQ(desk->next_deadline(), never);
  t->ack();
}

TEST_F(hold_desk_of_a_task, says_of_a_node_whether_its_first_tokens_are_settled) {
  std::vector<token> all;
  for (std::uint32_t node : {5u, 6u, 5u}) all.push_back(hold(node));
  EXPECT_TRUE(desk->settled(5, 0)) << "none of none";
  EXPECT_FALSE(desk->settled(5, 1));
  EXPECT_TRUE(desk->settled(6, 1)) << "the first is of another node";
  EXPECT_TRUE(desk->settled(7, 3));
  all[0]->ack();
  EXPECT_TRUE(desk->settled(5, 2)) << "the third was taken later";
  EXPECT_FALSE(desk->settled(5, 3));
  EXPECT_FALSE(desk->settled(6, 3));
  all[1]->revoke();
  all[2]->fail({errc::user_function, "no"});
  EXPECT_TRUE(desk->settled(5, 3));
  EXPECT_TRUE(desk->settled(6, 3));
  EXPECT_EQ(desk->taken(), 3u);
}

// --- behind the task ---

TEST_F(hold_desk_of_a_task, tokens_that_are_out_when_the_task_is_gone_are_answered_and_then_free_the_desk) {
  const std::weak_ptr<hold_desk> left = desk;
  std::vector<token> all{hold(), hold()};
  book->settle(slot, -1);
  frame.holds.clear();
  wakes.reset();
  desk->abandon();
  EXPECT_EQ(desk->next_deadline(), never);
  desk = std::make_shared<hold_desk>(book, 2, waker{});  // the fixture's
  EXPECT_FALSE(left.expired());
  all[0]->fail({errc::user_function, "nobody waits"});
  all[1]->ack();
  EXPECT_TRUE(is_complete());
  EXPECT_EQ(told_to_spout(), texts{"3 of node 5 task 2: nobody waits"});
  all.clear();
  EXPECT_TRUE(left.expired()) << "desk and tokens hold each other";
}

// --- other threads ---

/// Whoever sees that nothing is outstanding sees every failure.
TEST_F(hold_desk_of_a_task, other_threads_consume_its_tokens_and_no_failure_is_missed) {
  constexpr int rounds = 300, each = 8;
  desk->keep_failures();
  for (int r = 0; r < rounds; ++r) {
    std::vector<token> all;
    for (int i = 0; i < 2 * each; ++i) all.push_back(hold());
    const auto answer = [&](int from) {
      for (int i = from; i < from + each; ++i) {
        if (i % 2) all[static_cast<std::size_t>(i)]->ack();
        else all[static_cast<std::size_t>(i)]->fail({errc::user_function, std::to_string(i)});
      }
    };
    std::thread first([&] { answer(0); }), second([&] { answer(each); });
    while (desk->outstanding() != 0) std::this_thread::yield();
    EXPECT_TRUE(desk->has_failed());
    const auto failed = desk->take_failed();
    EXPECT_EQ(failed.size(), 1u * each);
    for (auto& f : failed) desk->settle_failed(f);
    first.join();
    second.join();
    frame.holds.clear();
    ASSERT_EQ(book->live(slot), 1);
  }
  EXPECT_EQ(wakes->count, rounds * 2 * each);
  EXPECT_TRUE(desk->settled(5, desk->taken()));
}

/// So the time may go on, and what is to be repeated doesn't come late.
TEST_F(hold_desk_of_a_task, tokens_that_are_settled_have_told_their_failures) {
  desk->keep_failures();
  std::atomic<held_state*> next{nullptr};
  std::atomic<bool> over{false};
  std::thread other([&] {
    while (!over) {
      if (auto* t = next.exchange(nullptr)) t->fail({errc::user_function, "no"});
      else std::this_thread::yield();
    }
  });
  int missed = 0;
  for (int r = 0; r < 5'000; ++r) {
    const auto t = hold();
    frame.holds.clear();
    next = t.get();
    // Spins first, so that on two processors it looks while the other is inside `fail`.
    for (unsigned turns = 1; !desk->settled(5, desk->taken()); ++turns)
      if (turns % 1024 == 0) std::this_thread::yield();
    missed += !desk->has_failed();
    while (desk->outstanding() != 0) std::this_thread::yield();
    for (auto& f : desk->take_failed()) desk->settle_failed(f);
  }
  over = true;
  other.join();
  EXPECT_EQ(missed, 0);
}

TEST_F(hold_desk_of_a_task, an_answer_and_a_deadline_end_a_token_once) {
  constexpr int rounds = 2000;
  std::vector<token> all;
  for (int i = 0; i < rounds; ++i) all.push_back(hold(5, at(i)));
  std::thread other([&] {
    for (auto t = all.rbegin(); t != all.rend(); ++t) (*t)->ack();
  });
  std::size_t expired = 0;
  for (int i = 0; i < rounds; ++i) expired += desk->expire(at(i), std::chrono::milliseconds(1));
  other.join();
  EXPECT_EQ(told_to_spout().size(), expired);
  EXPECT_EQ(desk->late_answers(), expired);
  EXPECT_EQ(desk->outstanding(), 0u);
  EXPECT_EQ(book->live(slot), 1);
}

}  // namespace
}  // namespace freshet
