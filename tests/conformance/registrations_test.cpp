// Registrations at a web service: the addresses that most of them came from.
#include <functional>

#include "conformance/expected_rows.hpp"
#include "conformance/last_rows.hpp"
#include "conformance/on_both_engines.hpp"
#include "conformance/shared_data.hpp"
#include "conformance/top_counts.hpp"
#include "freshet/connect/file/line_spout.hpp"
#include "freshet/connect/memory/collect_sink.hpp"
#include "freshet/stream/stream_builder.hpp"

namespace freshet::conformance {
namespace {

class awsreg : public shared_data {};

std::string address(const std::string& line) { return line.substr(0, line.find(',')); }

TEST_F(awsreg, the_twenty_most_frequent_addresses) {
  collect_sink<ranked<std::string>> ranking;
  const auto build = [&](std::size_t parallelism) {
    stream_builder builder("top addresses");
    builder.spout("lines", file::line_spout{data_file("fraud/aws_registrations.csv")})
        .shuffle()
        .map("address", address, {.parallelism = parallelism})
        .filter("no header", [](const std::string& a) { return a != "ip_address"; }, {.parallelism = parallelism})
        .key_by(std::identity{})
        .count("count", {.parallelism = parallelism, .updates = updates::latest})
        .global()
        .process("rank", top_counts<std::string>{20})
        .to("rows", ranking);
    return builder.build();
  };
  on_both_engines({.build = build, .may_throw = {"address", "count", "rank"}},
                  [&] { EXPECT_TRUE(same_rows(read_answer("awsreg__top20_ips"), last_rows(ranking.take()))); });
}

}  // namespace
}  // namespace freshet::conformance
