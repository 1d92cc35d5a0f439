#pragma once
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <vector>

#include "freshet/base/time_arithmetic.hpp"
#include "nexmark/generator.hpp"
#include "nexmark/rows.hpp"

// The queries as one would write them by hand for one core: a loop over the events, flat hash maps, nothing in between.
// The yardstick of the engines. They answer what the models do (reference.hpp), and are tested against them; rows go to
// `sink(row)` when they are known, those of a table each time they change. A loop relies on what an engine can't: that
// no event is late, and that there is one partition.
namespace freshet::nexmark::hand {

/// What a loop runs over: events `first` up to, but without, `last`. REQUIRES: bound > source.options().out_of_order,
/// and at most 4 s.
struct input {
  const generator& source;
  std::uint64_t first = 0, last = 0;
  event_span bound{1};  ///< the watermark is the largest time seen - bound
};

/// Calls `f(event)` for each event. All of an event is made, as it is for an engine: without that, the compiler leaves
/// out what the query at hand doesn't read, which is most of it.
template <class F>
[[gnu::always_inline]] inline void for_each(const input& in, F&& f) {
  for (auto n = in.first; n < in.last; ++n) {
    const event made = in.source(n);
    asm volatile("" : : "m"(made));
    f(made);
  }
}
template <class F>
[[gnu::always_inline]] inline void for_each_bid(const input& in, F&& f) {
  for_each(in, [&f](const event& e) {
    if (const auto* b = std::get_if<bid>(&e)) [[likely]]
      f(*b);
  });
}

template <class T>
using id_map = boost::unordered_flat_map<std::uint64_t, T>;

template <class Sink>
void q0(const input& in, Sink&& sink) {
  for_each_bid(in, [&](const bid& b) { sink(q0_row{b.auction, b.bidder, b.price, b.date_time, b.extra}); });
}

template <class Sink>
void q1(const input& in, Sink&& sink) {
  for_each_bid(in, [&](const bid& b) { sink(q1_row{b.auction, b.bidder, b.price * 908, b.date_time, b.extra}); });
}

template <class Sink>
void q2(const input& in, Sink&& sink) {
  for_each_bid(in, [&](const bid& b) {
    if (b.auction % 123 == 0) sink(q2_row{b.auction, b.price});
  });
}

/// Query 3: who sells, and what waits for its seller to come.
template <class Sink>
class local_items {
 public:
  explicit local_items(Sink& sink) : sink_(sink) {}

  void add(const person& p) {
    const auto& known = sellers_[p.id] = {p.name, p.city, p.state, is_local(p.state)};
    const auto waiting = waiting_.find(p.id);
    if (waiting == waiting_.end()) return;
    for (const auto id : waiting->second) match(known, id);
    waiting_.erase(waiting);
  }
  void add(const auction& a) {
    if (a.category != 10) return;
    const auto known = sellers_.find(a.seller);
    if (known == sellers_.end()) waiting_[a.seller].push_back(a.id);
    else match(known->second, a.id);
  }

 private:
  struct seller {
    short_text<16> name, city;
    short_text<4> state;
    bool is_local = false;
  };
  static bool is_local(const short_text<4>& state) noexcept {
    static constexpr auto oregon = short_text<4>::of("OR"), idaho = short_text<4>::of("ID"),
                          california = short_text<4>::of("CA");
    return state == oregon || state == idaho || state == california;
  }
  void match(const seller& s, std::uint64_t auction) {
    if (s.is_local) sink_(q3_row{s.name, s.city, s.state, auction});
  }

  Sink& sink_;
  id_map<seller> sellers_;
  id_map<std::vector<std::uint64_t>> waiting_;
};

template <class Sink>
void q3(const input& in, Sink&& sink) {
  local_items items{sink};
  for_each(in, [&](const event& e) {
    if (std::holds_alternative<bid>(e)) [[likely]]
      return;
    if (const auto* a = std::get_if<auction>(&e)) items.add(*a);
    else items.add(*std::get_if<person>(&e));
  });
}

}  // namespace freshet::nexmark::hand
