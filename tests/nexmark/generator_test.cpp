#include "nexmark/generator.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <stdexcept>
#include <type_traits>

#include "freshet/connect/memory/generator_spout.hpp"
#include "freshet/core/codec.hpp"
#include "freshet/core/stable_hash.hpp"
#include "freshet/core/value.hpp"

namespace freshet::nexmark {
namespace {

using std::chrono::milliseconds;

static_assert(stream_value<event> && durable<event> && key_value<event>);
static_assert(std::is_trivially_copyable_v<event> && sizeof(bid) == 48 && sizeof(event) == 112);
// The generator is a spout's function as it is.
static_assert(std::is_same_v<decltype(generator_spout{generator{}}), generator_spout<event, generator>>);

TEST(nexmark_generator, a_range_made_again_is_the_same) {
  const generator source{{.seed = 7, .out_of_order = milliseconds{50}}};
  const auto at_once = events_of(source, 0, 10'000);
  const generator same{{.seed = 7, .out_of_order = milliseconds{50}}};
  for (const std::uint64_t first : {0, 1, 49, 50, 51, 2'500, 9'000})
    for (const std::uint64_t size : {0, 1, 77, 1'000}) {
      const auto again = events_of(same, first, first + size);
      ASSERT_EQ(again.size(), size);
      for (std::uint64_t i = 0; i < size; ++i) ASSERT_EQ(again[i], at_once[first + i]) << "event " << first + i;
    }
}

TEST(nexmark_generator, the_seed_decides) {
  const generator one{{.seed = 1}}, other{{.seed = 2}};
  std::size_t same = 0;
  for (std::uint64_t n = 0; n < 1'000; ++n) same += one(n) == other(n);
  EXPECT_EQ(same, 0u);
}

TEST(nexmark_generator, of_fifty_events_one_is_a_person_and_three_are_auctions) {
  const generator source;
  for (std::uint64_t round = 0; round < 20; ++round) {
    std::array<int, 3> count{};
    for (std::uint64_t at = 0; at < 50; ++at) ++count[source(round * 50 + at).index()];
    EXPECT_EQ(count, (std::array{1, 3, 46}));
  }
}

TEST(nexmark_generator, ids_are_consecutive) {
  std::uint64_t person_id = generator::first_person_id, auction_id = generator::first_auction_id;
  for (const auto& e : events_of(generator{}, 0, 5'000)) {
    if (const auto* p = std::get_if<person>(&e)) { EXPECT_EQ(p->id, person_id++); }
    if (const auto* a = std::get_if<auction>(&e)) { EXPECT_EQ(a->id, auction_id++); }
  }
  EXPECT_EQ(person_id, generator::first_person_id + 100);
  EXPECT_EQ(auction_id, generator::first_auction_id + 300);
}

TEST(nexmark_generator, times_ascend_at_the_rate_asked_for) {
  const generator source{{.events_per_second = 10'000}};
  const auto first = source.options().first_event_time;
  auto last = first;
  for (const auto& e : events_of(source, 0, 100'000)) {
    ASSERT_GE(time_of(e), last);
    last = time_of(e);
  }
  EXPECT_EQ(time_of(source(0)), first);
  EXPECT_EQ(time_of(source(100'000)) - first, milliseconds{10'000});
  EXPECT_EQ(time_of(source(1ull << 50)) - first, milliseconds{(1ll << 50) / 10});
}

TEST(nexmark_generator, times_are_out_of_order_within_the_bound) {
  const milliseconds bound{200};
  const generator source{{.out_of_order = bound}};
  auto largest = source.options().first_event_time;
  milliseconds furthest{};
  for (std::uint64_t n = 0; n < 100'000; ++n) {
    const auto t = time_of(source(n));
    ASSERT_EQ(t, source.time_at(n));
    ASSERT_GE(t, largest - bound);
    furthest = std::max(furthest, largest - t);
    largest = std::max(largest, t);
  }
  EXPECT_GT(furthest, bound * 9 / 10);
}

TEST(nexmark_generator, half_of_the_bids_are_for_a_hot_auction_and_three_quarters_of_a_hot_bidder) {
  double bids = 0, hot_auctions = 0, hot_bidders = 0, hot_channel = 0;
  for (const auto& e : events_of(generator{}, 50'000, 150'000))
    if (const auto* b = std::get_if<bid>(&e)) {
      ++bids;
      hot_auctions += (b->auction - generator::first_auction_id) % 100 == 0;
      hot_bidders += (b->bidder - generator::first_person_id) % 100 == 1;
      hot_channel += b->channel < hot_channels;
      ASSERT_LT(b->channel, channels);
    }
  EXPECT_NEAR(hot_auctions / bids, 0.5 + 0.5 / 100, 0.01);
  EXPECT_NEAR(hot_bidders / bids, 0.75 + 0.25 / 100, 0.01);
  EXPECT_NEAR(hot_channel / bids, 0.5, 0.01);
}

TEST(nexmark_generator, three_quarters_of_the_auctions_are_of_a_hot_seller) {
  double auctions = 0, hot = 0;
  std::map<std::uint64_t, int> of_category;
  for (const auto& e : events_of(generator{}, 50'000, 250'000))
    if (const auto* a = std::get_if<auction>(&e)) {
      ++auctions;
      ++of_category[a->category];
      hot += (a->seller - generator::first_person_id) % 100 == 0;
      ASSERT_LT(a->date_time, a->expires);
      ASSERT_LT(a->initial_bid, a->reserve);
    }
  EXPECT_NEAR(hot / auctions, 0.75 + 0.25 / 100, 0.02);
  ASSERT_EQ(of_category.size(), generator::categories);
  for (const auto& [category, count] : of_category) EXPECT_NEAR(count / auctions, 0.2, 0.03) << category;
}

TEST(nexmark_generator, bids_refer_to_the_latest_auctions_and_persons_and_a_few_to_come) {
  const generator source;
  for (std::uint64_t n = 100'000; n < 101'000; ++n) {
    const auto e = source(n);
    const auto* b = std::get_if<bid>(&e);
    if (!b) continue;
    const auto auctions = n / 50 * 3 + 3 + generator::first_auction_id;
    const auto persons = n / 50 + 1 + generator::first_person_id;
    EXPECT_LT(b->auction, auctions + 10);
    EXPECT_GE(b->auction + 101, auctions);
    EXPECT_LT(b->bidder, persons + 10);
    EXPECT_GE(b->bidder + 1'000, persons);
  }
}

TEST(nexmark_generator, each_factor_of_ten_has_a_sixth_of_the_prices) {
  std::array<double, 6> count{};
  double bids = 0;
  for (const auto& e : events_of(generator{}, 0, 100'000))
    if (const auto* b = std::get_if<bid>(&e)) {
      ASSERT_GE(b->price, 100u);
      ASSERT_LE(b->price, 100'000'000u);
      std::size_t at = 0;
      for (std::uint64_t p = b->price; p >= 1'000; p /= 10) ++at;
      ++count.at(std::min<std::size_t>(at, 5));
      ++bids;
    }
  for (const double c : count) EXPECT_NEAR(c / bids, 1.0 / 6, 0.01);
  EXPECT_EQ(price_of(0), 100u);
  EXPECT_EQ(price_of(1u << 31), 100'000u);
}

TEST(nexmark_generator, text_is_made_of_letters_and_fits) {
  const auto length_of = [](const auto& text, std::size_t least, std::size_t most) {
    EXPECT_GE(text.view().size(), least);
    EXPECT_LE(text.view().size(), most);
  };
  std::set<std::string> names;
  for (const auto& e : events_of(generator{}, 0, 50'000)) {
    if (const auto* p = std::get_if<person>(&e)) {
      names.emplace(p->name.view());
      length_of(p->email_address, 3 + 1 + 3 + 4, 15);
      length_of(p->credit_card, 19, 19);
      length_of(p->state, 2, 2);
      EXPECT_NE(p->email_address.view().find('@'), std::string_view::npos);
      EXPECT_EQ(p->email_address.view().substr(p->email_address.view().size() - 4), ".com");
    }
    if (const auto* a = std::get_if<auction>(&e)) {
      length_of(a->item_name, 3, 15);
      length_of(a->description, 3, 23);
    }
  }
  EXPECT_EQ(names.size(), 99u);
  EXPECT_TRUE(names.contains("Deiter Bartels"));
}

TEST(nexmark_generator, channels_have_names_and_pages) {
  EXPECT_EQ(channel_name(3), "Apple");
  EXPECT_EQ(channel_name(hot_channels + 17), "channel-17");
  EXPECT_EQ(channel_url(5), channel_url(5));
  EXPECT_NE(channel_url(5), channel_url(6));
  EXPECT_EQ(channel_url(0).rfind("https://www.nexmark.com/", 0), 0u);
}

TEST(nexmark_generator, refuses_what_can_not_be) {
  for (const suite_options& wrong : {suite_options{.events_per_second = 0},
                                     suite_options{.out_of_order = milliseconds{-1}}, suite_options{.active_people = 0},
                                     suite_options{.in_flight_auctions = 0}, suite_options{.hot_auction_ratio = 0},
                                     suite_options{.hot_bidder_ratio = 0}, suite_options{.hot_seller_ratio = 0}})
    EXPECT_THROW(generator{wrong}, std::invalid_argument);
}

}  // namespace
}  // namespace freshet::nexmark
