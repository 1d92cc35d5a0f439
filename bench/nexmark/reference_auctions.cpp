#include <algorithm>
#include <map>
#include <optional>
#include <tuple>

#include "nexmark/reference.hpp"

// The queries about closed auctions.
namespace freshet::nexmark::reference {
namespace {

struct sale {
  auction sold;
  std::uint64_t price = 0;
};

// What queries 4 and 6 share, the winning bids:
//     SELECT a.*, MAX(b.price) AS price FROM auction a JOIN bid b ON a.id = b.auction
//     WHERE a.date_time <= b.date_time AND b.date_time < a.expires GROUP BY a.id
// An auction closes when the watermark reaches expires + allowed_lateness, and is sold for the highest price bid for
// it, if there was a bid. Auctions and bids may come in either order, as long as neither is late by its own time; a
// late auction is as if it had never been, with all its bids. The reserve and the initial bid play no part, as in the
// SQL of nexmark/nexmark (Apache Beam wants the reserve met). A bid at `expires` is too late, as in Beam and in windows
// (nexmark/nexmark has BETWEEN, which takes it).
std::vector<sale> sales(const std::vector<event>& events, const time_rules& rules) {
  std::map<std::uint64_t, auction> auctions;
  detail::for_each<auction>(events, rules, [&](const auction& a, event_time stamp) {
    if (!detail::is_late(a.date_time, stamp, rules)) auctions[a.id] = a;
  });
  std::map<std::uint64_t, std::uint64_t> highest;
  detail::for_each<bid>(events, rules, [&](const bid& b, event_time stamp) {
    const auto found = auctions.find(b.auction);
    if (found == auctions.end() || detail::is_late(b.date_time, stamp, rules)) return;
    if (b.date_time < found->second.date_time || b.date_time >= found->second.expires) return;
    auto& price = highest[b.auction];
    price = std::max(price, b.price);
  });
  std::vector<sale> sold;
  for (const auto& [id, price] : highest) sold.push_back({auctions[id], price});
  return sold;
}

}  // namespace

// Query 4, the average selling price in each category, over all closed auctions.
//     SELECT category, COUNT(*), AVG(price) FROM sale GROUP BY category
// A table: it changes with every auction that closes. The suite doesn't give the number of auctions.
std::vector<q4_row> q4(const std::vector<event>& events, const time_rules& rules) {
  std::map<std::uint64_t, std::vector<std::uint64_t>> prices;
  for (const auto& [sold, price] : sales(events, rules)) prices[sold.category].push_back(price);
  std::vector<q4_row> rows;
  for (const auto& [category, all] : prices) {
    std::uint64_t total = 0;
    for (const auto price : all) total += price;
    rows.push_back({category, all.size(), total / all.size()});
  }
  return rows;
}

// Query 6, the average selling price of each seller's last ten closed auctions.
//     SELECT seller, AVG(price) OVER (PARTITION BY seller ORDER BY expires, id ROWS BETWEEN 9 PRECEDING AND CURRENT
//     ROW) FROM sale
// A table: of each seller what the last sale gives. Auctions close in the order of (expires, id); the suite orders by
// the time of the winning bid, which is not when the auction closes, and in one of its versions takes eleven.
std::vector<q6_row> q6(const std::vector<event>& events, const time_rules& rules) {
  std::map<std::uint64_t, std::vector<std::tuple<event_time, std::uint64_t, std::uint64_t>>> of_seller;
  for (const auto& [sold, price] : sales(events, rules))
    of_seller[sold.seller].emplace_back(sold.expires, sold.id, price);
  std::vector<q6_row> rows;
  for (auto& [seller, all] : of_seller) {
    std::sort(all.begin(), all.end());
    const auto count = std::min<std::size_t>(all.size(), 10);
    std::uint64_t total = 0;
    for (auto at = all.end() - static_cast<std::ptrdiff_t>(count); at != all.end(); ++at) total += std::get<2>(*at);
    rows.push_back({seller, total / count});
  }
  return rows;
}

}  // namespace freshet::nexmark::reference
