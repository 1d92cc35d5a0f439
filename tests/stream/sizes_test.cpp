// Few keys with very much, and very many keys with little: as much as a test can wait for.
#include <gtest/gtest.h>

#include <cstdlib>

#include "freshet/stream/aggregates.hpp"
#include "stream/timed_run.hpp"

namespace freshet {
namespace {

struct numbered {
  std::uint64_t key = 0, number = 0;
  event_time at{};
};
/// So many tuples, a millisecond apart, of so many keys by turns. Can read again.
struct numbers {
  std::uint64_t count, keys;
  std::uint64_t next = 0;
  poll_status poll(spout_emitter<numbered>& out) {
    const auto end = std::min(count, next + out.room());
    read({0, next, end}, out);
    next = end;
    return next == count ? poll_status::ended() : poll_status::emitted();
  }
  void read(const position_range& range, spout_emitter<numbered>& out) const {
    for (auto i = range.from; i < range.to; ++i)
      out.emit({0, i, i + 1}, {i % keys, i, event_time{event_span{static_cast<std::int64_t>(i)}}});
  }
  void seek(const position&) {}
  void commit(const position&) {}
};

/// A hundredth under sanitizers, which set FRESHET_SEEDS.
std::uint64_t scaled(std::uint64_t n) { return std::getenv("FRESHET_SEEDS") ? n / 100 : n; }

std::vector<std::pair<std::string, samples::any_engine>> engines() {
  event_options events{.guarantee = guarantee::exactly_once, .workers = 2};
  events.log = logger{};
  batch_options batches{.trigger = batch_trigger::rows, .rows_per_batch = 100'000, .workers = 2};
  batches.log = logger{};
  return {{"events", events}, {"batches", batches}};
}

class sizes : public ::testing::TestWithParam<std::pair<std::string, samples::any_engine>> {
 protected:
  struct outcome {
    std::uint64_t windows = 0, tuples = 0, most = 0;
  };
  outcome count_in_one_window(std::uint64_t tuples, std::uint64_t keys) {
    stream_builder builder{"sizes"};
    outcome got;
    builder.spout("numbers", numbers{tuples, keys})
        .event_time(&numbered::at)
        .key_by(&numbered::key)
        .window(tumbling{event_span{1'000'000'000'000}})
        .count("count")
        .to("got", [&got](const windowed<std::uint64_t, std::uint64_t>& w) {
          ++got.windows;
          got.tuples += w.value;
          got.most = std::max(got.most, w.value);
        });
    samples::start_on(GetParam().second, builder.build()).wait();
    return got;
  }
};
INSTANTIATE_TEST_SUITE_P(engines, sizes, ::testing::ValuesIn(engines()), samples::name_of_engine);

TEST_P(sizes, a_key_with_ten_million_tuples) {
  const auto tuples = scaled(10'000'000);
  const auto got = count_in_one_window(tuples, 1);
  EXPECT_EQ(got.windows, 1u);
  EXPECT_EQ(got.most, tuples);
}

TEST_P(sizes, a_million_keys_with_one_tuple) {
  const auto keys = scaled(1'000'000);
  const auto got = count_in_one_window(keys, keys);
  EXPECT_EQ(got.windows, keys);
  EXPECT_EQ(got.tuples, keys);
  EXPECT_EQ(got.most, 1u);
}

/// All of it kept, in one state that undoes itself call by call and batch by batch.
TEST_P(sizes, a_key_that_keeps_a_million_tuples) {
  const auto tuples = scaled(1'000'000);
  stream_builder builder{"sizes"};
  std::uint64_t kept = 0, distinct = 0;
  builder.spout("numbers", numbers{tuples, 1})
      .event_time(&numbered::at)
      .key_by(&numbered::key)
      .window(tumbling{event_span{1'000'000'000'000}})
      .aggregate("all",
                 aggregates::all_of{aggregates::collect{&numbered::number}, aggregates::distinct{&numbered::number}})
      .to("got", [&](const auto& w) {
        kept = std::get<0>(w.value).size();
        distinct = std::get<1>(w.value);
      });
  samples::start_on(GetParam().second, builder.build()).wait();
  EXPECT_EQ(kept, tuples);
  EXPECT_EQ(distinct, tuples);
}

}  // namespace
}  // namespace freshet
