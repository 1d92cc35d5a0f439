#include "batch/block_bytes.hpp"

#include <gtest/gtest.h>

#include <memory>

namespace {
using namespace freshet;

/// Its codec reads more than it writes.
struct greedy {
  int value = 0;
};
}  // namespace

template <>
struct freshet::codec<greedy> {
  static void write(writer& w, const greedy& g) { w.raw(g.value); }
  static void read(reader& r, greedy& g, std::uint32_t) {
    g.value = r.raw<int>();
    (void)r.raw<std::uint64_t>();
  }
};

namespace {

event_time at(int ms) { return event_time{std::chrono::milliseconds(ms)}; }

template <class T>
batch_list block_of(std::initializer_list<std::vector<T>> batches, batch_layout layout = {.capacity = 8}) {
  batch_list all;
  int n = 0;
  for (const auto& values : batches) {
    auto* b = new batch<T>(layout);
    b->sent = std::chrono::steady_clock::time_point(std::chrono::nanoseconds(++n));
    for (const auto& v : values) {
      ++n;
      b->append({}, at(n), at(-n), v);
      if (b->origins()) b->origins()[b->size() - 1] = {7, 8, static_cast<std::uint64_t>(n)};
    }
    all.push_back(b);
  }
  return all;
}

template <class T>
void expect_equal(const batch_list& got, const batch_list& expected) {
  ASSERT_EQ(got.size(), expected.size());
  const any_batch* e = expected.front();
  for (const any_batch* g = got.front(); g; g = g->next, e = e->next) {
    ASSERT_EQ(g->size(), e->size());
    EXPECT_EQ(g->capacity(), e->capacity());
    EXPECT_EQ(g->sent, e->sent);
    EXPECT_EQ(g->has_times(), e->has_times());
    ASSERT_EQ(g->origins() == nullptr, e->origins() == nullptr);
    for (std::size_t i = 0; i < g->size(); ++i) {
      EXPECT_EQ(static_cast<const batch<T>*>(g)->value(i), static_cast<const batch<T>*>(e)->value(i));
      EXPECT_EQ(g->time_of(i), e->time_of(i));
      EXPECT_EQ(g->stamp_of(i), e->stamp_of(i));
      EXPECT_TRUE(!g->origins() || g->origins()[i] == e->origins()[i]);
    }
  }
}

TEST(block_bytes, come_back_as_they_were) {
  const auto numbers = block_of<int>({{1, 2, 3}, {4}});
  expect_equal<int>(read_block(write_block(numbers), stream_type_of<int>()).value(), numbers);
  const auto texts = block_of<std::string>({{"", std::string(10'000, 'x')}, {"b"}});
  expect_equal<std::string>(read_block(write_block(texts), stream_type_of<std::string>()).value(), texts);
}

TEST(block_bytes, have_the_columns) {
  const auto times = block_of<int>({{1, 2}, {3}}, {.capacity = 4, .times = true});
  expect_equal<int>(read_block(write_block(times), stream_type_of<int>()).value(), times);
  const auto origins = block_of<int>({{1, 2}, {3}}, {.capacity = 4, .times = true, .origins = true});
  expect_equal<int>(read_block(write_block(origins), stream_type_of<int>()).value(), origins);
}

TEST(block_bytes, that_end_too_early_are_an_error) {
  const auto bytes = write_block(block_of<std::string>({{"one", "two"}}, {.capacity = 4, .times = true}));
  for (std::size_t n = 1; n < bytes.size(); ++n)
    EXPECT_FALSE(read_block(std::string_view(bytes).substr(0, n), stream_type_of<std::string>())) << n;
}

TEST(block_bytes, that_the_codec_does_not_read_are_an_error) {
  const auto got = read_block(write_block(block_of<greedy>({{greedy{1}}})), stream_type_of<greedy>());
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, errc::data_loss);
  EXPECT_NE(got.error().message.find("greedy"), std::string::npos);
}

}  // namespace
