#pragma once
#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "nexmark/draws.hpp"
#include "nexmark/events.hpp"

namespace freshet::nexmark {

/// Settings of a generator: those of the suite, with its defaults.
struct suite_options {
  std::uint64_t seed = 1;
  std::uint64_t events_per_second = 10'000;  ///< of event time; above 0
  /// Midnight, 15 July 2015, UTC, as in Apache Beam.
  event_time first_event_time = std::chrono::sys_days{std::chrono::July / 15 / 2015};
  /// An event's time is at most this far behind those of events before it. 0: times ascend.
  std::chrono::milliseconds out_of_order{};
  std::uint64_t active_people = 1'000;     ///< those who sell and bid: the last ones
  std::uint64_t in_flight_auctions = 100;  ///< those that get bids: the last ones; also how long one lasts
  std::uint64_t hot_auction_ratio = 2;     ///< one bid in so many is not for the hot auction; 1: none is for it
  std::uint64_t hot_bidder_ratio = 4;      ///< one bid in so many is not of the hot bidder
  std::uint64_t hot_seller_ratio = 4;      ///< one auction in so many is not of the hot seller
};

enum class event_kind : std::uint8_t { person, auction, bid };

/// Makes the events of the suite by their number: event `n` is a pure function of `n` and the options, so any range can
/// be made again, by anyone. Of each 50 events the first is a person, three are auctions and 46 bids. Bids, and
/// auctions' sellers, refer to the latest persons and auctions and to a few that don't exist yet. An immutable value:
/// safe to share, and a copy is a few words.
class generator {
 public:
  static constexpr std::uint64_t round = 50, persons_a_round = 1, auctions_a_round = 3;
  static constexpr std::uint64_t first_person_id = 1'000, first_auction_id = 1'000;
  static constexpr std::uint64_t first_category = 10, categories = 5;

  /// Throws std::invalid_argument for what can't be: a rate or a ratio of 0, nobody active, a negative out_of_order.
  explicit generator(const suite_options& options = {});

  const suite_options& options() const noexcept { return options_; }

  static constexpr event_kind kind_of(std::uint64_t n) noexcept {
    const std::uint64_t at = n % round;
    if (at >= persons_a_round + auctions_a_round) return event_kind::bid;
    return at < persons_a_round ? event_kind::person : event_kind::auction;
  }
  /// Event `n`. Bids are made inline, because that is what nearly all events are.
  event operator()(std::uint64_t n) const noexcept {
    const auto kind = kind_of(n);
    if (kind == event_kind::bid) [[likely]]
      return bid_at(n);
    return kind == event_kind::auction ? auction_at(n) : person_at(n);
  }
  /// The event time of event `n`.
  event_time time_at(std::uint64_t n) const noexcept { return time_at(n, draws_for(n)()); }

 private:
  // As the suite's: in each batch of so many persons (auctions) one is hot, and so many ids ahead of the latest may be
  // referred to.
  static constexpr std::uint64_t hot_batch = 100, lead = 10;

  draws draws_for(std::uint64_t n) const noexcept { return draws{key_, n}; }
  event person_at(std::uint64_t n) const noexcept;
  event auction_at(std::uint64_t n) const noexcept;
  event bid_at(std::uint64_t n) const noexcept;

  /// Without disorder. A multiplication in floating point never goes back, and costs less than a division.
  std::chrono::milliseconds since_first(std::uint64_t n) const noexcept {
    return std::chrono::milliseconds{static_cast<std::int64_t>(static_cast<double>(n) * ms_an_event_)};
  }
  /// Disorder delays times, so that none is before the first.
  event_time time_at(std::uint64_t n, std::uint64_t random) const noexcept {
    const auto delay = below(static_cast<std::uint32_t>(random), delays_);
    return options_.first_event_time + since_first(n) + std::chrono::milliseconds{static_cast<std::int64_t>(delay)};
  }

  // Numbers of persons and auctions from 0 on; the latest at event `n`, which may be `n` itself.
  static constexpr std::uint64_t latest_person(std::uint64_t n) noexcept { return n / round; }
  static constexpr std::uint64_t latest_auction(std::uint64_t n) noexcept {
    return n / round * auctions_a_round + std::min(n % round, auctions_a_round) - 1;
  }
  /// By the lowest 16 bits of `random`.
  static constexpr bool is_hot(std::uint64_t random, std::uint64_t ratio) noexcept {
    return (random & 0xffff) * ratio >> 16 > 0;
  }
  std::uint64_t some_person(std::uint64_t n, std::uint32_t random) const noexcept {
    const auto people = latest_person(n) + 1, active = std::min(people, options_.active_people);
    return people - active + below(random, active + lead);
  }
  std::uint64_t some_auction(std::uint64_t n, std::uint32_t random) const noexcept {
    const auto last = latest_auction(n), in_flight = std::min(last, options_.in_flight_auctions);
    return last - in_flight + below(random, in_flight + 1 + lead);
  }

  suite_options options_;
  std::uint64_t key_ = 0, delays_ = 1;
  double ms_an_event_ = 0;
};

namespace detail {
/// Becomes what `make()` gives, in the place that it initialises: an aggregate has no constructor that a variant could
/// pass the fields to (before C++20's parentheses, which Clang has from 16 on).
template <class F>
struct in_place_result {
  const F& make;
  operator std::invoke_result_t<const F&>() const { return make(); }
};
template <class F>
in_place_result(const F&) -> in_place_result<F>;
}  // namespace detail

/// The events `first` up to, but without, `last`.
std::vector<event> events_of(const generator& source, std::uint64_t first, std::uint64_t last);

inline event generator::bid_at(std::uint64_t n) const noexcept {
  draws next = draws_for(n);
  const auto when = next(), who = next(), price = next();
  const auto hot_auction = latest_auction(n) / hot_batch * hot_batch, some = some_auction(n, low_half(who));
  const auto hot_bidder = latest_person(n) / hot_batch * hot_batch + 1, somebody = some_person(n, high_half(who));
  const auto hot_channel = high_half(when) % hot_channels;
  const auto other_channel = hot_channels + below(high_half(when) << 1, channels - hot_channels);
  const auto make = [&] {
    return bid{
        .date_time = time_at(n, when),
        .auction = first_auction_id + either(is_hot(price >> 32, options_.hot_auction_ratio), hot_auction, some),
        .bidder = first_person_id + either(is_hot(price >> 48, options_.hot_bidder_ratio), hot_bidder, somebody),
        .price = price_of(low_half(price)),
        .channel = static_cast<std::uint32_t>(either(when >> 63, hot_channel, other_channel)),
        .extra = letters(when),
    };
  };
  // Built where the caller wants the event: a copy right behind the fields' own writes would wait for these, and an
  // event that is first empty is cleared with a string instruction (GCC 12), which takes as long as the rest.
  return event(std::in_place_type<bid>, detail::in_place_result{make});
}

}  // namespace freshet::nexmark
