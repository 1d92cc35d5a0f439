// Sales by hour and by shop, in the time of the sales and not of their arrival.
//
// Look at Oslo at 09:00: one of its sales comes 20 minutes late and counts, as up to 30 minutes of disorder are
// expected. The one that comes two hours late is named apart. The last column is a window of 2 h that slides by 1 h.
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "either_engine.hpp"

using namespace std::chrono_literals;

struct sale {
  std::string shop;
  freshet::event_time at{};
  std::int64_t cents = 0;
};
freshet::event_time clock_time(int hour, int minute) {
  return freshet::event_time{std::chrono::sys_days{std::chrono::year{2026} / 3 / 2}} + std::chrono::hours(hour) +
         std::chrono::minutes(minute);
}
std::string hour_of(freshet::event_time t) {
  const auto hours = std::chrono::duration_cast<std::chrono::hours>(t.time_since_epoch()).count() % 24;
  return (hours < 10 ? "0" : "") + std::to_string(hours) + ":00";
}

int main(int argc, char** argv) {
  const std::vector<sale> sales{{"Oslo", clock_time(9, 5), 1200},   {"Porto", clock_time(9, 10), 800},
                                {"Oslo", clock_time(9, 50), 300},   {"Oslo", clock_time(10, 15), 4000},
                                {"Oslo", clock_time(9, 55), 500},  // 20 minutes late
                                {"Porto", clock_time(11, 20), 900}, {"Oslo", clock_time(11, 40), 100},
                                {"Porto", clock_time(9, 30), 7700}};  // nearly two hours late
  freshet::stream_builder builder{"sales"};
  const auto by_shop = builder.spout("sales", freshet::vector_spout<sale>{sales})
                           .event_time(&sale::at, {.bound = 30min})
                           .key_by(&sale::shop);
  const auto sum = freshet::aggregates::sum{&sale::cents};
  const auto hourly = by_shop.window(freshet::tumbling{1h}).aggregate("hourly", sum, {.parallelism = 2});
  const auto two_hours = by_shop.window(freshet::hopping{2h, 1h}).aggregate("two hours", sum, {.parallelism = 2});

  using result = freshet::windowed<std::string, std::int64_t>;
  std::mutex mutex;
  std::map<std::pair<freshet::event_time, std::string>, std::pair<std::int64_t, std::int64_t>> table;
  std::set<std::string> late;
  hourly.to("table", [&](const result& r) {
    std::lock_guard lock(mutex);
    table[{r.window.start, r.key}].first = r.value;
  });
  two_hours.to("second column", [&](const result& r) {
    std::lock_guard lock(mutex);
    table[{r.window.end - 1h, r.key}].second = r.value;
  });
  hourly.late().to("too late", [&](const freshet::late_tuple<sale>& l) {
    std::lock_guard lock(mutex);
    late.insert(l.value.shop + " " + std::to_string(l.value.cents) + " cents of " + hour_of(l.time));
  });

  const int status = run_on_either_engine(argc, argv, "Sales by hour and shop.", builder.build());
  for (const auto& [at, cents] : table)
    std::cout << hour_of(at.first) << ' ' << at.second << ": " << cents.first << " cents in this hour, " << cents.second
              << " in two\n";
  for (const auto& text : late) std::cout << "too late: " << text << '\n';
  return status;
}
