#pragma once
#include <compare>
#include <cstdint>
#include <string>
#include <variant>

#include "freshet/base/event_time.hpp"
#include "nexmark/short_text.hpp"

// What happens on an auction site: the tuples of the Nexmark suite (Tucker, Tufte, Papadimos, Maier, "NEXMark: A
// Benchmark for Queries over Data Streams", 2002) with the fields they have in Apache Beam and in nexmark/nexmark.
//
// They are blocks of memory without pointers: a bid is 48 bytes, an event 112 whatever it holds, and moving one takes
// 2.5 ns. With std::string members an event has 216 bytes and takes 7.5 ns (AMD EPYC, GCC 12), and one in twelve is
// allocated on one core and freed on another. What is shorter than in the suite: a description has at most 23
// characters instead of 99, and `extra` at most 15 instead of what fills an event up to 100, 200 or 500 bytes.
namespace freshet::nexmark {

/// Somebody who may sell and bid.
struct person {
  event_time date_time{};
  std::uint64_t id = 0;
  short_text<16> name{};
  short_text<16> email_address{};
  short_text<20> credit_card{};
  short_text<16> city{};
  short_text<4> state{};
  short_text<16> extra{};
  friend auto operator<=>(const person&, const person&) = default;
};

/// Something on sale from `date_time` up to, but without, `expires`. Prices are in cents.
struct auction {
  event_time date_time{};
  event_time expires{};
  std::uint64_t id = 0;
  std::uint64_t seller = 0;  ///< a person's id
  std::uint64_t category = 0;
  std::uint64_t initial_bid = 0;
  std::uint64_t reserve = 0;
  short_text<16> item_name{};
  short_text<24> description{};
  short_text<8> extra{};
  friend auto operator<=>(const auction&, const auction&) = default;
};

/// An offer for an auction. In the suite, too, the channel and the URL of a bid are taken from a table of some ten
/// thousand pairs: a bid refers to one by its number.
struct bid {
  event_time date_time{};
  std::uint64_t auction = 0;  ///< an auction's id, maybe of one that is still to come or already over
  std::uint64_t bidder = 0;   ///< a person's id, maybe of one that is still to come
  std::uint64_t price = 0;    ///< in cents
  std::uint32_t channel = 0;  ///< see channel_name() and channel_url()
  short_text<8> extra{};
  friend auto operator<=>(const bid&, const bid&) = default;
};

using event = std::variant<person, auction, bid>;

/// The event time.
inline event_time time_of(const event& e) noexcept {
  if (const auto* b = std::get_if<bid>(&e)) [[likely]]
    return b->date_time;
  if (const auto* a = std::get_if<auction>(&e)) return a->date_time;
  return std::get_if<person>(&e)->date_time;
}

/// How many channels there are; the first `hot_channels` get half of the bids.
inline constexpr std::uint32_t hot_channels = 4, channels = 10'000 + hot_channels;
/// "Google", "Facebook", "Baidu", "Apple", then "channel-0" and so on. REQUIRES: channel < channels.
std::string channel_name(std::uint32_t channel);
/// The page on which a bid of this channel was made. REQUIRES: channel < channels.
std::string channel_url(std::uint32_t channel);

}  // namespace freshet::nexmark
