// Data sets that go through Kafka: written to a topic by a sink, read back by a spout, on both engines, with faults.
#include <chrono>
#include <optional>

#include "conformance/expected_rows.hpp"
#include "conformance/last_rows.hpp"
#include "conformance/on_both_engines.hpp"
#include "conformance/shared_data.hpp"
#include "conformance/window_rows.hpp"
#include "conformance/words.hpp"
#include "freshet/connect/file/csv_spout.hpp"
#include "freshet/connect/file/line_spout.hpp"
#include "freshet/stream/aggregates.hpp"
#include "freshet/stream/stream_builder.hpp"
#include "kafka/broker.hpp"
#include "kafka/runs.hpp"

namespace freshet::conformance {
namespace {

using namespace std::chrono_literals;
using namespace aggregates;
using kafka::both_engines;
using kafka::engine;

class through_kafka : public shared_data {
 protected:
  void SetUp() override {
    shared_data::SetUp();
    std::string why;
    broker_ = kafka::kafka_broker::shared(why);
    if (!broker_ && !IsSkipped()) GTEST_SKIP() << why;
  }
  /// What a spout gives, in a new topic.
  template <class Spout, class Encode>
  std::string filled(engine e, int partitions, const Spout& from, Encode encode) {
    using T = spout_output_t<Spout>;
    const auto name = kafka::unique_name("conformance");
    broker_->create_topic(name, partitions);
    topology_builder builder("fill");
    builder.sink("kafka", kafka::sink<T, Encode>({.servers = broker_->bootstrap(), .topic = name}, std::move(encode)))
        .input(builder.spout("file", from));
    kafka::run_on(e, builder.build());
    return name;
  }
  kafka::consumer_options from(const std::string& name) {
    return {.servers = broker_->bootstrap(), .topics = {name}, .bounded = true};
  }

  kafka::kafka_broker* broker_ = nullptr;
};

TEST_F(through_kafka, words_of_a_text) {
  using word_count = keyed<std::string, std::uint64_t>;
  const auto name = filled(engine::event, 4,
                           file::line_spout{data_file("text/war_of_the_worlds.txt"),
                                            {.strip_carriage_return = false, .strip_byte_order_mark = false}},
                           kafka::text{});
  collect_sink<word_count> words;
  const auto build = [&](std::size_t parallelism) {
    stream_builder builder("word-count");
    const bolt_options options{.parallelism = parallelism};
    builder.spout("lines", kafka::spout<std::string>(from(name)), {.parallelism = parallelism})
        .shuffle()
        .flat_map("words", ascii_words, options)
        .key_by(std::identity{})
        .count("count words", options)
        .to("words.rows", words, options);
    return builder.build();
  };
  on_both_engines({.build = build, .may_throw = {"words", "count words"}}, [&](delivery how) {
    EXPECT_TRUE(as_promised(how, "war_of_the_worlds__wordcount_ascii", last_rows(words.take()), {.keys = 1}));
  });
}

struct quake {
  static constexpr std::string_view field_names[] = {"time_ms", "net", "mag"};
  event_time at{};
  std::string net;
  std::optional<double> magnitude;
};

TEST_F(through_kafka, windows_over_earthquakes) {
  using strength = std::tuple<std::uint64_t, std::optional<double>>;
  constexpr event_span week = 7 * 24h, gap = 10min;
  const file::csv_spout<quake> file{data_file("quakes/usgs_all_week_by_updated.csv"), {.times = {"%Q"}}};
  // One partition, and four: within the bound nothing is late in either.
  for (const auto& [e, partitions] : {std::pair(engine::batch, 1), std::pair(engine::event, 4)}) {
    const auto name = filled(e, partitions, file, kafka::with_key(&quake::net, kafka::json{}));
    collect_sink<windowed<whole_stream, strength>> hours;
    collect_sink<windowed<std::string, strength>> networks, swarms;
    const auto build = [&](std::size_t parallelism) {
      stream_builder builder("quakes");
      const auto all = builder.spout("quakes", kafka::spout<quake>(from(name))).event_time(&quake::at, {.bound = week});
      const auto by_network = all.key_by(&quake::net);
      const all_of how_strong{count<quake>{}, max{&quake::magnitude}};
      all.window(tumbling{1h}).aggregate("hours", how_strong).to("hours.rows", hours);
      by_network.window(hopping{6h, 1h})
          .aggregate("networks", how_strong, {.parallelism = parallelism})
          .to("networks.rows", networks);
      by_network.window(sessions{gap})
          .aggregate("swarms", how_strong, {.parallelism = parallelism})
          .to("swarms.rows", swarms);
      return builder.build();
    };
    on_both_engines(
        {.build = build, .may_throw = {"quakes.event_time", "hours", "networks", "swarms"}}, [&](delivery how) {
          EXPECT_TRUE(as_promised(how, "usgs__tumble_1h", by_start(hours.take()), {.keys = 1}));
          EXPECT_TRUE(as_promised(how, "usgs__hop_6h_1h_per_net", by_start_and_key(networks.take()), {.keys = 2}));
          EXPECT_TRUE(as_promised(how, "usgs__sessions_10m_per_net", by_session(swarms.take(), gap), {.keys = 3}));
        });
  }
}

struct sale {
  static constexpr std::string_view field_names[] = {"InvoiceNo", "Quantity", "InvoiceDate", "UnitPrice", "Country"};
  std::string invoice;
  std::int64_t units = 0;
  event_time at{};
  double price = 0;  // pounds; its pence are whole
  std::string country;
};
std::int64_t pence(const sale& s) { return s.units * std::llround(s.price * 100); }

TEST_F(through_kafka, turnover_by_country) {
  using day = std::tuple<std::uint64_t, std::uint64_t, std::int64_t, std::int64_t>;  // lines, invoices, units, pence
  const auto name =
      filled(engine::batch, 1, file::csv_spout<sale>{data_file("retail/online_retail_2010-12a.csv")}, kafka::json{});
  collect_sink<windowed<std::string, day>> days;
  const auto build = [&](std::size_t parallelism) {
    stream_builder builder("turnover");
    builder.spout("sales", kafka::spout<sale>(from(name)))
        .event_time(&sale::at, ascending{})
        .key_by(&sale::country)
        .window(tumbling{24h})
        .aggregate("days", all_of{count<sale>{}, distinct{&sale::invoice}, sum{&sale::units}, sum{pence}},
                   {.parallelism = parallelism})
        .to("days.rows", days);
    return builder.build();
  };
  on_both_engines({.build = build, .may_throw = {"sales.event_time", "days"}}, [&](delivery how) {
    EXPECT_TRUE(as_promised(how, "retail__daily_per_country", by_start_and_key(days.take()), {.keys = 2, .sums = 2}));
  });
}

}  // namespace
}  // namespace freshet::conformance
