#include <algorithm>
#include <tuple>
#include <vector>

#include "freshet/stream/selecting_aggregates.hpp"
#include "freshet/time/window.hpp"
#include "nexmark/from_events.hpp"

// The queries that are tables of bids, which change with every bid.
namespace freshet::nexmark::queries {
namespace {

struct auction_day {
  std::uint64_t auction = 0;
  event_time day{};
};
struct priced {
  auction_day of{};
  std::uint64_t price = 0;
};

/// Query 17: the row without its key. A row of nothing changes nothing that it is merged with.
struct statistics {
  static constexpr bool starts_neutral = true;
  void add(q17_row& all, const priced& b) const {
    merge(all, {.bids = 1,
                .cheap_bids = b.price < 10'000,
                .middling_bids = b.price >= 10'000 && b.price < 1'000'000,
                .dear_bids = b.price >= 1'000'000,
                .min_price = b.price,
                .max_price = b.price,
                .total_price = b.price});
  }
  void merge(q17_row& into, const q17_row& from) const {
    if (from.bids == 0) return;
    into.min_price = into.bids == 0 ? from.min_price : std::min(into.min_price, from.min_price);
    into.max_price = std::max(into.max_price, from.max_price);
    into.bids += from.bids;
    into.cheap_bids += from.cheap_bids;
    into.middling_bids += from.middling_bids;
    into.dear_bids += from.dear_bids;
    into.total_price += from.total_price;
  }
};

}  // namespace

stream<q17_row> q17(const stream<event>& events, const options& o) {
  const auto row = [](const keyed<auction_day, q17_row>& all) {
    q17_row made = all.value;
    made.auction = all.key.auction;
    made.day = all.key.day;
    made.average_price = made.total_price / made.bids;
    return made;
  };
  return each<bid>(
             events, "prices",
             [](const bid& b) {
               return priced{{b.auction, aligned(b.date_time, std::chrono::hours{24}, {})}, b.price};
             },
             o)
      .key_by(&priced::of)
      .combine()
      .aggregate("statistics", statistics{}, {.parallelism = o.parallelism})
      .map("q17", row, {.parallelism = o.parallelism});
}

namespace {

struct bidder_auction {
  std::uint64_t bidder = 0, auction = 0;
};

}  // namespace

stream<q18_row> q18(const stream<event>& events, const options& o) {
  const auto key = [](const q18_row& b) { return bidder_auction{b.bidder, b.auction}; };
  const auto age = [](const q18_row& b) { return std::tie(b.date_time, b.price, b.channel, b.extra); };
  return each<bid>(
             events, "bids",
             [](const bid& b) { return q18_row{b.auction, b.bidder, b.price, b.channel, b.date_time, b.extra}; }, o)
      .key_by(key)
      .combine()
      .aggregate("last", aggregates::last<q18_row, decltype(age)>{age}, {.parallelism = o.parallelism})
      .map("q18", [](const keyed<bidder_auction, q18_row>& last) { return last.value; },
           {.parallelism = o.parallelism});
}

namespace {

/// Query 19, by auction: the ten highest bids, and the ranks that a new one changes.
struct ten_highest {
  using state = std::vector<q19_row>;
  void process(const q19_row& b, state& top, emitter<q19_row>& out) {
    const auto is_above = [](const q19_row& x, const q19_row& y) {
      return std::tie(y.price, x.date_time, x.bidder, x.channel, x.extra) <
             std::tie(x.price, y.date_time, y.bidder, y.channel, y.extra);
    };
    auto at = std::upper_bound(top.begin(), top.end(), b, is_above);
    if (at == top.end() && top.size() == size) return;
    at = top.insert(at, b);
    if (top.size() > size) top.pop_back();
    for (; at != top.end(); ++at) {
      at->rank = static_cast<std::uint64_t>(at - top.begin()) + 1;
      out.emit(*at);
    }
  }
  static constexpr std::size_t size = 10;
};

}  // namespace

stream<q19_row> q19(const stream<event>& events, const options& o) {
  return each<bid>(
             events, "bids",
             [](const bid& b) { return q19_row{b.auction, 0, b.bidder, b.price, b.channel, b.date_time, b.extra}; }, o)
      .key_by(&q19_row::auction)
      .process("q19", ten_highest{}, {.parallelism = o.parallelism});
}

}  // namespace freshet::nexmark::queries
