// Taxi rides, joined with their fares, and two kinds of alert: a ride that nobody has paid within two hours of its
// start, and one that has not ended by then.
//
// Look at ride 3: "no end" is the absence of something, a pattern that time completes. And at ride 2: its end is read
// before its start, and its fare before both; event times put them right. What has not come is known when the watermark
// says that it can't come any more, on either engine.
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "either_engine.hpp"

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

int main(int argc, char** argv) {
  const std::vector<ride_event> rides{
      {1, true, minute(0), "ann"},    {2, false, minute(25), "bob"}, {2, true, minute(5), "bob"},
      {1, false, minute(30), "ann"},  {3, true, minute(40), "cid"},  {4, true, minute(50), "ann"},
      {4, false, minute(170), "ann"}, {5, true, minute(200), "bob"}, {5, false, minute(210), "bob"}};
  const std::vector<fare> fares{
      {2, minute(26), 1450}, {1, minute(31), 2300}, {4, minute(175), 8800}, {5, minute(210), 700}};

  freshet::stream_builder builder{"taxis"};
  const auto events = builder.spout("rides", freshet::vector_spout<ride_event>{rides})
                          .event_time(&ride_event::at, {.bound = 30min})
                          .key_by(&ride_event::ride);
  const auto paid = builder.spout("fares", freshet::vector_spout<fare>{fares})
                        .event_time(&fare::at, {.bound = 30min})
                        .key_by(&fare::ride);

  const auto is_start = [](const ride_event& e) { return e.is_start; };
  const auto is_end = [](const ride_event& e) { return !e.is_start; };
  const auto unended = events.ordered().pattern(
      "not ended", freshet::pattern{is_start}.not_followed_by(is_end).within(2h), {.parallelism = 2});
  const auto bill = [](const ride_event& start, const fare* f) {
    const auto ride = "ride " + std::to_string(start.ride) + " of " + start.driver;
    return f ? ride + ": " + std::to_string(f->cents) + " cents" : "alert: " + ride + " is not paid";
  };
  const auto bills = freshet::stream(events.ungrouped())
                         .filter("starts", is_start)
                         .key_by(&ride_event::ride)
                         .interval_join("bills", paid, freshet::between{0min, 2h}, bill,
                                        {.kind = freshet::join_kind::left, .parallelism = 2});

  std::mutex mutex;
  std::set<std::string> lines;
  const auto keep = [&](const std::string& line) {
    std::lock_guard lock(mutex);
    lines.insert(line);
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
  bills.to("bill lines", keep);

  const int status = run_on_either_engine(argc, argv, "Taxi rides with their fares, and alerts.", builder.build());
  for (const auto& line : lines) std::cout << line << '\n';
  return status;
}
