#include "freshet/stream/map_async.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <thread>

#include "freshet/base/random.hpp"
#include "stream/run_stream.hpp"

namespace freshet {
namespace {

using namespace samples;
using namespace std::chrono_literals;

/// A service with threads of its own that answers in another order than it was asked.
class service {
 public:
  explicit service(int threads = 2) {
    for (int i = 0; i < threads; ++i) threads_.emplace_back([this, i] { serve(static_cast<std::uint64_t>(i)); });
  }
  ~service() {
    {
      std::lock_guard lock(mutex_);
      closed_ = true;
    }
    wake_.notify_all();
    for (auto& t : threads_) t.join();
  }
  void ask(std::function<void()> job) {
    {
      std::lock_guard lock(mutex_);
      jobs_.push_back(std::move(job));
    }
    wake_.notify_one();
  }

 private:
  void serve(std::uint64_t seed) {
    random_source random(seed + 1);
    std::unique_lock lock(mutex_);
    while (true) {
      wake_.wait(lock, [&] { return closed_ || !jobs_.empty(); });
      if (jobs_.empty()) return;
      const auto at = static_cast<std::ptrdiff_t>(random.below(jobs_.size()));
      auto job = std::move(jobs_[static_cast<std::size_t>(at)]);
      jobs_.erase(jobs_.begin() + at);
      lock.unlock();
      job();
      job = nullptr;
      lock.lock();
    }
  }
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> jobs_;
  std::vector<std::thread> threads_;
  bool closed_ = false;
};

/// std::function wants copies, a reply is moved.
template <class U>
std::shared_ptr<async_reply<U>> shared(async_reply<U> reply) {
  return std::make_shared<async_reply<U>>(std::move(reply));
}

struct how {
  freshet::guarantee guarantee;
  bool ordered;
};
class map_async : public testing::TestWithParam<how> {
 protected:
  stream_builder builder{"async"};
  service server;
  async_options options{.capacity = 16, .timeout = 20s, .ordered = GetParam().ordered};
  event_options run_options = impatient(GetParam().guarantee);
  bool replays() const { return GetParam().guarantee != guarantee::best_effort; }

  stream<int> numbers(int n) { return builder.spout("numbers", vector_spout<int>{numbers_to(n)}); }
  template <class F>
  std::map<std::string, int> errors_beside(const stream<int>& out, std::vector<int>& got, F&& more) {
    collect_sink<dead_letter> dead;
    builder.dead_letters().to("dead", dead);
    got = results(out, run_options);
    more();
    std::map<std::string, int> why;
    for (const auto& d : dead.values()) ++why[d.error];
    return why;
  }
};
INSTANTIATE_TEST_SUITE_P(, map_async,
                         testing::Values(how{guarantee::best_effort, true}, how{guarantee::best_effort, false},
                                         how{guarantee::at_least_once, true}, how{guarantee::at_least_once, false},
                                         how{guarantee::exactly_once, true}, how{guarantee::exactly_once, false}),
                         [](const auto& p) {
                           return std::string(p.param.guarantee == guarantee::best_effort     ? "best_effort"
                                              : p.param.guarantee == guarantee::at_least_once ? "at_least_once"
                                                                                              : "exactly_once") +
                                  (p.param.ordered ? "_ordered" : "_unordered");
                         });

TEST_P(map_async, gives_what_other_threads_reply) {
  std::atomic<int> under_way = 0, most = 0;
  auto out = numbers(500).map_async<int>(
      "ask",
      [&](const int& n, async_reply<int> reply) {
        const auto now = ++under_way;
        for (auto m = most.load(); m < now && !most.compare_exchange_weak(m, now);) {}
        server.ask([&, n, r = shared(std::move(reply))] {
          --under_way;
          (*r)(n * 2);
        });
      },
      options);
  const auto got = results(out, run_options);
  std::vector<int> expected;
  for (int i = 0; i < 500; ++i) expected.push_back(i * 2);
  if (GetParam().ordered) EXPECT_EQ(got, expected);
  else EXPECT_EQ(sorted(got), expected);
  EXPECT_LE(most.load(), 16);
}

TEST_P(map_async, takes_replies_given_before_the_function_returns) {
  auto out = numbers(300).map_async<int>(
      "ask", [](const int& n, async_reply<int> reply) { reply(n); }, options);
  EXPECT_EQ(results(out, run_options), numbers_to(300));
}

TEST_P(map_async, has_a_table_in_each_task) {
  options.parallelism = 3;
  auto out = numbers(300).shuffle().map_async<int>(
      "ask",
      [this](const int& n, async_reply<int> reply) { server.ask([n, r = shared(std::move(reply))] { (*r)(n); }); },
      options);
  EXPECT_EQ(sorted(results(out, run_options)), numbers_to(300));
}

TEST_P(map_async, tries_again_what_failed) {
  auto asked = std::make_shared<std::array<std::atomic<int>, 100>>();
  auto out = numbers(100).map_async<int>(
      "ask",
      [this, asked](const int& n, async_reply<int> reply) {
        const auto attempt = ++(*asked)[static_cast<std::size_t>(n)];
        if (n % 10 == 3 && attempt <= 2) throw std::runtime_error("asking failed");
        server.ask([n, attempt, r = shared(std::move(reply))] {
          if (n % 10 == 5 && attempt == 1) r->fail("no");
          else if (n % 10 == 7 && attempt == 1) return;  // destroyed unanswered
          else (*r)(n);
        });
      },
      options);
  options.timeout = 100ms;
  std::vector<int> got;
  const auto why = errors_beside(out, got, [] {});
  if (replays()) {
    EXPECT_EQ(sorted(got), numbers_to(100));
    EXPECT_TRUE(why.empty());
  } else {
    EXPECT_EQ(got.size(), 70u);
    EXPECT_EQ(why, (std::map<std::string, int>{
                       {"asking failed", 10}, {"no", 10}, {"the reply was destroyed unanswered", 10}}));
  }
}

TEST_P(map_async, gives_up_in_the_end) {
  options.timeout = 20ms;
  auto out = numbers(20).map_async<int>(
      "ask",
      [](const int& n, async_reply<int> reply) {
        if (n % 5 == 2) reply.fail("never");
        else reply(n);
      },
      options);
  std::vector<int> got;
  const auto why = errors_beside(out, got, [] {});
  EXPECT_EQ(got.size(), 16u);
  EXPECT_EQ(why, (std::map<std::string, int>{{"never", 4}}));
}

TEST_P(map_async, fails_calls_without_reply_and_ignores_what_comes_late) {
  options.timeout = 10ms;
  std::vector<std::shared_ptr<async_reply<int>>> kept;
  std::mutex mutex;
  auto out = numbers(10).map_async<int>(
      "ask",
      [&](const int& n, async_reply<int> reply) {
        if (n != 4) return reply(n);
        std::lock_guard lock(mutex);
        for (auto& late : kept) (*late)(-1);  // of an attempt given up
        kept.push_back(shared(std::move(reply)));
      },
      options);
  std::vector<int> got;
  const auto why = errors_beside(out, got, [&] {
    for (auto& late : kept) (*late)(-1);  // the run is over
  });
  EXPECT_EQ(sorted(got), (std::vector<int>{0, 1, 2, 3, 5, 6, 7, 8, 9}));
  EXPECT_EQ(why, (std::map<std::string, int>{{"no reply within 10 ms", 1}}));
  EXPECT_EQ(kept.size(), replays() ? 5u : 1u);
}

TEST_P(map_async, a_failure_behind_it_is_that_tuples_alone) {
  auto failed = std::make_shared<std::array<std::atomic<bool>, 200>>();
  auto out = numbers(200)
                 .map_async<int>(
                     "ask",
                     [this](const int& n, async_reply<int> reply) {
                       server.ask([n, r = shared(std::move(reply))] { (*r)(n); });
                     },
                     options)
                 .map("next", [failed](int n) {
                   if (n == 77) throw std::runtime_error("poison");
                   if (n % 20 == 9 && !(*failed)[static_cast<std::size_t>(n)].exchange(true))
                     throw std::runtime_error("once");
                   return n;
                 });
  std::vector<int> got;
  const auto why = errors_beside(out, got, [] {});
  if (replays()) {
    EXPECT_EQ(got.size(), 199u);
    EXPECT_EQ(why, (std::map<std::string, int>{{"poison", 1}}));
  } else {
    EXPECT_EQ(got.size(), 189u);
  }
  EXPECT_EQ(std::count(got.begin(), got.end(), 77), 0);
}

TEST_P(map_async, poison_behind_it_does_not_make_the_others_wait) {
  auto out = numbers(100)
                 .map_async<int>(
                     "ask", [](const int& n, async_reply<int> reply) { reply(n); }, options)
                 .map("next", [](int n) {
                   if (n % 10 == 0) throw std::runtime_error("poison");
                   return n;
                 });
  run_options.retry = {.max_attempts = 2, .first = 1h, .longest = 1h};  // who waits for this, waits for ever
  run_options.drain_timeout = 10ms;
  std::atomic<int> got{0};
  out.to("sink", [&](int) { ++got; });
  auto go = event_executor{run_options}.start(builder.build());
  for (int n = 0; n < 60'000 && got < 90; ++n) std::this_thread::sleep_for(1ms);
  EXPECT_EQ(got.load(), 90);
}

TEST_P(map_async, a_run_that_is_stopped_forgets_what_is_under_way) {
  std::vector<std::shared_ptr<async_reply<int>>> kept;
  std::mutex mutex;
  auto out = numbers(100).map_async<int>(
      "ask",
      [&](const int&, async_reply<int> reply) {
        std::lock_guard lock(mutex);
        kept.push_back(shared(std::move(reply)));
      },
      options);
  out.to("sink", [](int) {});
  {
    auto go = event_executor{run_options}.start(builder.build());
    while (true) {
      std::lock_guard lock(mutex);
      if (kept.size() == 16) break;
    }
    go.request_stop();
    std::vector<std::shared_ptr<async_reply<int>>> replies;
    while (!go.wait_for(1ms)) {
      std::lock_guard lock(mutex);
      replies.swap(kept);
      for (auto& r : replies) (*r)(1);
      replies.clear();
    }
  }
  for (auto& late : kept) (*late)(1);
}

TEST(async_reply, answers_once) {
  auto box = std::make_shared<async_mailbox<int>>(waker{});
  async_reply<int> reply(box, {3, 7});
  EXPECT_TRUE(static_cast<bool>(reply));
  reply(1);
  EXPECT_FALSE(static_cast<bool>(reply));
  reply(2);
  reply.fail("x");
  std::vector<async_mailbox<int>::reply> all;
  box->take(all);
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].to.place, 3u);
  EXPECT_EQ(all[0].to.serial, 7u);
  EXPECT_EQ(all[0].value, 1);
}

TEST(async_reply, that_is_destroyed_or_overwritten_is_a_failure) {
  auto box = std::make_shared<async_mailbox<int>>(waker{});
  {
    async_reply<int> first(box, {0, 1});
    first = async_reply<int>(box, {0, 2});
  }
  std::vector<async_mailbox<int>::reply> all;
  box->take(all);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].to.serial, 1u);
  EXPECT_FALSE(all[0].value);
  EXPECT_EQ(all[0].why.message, "the reply was destroyed unanswered");
}

TEST(async_mailbox, forgets_what_comes_when_it_is_closed) {
  auto box = std::make_shared<async_mailbox<std::shared_ptr<int>>>(waker{});
  auto value = std::make_shared<int>(1);
  async_reply<std::shared_ptr<int>> before(box, {0, 1}), after(box, {0, 2});
  before(value);
  EXPECT_EQ(value.use_count(), 2);
  box->close();
  after(value);
  EXPECT_EQ(value.use_count(), 1);
}

TEST(async_options, look_for_overdue_calls_in_bounds) {
  const auto tick = [](std::chrono::nanoseconds timeout) { return async_options{.timeout = timeout}.of_bolt().tick; };
  EXPECT_EQ(tick(1s), 250ms);
  EXPECT_EQ(tick(1ms), 1ms);
  EXPECT_EQ(tick(1h), 1s);
}

TEST(async_options, that_cannot_be_are_mistakes_of_the_topology) {
  const auto mistakes = [](async_options o) {
    stream_builder b{"async"};
    b.spout("in", vector_spout<int>{{1}})
        .map_async<int>(
            "ask", [](const int& v, async_reply<int> reply) { reply(v); }, o)
        .to("out", [](int) {});
    try {
      (void)b.build();
    } catch (const topology_error& e) { return e.mistakes(); }
    return std::vector<std::string>{};
  };
  EXPECT_TRUE(mistakes({}).empty());
  EXPECT_TRUE(mistakes({.timeout = std::chrono::nanoseconds::max()}).empty());
  const auto wrong = mistakes({.capacity = 0, .timeout = -1s});
  ASSERT_EQ(wrong.size(), 2u);
  EXPECT_EQ(wrong[0].substr(0, 39), "bolt \"ask\" has timeout -1000000000 ns: ");
  EXPECT_EQ(wrong[1], "bolt \"ask\" has capacity 0: no call could ever be made");
  EXPECT_EQ(mistakes({.timeout = 0s}).size(), 1u);
  EXPECT_EQ(mistakes({.capacity = ~std::size_t{0}}).size(), 1u);
}

}  // namespace
}  // namespace freshet
