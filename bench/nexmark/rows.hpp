#pragma once
#include <compare>
#include <concepts>
#include <cstdint>
#include <map>
#include <ostream>
#include <utility>
#include <vector>

#include "freshet/core/fields.hpp"
#include "nexmark/events.hpp"

// What the queries answer; reference.hpp defines them. Every row can be compared and printed.
//
// A row with a `key()` replaces the row of that key before it, if there is one: its query is a table that changes, and
// a stream of its changes (any engine may make fewer of them than another) ends at the same table.
namespace freshet::nexmark {

struct q0_row {
  static constexpr int query = 0;
  std::uint64_t auction = 0, bidder = 0, price = 0;
  event_time date_time{};
  short_text<8> extra{};
  friend auto operator<=>(const q0_row&, const q0_row&) = default;
};

struct q1_row {
  static constexpr int query = 1;
  std::uint64_t auction = 0, bidder = 0;
  std::uint64_t price_thousandths = 0;  ///< in thousandths of a euro cent: exact
  event_time date_time{};
  short_text<8> extra{};
  friend auto operator<=>(const q1_row&, const q1_row&) = default;
};

struct q2_row {
  static constexpr int query = 2;
  std::uint64_t auction = 0, price = 0;
  friend auto operator<=>(const q2_row&, const q2_row&) = default;
};

struct q3_row {
  static constexpr int query = 3;
  short_text<16> name{}, city{};
  short_text<4> state{};
  std::uint64_t auction = 0;
  friend auto operator<=>(const q3_row&, const q3_row&) = default;
};

struct q4_row {
  static constexpr int query = 4;
  std::uint64_t category = 0;
  std::uint64_t auctions = 0;  ///< closed ones that had a bid
  std::uint64_t average_price = 0;
  std::uint64_t key() const noexcept { return category; }
  friend auto operator<=>(const q4_row&, const q4_row&) = default;
};

struct q5_row {
  static constexpr int query = 5;
  event_time window_start{};
  std::uint64_t auction = 0, bids = 0;
  friend auto operator<=>(const q5_row&, const q5_row&) = default;
};

struct q6_row {
  static constexpr int query = 6;
  std::uint64_t seller = 0, average_price = 0;
  std::uint64_t key() const noexcept { return seller; }
  friend auto operator<=>(const q6_row&, const q6_row&) = default;
};

struct q7_row {
  static constexpr int query = 7;
  std::uint64_t auction = 0, bidder = 0, price = 0;
  event_time date_time{};
  short_text<8> extra{};
  friend auto operator<=>(const q7_row&, const q7_row&) = default;
};

struct q8_row {
  static constexpr int query = 8;
  std::uint64_t person = 0;
  short_text<16> name{};
  event_time window_start{};
  friend auto operator<=>(const q8_row&, const q8_row&) = default;
};

struct q11_row {
  static constexpr int query = 11;
  std::uint64_t bidder = 0, bids = 0;
  event_time session_start{}, session_end{};
  friend auto operator<=>(const q11_row&, const q11_row&) = default;
};

struct q12_row {
  static constexpr int query = 12;
  std::uint64_t bidder = 0, bids = 0;
  event_time window_start{};
  friend auto operator<=>(const q12_row&, const q12_row&) = default;
};

struct q17_row {
  static constexpr int query = 17;
  std::uint64_t auction = 0;
  event_time day{};  ///< its first moment, UTC
  std::uint64_t bids = 0, cheap_bids = 0, middling_bids = 0, dear_bids = 0;
  std::uint64_t min_price = 0, max_price = 0, average_price = 0, total_price = 0;
  std::pair<std::uint64_t, event_time> key() const noexcept { return {auction, day}; }
  friend auto operator<=>(const q17_row&, const q17_row&) = default;
};

struct q18_row {
  static constexpr int query = 18;
  std::uint64_t auction = 0, bidder = 0, price = 0;
  std::uint32_t channel = 0;
  event_time date_time{};
  short_text<8> extra{};
  std::pair<std::uint64_t, std::uint64_t> key() const noexcept { return {bidder, auction}; }
  friend auto operator<=>(const q18_row&, const q18_row&) = default;
};

struct q19_row {
  static constexpr int query = 19;
  std::uint64_t auction = 0, rank = 0;  ///< from 1 on
  std::uint64_t bidder = 0, price = 0;
  std::uint32_t channel = 0;
  event_time date_time{};
  short_text<8> extra{};
  std::pair<std::uint64_t, std::uint64_t> key() const noexcept { return {auction, rank}; }
  friend auto operator<=>(const q19_row&, const q19_row&) = default;
};

template <class T>
concept answer_row = std::totally_ordered<T> && requires {
  { T::query } -> std::convertible_to<int>;
};
template <class T>
concept table_row = answer_row<T> && requires(const T& row) {
  row.key();
};

/// For the words of a failing test: q2{1107, 45000}. Times in milliseconds since 1970.
template <answer_row Row>
std::ostream& operator<<(std::ostream& out, const Row& row) {
  const char* separator = "";
  const auto print = [&](const auto& field) {
    out << std::exchange(separator, ", ");
    if constexpr (std::is_same_v<std::remove_cvref_t<decltype(field)>, event_time>)
      out << field.time_since_epoch().count();
    else out << field;
  };
  out << 'q' << Row::query << '{';
  with_fields(row, [&print](const auto&... field) { (print(field), ...); });
  return out << '}';
}

/// The table that a stream of changes ends at: the last row of each key, sorted.
template <table_row Row>
std::vector<Row> table_of(const std::vector<Row>& changes) {
  std::map<decltype(changes.front().key()), Row> last;
  for (const auto& row : changes) last.insert_or_assign(row.key(), row);
  std::vector<Row> rows;
  for (const auto& [key, row] : last) rows.push_back(row);
  return rows;
}

}  // namespace freshet::nexmark
