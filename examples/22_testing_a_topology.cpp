// A test of a topology, on the thread of the test: what is pushed, what comes out, and what time it is are said here.
//
// Look at how the hour closes: nothing sleeps, `advance_watermark` says that its time is over, and what is pushed for
// it afterwards comes out as late. Then the same with calls that fail, and last a bolt alone: `check_bolt` writes its
// state, throws the bolt away and reads the state back between any two calls, and finds the one that keeps its sum in a
// member.
#include <cstdio>
#include <cstdlib>
#include <freshet/freshet.hpp>
#include <freshet/testing/check_bolt.hpp>
#include <freshet/testing/fault_plan.hpp>
#include <freshet/testing/topology_driver.hpp>
#include <string>

using namespace std::chrono_literals;

struct sale {
  std::string city;
  std::int64_t cents = 0;
  freshet::event_time at{};
};
using sum_of_hour = freshet::windowed<std::string, std::int64_t>;

/// What is tested: the sums of each hour by city. In the service its sales come from elsewhere.
freshet::topology sums_by_hour() {
  freshet::stream_builder builder{"sales"};
  builder.spout("sales", freshet::push_spout<sale>{})
      .event_time(&sale::at, {.bound = 10min})
      .key_by(&sale::city)
      .window(freshet::tumbling{1h})
      .aggregate("sums", freshet::aggregates::sum(&sale::cents), {.parallelism = 4});
  return builder.build();
}

/// A test framework has better ones.
void expect(bool holds, const std::string& what) {
  std::printf("%s: %s\n", holds ? "ok" : "NOT SO", what.c_str());
  if (!holds) std::exit(1);
}
freshet::event_time minute(int n) { return freshet::event_time{std::chrono::minutes(n)}; }

void an_hour_closes_when_its_time_is_over() {
  freshet::testing::topology_driver driver{sums_by_hour()};
  auto& sums = driver.watch<sum_of_hour>("sums");
  auto& late = driver.watch<freshet::late_tuple<sale>>("sums", "late");
  driver.push("sales", sale{"Oslo", 1000, minute(5)});
  driver.push("sales", sale{"Oslo", 500, minute(59)});
  driver.advance_watermark(minute(59));
  expect(sums.empty(), "before the hour is over there is no sum");
  driver.advance_watermark(minute(60));
  expect(sums.size() == 1 && sums[0].value == 1500, "then there is, and it is " + std::to_string(sums[0].value));
  driver.push("sales", sale{"Oslo", 9, minute(58)});
  expect(late.size() == 1 && late[0].value.cents == 9, "what comes afterwards is late");
  driver.push("sales", sale{"Rome", 70, minute(61)});
  driver.finish();
  expect(sums.size() == 2 && sums[1].key == "Rome", "the end of input closes what is open");
}

void a_failed_call_counts_once() {
  auto faults = std::make_shared<freshet::testing::fault_plan>();
  faults->throw_at("sums", freshet::testing::fault_plan::any_task, 0, 3);
  freshet::testing::topology_driver driver{sums_by_hour(),
                                           {.guarantee = freshet::guarantee::exactly_once, .faults = faults}};
  auto& sums = driver.watch<sum_of_hour>("sums");
  driver.push("sales", sale{"Oslo", 1000, minute(5)});
  driver.finish();
  expect(faults->done().thrown == 3 && driver.metrics().node("sums").failed == 3, "three calls have failed");
  expect(sums.size() == 1 && sums[0].value == 1000, "and the sale counts once");
}

/// Its sum is the engine's, to be saved, moved and put back.
struct running_sum {
  using state = std::int64_t;
  std::int64_t process(const sale& s, state& sum) { return sum += s.cents; }
};
/// This one has a memory of its own, which a crash would take away.
struct forgetful_sum {
  std::int64_t process(const sale& s) { return sum += s.cents; }
  std::int64_t sum = 0;
};

void a_bolt_survives_interruptions() {
  const auto two_sales = [](auto& harness) {
    harness.process({"Oslo", 3}, minute(1));
    harness.process({"Oslo", 4}, minute(2));
  };
  const auto by_city = freshet::key_grouping{&sale::city};
  expect(freshet::testing::check_bolt(running_sum{}, by_city, two_sales).empty(), "the bolt can be interrupted");
  const auto found = freshet::testing::check_bolt(forgetful_sum{}, by_city, two_sales);
  expect(!found.empty(), "the other can't: " + found);
}

int main() {
  an_hour_closes_when_its_time_is_over();
  a_failed_call_counts_once();
  a_bolt_survives_interruptions();
}
