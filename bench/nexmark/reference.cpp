#include "nexmark/reference.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <tuple>

// The queries without time, and those that read a table in the end.
namespace freshet::nexmark::reference {
namespace {

template <class Row>
std::vector<Row> sorted(std::vector<Row> rows) {
  std::sort(rows.begin(), rows.end());
  return rows;
}

}  // namespace

// Query 0, pass through: what the way from source to sink costs.
//     SELECT auction, bidder, price, date_time, extra FROM bid
std::vector<q0_row> q0(const std::vector<event>& events) {
  std::vector<q0_row> rows;
  detail::for_each<bid>(events, [&](const bid& b) {
    rows.push_back({b.auction, b.bidder, b.price, b.date_time, b.extra});
  });
  return sorted(std::move(rows));
}

// Query 1, currency conversion: dollars to euros.
//     SELECT auction, bidder, 0.908 * price AS price, date_time, extra FROM bid
// Exact, as a decimal number of three places: in thousandths.
std::vector<q1_row> q1(const std::vector<event>& events) {
  std::vector<q1_row> rows;
  detail::for_each<bid>(events, [&](const bid& b) {
    rows.push_back({b.auction, b.bidder, b.price * 908, b.date_time, b.extra});
  });
  return sorted(std::move(rows));
}

// Query 2, selection: bids for one auction in 123.
//     SELECT auction, price FROM bid WHERE MOD(auction, 123) = 0
std::vector<q2_row> q2(const std::vector<event>& events) {
  std::vector<q2_row> rows;
  detail::for_each<bid>(events, [&](const bid& b) {
    if (b.auction % 123 == 0) rows.push_back({b.auction, b.price});
  });
  return sorted(std::move(rows));
}

// Query 3, local item suggestion: who sells in Oregon, Idaho or California, in category 10?
//     SELECT p.name, p.city, p.state, a.id FROM auction a JOIN person p ON a.seller = p.id
//     WHERE a.category = 10 AND p.state IN ('OR', 'ID', 'CA')
// A row as soon as both are there, whichever comes first; both are remembered for ever.
std::vector<q3_row> q3(const std::vector<event>& events) {
  std::map<std::uint64_t, person> sellers;
  detail::for_each<person>(events, [&](const person& p) {
    if (p.state == "OR" || p.state == "ID" || p.state == "CA") sellers[p.id] = p;
  });
  std::vector<q3_row> rows;
  detail::for_each<auction>(events, [&](const auction& a) {
    const auto seller = sellers.find(a.seller);
    if (a.category != 10 || seller == sellers.end()) return;
    rows.push_back({seller->second.name, seller->second.city, seller->second.state, a.id});
  });
  return sorted(std::move(rows));
}

// Query 17, auction statistics: the bids of an auction on a day.
//     SELECT auction, DATE(date_time) AS day, COUNT(*),
//            COUNT(*) FILTER (WHERE price < 10000),
//            COUNT(*) FILTER (WHERE price >= 10000 AND price < 1000000),
//            COUNT(*) FILTER (WHERE price >= 1000000),
//            MIN(price), MAX(price), AVG(price), SUM(price)
//     FROM bid GROUP BY auction, day
// A table: it changes with every bid, and no day is ever over. Days are those of UTC.
std::vector<q17_row> q17(const std::vector<event>& events) {
  std::map<std::pair<std::uint64_t, event_time>, std::vector<std::uint64_t>> prices;
  detail::for_each<bid>(events, [&](const bid& b) {
    prices[{b.auction, detail::aligned_start(b.date_time, std::chrono::hours{24})}].push_back(b.price);
  });
  std::vector<q17_row> rows;
  for (const auto& [key, all] : prices) {
    q17_row row{.auction = key.first, .day = key.second, .bids = all.size()};
    for (const auto price : all) {
      ++(price < 10'000 ? row.cheap_bids : price < 1'000'000 ? row.middling_bids : row.dear_bids);
      row.total_price += price;
    }
    row.min_price = *std::min_element(all.begin(), all.end());
    row.max_price = *std::max_element(all.begin(), all.end());
    row.average_price = row.total_price / row.bids;
    rows.push_back(row);
  }
  return sorted(std::move(rows));
}

// Query 18, the last bid of each bidder for each auction.
//     SELECT * FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY bidder, auction ORDER BY date_time DESC) AS n FROM bid)
//     WHERE n <= 1
// A table. The last bid is the one with the largest (date_time, price, channel, extra): at the suite's rate a hot
// bidder bids several times a millisecond for a hot auction.
std::vector<q18_row> q18(const std::vector<event>& events) {
  const auto age = [](const bid& b) { return std::tie(b.date_time, b.price, b.channel, b.extra); };
  std::map<std::pair<std::uint64_t, std::uint64_t>, bid> last;
  detail::for_each<bid>(events, [&](const bid& b) {
    const auto [at, is_new] = last.try_emplace({b.bidder, b.auction}, b);
    if (!is_new && age(at->second) < age(b)) at->second = b;
  });
  std::vector<q18_row> rows;
  for (const auto& [key, b] : last) rows.push_back({b.auction, b.bidder, b.price, b.channel, b.date_time, b.extra});
  return sorted(std::move(rows));
}

// Query 19, the ten highest bids of each auction.
//     SELECT * FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY auction ORDER BY price DESC) AS rank FROM bid)
//     WHERE rank <= 10
// A table of ranks. Of equal prices the earlier one is higher, then the one with the smaller (bidder, channel, extra).
std::vector<q19_row> q19(const std::vector<event>& events) {
  std::map<std::uint64_t, std::vector<bid>> bids;
  detail::for_each<bid>(events, [&](const bid& b) { bids[b.auction].push_back(b); });
  const auto is_higher = [](const bid& a, const bid& b) {
    return std::tie(b.price, a.date_time, a.bidder, a.channel, a.extra) <
           std::tie(a.price, b.date_time, b.bidder, b.channel, b.extra);
  };
  std::vector<q19_row> rows;
  for (auto& [id, all] : bids) {
    std::sort(all.begin(), all.end(), is_higher);
    for (std::size_t i = 0; i < std::min<std::size_t>(all.size(), 10); ++i)
      rows.push_back({id, i + 1, all[i].bidder, all[i].price, all[i].channel, all[i].date_time, all[i].extra});
  }
  return sorted(std::move(rows));
}

}  // namespace freshet::nexmark::reference
