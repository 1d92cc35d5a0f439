#include "freshet/connect/asio.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <set>
#include <thread>

#include "connect/spout_probe.hpp"
#include "freshet/freshet.hpp"

namespace freshet {
namespace {

namespace asio = boost::asio;
using testing::ElementsAre;

struct order {
  std::uint64_t id = 0;
  std::string user;
};

template <class Executor = asio::any_io_executor>
asio::awaitable<void, Executor> push_orders(push_spout<order> orders, std::uint64_t from, std::uint64_t to) {
  for (auto i = from; i < to; ++i) {
    order next{i, "user " + std::to_string(i)};
    co_await async_push(orders, std::move(next), asio::use_awaitable_t<Executor>{});
  }
}

TEST(async_push, from_coroutines_into_a_running_topology) {
  push_spout<order> orders{{.capacity = 4}};
  std::set<std::uint64_t> seen;
  topology_builder b{"t"};
  b.sink("see", callback_sink<order>{[&](const order& o) { seen.insert(o.id); }}).input(b.spout("orders", orders));
  auto run = event_executor{{.workers = 1}}.start(b.build());
  asio::io_context io;
  int sessions = 3;
  for (std::uint64_t s = 0; s < 3; ++s)
    asio::co_spawn(io, push_orders<>(orders, s * 1000, (s + 1) * 1000), [&](std::exception_ptr e) {
      EXPECT_FALSE(e);
      if (--sessions == 0) orders.close();
    });
  io.run();
  run.wait();
  EXPECT_EQ(seen.size(), 3'000u);
}

TEST(async_push, from_many_threads) {
  push_spout<order> orders{{.capacity = 2}};
  std::set<std::uint64_t> seen;
  topology_builder b{"t"};
  b.sink("see", callback_sink<order>{[&](const order& o) { seen.insert(o.id); }}).input(b.spout("orders", orders));
  auto run = event_executor{{.workers = 2}}.start(b.build());
  asio::thread_pool pool(3);
  // Not any_io_executor: it counts its strands' users with a fence, which GCC's ThreadSanitizer doesn't understand.
  using strand = asio::strand<asio::thread_pool::executor_type>;
  for (std::uint64_t s = 0; s < 8; ++s)
    asio::co_spawn(strand(pool.get_executor()), push_orders<strand>(orders, s * 200, (s + 1) * 200), asio::detached);
  pool.join();
  orders.close();
  run.wait();
  EXPECT_EQ(seen.size(), 1'600u);
}

TEST(async_push, completes_on_the_handlers_executor_and_never_at_once) {
  push_spout<int> spout{{.capacity = 1}};
  spout_probe probe{spout};
  asio::io_context io;
  std::vector<int> done;
  const auto note = [&](int n) {
    return asio::bind_executor(io, [&done, n](boost::system::error_code e) { done.push_back(e ? -n : n); });
  };
  async_push(spout, 1, note(1));
  EXPECT_TRUE(done.empty());
  EXPECT_EQ(io.poll(), 1u);
  EXPECT_THAT(done, ElementsAre(1));
  io.restart();
  async_push(spout, 2, note(2));
  async_push(spout, 3, note(3));
  EXPECT_EQ(io.poll(), 0u);
  EXPECT_FALSE(io.stopped());  // what waits keeps the context at work
  probe.poll(1);
  EXPECT_THAT(done, ElementsAre(1));
  io.poll();
  EXPECT_THAT(done, ElementsAre(1, 2));
  spout.close();
  io.run();
  EXPECT_THAT(done, ElementsAre(1, 2, -3));
}

TEST(async_push, says_broken_pipe_when_closed) {
  push_spout<int> spout;
  spout.close();
  asio::io_context io;
  boost::system::error_code seen;
  asio::co_spawn(
      io,
      [&]() -> asio::awaitable<void> {
        co_await async_push(spout, 1, asio::redirect_error(asio::use_awaitable, seen));
      },
      asio::detached);
  io.run();
  EXPECT_EQ(seen, asio::error::broken_pipe);
}

TEST(async_push, works_with_futures) {
  push_spout<int> spout;
  asio::thread_pool pool(1);
  auto done = async_push(spout, 1, asio::bind_executor(pool, asio::use_future));
  done.get();
  EXPECT_EQ(spout.queued(), 1u);
  pool.join();
}

TEST(async_push, can_be_cancelled_while_it_waits) {
  push_spout<int> spout{{.capacity = 1}};
  spout_probe probe{spout};
  EXPECT_TRUE(spout.push(1));
  asio::io_context io;
  asio::cancellation_signal cancel;
  boost::system::error_code seen;
  int calls = 0;
  async_push(spout, 2,
             asio::bind_cancellation_slot(cancel.slot(), asio::bind_executor(io, [&](boost::system::error_code e) {
                                            seen = e;
                                            ++calls;
                                          })));
  cancel.emit(asio::cancellation_type::total);
  EXPECT_EQ(calls, 0);
  io.run();
  EXPECT_EQ(seen, asio::error::operation_aborted);
  EXPECT_EQ(calls, 1);
  cancel.emit(asio::cancellation_type::total);
  probe.poll_all();
  EXPECT_THAT(probe.values(), ElementsAre(1));
}

TEST(async_push, cancelling_too_late_changes_nothing) {
  push_spout<int> spout{{.capacity = 1}};
  asio::io_context io;
  asio::cancellation_signal cancel;
  boost::system::error_code seen = asio::error::eof;
  async_push(spout, 2,
             asio::bind_cancellation_slot(cancel.slot(),
                                          asio::bind_executor(io, [&](boost::system::error_code e) { seen = e; })));
  cancel.emit(asio::cancellation_type::total);
  io.run();
  EXPECT_FALSE(seen);
  EXPECT_EQ(spout.queued(), 1u);
}

}  // namespace
}  // namespace freshet
