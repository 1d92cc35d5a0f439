#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "nexmark/reference.hpp"

// The queries with windows and sessions.
namespace freshet::nexmark::reference {

// Query 5, hot items: which auctions got the most bids in the last ten seconds, every two seconds?
//     WITH counted AS (SELECT window_start, auction, COUNT(*) AS bids
//                      FROM TABLE(HOP(TABLE bid, DESCRIPTOR(date_time), INTERVAL '2' SECOND, INTERVAL '10' SECOND))
//                      GROUP BY window_start, auction)
//     SELECT * FROM counted c WHERE bids = (SELECT MAX(bids) FROM counted WHERE window_start = c.window_start)
// Several auctions where they have equally many. A bid may be late for some of its windows and count in the others.
std::vector<q5_row> q5(const std::vector<event>& events, const time_rules& rules) {
  std::map<event_time, std::map<std::uint64_t, std::uint64_t>> counts;  // by window start and auction
  detail::for_each<bid>(events, rules, [&](const bid& b, event_time stamp) {
    auto start = detail::aligned_start(b.date_time, window_slide);
    for (; start + window_size > b.date_time; start -= window_slide)
      if (!detail::is_late(start + window_size, stamp, rules)) ++counts[start][b.auction];
  });
  std::vector<q5_row> rows;
  for (const auto& [start, of_auction] : counts) {
    std::uint64_t most = 0;
    for (const auto& [id, bids] : of_auction) most = std::max(most, bids);
    for (const auto& [id, bids] : of_auction)
      if (bids == most) rows.push_back({start, id, bids});
  }
  return rows;
}

// Query 7, the highest bid of every ten seconds.
//     SELECT auction, bidder, price, date_time, extra FROM bid b
//     WHERE price = (SELECT MAX(price) FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(date_time), INTERVAL '10' SECOND))
//                    WHERE window_start <= b.date_time AND b.date_time < window_end)
// All bids with that price, where there are several.
std::vector<q7_row> q7(const std::vector<event>& events, const time_rules& rules) {
  std::map<event_time, std::vector<bid>> highest;  // by window start
  detail::for_each<bid>(events, rules, [&](const bid& b, event_time stamp) {
    const auto start = detail::aligned_start(b.date_time, window_size);
    if (detail::is_late(start + window_size, stamp, rules)) return;
    auto& so_far = highest[start];
    if (!so_far.empty() && so_far.front().price < b.price) so_far.clear();
    if (so_far.empty() || so_far.front().price == b.price) so_far.push_back(b);
  });
  std::vector<q7_row> rows;
  for (const auto& [start, bids] : highest)
    for (const auto& b : bids) rows.push_back({b.auction, b.bidder, b.price, b.date_time, b.extra});
  std::sort(rows.begin(), rows.end());
  return rows;
}

// Query 8, new users who sell: persons with an auction in the ten seconds in which they came.
//     SELECT DISTINCT p.id, p.name, p.window_start
//     FROM TABLE(TUMBLE(TABLE person, DESCRIPTOR(date_time), INTERVAL '10' SECOND)) p
//     JOIN TABLE(TUMBLE(TABLE auction, DESCRIPTOR(date_time), INTERVAL '10' SECOND)) a
//     ON p.id = a.seller AND p.window_start = a.window_start
// One row a person, whatever the number of auctions.
std::vector<q8_row> q8(const std::vector<event>& events, const time_rules& rules) {
  std::set<std::pair<event_time, std::uint64_t>> sellers;
  detail::for_each<auction>(events, rules, [&](const auction& a, event_time stamp) {
    const auto start = detail::aligned_start(a.date_time, window_size);
    if (!detail::is_late(start + window_size, stamp, rules)) sellers.emplace(start, a.seller);
  });
  std::vector<q8_row> rows;
  detail::for_each<person>(events, rules, [&](const person& p, event_time stamp) {
    const auto start = detail::aligned_start(p.date_time, window_size);
    if (detail::is_late(start + window_size, stamp, rules) || !sellers.contains({start, p.id})) return;
    rows.push_back({p.id, p.name, start});
  });
  std::sort(rows.begin(), rows.end());
  return rows;
}

// Query 11, user sessions: how many bids does a user make before a pause of ten seconds?
//     SELECT bidder, COUNT(*), window_start, window_end
//     FROM TABLE(SESSION(TABLE bid PARTITION BY bidder, DESCRIPTOR(date_time), INTERVAL '10' SECOND))
//     GROUP BY bidder, window_start, window_end
// A bid joins a session when it is at most the gap away from it; the session ends the gap after its last bid. (In Flink
// a bid exactly the gap later begins a session of its own.)
std::vector<q11_row> q11(const std::vector<event>& events, const time_rules& rules) {
  std::map<std::uint64_t, std::vector<event_time>> times;  // by bidder
  detail::for_each<bid>(events, rules, [&](const bid& b, event_time stamp) {
    if (!detail::is_late(b.date_time, stamp, rules)) times[b.bidder].push_back(b.date_time);
  });
  std::vector<q11_row> rows;
  for (auto& [bidder, all] : times) {
    std::sort(all.begin(), all.end());
    for (auto first = all.begin(); first != all.end();) {
      const auto next =
          std::adjacent_find(first, all.end(), [](event_time a, event_time b) { return b - a > session_gap; });
      const auto last = next == all.end() ? next : next + 1;
      rows.push_back({bidder, static_cast<std::uint64_t>(last - first), *first, *(last - 1) + session_gap});
      first = last;
    }
  }
  std::sort(rows.begin(), rows.end());
  return rows;
}

// Query 12, windows of time: how many bids does a user make in ten seconds?
//     SELECT bidder, COUNT(*), window_start
//     FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(date_time), INTERVAL '10' SECOND)) GROUP BY bidder, window_start
// The suite counts in windows of processing time, by which it wants to show what these cost: its answer is another one
// in every run. Here the windows are of event time, so that there is an answer to compare with.
std::vector<q12_row> q12(const std::vector<event>& events, const time_rules& rules) {
  std::map<std::pair<std::uint64_t, event_time>, std::uint64_t> counts;
  detail::for_each<bid>(events, rules, [&](const bid& b, event_time stamp) {
    const auto start = detail::aligned_start(b.date_time, window_size);
    if (!detail::is_late(start + window_size, stamp, rules)) ++counts[{b.bidder, start}];
  });
  std::vector<q12_row> rows;
  for (const auto& [key, bids] : counts) rows.push_back({key.first, bids, key.second});
  std::sort(rows.begin(), rows.end());
  return rows;
}

}  // namespace freshet::nexmark::reference
