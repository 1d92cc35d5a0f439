#include "nexmark/queries.hpp"

#include <optional>
#include <vector>

#include "freshet/connect/memory/generator_spout.hpp"
#include "nexmark/from_events.hpp"

// The spout, and the queries without time that read each event once.
namespace freshet::nexmark::queries {

stream<event> events(stream_builder& builder, const generator& source, std::uint64_t count, std::size_t parallelism) {
  return builder.spout("events", generator_spout<event, generator>{source, {.count = count}},
                       {.parallelism = parallelism});
}

stream<q0_row> q0(const stream<event>& events, const options& o) {
  const auto row = [](const bid& b) { return q0_row{b.auction, b.bidder, b.price, b.date_time, b.extra}; };
  return each<bid>(events, "q0", row, o);
}

stream<q1_row> q1(const stream<event>& events, const options& o) {
  const auto row = [](const bid& b) { return q1_row{b.auction, b.bidder, b.price * 908, b.date_time, b.extra}; };
  return each<bid>(events, "q1", row, o);
}

stream<q2_row> q2(const stream<event>& events, const options& o) {
  return each_if<bid>(
      events, "q2", [](const bid& b) { return b.auction % 123 == 0; },
      [](const bid& b) {
        return q2_row{b.auction, b.price};
      },
      o);
}

namespace {

struct seller {
  std::uint64_t id = 0;
  short_text<16> name{}, city{};
  short_text<4> state{};
};
struct item {
  std::uint64_t id = 0, seller = 0;
};

/// Query 3, by seller: who it is, and what waits for the seller to come.
struct join_sellers {
  struct state {
    std::optional<queries::seller> seller;
    std::vector<std::uint64_t> waiting;
  };
  using output = emitter<q3_row>;

  void on_seller(const seller& p, state& s, output& out) {
    s.seller = p;
    for (const auto id : s.waiting) out.emit({p.name, p.city, p.state, id});
    s.waiting.clear();
  }
  void on_item(const item& a, state& s, output& out) {
    if (s.seller) out.emit({s.seller->name, s.seller->city, s.seller->state, a.id});
    else s.waiting.push_back(a.id);
  }
};

}  // namespace

stream<q3_row> q3(const stream<event>& events, const options& o) {
  const auto sellers = each_if<person>(
      events, "local sellers",
      [](const person& p) {
        static constexpr auto oregon = short_text<4>::of("OR"), idaho = short_text<4>::of("ID"),
                              california = short_text<4>::of("CA");
        return p.state == oregon || p.state == idaho || p.state == california;
      },
      [](const person& p) {
        return seller{p.id, p.name, p.city, p.state};
      },
      o);
  const auto items = each_if<auction>(
      events, "items", [](const auction& a) { return a.category == 10; },
      [](const auction& a) {
        return item{a.id, a.seller};
      },
      o);
  return stream(events.builder()
                    .bolt("q3", join_sellers{}, {.parallelism = o.parallelism})
                    .input<&join_sellers::on_seller>(sellers, key_grouping{&seller::id})
                    .input<&join_sellers::on_item>(items, key_grouping{&item::seller}));
}

}  // namespace freshet::nexmark::queries
