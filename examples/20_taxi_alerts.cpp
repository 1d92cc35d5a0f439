// Taxi rides, joined with their fares, and two kinds of alert: a ride that nobody has paid within two hours of its
// start, and one that has not ended by then.
//
// Look at the alerts: "no end" is the absence of something, a pattern that time completes. A ride begins each minute,
// and takes 10 to 39 of them; of rides 7, 107 and 207 the end is never told, and neither they nor rides 43, 143 and 243
// are paid. Starts, ends and fares come up to 30 minutes late, an end before its start among them; event times put them
// right. What has not come is known when the watermark says that it can't come any more, on either engine.
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "either_engine.hpp"
#include "out_of_order.hpp"

using namespace std::chrono_literals;

struct ride_event {
  int ride = 0;
  bool is_start = false;
  freshet::event_time at{};
  std::string driver;
};
struct fare {
  int ride = 0;
  freshet::event_time at{};
  int cents = 0;
};
freshet::event_time minute(int n) { return freshet::event_time{std::chrono::minutes(n)}; }

constexpr int rides = 300;
constexpr bool is_told(int ride) { return ride % 100 != 7; }
constexpr bool is_paid(int ride) { return is_told(ride) && ride % 100 != 43; }
constexpr int end_of(int ride) { return ride + 10 + ride % 30; }

std::vector<ride_event> starts_and_ends() {
  std::vector<ride_event> all;
  for (int ride = 0; ride < rides; ++ride) {
    const auto driver = "driver " + std::to_string(ride % 40);
    all.push_back({ride, true, minute(ride), driver});
    if (is_told(ride)) all.push_back({ride, false, minute(end_of(ride)), driver});
  }
  return out_of_order(all, &ride_event::at, 30min);
}
// Ten euro each.
std::vector<fare> fares() {
  std::vector<fare> all;
  for (int ride = 0; ride < rides; ++ride)
    if (is_paid(ride)) all.push_back({ride, minute(end_of(ride) + 1), 1000});
  return out_of_order(all, &fare::at, 30min);
}

// A ride with its fare, or the sentence that it has none.
struct bill {
  int cents = 0;
  std::string alert;
};

int main(int argc, char** argv) {
  freshet::stream_builder builder{"taxis"};
  const auto events = builder.spout("rides", freshet::vector_spout<ride_event>{starts_and_ends()})
                          .event_time(&ride_event::at, {.bound = 30min})
                          .key_by(&ride_event::ride);
  const auto paid = builder.spout("fares", freshet::vector_spout<fare>{fares()})
                        .event_time(&fare::at, {.bound = 30min})
                        .key_by(&fare::ride);

  const auto is_start = [](const ride_event& e) { return e.is_start; };
  const auto is_end = [](const ride_event& e) { return !e.is_start; };
  const auto unended = events.ordered().pattern(
      "not ended", freshet::pattern{is_start}.not_followed_by(is_end).within(2h), {.parallelism = 2});
  const auto make_bill = [](const ride_event& start, const fare* f) {
    if (f) return bill{f->cents, {}};
    return bill{0, "alert: ride " + std::to_string(start.ride) + " of " + start.driver + " is not paid"};
  };
  const auto bills = freshet::stream(events.ungrouped())
                         .filter("starts", is_start)
                         .key_by(&ride_event::ride)
                         .interval_join("bills", paid, freshet::between{0min, 2h}, make_bill,
                                        {.kind = freshet::join_kind::left, .parallelism = 2});

  std::mutex mutex;
  std::set<std::string> alerts;
  int paid_rides = 0, cents = 0;
  const auto keep = [&](const std::string& alert) {
    std::lock_guard lock(mutex);
    alerts.insert(alert);
  };
  unended
      .map("alerts",
           [](const freshet::matched<ride_event>& m) {
             const auto& start = m.tuples.front();
             const auto at = std::chrono::floor<std::chrono::minutes>(m.ended.time_since_epoch()).count();
             return "alert: ride " + std::to_string(start.ride) + " of " + start.driver + " has not ended by minute " +
                    std::to_string(at);
           })
      .to("unended", keep);
  bills.to("paid", [&](const bill& b) {
    if (!b.alert.empty()) return keep(b.alert);
    std::lock_guard lock(mutex);
    ++paid_rides;
    cents += b.cents;
  });

  const int status = run_on_either_engine(argc, argv, "Taxi rides with their fares, and alerts.", builder.build());
  for (const auto& alert : alerts) std::cout << alert << '\n';
  std::cout << paid_rides << " of " << rides << " rides are paid: " << cents << " cents\n";
  return status;
}
