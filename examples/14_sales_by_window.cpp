// Sales by hour and by shop, in the time of the sales and not of their arrival.
//
// Look at the sums: Oslo sells something each minute, for ten times as many cents as the hour says, and Porto every
// other minute for 25. They arrive in disorder, up to 30 minutes late, and count all the same: 60 sales of 90 cents at
// 09:00 are 5400. One that comes hours late is named apart. The last column is a window of 2 h that slides by 1 h.
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "either_engine.hpp"
#include "out_of_order.hpp"

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

std::vector<sale> a_morning() {
  std::vector<sale> all;
  for (int hour = 6; hour < 12; ++hour)
    for (int minute = 0; minute < 60; ++minute) {
      all.push_back({"Oslo", clock_time(hour, minute), hour * 10});
      if (minute % 2 == 0) all.push_back({"Porto", clock_time(hour, minute), 25});
    }
  all = out_of_order(all, &sale::at, 30min);
  all.push_back({"Porto", clock_time(7, 30), 7700});  // the last to come
  return all;
}

int main(int argc, char** argv) {
  freshet::stream_builder builder{"sales"};
  const auto by_shop = builder.spout("sales", freshet::vector_spout<sale>{a_morning()})
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
