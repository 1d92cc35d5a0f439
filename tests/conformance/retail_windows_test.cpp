// Invoices of an online shop: turnover by day and country, by hour, the best sold, and when customers buy.
#include <chrono>

#include "conformance/expected_rows.hpp"
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

class retail_windows : public shared_data {};

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

TEST_F(retail_windows, turnover_by_country_and_hour) {
  collect_sink<windowed<std::string, day>> days;
  collect_sink<windowed<int, hour>> hours;
  const auto build = [&](std::size_t parallelism) {
    stream_builder builder("turnover");
    const auto all = sales(builder);
    all.key_by(&sale::country)
        .window(tumbling{24h})
        .aggregate("days", all_of{count<sale>{}, distinct{&sale::invoice}, sum{&sale::units}, sum{turnover}},
                   {.parallelism = parallelism})
        .to("days.rows", days);
    all.key_by(everything<sale>)
        .window(tumbling{1h})
        .aggregate("hours", all_of{count<sale>{}, distinct{&sale::invoice}, sum{turnover}})
        .to("hours.rows", hours);
    return builder.build();
  };
  on_both_engines({.build = build, .may_throw = {clock, "days", "hours"}, .in_brief = true}, [&] {
    EXPECT_TRUE(same_rows(read_answer("retail__daily_per_country"), by_start_and_key(days.take())));
    EXPECT_TRUE(same_rows(read_answer("retail__hourly"), by_start(hours.take())));
  });
}

constexpr event_span gap = 1h;
using sold = windowed<std::string, std::int64_t>;

TEST_F(retail_windows, the_best_sold_and_the_customers) {
  collect_sink<windowed<int, std::vector<sold>>> best;
  collect_sink<windowed<std::string, hour>> customers;
  const auto build = [&](std::size_t parallelism) {
    stream_builder builder("best sold");
    const auto all = sales(builder);
    all.filter("not returned", [](const sale& s) { return s.units > 0; })
        .key_by(&sale::product)
        .window(tumbling{24h})
        .aggregate("units", sum{&sale::units}, {.parallelism = parallelism})
        .key_by(everything<sold>)
        .window(tumbling{24h})
        .aggregate("best", top_k{10, by_value<std::string, std::int64_t>})
        .to("best.rows", best);
    all.filter("known", [](const sale& s) { return !s.customer.empty(); })
        .key_by(&sale::customer)
        .window(sessions{gap})
        .aggregate("customers", all_of{count<sale>{}, distinct{&sale::invoice}, sum{turnover}},
                   {.parallelism = parallelism})
        .to("customers.rows", customers);
    return builder.build();
  };
  on_both_engines({.build = build, .may_throw = {clock, "not returned", "units", "best", "known", "customers"}}, [&] {
    EXPECT_TRUE(same_rows(read_answer("retail__top10_products_by_units_1d"), by_rank(best.take())));
    EXPECT_TRUE(same_rows(read_answer("retail__customer_sessions_1h"), by_session(customers.take(), gap)));
  });
}

}  // namespace
}  // namespace freshet::conformance
