#include <gmock/gmock.h>

#include <limits>
#include <numeric>
#include <set>

#include "kafka/await.hpp"
#include "kafka/broker.hpp"
#include "kafka/runs.hpp"

namespace freshet::kafka {
namespace {

using ::testing::ElementsAreArray;

class kafka_round_trip : public broker_test {
 protected:
  /// A topic of its own, where order is kept.
  std::string topic(int partitions = 1, const raw_settings& settings = {}) {
    const auto name = unique_name("round-trip");
    broker_->create_topic(name, partitions, settings);
    return name;
  }
  producer_options to(const std::string& name) { return {.servers = broker_->bootstrap(), .topic = name}; }
  consumer_options from(const std::string& name) { return {.servers = broker_->bootstrap(), .topics = {name}}; }
};

enum class colour : std::uint8_t { red, green };
struct place {
  double lat = 0, lon = 0;
  bool operator==(const place&) const = default;
};
struct order {
  static constexpr std::string_view field_names[] = {"id", "who", "paid", "how", "at", "where", "items", "note"};
  std::int64_t id = 0;
  std::string who;
  bool paid = false;
  colour how = colour::red;
  event_time at{};
  place where;
  std::vector<std::string> items;
  std::optional<std::string> note;
  bool operator==(const order&) const = default;
};
std::vector<order> orders() {
  return {{1, "", true, colour::green, event_time{std::chrono::milliseconds(1'514'764'800'123)}, {0.1, -1e300}, {}, {}},
          {std::numeric_limits<std::int64_t>::min(),
           std::string("quoted \" back\\slash \n \t \x01 ü 日本", 32),
           false,
           colour::red,
           event_time{std::chrono::milliseconds(-1)},
           {1.0 / 3, 0},
           {"a", "", "c,d"},
           "null"}};
}

TEST_F(kafka_round_trip, structs_as_json) {
  for (const auto e : both_engines) {
    const auto name = topic();
    write_all(e, orders(), to(name));
    EXPECT_EQ(read_all<order>(e, from(name)), orders()) << to_string(e);
  }
}
TEST_F(kafka_round_trip, structs_as_our_own_bytes) {
  for (const auto e : both_engines) {
    const auto name = topic();
    write_all(e, orders(), to(name), binary{});
    EXPECT_EQ((read_all<order, binary>(e, from(name))), orders()) << to_string(e);
  }
}
TEST_F(kafka_round_trip, text_is_bytes_as_they_are) {
  const std::vector<std::string> texts = {"", std::string("\0\n\xff", 3), "ordinary"};
  for (const auto e : both_engines) {
    const auto name = topic();
    write_all(e, texts, to(name));
    EXPECT_EQ(read_all<std::string>(e, from(name)), texts) << to_string(e);
  }
}
TEST_F(kafka_round_trip, numbers_and_nothing_as_text) {
  for (const auto e : both_engines) {
    const auto name = topic(), other = topic();
    const std::vector<double> numbers = {0, -1.5, 1.0 / 3};
    write_all(e, numbers, to(name));
    EXPECT_EQ(read_all<double>(e, from(name)), numbers) << to_string(e);
    const std::vector<std::optional<std::string>> maybe = {"", std::nullopt, "x"};
    write_all(e, maybe, to(other));
    EXPECT_EQ(read_all<std::optional<std::string>>(e, from(other)), maybe) << to_string(e);
  }
}
TEST_F(kafka_round_trip, whole_records_with_headers_times_and_nulls) {
  const event_time when{std::chrono::milliseconds(1'700'000'000'000)};
  for (const auto e : both_engines) {
    const auto name = topic(3);
    std::vector<message> all = {
        {name, 2, 0, when, "key", "value", {{"a", "1"}, {"a", std::string("\0x", 2)}, {"b", std::nullopt}, {"c", ""}}},
        {name, 1, 0, when, std::nullopt, std::nullopt, {}},
        {name, 0, 0, when, "", "", {}}};
    write_all(e, all, to(""));
    const auto lies = broker_->read_all(name);
    ASSERT_EQ(lies.size(), 3u) << to_string(e);
    EXPECT_EQ(lies[2].headers[2].second, std::nullopt);
    auto got = read_all<message>(e, from(name));
    std::sort(got.begin(), got.end(), [](auto& a, auto& b) { return a.partition > b.partition; });
    EXPECT_EQ(got, all) << to_string(e);
  }
}

/// A format of the user's: latitude and longitude with a sign between.
struct with_sign {
  void decode(const record& r, place& to) const {
    const auto text = std::string(r.value.value_or(""));
    std::size_t at = 0;
    to.lat = std::stod(text, &at);
    if (at >= text.size() || text[at] != '|') throw bad_record("expected '|' at " + std::to_string(at));
    to.lon = std::stod(text.substr(at + 1));
  }
  void encode(outgoing& to, const place& p) const { to.value() += std::to_string(p.lat) + "|" + std::to_string(p.lon); }
};

TEST_F(kafka_round_trip, a_format_of_the_users) {
  const std::vector<place> places = {{1, -2}, {0.5, 100}};
  for (const auto e : both_engines) {
    const auto name = topic();
    write_all(e, places, to(name), with_sign{});
    EXPECT_EQ(*broker_->read_all(name)[0].value, "1.000000|-2.000000");
    EXPECT_EQ((read_all<place, with_sign>(e, from(name))), places) << to_string(e);
  }
}

/// What `linger.ms` would keep for ten minutes goes out when the run asks for it, at its end or that of a batch.
TEST_F(kafka_round_trip, records_that_wait_for_others_go_out_at_the_end) {
  const std::vector<int> values = {1, 2, 3};
  for (const auto e : both_engines) {
    const auto name = topic(3);
    auto options = to(name);
    options.delivery_timeout = std::chrono::minutes(20);
    options.settings = {{"linger.ms", "600000"}};
    topology_builder builder("write");
    builder.sink("kafka", sink<int>(options)).input(builder.spout("values", vector_spout<int>(values)));
    auto run = start_on(e, builder.build());
    await("it has ended", [&] { return run.status().state != run_state::running; });
    run.wait();
    EXPECT_EQ(sorted(read_all<int>(e, from(name))), values) << to_string(e);
  }
}

TEST_F(kafka_round_trip, an_encoder_sets_what_it_likes) {
  const auto name = topic(2), other = topic();
  const auto encode = [other](outgoing& to, const int& n) {
    if (n == 0) return to.set_topic(other);
    to.set_key(std::to_string(n));
    to.set_partition(1);
    to.set_time(event_time{std::chrono::milliseconds(n)});
    to.add_header("n", std::to_string(n));
    if (n == 2) to.make_tombstone();
    else to.value() = "v";
  };
  write_all(engine::event, std::vector<int>{0, 1, 2}, to(name), encode);
  const auto lies = broker_->read_all(name);
  ASSERT_EQ(lies.size(), 2u);
  EXPECT_EQ(lies[0], (raw_record{"1", "v", {{"n", "1"}}, 1, 1, 0}));
  EXPECT_EQ(lies[1], (raw_record{"2", std::nullopt, {{"n", "2"}}, 2, 1, 1}));
  ASSERT_EQ(broker_->read_all(other).size(), 1u);
  EXPECT_EQ(broker_->read_all(other)[0].value, "");
}

TEST_F(kafka_round_trip, a_decoder_may_pass_records_over_and_gives_reasons) {
  const auto name = topic();
  write_all(engine::event, std::vector<int>{1, 2, 3, 4}, to(name));
  const auto decode = [](const record& r) -> std::optional<int> {
    const int n = std::stoi(std::string(*r.value));
    return n % 2 == 0 ? std::optional(n) : std::nullopt;
  };
  const auto with_reasons = [](const record& r) -> result<int> {
    if (*r.value == "3") return error{errc::invalid_argument, "three is refused"};
    return std::stoi(std::string(*r.value));
  };
  for (const auto e : both_engines) {
    EXPECT_EQ(read_all<int>(e, from(name), decode), (std::vector{2, 4})) << to_string(e);
    EXPECT_EQ(read_all<int>(e, from(name), with_reasons), (std::vector{1, 2, 4})) << to_string(e);
  }
}

TEST_F(kafka_round_trip, what_cannot_be_decoded_is_a_dead_letter_with_its_place_and_bytes) {
  const auto name = topic();
  broker_->produce(name, {{.value = R"({"lat":1,"lon":2})"}, {.value = "[1,\"north\"]"}, {}, {.value = "[3,4]"}});
  for (const auto e : both_engines) {
    topology_builder builder("letters");
    collect_sink<place> good;
    collect_sink<dead_letter> bad;
    auto options = from(name);
    options.bounded = true;
    builder.sink("good", good).input(builder.spout("kafka", spout<place>(options)));
    builder.sink("bad", bad).input(builder.dead_letters());
    run_on(e, builder.build());
    EXPECT_THAT(good.take(), ElementsAreArray({place{3, 4}})) << to_string(e);
    const auto letters = bad.take();
    ASSERT_EQ(letters.size(), 3u) << to_string(e);
    EXPECT_THAT(letters[0].error, testing::HasSubstr("topic " + name + ", partition 0, offset 0: byte 0"));
    EXPECT_THAT(letters[1].error, testing::HasSubstr("offset 1: byte 3, member [1]: expected a number"));
    EXPECT_EQ(letters[1].bytes, "[1,\"north\"]");
    EXPECT_EQ(letters[1].positions, (std::vector<position>{{0, 1, 2}}));
    EXPECT_THAT(letters[2].error, testing::HasSubstr("tombstone"));
  }
}

/// Now and then librdkafka 2.0.2 reports the first batch as delivered that the broker has refused. Another may be there
/// twice instead.
TEST_F(kafka_round_trip, nothing_is_lost_in_topics_that_have_just_been_made) {
  std::vector<int> values(300);
  std::iota(values.begin(), values.end(), 0);
  for (int n = 0; n < 16; ++n) {
    const auto name = topic(4);
    write_all(n % 2 == 0 ? engine::event : engine::batch, values, to(name));
    std::set<std::string> there;
    for (const auto& r : broker_->read_all(name)) there.insert(*r.value);
    EXPECT_EQ(there.size(), values.size());
  }
}

// -------- what the Java clients say

/// A record that a topic takes only when it was made smaller.
TEST_F(kafka_round_trip, records_travel_compressed) {
  const std::vector<std::string> texts = {std::string(50'000, 'x')};
  for (const auto e : both_engines)
    for (const char* codec : {"gzip", "snappy", "lz4", "zstd"}) {
      const auto name = topic(1, {{"max.message.bytes", "10000"}});
      auto options = to(name);
      options.settings = {{"compression.codec", codec}};
      write_all(e, texts, options);
      EXPECT_EQ(read_all<std::string>(e, from(name)), texts) << to_string(e) << ' ' << codec;
    }
}

TEST_F(kafka_round_trip, keys_land_where_the_java_client_puts_them) {
  const auto name = topic(7), ours = topic(7);
  std::vector<std::string> keys;
  for (int i = 0; i < 300; ++i) keys.push_back("key-" + std::to_string(i * i) + (i % 3 ? "" : "ü"));
  const auto theirs = broker_->java_produce(name, keys);
  const auto encode = [](outgoing& to, const std::string& key) { to.set_key(key); };
  write_all(engine::event, keys, to(ours), encode);
  std::map<std::string, std::int32_t> partitions;
  for (const auto& r : broker_->read_all(ours)) partitions[*r.key] = r.partition;
  EXPECT_EQ(partitions, theirs);
}

TEST_F(kafka_round_trip, the_java_console_consumer_reads_our_json) {
  const auto name = topic();
  write_all(engine::batch, std::vector<place>{{1, 2.5}, {-3, 0.1}}, to(name), with_key(&place::lat, json{}));
  EXPECT_EQ(broker_->java_consume(name), (std::vector<std::string>{"[1,2.5]", "[-3,0.1]"}));
}

}  // namespace
}  // namespace freshet::kafka
