#include <algorithm>
#include <optional>
#include <vector>

#include "freshet/stream/selecting_aggregates.hpp"
#include "freshet/stream/windowed.hpp"
#include "freshet/time/window.hpp"
#include "nexmark/from_events.hpp"

// The queries about closed auctions.
namespace freshet::nexmark::queries {
namespace {

/// What a sale needs of an auction. Its `group` is what the sale counts for.
struct offer {
  std::uint64_t id = 0, group = 0;
  event_time expires{};
};
struct bid_price {
  std::uint64_t auction = 0, price = 0;
};
struct sale {
  std::uint64_t auction = 0, group = 0, price = 0;
  event_time expires{};
};

/// By auction: the highest bid until it closes. An auction and its bids may come in either order, as long as they
/// aren't late.
class close_auctions {
 public:
  struct early_bid {
    event_time date_time{};
    std::uint64_t price = 0;
  };
  struct state {
    std::uint64_t group = 0, highest = 0;
    event_time begins = beginning_of_time, expires = beginning_of_time;
    bool is_known = false;
    std::vector<early_bid> early;  ///< bids before the auction
  };
  using output = emitter<sale, late_output<offer>, late_output<bid_price>>;

  explicit close_auctions(event_span allowed_lateness) : lateness_(allowed_lateness) {}

  void on_offer(const offer& a, state& s, timers& t, output& out) {
    if (went_late<late_output<offer>>(a, lateness_, out)) return;
    s.is_known = true;
    s.group = a.group;
    s.begins = out.time();
    s.expires = a.expires;
    for (const auto& b : s.early) take(b.date_time, b.price, s);
    s.early = {};
    t.set(close, shifted(a.expires, lateness_));
  }
  void on_bid(const bid_price& b, state& s, timers& t, output& out) {
    if (went_late<late_output<bid_price>>(b, lateness_, out)) return;
    if (s.is_known) return take(out.time(), b.price, s);
    // No auction that takes it can come any more when the watermark has passed it.
    s.early.push_back({out.time(), b.price});
    if (s.early.size() == 1) t.set(close, in_a_while(shifted(out.time(), lateness_)));
  }
  void on_timer(const std::uint64_t& id, event_time due, state& s, timers& t, output& out) {
    if (!s.is_known) return drop_early(due, s, t);
    if (due != shifted(s.expires, lateness_)) return void(s.is_known = false);
    if (s.highest != 0) out.emit({id, s.group, s.highest, s.expires});
    // Bids go on coming for a while. As long as the auction is known they aren't taken for early ones.
    t.set(close, in_a_while(due));
  }
  bool forgets(const state& s) const { return !s.is_known && s.early.empty(); }

 private:
  static constexpr std::uint32_t close = 0;

  /// One to two seconds later, for what may wait: timers of one time cost less than as many of different times.
  static event_time in_a_while(event_time t) {
    constexpr event_span second{1'000};
    return aligned(shifted(t, 2 * second), second, {});
  }
  static void take(event_time at, std::uint64_t price, state& s) {
    if (price > s.highest && s.begins <= at && at < s.expires) s.highest = price;
  }
  void drop_early(event_time due, state& s, timers& t) const {
    std::erase_if(s.early, [&](const early_bid& b) { return shifted(b.date_time, lateness_) <= due; });
    if (!s.early.empty()) t.set(close, in_a_while(due));
  }
  event_span lateness_;
};

/// The auctions sold, each when it closes, of which `group` tells what they count for.
stream<sale> sales(const stream<event>& events, std::uint64_t auction::*group, const options& o) {
  const auto all = timed(events, o);
  const auto offers = each<auction>(
      all, "offers",
      [group](const auction& a) {
        return offer{a.id, a.*group, a.expires};
      },
      o);
  const auto bids = each<bid>(
      all, "bids",
      [](const bid& b) {
        return bid_price{b.auction, b.price};
      },
      o);
  return stream(events.builder()
                    .bolt("sales", close_auctions{o.allowed_lateness}, {.parallelism = o.parallelism})
                    .input<&close_auctions::on_offer>(offers, key_grouping{&offer::id})
                    .input<&close_auctions::on_bid>(bids, key_grouping{&bid_price::auction}));
}

struct average_price {
  struct sums {
    std::uint64_t count = 0, total = 0;
  };
  void add(sums& all, const sale& s) const {
    ++all.count;
    all.total += s.price;
  }
  void merge(sums& into, const sums& from) const {
    into.count += from.count;
    into.total += from.total;
  }
};

/// Of the ten sales that are the latest by (expires, auction), whatever the order in which they come.
struct latest_sales : aggregates::top_k<sale, std::tuple<event_time, std::uint64_t> (*)(const sale&)> {
  latest_sales() : top_k{10, [](const sale& s) { return std::tuple(s.expires, s.auction); }} {}
  std::uint64_t result(const std::vector<sale>& latest) const {
    std::uint64_t total = 0;
    for (const auto& s : latest) total += s.price;
    return total / latest.size();
  }
};

}  // namespace

stream<q4_row> q4(const stream<event>& events, const options& o) {
  using average = keyed<std::uint64_t, average_price::sums>;
  return sales(events, &auction::category, o)
      .key_by(&sale::group)
      .combine()
      .aggregate("average", average_price{}, {.parallelism = o.parallelism})
      .map("q4",
           [](const average& a) {
             return q4_row{a.key, a.value.count, a.value.total / a.value.count};
           },
           {.parallelism = o.parallelism});
}

stream<q6_row> q6(const stream<event>& events, const options& o) {
  using average = keyed<std::uint64_t, std::uint64_t>;
  return sales(events, &auction::seller, o)
      .key_by(&sale::group)
      .aggregate("average", latest_sales{}, {.parallelism = o.parallelism})
      .map("q6",
           [](const average& a) {
             return q6_row{a.key, a.value};
           },
           {.parallelism = o.parallelism});
}

}  // namespace freshet::nexmark::queries
