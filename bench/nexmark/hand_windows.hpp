#pragma once
#include <algorithm>
#include <array>
#include <boost/unordered/unordered_flat_set.hpp>

#include "nexmark/hand.hpp"

// The queries with windows by hand.
namespace freshet::nexmark::hand {

inline constexpr event_span window_size{10'000}, window_slide{2'000};

/// Tumbling windows of 10 s, each with a `State` that can be cleared. With a bound of 4 s no more than two are open.
template <class State>
class open_windows {
 public:
  /// No event comes before `first`.
  explicit open_windows(event_time first) : end_(start_of(number_of(first) + 1)) {}

  State& at(event_time t) { return states_[number_of(t) % states_.size()]; }
  /// Calls `close(start, state)` for each window that ends by then.
  template <class F>
  void advance(event_time watermark, F&& close) {
    while (end_ <= watermark) [[unlikely]] close_next(close);
  }
  /// Closes all windows up to that of `last`.
  template <class F>
  void finish(event_time last, F&& close) {
    while (end_ - window_size <= last) close_next(close);
  }

 private:
  static std::uint64_t number_of(event_time t) noexcept {
    return static_cast<std::uint64_t>(t.time_since_epoch().count()) / static_cast<std::uint64_t>(window_size.count());
  }
  static event_time start_of(std::uint64_t number) noexcept {
    return event_time{window_size * static_cast<std::int64_t>(number)};
  }
  template <class F>
  void close_next(F& close) {
    const event_time start = end_ - window_size;
    State& state = at(start);
    close(start, state);
    state.clear();
    end_ += window_size;
  }

  event_time end_;  // of the earliest window that is open
  std::array<State, 2> states_;
};

/// Query 5: bids by auction in slices of 2 s; a window is the sum of five.
template <class Sink>
class hot_items {
 public:
  hot_items(event_time first, Sink& sink) : sink_(sink), next_(slice_of(first)) {}

  void add(const bid& b) { ++counts_[b.auction][slice_of(b.date_time) % slices]; }
  /// Gives the rows of the windows that end by then.
  void advance(event_time watermark) {
    while (start_of(next_ + 1) <= watermark) [[unlikely]] close_next();
  }
  void finish(event_time last) {
    while (next_ < slice_of(last) + slices_a_window) close_next();
  }

 private:
  // Those of the oldest window that is open, and what a bound of 4 s lets come before it closes.
  static constexpr std::uint64_t slices_a_window = 5, slices = 8;
  using slice_counts = std::array<std::uint32_t, slices>;

  static std::uint64_t slice_of(event_time t) noexcept {
    return static_cast<std::uint64_t>(t.time_since_epoch().count()) / static_cast<std::uint64_t>(window_slide.count());
  }
  static event_time start_of(std::uint64_t slice) noexcept {
    return event_time{window_slide * static_cast<std::int64_t>(slice)};
  }
  /// Closes the window that ends with slice `next_`, and forgets its first slice and the auctions without bids since.
  void close_next() {
    const std::uint64_t first = next_++ - (slices_a_window - 1);
    const q5_row nothing{start_of(first), 0, 0};
    std::vector<q5_row> most{nothing};
    boost::unordered::erase_if(counts_, [&](auto& entry) {
      auto& [auction, count] = entry;
      std::uint32_t bids = 0;
      for (std::uint64_t s = first; s < first + slices_a_window; ++s) bids += count[s % slices];
      if (bids > most.front().bids) most.assign(1, {nothing.window_start, auction, bids});
      else if (bids != 0 && bids == most.front().bids) most.push_back({nothing.window_start, auction, bids});
      count[first % slices] = 0;
      return count == slice_counts{};
    });
    if (most.front().bids == 0) return;
    for (const auto& row : most) sink_(row);
  }

  Sink& sink_;
  std::uint64_t next_;  // the last slice of the next window to close
  id_map<slice_counts> counts_;
};

/// Calls `f(event, watermark)`; gives the largest time.
template <class F>
event_time for_each_with_watermark(const input& in, F&& f) {
  event_time largest = in.source.time_at(in.first);
  for_each(in, [&](const event& e) {
    largest = std::max(largest, time_of(e));
    f(e, largest - in.bound);
  });
  return largest;
}
/// No event of the input comes before.
inline event_time first_time(const input& in) { return in.source.time_at(in.first) - in.bound; }

template <class Sink>
void q5(const input& in, Sink&& sink) {
  hot_items items{first_time(in), sink};
  const auto last = for_each_with_watermark(in, [&](const event& e, event_time watermark) {
    items.advance(watermark);
    if (const auto* b = std::get_if<bid>(&e)) [[likely]]
      items.add(*b);
  });
  items.finish(last);
}

/// Query 7: the bids with the highest price so far.
struct highest_bids {
  std::uint64_t price = 0;
  std::vector<q7_row> rows;

  void add(const bid& b) {
    if (b.price < price) [[likely]]
      return;
    if (b.price > price) rows.clear();
    price = b.price;
    rows.push_back({b.auction, b.bidder, b.price, b.date_time, b.extra});
  }
  void clear() { *this = {}; }
};

template <class Sink>
void q7(const input& in, Sink&& sink) {
  open_windows<highest_bids> windows{first_time(in)};
  const auto close = [&](event_time, const highest_bids& highest) {
    for (const auto& row : highest.rows) sink(row);
  };
  const auto last = for_each_with_watermark(in, [&](const event& e, event_time watermark) {
    windows.advance(watermark, close);
    if (const auto* b = std::get_if<bid>(&e)) [[likely]]
      windows.at(b->date_time).add(*b);
  });
  windows.finish(last, close);
}

/// Query 8: who came, and who sells.
struct new_people {
  id_map<short_text<16>> names;
  boost::unordered_flat_set<std::uint64_t> sellers;

  void clear() {
    names.clear();
    sellers.clear();
  }
};

template <class Sink>
void q8(const input& in, Sink&& sink) {
  open_windows<new_people> windows{first_time(in)};
  const auto close = [&](event_time start, const new_people& people) {
    for (const auto& [id, name] : people.names)
      if (people.sellers.contains(id)) sink(q8_row{id, name, start});
  };
  const auto last = for_each_with_watermark(in, [&](const event& e, event_time watermark) {
    windows.advance(watermark, close);
    if (const auto* a = std::get_if<auction>(&e)) windows.at(a->date_time).sellers.insert(a->seller);
    else if (const auto* p = std::get_if<person>(&e)) windows.at(p->date_time).names.emplace(p->id, p->name);
  });
  windows.finish(last, close);
}

}  // namespace freshet::nexmark::hand
