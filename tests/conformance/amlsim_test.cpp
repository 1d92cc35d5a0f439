// Simulated transfers between accounts: money that comes back soon.
#include <algorithm>
#include <optional>
#include <utility>

#include "conformance/expected_rows.hpp"
#include "conformance/number_lines.hpp"
#include "conformance/on_both_engines.hpp"
#include "conformance/parse.hpp"
#include "conformance/shared_data.hpp"
#include "freshet/connect/file/line_spout.hpp"
#include "freshet/connect/memory/collect_sink.hpp"
#include "freshet/stream/stream_builder.hpp"

namespace freshet::conformance {
namespace {

class amlsim : public shared_data {};

struct transfer {
  std::int64_t row = 0;
  int from = 0, to = 0;
  std::int64_t cents = 0, step = 0;
};
std::optional<transfer> parse(const numbered_line& line) {
  if (line.number == 0) return std::nullopt;  // the header
  const auto f = split_csv(line.text);
  return transfer{line.number - 1, number<int>(f.at(0)), number<int>(f.at(1)), fixed(f.at(2), 2), number(f.at(3))};
}
/// The two accounts, whoever pays.
std::pair<int, int> between(const transfer& t) { return std::minmax({t.from, t.to}); }

struct back_and_forth {
  std::int64_t first_row = 0, second_row = 0;
  int a = 0, b = 0;
  std::int64_t first_step = 0, second_step = 0, first_cents = 0, second_cents = 0;
};
/// Finds the earlier transfers in the other direction; those before the last five steps are forgotten, as the steps of
/// the file don't go back.
struct find_way_back {
  using state = std::vector<transfer>;
  void process(const transfer& t, state& recent, emitter<back_and_forth>& out) const {
    std::erase_if(recent, [&](const transfer& earlier) { return t.step - earlier.step > 5; });
    for (const auto& e : recent)
      if (e.from == t.to && e.to == t.from) out.emit({e.row, t.row, e.from, e.to, e.step, t.step, e.cents, t.cents});
    recent.push_back(t);
  }
};

TEST_F(amlsim, money_that_comes_back_within_five_steps) {
  collect_sink<back_and_forth> found;
  const auto build = [&](std::size_t parallelism) {
    stream_builder builder("back and forth");
    builder.spout("lines", file::line_spout{data_file("fraud/amlsim_cycle200_transactions.csv")})
        .global()
        .process("number", number_lines{})
        .flat_map("parse", parse)
        .key_by(between)
        .process("find", find_way_back{}, {.parallelism = parallelism})
        .to("rows", found, {.parallelism = parallelism});
    return builder.build();
  };
  on_both_engines({.build = build, .may_throw = {"number", "parse", "find"}},
                  [&] { EXPECT_TRUE(same_rows(read_answer("amlsim__back_and_forth_5steps"), found.take())); });
}

}  // namespace
}  // namespace freshet::conformance
