// Real files of CSV read into structs, and what becomes of rows that don't fit.
#include <algorithm>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "conformance/expected_rows.hpp"
#include "conformance/on_both_engines.hpp"
#include "conformance/parse.hpp"
#include "conformance/shared_data.hpp"
#include "freshet/connect/file/csv_spout.hpp"
#include "freshet/connect/memory/collect_sink.hpp"
#include "freshet/stream/stream_builder.hpp"

namespace freshet::conformance {
namespace {

class csv : public shared_data {};

// --- payments: named columns, and a zip code that not every row has ---

struct payment {
  int card = 0;
  double zip = 0;
  int mcc = 0;
};

/// What a plain loop over the lines finds: the categories of the payments with a zip code, and the lines without one.
void read_plainly(std::vector<int>& categories, std::vector<std::string>& without) {
  std::ifstream file(data_file("fraud/card_user0_by_time.csv"));
  std::string line;
  std::getline(file, line);
  while (std::getline(file, line)) {
    const auto f = split_csv(line);
    if (f.at(11).empty()) without.push_back(line);
    else categories.push_back(number<int>(f.at(12)));
  }
}

TEST_F(csv, rows_without_a_field_are_dead_letters_whatever_fails_besides) {
  std::vector<int> categories;
  std::vector<std::string> without;
  read_plainly(categories, without);
  ASSERT_GT(without.size(), 100u);
  std::sort(categories.begin(), categories.end());
  std::sort(without.begin(), without.end());
  collect_sink<int> found;
  collect_sink<std::string> letters;
  const auto build = [&](std::size_t parallelism) {
    stream_builder builder("zip codes");
    const file::csv_spout<payment> payments{data_file("fraud/card_user0_by_time.csv"),
                                            {.columns = {"Card", "Zip", "MCC"}}};
    builder.spout("payments", payments)
        .map("category", [](const payment& p) { return p.mcc; })
        .shuffle()
        .map("pass", [](int mcc) { return mcc; }, {.parallelism = parallelism})
        .to("rows", found, {.parallelism = parallelism});
    builder.dead_letters().map("bytes", [](const dead_letter& l) { return l.bytes; }).to("letters", letters);
    return builder.build();
  };
  on_both_engines({.build = build, .may_throw = {"category", "pass"}}, [&](delivery) {
    auto rows = found.take();
    auto bytes = letters.take();
    std::sort(rows.begin(), rows.end());
    std::sort(bytes.begin(), bytes.end());
    EXPECT_TRUE(rows == categories) << rows.size() << " rows, expected " << categories.size();
    EXPECT_TRUE(bytes == without) << bytes.size() << " dead letters, expected " << without.size();
  });
}

// --- earthquakes: names that the struct has, quotes, times as numbers ---

struct quake {
  static constexpr std::string_view field_names[] = {"time_ms", "net", "mag", "place"};
  event_time at{};
  std::string net;
  std::optional<double> magnitude;
  std::string place;
};

TEST_F(csv, quakes_by_field_names) {
  collect_sink<quake> found;
  const auto build = [&](std::size_t parallelism) {
    stream_builder builder("quakes");
    builder.spout("quakes", file::csv_spout<quake>{data_file("quakes/usgs_all_week_by_updated.csv"), {.times = {"%Q"}}})
        .filter("keep", [](const quake&) { return true; })
        .shuffle()
        .to("rows", found, {.parallelism = parallelism});
    return builder.build();
  };
  on_both_engines({.build = build, .may_throw = {"keep"}}, [&](delivery) {
    auto all = found.take();
    EXPECT_EQ(all.size(), 1707u);
    const auto first = std::find_if(
        all.begin(), all.end(), [](auto& q) { return q.at == event_time{std::chrono::milliseconds{1517365101235}}; });
    ASSERT_NE(first, all.end());
    EXPECT_EQ(first->place, "81km WNW of Skagway, Alaska");
    EXPECT_EQ(first->magnitude, 2.3);
  });
}

}  // namespace
}  // namespace freshet::conformance
