#include "event/channel.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <optional>
#include <thread>
#include <vector>

namespace freshet {
namespace {

/// A number, of which is known how many there are: a batch that is deleted twice or never is found by it.
struct counted {
  static inline std::atomic<int> alive{0};
  explicit counted(int n) : number(n) { ++alive; }
  counted(const counted& other) : number(other.number) { ++alive; }
  ~counted() { --alive; }
  int number;
};

any_batch* batch_of(int number) {
  auto* b = new batch<counted>({.capacity = 4});
  b->append({}, {}, {}, number);
  return b;
}
/// Declared before what may own batches, it is destroyed behind it.
struct all_are_deleted {
  ~all_are_deleted() { EXPECT_EQ(counted::alive, 0); }
};
int number_in(const any_batch* b) { return static_cast<const batch<counted>*>(b)->value(0).number; }

// --- one channel ---

class channel_of_batches : public testing::Test {
 protected:
  all_are_deleted in_the_end;
  /// Asks as a consumer does behind what it has taken.
  static bool wants_room(channel& c) {
    std::atomic_thread_fence(std::memory_order_seq_cst);
    return c.room_wanted();
  }
};

TEST_F(channel_of_batches, gives_them_in_order_and_takes_them_back) {
  channel c(4, 3);
  EXPECT_EQ(c.producer_worker, 3u);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(c.offer(batch_of(i)));
  EXPECT_EQ(c.queued(), 3u);
  for (int i = 0; i < 3; ++i) {
    auto* b = c.take();
    EXPECT_EQ(number_in(b), i);
    c.give_back(b);
  }
  EXPECT_EQ(c.queued(), 0u);
  EXPECT_EQ(c.take(), nullptr);
  for (int i = 0; i < 3; ++i) {
    auto* b = c.returned();
    EXPECT_EQ(number_in(b), i);
    delete b;
  }
  EXPECT_EQ(c.returned(), nullptr);
}

TEST_F(channel_of_batches, a_full_one_refuses_and_the_batch_stays_the_producers) {
  channel c(2, 0);
  EXPECT_TRUE(c.offer(batch_of(0)));
  EXPECT_TRUE(c.offer(batch_of(1)));
  auto* refused = batch_of(2);
  EXPECT_FALSE(c.offer(refused));
  c.give_back(c.take());
  EXPECT_TRUE(c.offer(refused));
  EXPECT_EQ(c.queued(), 2u);
}

TEST_F(channel_of_batches, room_is_wanted_once_behind_each_refusal) {
  channel c(1, 0);
  EXPECT_TRUE(c.offer(batch_of(0)));
  EXPECT_FALSE(wants_room(c)) << "nothing was refused";
  auto* refused = batch_of(1);
  EXPECT_FALSE(c.offer(refused));
  c.give_back(c.take());
  EXPECT_TRUE(wants_room(c));
  EXPECT_FALSE(wants_room(c)) << "said already";
  EXPECT_TRUE(c.offer(refused));
  EXPECT_FALSE(wants_room(c)) << "it found room";
}

TEST_F(channel_of_batches, what_is_left_in_it_is_deleted) {
  {
    channel c(4, 0);
    for (int i = 0; i < 4; ++i) EXPECT_TRUE(c.offer(batch_of(i)));
    c.give_back(c.take());
    EXPECT_EQ(counted::alive, 4);
  }
  EXPECT_EQ(counted::alive, 0);
}

TEST_F(channel_of_batches, more_than_can_come_back_are_deleted) {
  channel c(1, 0);
  std::vector<any_batch*> held;
  for (int i = 0; i < 6; ++i) {
    EXPECT_TRUE(c.offer(batch_of(i)));
    held.push_back(c.take());
  }
  for (auto* b : held) c.give_back(b);
  EXPECT_EQ(counted::alive, 4);
  for (int i = 0; i < 4; ++i) {
    auto* b = c.returned();
    EXPECT_EQ(number_in(b), i);
    delete b;
  }
  EXPECT_EQ(c.returned(), nullptr);
}

TEST_F(channel_of_batches, a_shared_one_is_given_back_by_its_last_reader) {
  channel first(1, 0), second(1, 0);
  for (int round = 0; round < 2; ++round) {
    auto* b = batch_of(7);
    b->share(2);
    EXPECT_TRUE(first.offer(b));
    EXPECT_TRUE(second.offer(b));
    first.give_back(first.take());
    EXPECT_EQ(first.returned(), nullptr);
    EXPECT_EQ(number_in(second.take()), 7) << "still read";
    second.give_back(b);
    EXPECT_EQ(first.returned(), nullptr);
    EXPECT_EQ(second.returned(), b);
    EXPECT_FALSE(b->shared());
    delete b;
  }
}

TEST_F(channel_of_batches, a_shared_one_that_is_left_in_several_is_deleted_once) {
  for (const bool one_was_read : {false, true}) {
    channel first(1, 0);
    {
      channel second(1, 0);
      auto* b = batch_of(7);
      b->share(2);
      EXPECT_TRUE(first.offer(b));
      EXPECT_TRUE(second.offer(b));
      if (one_was_read) first.give_back(first.take());
    }
    EXPECT_EQ(counted::alive, one_was_read ? 0 : 1);
  }
}

/// Lets two threads go on together: they spin, so that on two processors they do what follows at the same time.
class meeting {
 public:
  void arrive(int who) {
    const auto n = came_[who].fetch_add(1, std::memory_order_acq_rel) + 1;
    for (unsigned turns = 1; came_[1 - who].load(std::memory_order_acquire) < n; ++turns)
      if (turns % 256 == 0) std::this_thread::yield();
  }

 private:
  std::atomic<unsigned> came_[2] = {0, 0};
};

/// The channel is full. One offers, the other takes and looks whether room is wanted: who was refused and is not told
/// would sleep for ever.
TEST_F(channel_of_batches, a_producer_that_found_it_full_is_always_told) {
  constexpr int rounds = 50'000;
  channel c(1, 0);
  batch<counted> first({.capacity = 1}), second({.capacity = 1});
  meeting both;
  bool refused = false;
  int refusals = 0, forgotten = 0, lost = 0;
  std::thread producer([&] {
    for (int r = 0; r < rounds; ++r) {
      lost += !c.offer(&first);
      both.arrive(0);
      refused = !c.offer(&second);
      both.arrive(0);
      both.arrive(0);
    }
  });
  for (int r = 0; r < rounds; ++r) {
    both.arrive(1);
    for (int n = r % 32; n > 0; --n)
      std::atomic_signal_fence(std::memory_order_seq_cst);  // before and behind the offer
    lost += c.take() != &first;
    const bool told = wants_room(c);
    both.arrive(1);
    refusals += refused;
    forgotten += refused && !told;
    lost += c.take() != (refused ? nullptr : &second);
    both.arrive(1);
  }
  producer.join();
  EXPECT_EQ(forgotten, 0) << "of " << refusals << " refusals";
  EXPECT_EQ(lost, 0);
}

TEST_F(channel_of_batches, two_readers_of_shared_ones_free_each_once) {
  constexpr int batches = 20'000;
  {
    channel ways[2] = {channel(8, 0), channel(8, 0)};
    const auto read = [](channel& way) {
      int wrong = 0;
      for (int next = 0; next < batches;) {
        if (auto* b = way.take()) {
          wrong += number_in(b) != next++;
          way.give_back(b);
        } else {
          std::this_thread::yield();
        }
      }
      EXPECT_EQ(wrong, 0);
    };
    std::thread readers[2] = {std::thread([&] { read(ways[0]); }), std::thread([&] { read(ways[1]); })};
    for (int i = 0; i < batches; ++i) {
      auto* b = batch_of(i);
      b->share(2);
      for (auto& way : ways) {
        while (!way.offer(b)) std::this_thread::yield();
        while (auto* home = way.returned()) {
          static_cast<batch<counted>*>(home)->value(0).number = -1;  // nobody reads it any more
          delete home;
        }
      }
    }
    for (auto& r : readers) r.join();
  }
  EXPECT_EQ(counted::alive, 0);
}

// --- a link ---

/// An outbox whose batches hold two tuples.
class link_of_outbox : public testing::Test {
 protected:
  static constexpr auto now = std::chrono::steady_clock::time_point{std::chrono::seconds(5)};

  /// Numbers [from, to), sealed.
  void emit(int from, int to) {
    for (int i = from; i < to; ++i) {
      frame.begin_unrooted();
      box.append(counted(i));
    }
    box.seal();
  }
  out_link& link_to(std::vector<channel*> channels) {
    std::vector<out_link::target> targets;
    for (std::size_t i = 0; i < channels.size(); ++i) targets.push_back({channels[i], 10 + i, {}});
    return link.emplace(box, std::move(targets));
  }
  /// Which workers got something.
  std::vector<std::size_t> offer() {
    std::vector<std::size_t> moved;
    const bool any = link->offer(now, [&](std::size_t worker) { moved.push_back(worker); });
    EXPECT_EQ(any, !moved.empty());
    return moved;
  }
  /// What is in a channel; the batches go home.
  static std::vector<int> read(channel& c) {
    std::vector<int> all;
    while (auto* b = c.take()) {
      EXPECT_EQ(b->sent, now);
      for (std::size_t i = 0; i < b->size(); ++i) all.push_back(static_cast<batch<counted>*>(b)->value(i).number);
      c.give_back(b);
    }
    return all;
  }

  using workers = std::vector<std::size_t>;
  using values = std::vector<int>;
  all_are_deleted in_the_end;
  call_frame frame;
  outbox<counted> box{{.capacity = 2}, frame};
  channel quick{4, 0}, slow{1, 0};
  std::optional<out_link> link;  // dies first
};

TEST_F(link_of_outbox, without_sealed_batches_offers_nothing) {
  link_to({&quick});
  EXPECT_EQ(offer(), workers{});
  frame.begin_unrooted();
  box.append(counted(1));
  EXPECT_EQ(offer(), workers{}) << "it is still being filled";
  EXPECT_FALSE(link->blocked());
  EXPECT_EQ(link->counts().transferred, 0u);
  EXPECT_EQ(&link->box(), &box);
}

TEST_F(link_of_outbox, moves_batches_in_order_while_there_is_room) {
  link_to({&slow});
  emit(0, 5);
  EXPECT_EQ(offer(), workers{10});
  EXPECT_TRUE(link->blocked());
  EXPECT_EQ(link->counts().transferred, 2u);
  EXPECT_EQ(offer(), workers{}) << "there is still no room";
  EXPECT_EQ(read(slow), (values{0, 1}));
  EXPECT_EQ(offer(), workers{10});
  EXPECT_EQ(read(slow), (values{2, 3}));
  EXPECT_EQ(offer(), workers{10});
  EXPECT_FALSE(link->blocked());
  EXPECT_EQ(read(slow), values{4});
  EXPECT_EQ(link->counts().transferred, 5u);
  EXPECT_EQ(link->counts().emitted, 5u);
}

TEST_F(link_of_outbox, says_once_that_several_were_moved) {
  link_to({&quick});
  emit(0, 6);
  EXPECT_EQ(offer(), workers{10});
  EXPECT_EQ(quick.queued(), 3u);
  EXPECT_EQ(read(quick), (values{0, 1, 2, 3, 4, 5}));
}

TEST_F(link_of_outbox, marks_alone_are_moved_too) {
  link_to({&quick, &slow});
  box.marks().end = true;
  box.seal();
  EXPECT_EQ(offer(), (workers{10, 11}));
  EXPECT_EQ(link->counts().transferred, 0u);
  for (auto* c : {&quick, &slow}) {
    auto* b = c->take();
    ASSERT_NE(b, nullptr);
    EXPECT_TRUE(b->marks.end);
    c->give_back(b);
  }
}

TEST_F(link_of_outbox, a_broadcast_goes_to_each_at_its_own_pace) {
  link_to({&quick, &slow});
  emit(0, 6);
  EXPECT_EQ(offer(), (workers{10, 11}));
  EXPECT_EQ(link->counts().emitted, 6u);
  EXPECT_EQ(link->counts().transferred, 8u) << "only what has a place in a channel";
  EXPECT_EQ(read(quick), (values{0, 1, 2, 3, 4, 5})) << "it does not wait for the slow one";
  EXPECT_TRUE(link->blocked());
  emit(6, 8);
  EXPECT_EQ(offer(), workers{10}) << "the other has got nothing";
  EXPECT_EQ(read(quick), (values{6, 7}));
  EXPECT_EQ(read(slow), (values{0, 1}));
  values late;
  for (int n = 0; n < 3; ++n) {
    EXPECT_TRUE(link->blocked());
    EXPECT_EQ(link->counts().transferred, 8u + 2 + late.size());
    EXPECT_EQ(offer(), workers{11});
    for (int v : read(slow)) late.push_back(v);
  }
  EXPECT_EQ(late, (values{2, 3, 4, 5, 6, 7}));
  EXPECT_FALSE(link->blocked());
  EXPECT_EQ(offer(), workers{});
  EXPECT_EQ(link->counts().emitted, 8u);
  EXPECT_EQ(link->counts().transferred, 16u) << "each tuple to each of both";
}

TEST_F(link_of_outbox, a_broadcast_copies_nothing) {
  link_to({&quick, &slow});
  emit(0, 2);
  offer();
  EXPECT_EQ(counted::alive, 2);
  auto *a = quick.take(), *b = slow.take();
  EXPECT_EQ(a, b);
  EXPECT_TRUE(a->shared());
  quick.give_back(a);
  EXPECT_FALSE(b->shared()) << "who reads it last may change it";
  slow.give_back(b);
}

TEST_F(link_of_outbox, batches_that_come_back_are_filled_again) {
  for (const bool broadcasts : {false, true}) {
    link_to(broadcasts ? std::vector{&quick, &slow} : std::vector{&quick});
    for (int i = 0; i < 20; i += 2) {
      emit(i, i + 2);
      offer();
      EXPECT_EQ(read(quick), (values{i, i + 1}));
      if (broadcasts) { EXPECT_EQ(read(slow), (values{i, i + 1})); }
    }
  }
  EXPECT_EQ(box.pool.made(), 1u);
}

TEST_F(link_of_outbox, what_waits_for_room_is_deleted_with_it) {
  link_to({&quick, &slow});
  emit(0, 6);
  offer();
  EXPECT_EQ(read(quick), (values{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(counted::alive, 6) << "the slow one is still to get two of the three batches";
  link.reset();
  EXPECT_EQ(counted::alive, 2) << "and has one";
  EXPECT_EQ(read(slow), (values{0, 1}));
}

}  // namespace
}  // namespace freshet
