#include "nexmark/generator.hpp"

#include <stdexcept>
#include <string>
#include <string_view>

namespace freshet::nexmark {
namespace {

using word = short_text<16>;

constexpr std::array<std::string_view, 11> first_names = {"Peter", "Paul",  "Luke",  "John",   "Saul",  "Vicky",
                                                          "Kate",  "Julie", "Sarah", "Deiter", "Walter"};
constexpr std::array<std::string_view, 9> last_names = {"Shultz", "Abrams", "Spencer", "White", "Bartels",
                                                        "Walton", "Smith",  "Jones",   "Noris"};
constexpr std::array cities = {
    word::of("Phoenix"), word::of("Los Angeles"), word::of("San Francisco"), word::of("Boise"), word::of("Portland"),
    word::of("Bend"),    word::of("Redmond"),     word::of("Seattle"),       word::of("Kent"),  word::of("Cheyenne")};
constexpr std::array states = {short_text<4>::of("AZ"), short_text<4>::of("CA"), short_text<4>::of("ID"),
                               short_text<4>::of("OR"), short_text<4>::of("WA"), short_text<4>::of("WY")};
constexpr std::array<std::string_view, hot_channels> hot_channel_names = {"Google", "Facebook", "Baidu", "Apple"};

/// Every first name with every last name.
constexpr auto names = [] {
  std::array<word, first_names.size() * last_names.size()> made;
  std::size_t at = 0;
  for (const auto first : first_names)
    for (const auto last : last_names) {
      auto& name = made[at++].characters;
      auto end = std::copy(first.begin(), first.end(), name.begin());
      *end++ = ' ';
      std::copy(last.begin(), last.end(), end);
    }
  return made;
}();

template <class T, std::size_t N>
const T& one_of(const std::array<T, N>& all, std::uint32_t random) {
  return all[below(random, N)];
}

/// Three to six letters, "@", three or four letters, ".com".
word some_email_address(draws& next) {
  const auto sizes = next(), name = 3 + below(low_half(sizes), 4), host = 3 + below(high_half(sizes), 2);
  const auto before = letters(next()).characters, after = letters(next()).characters;
  constexpr std::string_view top = ".com";
  std::array<char, 32> made{};
  auto* at = std::copy(before.begin(), before.end(), made.data()) - before.size() + name;
  *at++ = '@';
  at = std::copy(after.begin(), after.end(), at) - after.size() + host;
  at = std::copy(top.begin(), top.end(), at);
  std::fill_n(at, 8, '\0');
  return std::bit_cast<std::array<word, 2>>(made)[0];
}
/// Sixteen digits in groups of four.
short_text<20> some_credit_card(std::uint64_t random) {
  short_text<20> made;
  for (std::size_t i = 0; i < 19; ++i, random = std::rotr(random, 3))
    made.characters[i] = i % 5 == 4 ? ' ' : static_cast<char>('0' + below(low_half(random), 10));
  return made;
}

void check(bool holds, const char* what) {
  if (!holds) throw std::invalid_argument(std::string("nexmark::generator: ") + what);
}

}  // namespace

generator::generator(const suite_options& options)
    : options_(options),
      key_(mix64(options.seed ^ 0x6e65786d61726b00u)),  // apart from other uses of small seeds
      delays_(static_cast<std::uint64_t>(options.out_of_order.count()) + 1),
      ms_an_event_(1'000.0 / static_cast<double>(options.events_per_second)) {
  constexpr std::uint64_t limit = 1u << 31;  // below() takes no more
  check(options.events_per_second > 0, "events_per_second is 0");
  check(options.out_of_order.count() >= 0 && delays_ <= limit, "out_of_order is negative or beyond 24 days");
  check(options.active_people > 0 && options.active_people < limit, "active_people is 0 or beyond 2^31");
  check(options.in_flight_auctions > 0 && options.in_flight_auctions < limit, "in_flight_auctions is 0 or beyond 2^31");
  for (const auto ratio : {options.hot_auction_ratio, options.hot_bidder_ratio, options.hot_seller_ratio})
    check(ratio > 0 && ratio < limit, "a hot ratio is 0 or beyond 2^31");
}

event generator::person_at(std::uint64_t n) const noexcept {
  event whole{std::in_place_type<person>};
  auto& made = *std::get_if<person>(&whole);
  draws next = draws_for(n);
  const auto when = next(), where = next();
  made.date_time = time_at(n, when);
  made.id = first_person_id + latest_person(n);
  made.name = one_of(names, high_half(when));
  made.email_address = some_email_address(next);
  made.credit_card = some_credit_card(next());
  made.city = one_of(cities, low_half(where));
  made.state = one_of(states, high_half(where));
  made.extra = some_letters<16>(next, 8, 15);
  return whole;
}

event generator::auction_at(std::uint64_t n) const noexcept {
  event whole{std::in_place_type<auction>};
  auto& made = *std::get_if<auction>(&whole);
  draws next = draws_for(n);
  const auto when = next(), who = next(), what = next(), how_much = next();
  const auto hot_seller = latest_person(n) / hot_batch * hot_batch, other_seller = some_person(n, low_half(who));
  // On average an auction lasts until as many have begun as are in flight.
  const auto horizon = since_first(n + options_.in_flight_auctions * round / auctions_a_round) - since_first(n);
  const auto longest = static_cast<std::uint64_t>(std::max<std::int64_t>(horizon.count() * 2, 1));
  const auto length = std::chrono::milliseconds{static_cast<std::int64_t>(1 + below(low_half(what), longest))};
  made.date_time = time_at(n, when);
  made.expires = made.date_time + length;
  made.id = first_auction_id + latest_auction(n);
  made.seller = first_person_id + either(is_hot(who >> 32, options_.hot_seller_ratio), hot_seller, other_seller);
  made.category = first_category + below(high_half(what), categories);
  made.initial_bid = price_of(low_half(how_much));
  made.reserve = made.initial_bid + price_of(high_half(how_much));
  made.item_name = some_letters<16>(next, 3, 15);
  made.description = some_letters<24>(next, 3, 23);
  made.extra = letters(next());
  return whole;
}

std::vector<event> events_of(const generator& source, std::uint64_t first, std::uint64_t last) {
  std::vector<event> made;
  made.reserve(last - first);
  for (auto n = first; n < last; ++n) made.push_back(source(n));
  return made;
}

std::string channel_name(std::uint32_t channel) {
  return channel < hot_channels ? std::string(hot_channel_names[channel])
                                : "channel-" + std::to_string(channel - hot_channels);
}

std::string channel_url(std::uint32_t channel) {
  draws next{0, channel};
  std::string url = "https://www.nexmark.com";
  for (int folder = 0; folder < 3; ++folder) url.append("/").append(letters(next()).view().substr(0, 4));
  url += "/item.htm?query=1";
  // Nine in ten of the others say which channel they are.
  if (channel >= hot_channels && below(high_half(next()), 10) > 0) url += "&channel_id=" + std::to_string(channel);
  return url;
}

}  // namespace freshet::nexmark
