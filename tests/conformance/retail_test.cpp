// Invoices of an online shop: those that cancel earlier ones.
#include <optional>

#include "conformance/expected_rows.hpp"
#include "conformance/last_rows.hpp"
#include "conformance/on_both_engines.hpp"
#include "conformance/parse.hpp"
#include "conformance/shared_data.hpp"
#include "freshet/connect/file/line_spout.hpp"
#include "freshet/connect/memory/collect_sink.hpp"
#include "freshet/stream/stream_builder.hpp"

namespace freshet::conformance {
namespace {

class retail : public shared_data {};

struct invoice_line {
  std::string invoice;
  std::int64_t at_ms = 0;
  std::string customer;  // empty: not known
  std::int64_t pence = 0;
};
bool is_cancellation(const std::string& line) { return line.starts_with('C'); }
invoice_line parse(const std::string& line) {
  const auto f = split_csv(line);  // InvoiceNo StockCode Description Quantity InvoiceDate UnitPrice CustomerID Country
  return {f.at(0), utc_ms(f.at(4)), f.at(6), number(f.at(3)) * fixed(f.at(5), 2)};
}

struct total {
  std::int64_t at_ms = 0;
  std::string customer;
  std::uint64_t lines = 0;
  std::int64_t pence = 0;
};
struct add_up {
  void add(total& t, const invoice_line& l) const {
    if (t.lines++ == 0) t = {l.at_ms, l.customer, 1, 0};
    t.pence += l.pence;
  }
};

TEST_F(retail, cancellations) {
  collect_sink<keyed<std::string, total>> totals;
  const auto build = [&](std::size_t parallelism) {
    stream_builder builder("cancellations");
    builder.spout("lines", file::line_spout{data_file("retail/online_retail_2010-12a.csv")})
        .filter("cancellations", is_cancellation)
        .map("parse", parse)
        .key_by(&invoice_line::invoice)
        .aggregate("total", add_up{}, {.parallelism = parallelism})
        .to("rows", totals, {.parallelism = parallelism});
    return builder.build();
  };
  on_both_engines({.build = build, .may_throw = {"cancellations", "parse", "total"}},
                  [&] { EXPECT_TRUE(same_rows(read_answer("retail__cancellations"), last_rows(totals.take()))); });
}

}  // namespace
}  // namespace freshet::conformance
