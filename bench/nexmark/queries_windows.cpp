#include <algorithm>
#include <array>
#include <functional>
#include <optional>
#include <vector>

#include "freshet/stream/windowed.hpp"
#include "nexmark/from_events.hpp"

// The queries with windows and sessions.
namespace freshet::nexmark::queries {
namespace {

constexpr tumbling ten_seconds{event_span{10'000}};
constexpr hopping every_two_seconds{event_span{10'000}, event_span{2'000}};
constexpr sessions with_a_gap_of_ten_seconds{event_span{10'000}};

/// The key of what is to be in one task, all of it.
struct one_key {
  template <class T>
  std::uint8_t operator()(const T&) const {
    return 0;
  }
};

/// Query 5 counts by groups of auctions: a window of each auction would be six thousand windows that close at once.
struct auction_group {
  std::uint8_t operator()(std::uint64_t auction) const { return static_cast<std::uint8_t>(auction % 128); }
};
struct bid_count {
  std::uint64_t auction = 0, bids = 0;
};
/// Those with the most bids.
struct most_bids {
  std::uint64_t bids = 0;
  std::vector<std::uint64_t> auctions;
};

/// The bids of each auction of a group, and which of them has the most.
struct count_bids {
  using counts = std::vector<bid_count>;  // by auction

  void add(counts& all, std::uint64_t auction) const {
    // Nearly all bids are for the latest auctions, which have the highest numbers.
    auto at = all.end();
    while (at != all.begin() && std::prev(at)->auction > auction) --at;
    if (at != all.begin() && std::prev(at)->auction == auction) ++std::prev(at)->bids;
    else all.insert(at, {auction, 1});
  }
  void merge(counts& into, const counts& from) const {
    counts both;
    both.reserve(into.size() + from.size());
    auto a = into.begin();
    for (const auto& b : from) {
      for (; a != into.end() && a->auction < b.auction; ++a) both.push_back(*a);
      both.push_back(b);
      if (a != into.end() && a->auction == b.auction) both.back().bids += a++->bids;
    }
    both.insert(both.end(), a, into.end());
    into = std::move(both);
  }
  most_bids result(const counts& all) const {
    most_bids most;
    for (const auto& [auction, bids] : all) {
      if (bids > most.bids) most = {bids, {}};
      if (bids == most.bids) most.auctions.push_back(auction);
    }
    return most;
  }
};
using most_in_group = windowed<std::uint8_t, most_bids>;

struct most_of_all {
  void add(most_bids& most, const most_in_group& group) const {
    if (group.value.bids > most.bids) most = {group.value.bids, {}};
    if (group.value.bids < most.bids) return;
    most.auctions.insert(most.auctions.end(), group.value.auctions.begin(), group.value.auctions.end());
  }
};

}  // namespace

stream<q5_row> q5(const stream<event>& events, const options& o) {
  const auto in_groups = each<bid>(timed(events, o), "bids", &bid::auction, o)
                             .key_by(auction_group{})
                             .window(every_two_seconds, {.allowed_lateness = o.allowed_lateness})
                             .aggregate("counts", count_bids{}, {.parallelism = o.parallelism});
  // The results of a window have its last moment as their time: one window is all that ends within a slide.
  const auto most =
      in_groups.key_by(one_key{}).window(tumbling{every_two_seconds.slide}).aggregate("most", most_of_all{});
  const auto rows = [](const windowed<std::uint8_t, most_bids>& w, emitter<q5_row>& out) {
    for (const auto auction : w.value.auctions)
      out.emit({w.window.end - every_two_seconds.size, auction, w.value.bids});
  };
  return most.flat_map("q5", rows);
}

namespace {

/// Query 7, in the spout's task: keeps back what is below another bid of the same window that it has let through. It
/// remembers two windows, and forgets them with no harm: the window itself decides.
class maybe_highest {
 public:
  explicit maybe_highest(event_span allowed_lateness) : lateness_(allowed_lateness) {}

  void process(const event& e, emitter<q7_row>& out) {
    const auto* b = std::get_if<bid>(&e);
    if (!b) return;
    auto& so_far = highest_at(out.time());
    if (b->price < so_far.price) [[likely]]
      return;
    // The window doesn't take a late one, which must not keep back others.
    if (!is_late(so_far.of, lateness_, out.stamp())) so_far.price = b->price;
    out.emit({b->auction, b->bidder, b->price, b->date_time, b->extra});
  }

 private:
  struct window_highest {
    window of{};
    std::uint64_t price = 0;
  };
  window_highest& highest_at(event_time t) {
    if (latest_.of.contains(t)) [[likely]]
      return latest_;
    if (earlier_.of.contains(t)) return earlier_;
    const auto w = window_of(ten_seconds, t);
    if (w.start < latest_.of.start) return earlier_ = {w, 0};
    earlier_ = std::exchange(latest_, {w, 0});
    return latest_;
  }
  event_span lateness_;
  window_highest latest_, earlier_;
};

struct highest_bids {
  void add(std::vector<q7_row>& all, const q7_row& b) const {
    if (!all.empty() && all.front().price > b.price) return;
    if (!all.empty() && all.front().price < b.price) all.clear();
    all.push_back(b);
  }
};

}  // namespace

stream<q7_row> q7(const stream<event>& events, const options& o) {
  return timed(events, o)
      .process("maybe highest", maybe_highest{o.allowed_lateness}, {.parallelism = o.parallelism})
      .key_by(one_key{})
      .window(ten_seconds, {.allowed_lateness = o.allowed_lateness})
      .aggregate("highest", highest_bids{})
      .flat_map("q7", [](const windowed<std::uint8_t, std::vector<q7_row>>& w) { return w.value; });
}

namespace {

struct newcomer {
  std::uint64_t id = 0;
  short_text<16> name{};
};
struct sells {
  std::uint64_t seller = 0;
};

/// Query 8, by person: whether who came in a window sells something in it.
class new_sellers {
 public:
  struct seen {
    event_time start{};
    std::optional<short_text<16>> name;
    bool sells = false;
  };
  struct state {
    std::vector<seen> windows;
  };
  using output = emitter<q8_row, late_output<newcomer>, late_output<sells>>;

  explicit new_sellers(event_span allowed_lateness) : lateness_(allowed_lateness) {}

  void on_person(const newcomer& p, state& s, timers& t, output& out) {
    const auto w = window_of(ten_seconds, out.time());
    if (is_late(w, lateness_, out.stamp())) return emit_late<late_output<newcomer>>(p, late_reason::window, out);
    window_in(s, w, t).name = p.name;
  }
  void on_auction(const sells& a, state& s, timers& t, output& out) {
    const auto w = window_of(ten_seconds, out.time());
    if (is_late(w, lateness_, out.stamp())) return emit_late<late_output<sells>>(a, late_reason::window, out);
    window_in(s, w, t).sells = true;
  }
  void on_timer(const std::uint64_t& person, event_time due, state& s, output& out) {
    std::erase_if(s.windows, [&](const seen& w) {
      if (shifted(w.start + ten_seconds.size, lateness_) > due) return false;
      if (w.name && w.sells) out.emit({person, *w.name, w.start});
      return true;
    });
  }
  bool forgets(const state& s) const { return s.windows.empty(); }

 private:
  seen& window_in(state& s, const window& w, timers& t) const {
    for (auto& known : s.windows)
      if (known.start == w.start) return known;
    t.at(shifted(w.end, lateness_));
    return s.windows.emplace_back(seen{w.start, {}, false});
  }
  event_span lateness_;
};

}  // namespace

stream<q8_row> q8(const stream<event>& events, const options& o) {
  const auto all = timed(events, o);
  const auto people = each<person>(
      all, "people",
      [](const person& p) {
        return newcomer{p.id, p.name};
      },
      o);
  const auto auctions = each<auction>(
      all, "auctions", [](const auction& a) { return sells{a.seller}; }, o);
  return stream(events.builder()
                    .bolt("q8", new_sellers{o.allowed_lateness}, {.parallelism = o.parallelism})
                    .input<&new_sellers::on_person>(people, key_grouping{&newcomer::id})
                    .input<&new_sellers::on_auction>(auctions, key_grouping{&sells::seller}));
}

stream<q11_row> q11(const stream<event>& events, const options& o) {
  using counted = windowed<std::uint64_t, std::uint64_t>;
  return each<bid>(timed(events, o), "bidders", &bid::bidder, o)
      .key_by(std::identity{})
      .window(with_a_gap_of_ten_seconds, {.allowed_lateness = o.allowed_lateness})
      .count("count", {.parallelism = o.parallelism})
      .map("q11",
           [](const counted& c) {
             return q11_row{c.key, c.value, c.window.start, c.window.end};
           },
           {.parallelism = o.parallelism});
}

stream<q12_row> q12(const stream<event>& events, const options& o) {
  using counted = windowed<std::uint64_t, std::uint64_t>;
  return each<bid>(timed(events, o), "bidders", &bid::bidder, o)
      .key_by(std::identity{})
      .window(ten_seconds, {.allowed_lateness = o.allowed_lateness})
      .count("count", {.parallelism = o.parallelism})
      .map("q12",
           [](const counted& c) {
             return q12_row{c.key, c.value, c.window.start};
           },
           {.parallelism = o.parallelism});
}

}  // namespace freshet::nexmark::queries
