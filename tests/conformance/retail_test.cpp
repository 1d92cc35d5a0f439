// Invoices of an online shop: turnover by day and country, by hour, the best sold, when customers buy, and invoices
// that cancel earlier ones.
#include <chrono>

#include "conformance/expected_rows.hpp"
#include "conformance/last_rows.hpp"
#include "conformance/on_both_engines.hpp"
#include "conformance/parse.hpp"
#include "conformance/shared_data.hpp"
#include "conformance/window_rows.hpp"
#include "freshet/connect/file/csv_spout.hpp"
#include "freshet/connect/memory/collect_sink.hpp"
#include "freshet/stream/aggregates.hpp"
#include "freshet/stream/stream_builder.hpp"

namespace freshet::conformance {
namespace {

using namespace std::chrono_literals;
using namespace aggregates;

class retail : public shared_data {};

/// A price as the file has it, "2.55", exactly.
struct pence {
  std::int64_t value = 0;
  friend bool freshet_from_text(std::string_view text, pence& p) {
    p.value = fixed(text, 2);
    return true;
  }
};
struct sale {
  static constexpr std::string_view field_names[] = {"InvoiceNo", "StockCode",  "Quantity", "InvoiceDate",
                                                     "UnitPrice", "CustomerID", "Country"};
  std::string invoice, product;
  std::int64_t units = 0;  // below 0: they came back
  event_time at{};
  pence price;
  std::string customer, country;
};
std::int64_t turnover(const sale& s) { return s.units * s.price.value; }

const std::string clock = "sales.event_time";

stream<sale> sales(stream_builder& builder) {
  return builder.spout("sales", file::csv_spout<sale>{data_file("retail/online_retail_2010-12a.csv")})
      .event_time(&sale::at, ascending{});
}

using hour = std::tuple<std::uint64_t, std::uint64_t, std::int64_t>;               // lines, invoices, pence
using day = std::tuple<std::uint64_t, std::uint64_t, std::int64_t, std::int64_t>;  // lines, invoices, units, pence

TEST_F(retail, turnover_by_country_and_hour) {
  collect_sink<windowed<std::string, day>> days;
  collect_sink<windowed<whole_stream, hour>> hours;
  const auto build = [&](std::size_t parallelism) {
    stream_builder builder("turnover");
    const auto all = sales(builder);
    all.key_by(&sale::country)
        .window(tumbling{24h})
        .aggregate("days", all_of{count<sale>{}, distinct{&sale::invoice}, sum{&sale::units}, sum{turnover}},
                   {.parallelism = parallelism})
        .to("days.rows", days);
    all.window(tumbling{1h})
        .aggregate("hours", all_of{count<sale>{}, distinct{&sale::invoice}, sum{turnover}})
        .to("hours.rows", hours);
    return builder.build();
  };
  // What came back counts below 0, so what counts twice may be less.
  on_both_engines({.build = build, .may_throw = {clock, "days", "hours"}}, [&](delivery how) {
    EXPECT_TRUE(as_promised(how, "retail__daily_per_country", by_start_and_key(days.take()), {.keys = 2, .sums = 2}));
    EXPECT_TRUE(as_promised(how, "retail__hourly", by_start(hours.take()), {.keys = 1, .sums = 2}));
  });
}

constexpr event_span gap = 1h;
using sold = windowed<std::string, std::int64_t>;
using cancelled = std::tuple<event_time, std::string, std::uint64_t, std::int64_t>;  // when, customer, lines, pence

TEST_F(retail, the_best_sold_the_customers_and_the_cancelled) {
  collect_sink<windowed<whole_stream, std::vector<sold>>> best;
  collect_sink<windowed<std::string, hour>> customers;
  collect_sink<keyed<std::string, cancelled>> cancellations;
  const auto build = [&](std::size_t parallelism) {
    stream_builder builder("best sold");
    const auto all = sales(builder);
    all.filter("not returned", [](const sale& s) { return s.units > 0; })
        .key_by(&sale::product)
        .window(tumbling{24h})
        .aggregate("units", sum{&sale::units}, {.parallelism = parallelism})
        .window(tumbling{24h})
        .top_n("best", 10, by_value<std::string, std::int64_t>)
        .to("best.rows", best);
    all.filter("known", [](const sale& s) { return !s.customer.empty(); })
        .key_by(&sale::customer)
        .window(sessions{gap})
        .aggregate("customers", all_of{count<sale>{}, distinct{&sale::invoice}, sum{turnover}},
                   {.parallelism = parallelism})
        .to("customers.rows", customers);
    all.filter("cancelling", [](const sale& s) { return s.invoice.starts_with('C'); })
        .key_by(&sale::invoice)
        .aggregate("cancelled", all_of{min{&sale::at}, max{&sale::customer}, count<sale>{}, sum{turnover}},
                   {.parallelism = parallelism})
        .to("cancelled.rows", cancellations, {.parallelism = parallelism});
    return builder.build();
  };
  on_both_engines(
      {.build = build,
       .may_throw = {clock, "not returned", "units", "best", "known", "customers", "cancelling", "cancelled"}},
      [&](delivery how) {
        EXPECT_TRUE(as_promised(how, "retail__top10_products_by_units_1d", by_rank(best.take()), {.keys = 2}));
        const columns of_sessions{.keys = 3, .sums = 2};
        EXPECT_TRUE(as_promised(how, "retail__customer_sessions_1h", by_session(customers.take(), gap), of_sessions));
        const auto totals = last_rows(cancellations.take());
        EXPECT_TRUE(as_promised(how, "retail__cancellations", totals, {.keys = 3, .sums = 1}));
      });
}

}  // namespace
}  // namespace freshet::conformance
