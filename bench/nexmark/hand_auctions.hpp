#pragma once
#include <algorithm>
#include <array>
#include <functional>
#include <queue>
#include <utility>

#include "nexmark/hand_windows.hpp"

// The queries about closed auctions by hand.
namespace freshet::nexmark::hand {

/// Bids for auctions that aren't there: an auction may come behind a bid for it that it takes. Forgets those that no
/// auction still to come can take, in two generations, so that none is ever looked for on its own.
class early_bids {
 public:
  void add(const bid& b, event_time watermark) {
    if (older_.latest <= watermark) {
      older_.clear();
      std::swap(older_, newer_);
    }
    newer_.add(b);
  }
  /// The highest price bid for an auction that has come, 0 for none.
  std::uint64_t highest(const auction& a) const { return std::max(older_.highest(a), newer_.highest(a)); }

 private:
  struct entry {
    event_time date_time{};
    std::uint64_t price = 0;
    std::uint32_t before = 0;  // the one before it for the same auction; 0: none
  };
  struct generation {
    event_time latest = beginning_of_time;
    std::vector<entry> entries{1};  // the first is none
    id_map<std::uint32_t> last;     // by auction

    void add(const bid& b) {
      latest = std::max(latest, b.date_time);
      const auto before = std::exchange(last[b.auction], static_cast<std::uint32_t>(entries.size()));
      entries.push_back({b.date_time, b.price, before});
    }
    std::uint64_t highest(const auction& a) const {
      std::uint64_t price = 0;
      const auto found = last.find(a.id);
      for (auto i = found == last.end() ? 0 : found->second; i != 0; i = entries[i].before)
        if (entries[i].date_time >= a.date_time && entries[i].date_time < a.expires)
          price = std::max(price, entries[i].price);
      return price;
    }
    void clear() {
      latest = beginning_of_time;
      entries.resize(1);
      last.clear();
    }
  };
  generation older_, newer_;
};

/// The auctions that are open, and the highest bid for each. `Group`: the member of an auction that its sale counts
/// for.
template <std::uint64_t auction::*Group>
class open_auctions {
 public:
  void add(const auction& a) {
    auctions_.emplace(a.id, open_auction{a.date_time, a.expires, a.*Group, early_.highest(a)});
    closing_.emplace(a.expires, a.id);
    next_ = closing_.top().first;
  }
  void add(const bid& b, event_time watermark) {
    const auto found = auctions_.find(b.auction);
    if (found == auctions_.end()) return early_.add(b, watermark);
    auto& a = found->second;
    if (b.price > a.highest && b.date_time >= a.date_time && b.date_time < a.expires) a.highest = b.price;
  }
  /// Calls `sold(group, price)` for each auction that closes by then with a bid, in the order of (expires, id).
  template <class F>
  void advance(event_time watermark, F&& sold) {
    while (next_ <= watermark) [[unlikely]] close_next(sold);
  }

 private:
  struct open_auction {
    event_time date_time{}, expires{};
    std::uint64_t group = 0, highest = 0;
  };
  using closing = std::pair<event_time, std::uint64_t>;
  static constexpr event_time never = end_of_time;
  static constexpr std::size_t closed_kept = 1'000;

  template <class F>
  void close_next(F& sold) {
    const auto found = auctions_.find(closing_.top().second);
    closing_.pop();
    if (found->second.highest != 0) sold(found->second.group, found->second.highest);
    if (auctions_.size() > 2 * closing_.size() + closed_kept) forget_closed(next_);
    next_ = closing_.empty() ? never : closing_.top().first;
  }
  /// Not those that close right then, which may still be in the queue.
  void forget_closed(event_time before) {
    boost::unordered::erase_if(auctions_, [before](const auto& a) { return a.second.expires < before; });
  }

  id_map<open_auction> auctions_;  // open, and some closed
  std::priority_queue<closing, std::vector<closing>, std::greater<>> closing_;
  event_time next_ = never;  // when the next auction closes
  early_bids early_;
};

/// Calls `sold(group, price)` for every auction with a bid, as it closes.
template <std::uint64_t auction::*Group, class F>
void for_each_sale(const input& in, F&& sold) {
  open_auctions<Group> auctions;
  (void)for_each_with_watermark(in, [&](const event& e, event_time watermark) {
    auctions.advance(watermark, sold);
    if (const auto* b = std::get_if<bid>(&e)) [[likely]]
      auctions.add(*b, watermark);
    else if (const auto* a = std::get_if<auction>(&e)) auctions.add(*a);
  });
  auctions.advance(last_event_time, sold);
}

template <class Sink>
void q4(const input& in, Sink&& sink) {
  struct sales {
    std::uint64_t count = 0, total = 0;
  };
  id_map<sales> of_category;
  for_each_sale<&auction::category>(in, [&](std::uint64_t category, std::uint64_t price) {
    auto& s = of_category[category];
    s.total += price;
    sink(q4_row{category, ++s.count, s.total / s.count});
  });
}

template <class Sink>
void q6(const input& in, Sink&& sink) {
  struct sales {
    std::array<std::uint64_t, 10> prices{};  // the latest ones, in a ring
    std::uint64_t count = 0, total = 0;
  };
  id_map<sales> of_seller;
  for_each_sale<&auction::seller>(in, [&](std::uint64_t seller, std::uint64_t price) {
    auto& s = of_seller[seller];
    auto& oldest = s.prices[s.count++ % s.prices.size()];
    s.total += price - std::exchange(oldest, price);
    sink(q6_row{seller, s.total / std::min<std::uint64_t>(s.count, s.prices.size())});
  });
}

}  // namespace freshet::nexmark::hand
