// Two streams, joined by key and time: which shows of an ad were clicked within ten minutes, and what they cost.
//
// Look at the shows: one every ten seconds, of two ads by turns of four. The second of each four is clicked after a
// minute, the fourth after eleven, which is too late: so a quarter of them count. A show without a click is given when
// the ten minutes are over, by the times of shows and clicks. The price is that of the ad when it was shown, from a
// table that changes: tea costs more from second 5960 on, and show 593, which was clicked after that, still 5 cents.
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "either_engine.hpp"
#include "out_of_order.hpp"

using namespace std::chrono_literals;

struct shown {
  int show = 0;
  std::string ad;
  freshet::event_time at{};
};
struct clicked {
  int show = 0;
  freshet::event_time at{};
};
struct price {
  std::string ad;
  freshet::event_time from{};
  int cents = 0;
};
struct priced_show {
  int show = 0;
  std::string ad;
  freshet::event_time at{};
  int cents = 0;
};
struct outcome {
  priced_show shown;
  int seconds = -1;  // to the click; -1: none
};
freshet::event_time second(int n) { return freshet::event_time{std::chrono::seconds(n)}; }

std::vector<shown> all_shows() {
  std::vector<shown> all;
  for (int n = 0; n < 1200; ++n) all.push_back({n, n / 4 % 2 == 0 ? "tea" : "bus", second(n * 10)});
  return out_of_order(all, &shown::at, 1min);
}
std::vector<clicked> all_clicks() {
  std::vector<clicked> all;
  for (int n = 1; n < 1200; n += 2) all.push_back({n, second(n * 10 + (n % 4 == 1 ? 60 : 660))});
  return out_of_order(all, &clicked::at, 1min);
}
const std::vector<price> all_prices{{"tea", second(0), 5}, {"bus", second(0), 7}, {"tea", second(5960), 6}};

// Of one ad at one price.
struct total {
  int shows = 0;
  int clicks = 0;
};

int main(int argc, char** argv) {
  freshet::stream_builder builder{"ads"};
  const auto shows =
      builder.spout("shows", freshet::vector_spout<shown>{all_shows()}).event_time(&shown::at, {.bound = 1min});
  const auto clicks =
      builder.spout("clicks", freshet::vector_spout<clicked>{all_clicks()}).event_time(&clicked::at, {.bound = 1min});
  const auto prices =
      builder.spout("prices", freshet::vector_spout<price>{all_prices}).event_time(&price::from, {.bound = 1min});

  const auto at_price = [](const shown& s, const price& p) { return priced_show{s.show, s.ad, s.at, p.cents}; };
  const auto match = [](const priced_show& s, const clicked* c) {
    return outcome{s, c ? static_cast<int>((c->at - s.at) / 1s) : -1};
  };
  const auto outcomes = shows.key_by(&shown::ad)
                            .join_table("priced", prices.key_by(&price::ad), at_price)
                            .key_by(&priced_show::show)
                            .interval_join("clicked", clicks.key_by(&clicked::show), freshet::between{0s, 10min}, match,
                                           {.kind = freshet::join_kind::left, .parallelism = 2});
  std::mutex mutex;
  std::map<int, std::string> some_shows;
  std::map<std::pair<std::string, int>, total> totals;
  outcomes.to("outcomes", [&](const outcome& o) {
    const auto& [show, ad, at, cents] = o.shown;
    std::lock_guard lock(mutex);
    auto& of_ad = totals[{ad, cents}];
    ++of_ad.shows;
    of_ad.clicks += o.seconds >= 0;
    if (show < 4 || show == 593)
      some_shows[show] = ad + " at " + std::to_string(cents) + " cents: " +
                         (o.seconds < 0 ? "no click" : "clicked after " + std::to_string(o.seconds) + " s");
  });

  const int status = run_on_either_engine(argc, argv, "Which shows of an ad were clicked.", builder.build());
  for (const auto& [show, text] : some_shows) std::cout << "show " << show << " of " << text << '\n';
  for (const auto& [ad, of_ad] : totals)
    std::cout << ad.first << " at " << ad.second << " cents: " << of_ad.shows << " shows, " << of_ad.clicks
              << " clicked\n";
  return status;
}
