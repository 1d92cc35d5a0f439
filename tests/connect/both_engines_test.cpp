// The connectors under either engine: what comes out must not depend on it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <set>
#include <sstream>
#include <thread>

#include "connect/temporary_folder.hpp"
#include "freshet/freshet.hpp"

namespace freshet {
namespace {

using namespace std::chrono_literals;

enum class engine { event, batch, available_now };
constexpr const char* names[] = {"event", "batch", "available_now"};
void PrintTo(engine e, std::ostream* to) { *to << names[static_cast<int>(e)]; }
std::string name_of(const testing::TestParamInfo<engine>& of) { return names[static_cast<int>(of.param)]; }

class connectors : public testing::TestWithParam<engine> {
 protected:
  topology_run start(const topology& graph) const {
    if (GetParam() == engine::event) return event_executor{{.workers = 2, .retry = {.first = 1ms}}}.start(graph);
    const bool now = GetParam() == engine::available_now;
    return batch_executor{
        {.trigger = now ? batch_trigger::available_now : batch_trigger::interval, .interval = 1ms, .workers = 2}}
        .start(graph);
  }
};
INSTANTIATE_TEST_SUITE_P(engines, connectors, testing::Values(engine::event, engine::batch), name_of);

/// What is there when the run starts is all that there is.
class finite_connectors : public connectors {};
INSTANTIATE_TEST_SUITE_P(engines, finite_connectors,
                         testing::Values(engine::event, engine::batch, engine::available_now), name_of);

std::vector<std::uint64_t> up_to(std::uint64_t n) {
  std::vector<std::uint64_t> all(n);
  std::iota(all.begin(), all.end(), 0u);
  return all;
}
std::vector<std::uint64_t> sorted(std::vector<std::uint64_t> values) {
  std::sort(values.begin(), values.end());
  return values;
}

TEST_P(finite_connectors, lines_are_copied_from_file_to_file) {
  temporary_folder dir;
  std::string text;
  for (int i = 0; i < 20'000; ++i) text += "line " + std::to_string(i) + "\n";
  dir.write("in/1", text);
  dir.write("in/2", "a\r\nb");
  topology_builder b{"t"};
  b.sink("out", file::line_sink{dir / "out"}).input(b.spout("in", file::line_spout{dir / "in/*"}));
  start(b.build()).wait();
  EXPECT_EQ(dir.read(dir / "out"), text + "a\nb\n");
}

TEST_P(finite_connectors, lines_that_fail_are_read_again) {
  temporary_folder dir;
  std::string text;
  for (int i = 0; i < 2'000; ++i) text += std::to_string(i) + "\n";
  collect_sink<std::string> got;
  auto failed = std::make_shared<std::set<std::string>>();
  topology_builder b{"t"};
  auto lines = b.spout("in", file::line_spout{dir.write("in", text)});
  auto checked = b.bolt("check", [failed](const std::string& line) {
                    if (line.size() == 4 && line.ends_with("77") && failed->insert(line).second)
                      throw std::runtime_error("once");
                    return line;
                  }).input(lines, global_grouping{});
  b.sink("out", got).input(checked);
  start(b.build()).wait();
  std::set<std::string> distinct;
  for (auto& line : got.take()) distinct.insert(line);
  EXPECT_EQ(distinct.size(), 2'000u);
  EXPECT_EQ(failed->size(), 10u);
}

TEST_P(finite_connectors, generated_values_come_once_each) {
  for (std::uint32_t partitions : {0u, 1u, 7u}) {
    collect_sink<std::uint64_t> got;
    topology_builder b{"t"};
    auto numbers = b.spout(
        "numbers", generator_spout{[](std::uint64_t i) { return i; }, {.count = 10'000, .partitions = partitions}},
        {.parallelism = 3});
    b.sink("out", got).input(numbers, global_grouping{});
    start(b.build()).wait();
    EXPECT_EQ(sorted(got.take()), up_to(10'000)) << partitions;
  }
}

/// What is pushed later is for a later run: a spout that has nothing now has ended.
TEST(available_now, takes_what_has_been_pushed_and_waits_for_no_more) {
  push_spout<std::uint64_t> in{{.capacity = 1000}};
  collect_sink<std::uint64_t> got;
  topology_builder b{"t"};
  b.sink("out", got).input(b.spout("in", in), global_grouping{});
  for (std::uint64_t i = 0; i < 500; ++i) ASSERT_TRUE(in.push(i));
  batch_executor{{.trigger = batch_trigger::available_now, .rows_per_batch = 70}}.start(b.build()).wait();
  EXPECT_EQ(sorted(got.take()), up_to(500));
}

TEST_P(connectors, paced_values_come_once_each) {
  collect_sink<std::uint64_t> got;
  topology_builder b{"t"};
  auto numbers = b.spout("numbers", generator_spout{[](std::uint64_t i) { return i; }, {.rate = 20'000, .count = 400}},
                         {.parallelism = 2});
  b.sink("out", got).input(numbers, global_grouping{});
  start(b.build()).wait();
  EXPECT_EQ(sorted(got.take()), up_to(400));
}

TEST_P(connectors, pushed_values_come_out_at_the_other_end) {
  push_spout<std::uint64_t> in{{.capacity = 16}};
  channel_sink<std::uint64_t> out{{.capacity = 16}};
  topology_builder b{"t"};
  b.sink("out", out).input(b.spout("in", in, {.parallelism = 2}), global_grouping{});
  auto run = start(b.build());
  std::jthread pusher([&] {
    for (std::uint64_t i = 0; i < 3'000; ++i) ASSERT_TRUE(in.push(i));
    in.close();
  });
  std::vector<std::uint64_t> got;
  while (auto v = out.pop()) got.push_back(*v);
  run.wait();
  EXPECT_EQ(sorted(got), up_to(3'000));
}

TEST_P(connectors, an_answer_comes_for_every_question) {
  push_spout<std::uint64_t> in;
  channel_sink<std::uint64_t> out;
  topology_builder b{"t"};
  b.sink("out", out).input(b.bolt("double", [](std::uint64_t v) { return 2 * v; }).input(b.spout("in", in)));
  auto run = start(b.build());
  for (std::uint64_t i = 0; i < 200; ++i) {
    ASSERT_TRUE(in.push(i));
    ASSERT_EQ(out.pop(), 2 * i);
  }
  in.close();
  run.wait();
  EXPECT_EQ(out.pop(), std::nullopt);
}

TEST_P(connectors, a_drain_finishes_what_was_accepted_and_refuses_the_rest) {
  push_spout<std::uint64_t> in{{.capacity = 64}};
  collect_sink<std::uint64_t> out;
  topology_builder b{"t"};
  b.sink("out", out).input(b.spout("in", in, {.parallelism = 2, .max_batch = 8}));
  auto run = start(b.build());
  std::uint64_t accepted = 0;
  std::jthread pusher([&] {
    while (in.push(accepted)) ++accepted;
  });
  while (out.size() == 0) std::this_thread::yield();
  run.drain();
  pusher.join();
  EXPECT_TRUE(in.closed());
  EXPECT_EQ(in.queued(), 0u);
  EXPECT_EQ(sorted(out.take()), up_to(accepted));
}

TEST_P(connectors, a_stop_before_anything_was_polled_finishes_what_was_accepted) {
  push_spout<std::uint64_t> in;
  for (std::uint64_t i = 0; i < 1'000; ++i) ASSERT_TRUE(in.push(i));
  collect_sink<std::uint64_t> out;
  topology_builder b{"t"};
  b.sink("out", out).input(b.spout("in", in));
  const auto graph = b.build();
  start(graph).stop();
  EXPECT_EQ(sorted(out.take()), up_to(1'000));
  // A later run with the same spout opens it again.
  auto again = start(graph);
  EXPECT_TRUE(in.push(7));
  again.drain();
  EXPECT_EQ(out.take(), std::vector<std::uint64_t>{7});
}

/// Can't read again, and can make nothing of every third message.
struct counts_and_rejects {
  std::uint64_t next = 0;
  poll_status poll(spout_emitter<std::uint64_t>& out) {
    for (; next < 3'000 && out.room(); ++next)
      if (next % 3 == 0) out.reject({errc::data_loss, "no number"}, std::to_string(next));
      else out.emit(next);
    return next < 3'000 ? poll_status::emitted() : poll_status::ended();
  }
};

TEST_P(finite_connectors, what_a_spout_rejects_becomes_a_dead_letter) {
  collect_sink<std::uint64_t> got;
  collect_sink<dead_letter> letters;
  auto failed = std::make_shared<std::set<std::uint64_t>>();
  topology_builder b{"t"};
  auto checked = b.bolt("check", [failed](std::uint64_t v) {
                    if (v % 100 == 1 && failed->insert(v).second) throw std::runtime_error("once");
                    return v;
                  }).input(b.spout("numbers", counts_and_rejects{}));
  b.sink("got", got).input(checked);
  b.sink("letters", letters).input(b.dead_letters());
  auto run = start(b.build());
  run.wait();
  EXPECT_EQ(got.take().size(), 2'000u);
  std::set<std::string> bytes;
  for (const auto& l : letters.take()) {
    EXPECT_EQ(l.node, "numbers");
    EXPECT_EQ(l.error, "no number");
    EXPECT_EQ(l.type, "");
    EXPECT_TRUE(l.positions.empty());
    EXPECT_TRUE(bytes.insert(l.bytes).second) << l.bytes << " came twice";
  }
  EXPECT_EQ(bytes.size(), 1'000u);
  const auto m = run.metrics().node("numbers");
  EXPECT_EQ(m.emitted, 3'000u);
  EXPECT_EQ(m.acked, 2'000u);
  EXPECT_EQ(m.failed, 1'000u);
}

TEST_P(connectors, a_missing_file_is_an_error_of_start) {
  temporary_folder dir;
  topology_builder b{"t"};
  b.sink("out", collect_sink<std::string>{}).input(b.spout("the lines", file::line_spout{dir / "nowhere"}));
  const auto graph = b.build();
  try {
    auto run = start(graph);
    FAIL();
  } catch (const run_error& e) {
    EXPECT_THAT(e.what(), testing::AllOf(testing::HasSubstr("the lines"), testing::HasSubstr(dir / "nowhere"),
                                         testing::HasSubstr("No such file")));
  }
}

TEST_P(connectors, a_full_disk_is_an_error_of_the_run) {
  topology_builder b{"t"};
  b.sink("out", file::line_sink{"/dev/full"}).input(b.spout("one", vector_spout<int>{{1}}));
  const auto graph = b.build();
  try {
    start(graph).wait();
    FAIL();
  } catch (const run_error& e) {
    EXPECT_THAT(e.what(), testing::AllOf(testing::HasSubstr("/dev/full"), testing::HasSubstr("No space left")));
  }
}

}  // namespace
}  // namespace freshet
