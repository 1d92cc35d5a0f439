#include "freshet/core/spout_task.hpp"

#include <gtest/gtest.h>

#include <functional>

#include "core/bolt_bench.hpp"

namespace freshet {
namespace {

/// Does in `poll` what the test says.
struct scripted {
  std::function<void(spout_emitter<int>&)> turn;
  poll_status poll(spout_emitter<int>& out) {
    turn(out);
    return poll_status::idle();
  }
};

/// Runs turns of a spout, and writes down what its host and its chain are told.
class spout_turn : public testing::Test, public spout_host, public consumer_by<int, spout_turn> {
 protected:
  void SetUp() override {
    round.host = this;
    round.wanted = 10;
    round.capacity = 100;
  }
  void run(std::function<void(spout_emitter<int>&)> turn) {
    spout_task<scripted> task{scripted{std::move(turn)}};
    task.attach(0, frame);
    task.outlet_at(0).connect({this});
    task.open({});
    task.poll(round);
    executed = task.executed;
  }

 public:
  template <class V>
  void put(V&& value) {
    seen.emplace_back(frame.anchor, value);
    ++frame.children;
    if (value == poison) frame.fail(0, {errc::user_function, "poison"});
  }
  void message_failed(spout_round& r, std::uint32_t index, call_frame&) override {
    failed.push_back(index);
    messages_then.push_back(r.messages);
  }
  void message_rejected(spout_round& r, const position*, call_frame&, error why, std::string bytes) override {
    rejected.push_back(why.message + ": " + bytes);
    messages_then.push_back(r.messages);
  }
  void round_full(spout_round& r) override {
    full.push_back(r.messages);
    r.messages = 0;
    r.positions.clear();
    ++r.slot;
    if (r.raw) r.raw->clear();
  }

 protected:
  static constexpr int poison = 13;
  call_frame frame;
  spout_round round;
  std::vector<std::pair<root, int>> seen;
  std::vector<std::uint32_t> failed, messages_then, full;
  std::vector<std::string> rejected;
  std::uint64_t executed = 0;
};

TEST_F(spout_turn, numbers_its_messages_under_the_slot) {
  round.slot = 7;
  run([](auto& out) {
    out.emit(1);
    out.emit(2);
  });
  EXPECT_EQ(seen, (std::vector<std::pair<root, int>>{{root{7, 0}, 1}, {root{7, 1}, 2}}));
  EXPECT_EQ(round.messages, 2u);
  EXPECT_EQ(round.live, 2);
  EXPECT_EQ(executed, 2u);
}

TEST_F(spout_turn, without_a_slot_tuples_have_no_root) {
  run([](auto& out) { out.emit(1); });
  EXPECT_EQ(seen, (std::vector<std::pair<root, int>>{{root{}, 1}}));
}

TEST_F(spout_turn, says_how_much_room_is_left) {
  run([](auto& out) {
    EXPECT_EQ(out.room(), 10u);
    for (int i = 0; i < 4; ++i) out.emit(i);
    EXPECT_EQ(out.room(), 6u);
    for (int i = 0; i < 20; ++i) out.emit(i);
    EXPECT_EQ(out.room(), 0u);
  });
  EXPECT_EQ(round.messages, 24u);
}

TEST_F(spout_turn, a_full_round_is_closed_and_the_next_one_goes_on) {
  round.slot = 1;
  round.capacity = 3;
  run([](auto& out) {
    for (int i = 0; i < 7; ++i) out.emit(i);
  });
  EXPECT_EQ(full, (std::vector<std::uint32_t>{3, 3}));
  EXPECT_EQ(seen.back().first, (root{3, 0}));
  EXPECT_EQ(round.messages, 1u);
  EXPECT_EQ(executed, 7u);
}

TEST_F(spout_turn, a_failure_names_its_message_and_the_host_has_the_count) {
  round.slot = 1;
  run([](auto& out) {
    for (int value : {1, poison, 2}) out.emit(value);
  });
  EXPECT_EQ(failed, (std::vector<std::uint32_t>{1}));
  EXPECT_EQ(messages_then, (std::vector<std::uint32_t>{2}));
  EXPECT_EQ(round.live, 2);
  EXPECT_FALSE(frame.flags.failed);
}

TEST_F(spout_turn, messages_of_one_position_are_one_message) {
  round.slot = 1;
  round.keeps_positions = true;
  run([](auto& out) {
    const position a{0, 0, 5}, b{0, 5, 9};
    out.emit(a, 1);
    out.emit(a, 2);
    out.emit(b, 3);
    out.emit(4);  // none: a message of its own
  });
  EXPECT_EQ(seen,
            (std::vector<std::pair<root, int>>{{root{1, 0}, 1}, {root{1, 0}, 2}, {root{1, 1}, 3}, {root{1, 2}, 4}}));
  EXPECT_EQ(round.positions, (std::vector<position>{{0, 0, 5}, {0, 5, 9}, {}}));
  EXPECT_EQ(executed, 3u);
}

TEST_F(spout_turn, positions_that_nobody_keeps_cost_no_memory) {
  round.slot = 1;
  run([](auto& out) {
    out.emit({0, 0, 5}, 1);
    out.emit(2);
    out.emit({0, 0, 5}, 3);
  });
  EXPECT_TRUE(round.positions.empty());
  EXPECT_EQ(round.messages, 3u);
  EXPECT_EQ(seen.back().first, (root{1, 2}));
}

TEST_F(spout_turn, writes_messages_down_where_they_may_be_needed_again) {
  for (const bool through : {false, true}) {
    seen.clear();
    full.clear();
    batch<int> raw({.capacity = 4, .roots = true});
    round.messages = 0;
    round.slot = 1;
    round.raw = &raw;
    round.through = through;
    run([](auto& out) {
      for (int i = 0; i < 6; ++i) out.emit(i);
    });
    EXPECT_EQ(full, (std::vector<std::uint32_t>{4}));
    EXPECT_EQ(seen.size(), through ? 6u : 0u);
    ASSERT_EQ(raw.size(), 2u);
    EXPECT_EQ(raw.value(1), 5);
    EXPECT_EQ(raw.root_of(1), (root{2, 1}));
  }
}

TEST_F(spout_turn, a_rejected_message_counts_as_one) {
  round.slot = 1;
  round.keeps_positions = true;
  run([](auto& out) {
    out.emit({0, 0, 5}, 1);
    out.reject({0, 5, 9}, {errc::user_function, "no number"}, "12x");
    out.emit({0, 9, 11}, 2);
  });
  EXPECT_EQ(rejected, (std::vector<std::string>{"no number: 12x"}));
  EXPECT_EQ(messages_then, (std::vector<std::uint32_t>{2}));
  EXPECT_EQ(seen.back().first, (root{1, 2}));
  EXPECT_EQ(round.messages, 3u);
}

}  // namespace
}  // namespace freshet
