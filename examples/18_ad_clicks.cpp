// Two streams, joined by key and time: which shows of an ad were clicked within ten minutes.
//
// Look at show 3: its click comes before it, and is found all the same, because both wait for each other. Show 2 has
// none: it is given when the ten minutes are over, by the times of shows and clicks. The last column is the price of
// the ad as it was at the time of the show, from a table that changes.
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "either_engine.hpp"

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
struct outcome {
  int show = 0;
  std::string ad;
  int seconds = -1;  // to the click; -1: none
};
freshet::event_time second(int n) { return freshet::event_time{std::chrono::seconds(n)}; }

int main(int argc, char** argv) {
  freshet::stream_builder builder{"ads"};
  const auto shows =
      builder
          .spout("shows",
                 freshet::vector_spout<shown>{
                     {{1, "tea", second(10)}, {2, "tea", second(20)}, {3, "bus", second(30)}, {4, "tea", second(900)}}})
          .event_time(&shown::at, {.bound = 1min});
  const auto clicks =
      builder.spout("clicks", freshet::vector_spout<clicked>{{{3, second(31)}, {1, second(70)}, {4, second(1501)}}})
          .event_time(&clicked::at, {.bound = 1min});
  const auto prices =
      builder
          .spout("prices",
                 freshet::vector_spout<price>{{{"tea", second(0), 5}, {"bus", second(0), 7}, {"tea", second(600), 6}}})
          .event_time(&price::from, {.bound = 1min});

  const auto match = [](const shown& s, const clicked* c) {
    const auto seconds = c ? std::chrono::duration_cast<std::chrono::seconds>(c->at - s.at).count() : -1;
    return outcome{s.show, s.ad, static_cast<int>(seconds)};
  };
  const auto outcomes = shows.key_by(&shown::show)
                            .interval_join("clicked", clicks.key_by(&clicked::show), freshet::between{0s, 10min}, match,
                                           {.kind = freshet::join_kind::left, .parallelism = 2});
  const auto with_price = [](const outcome& o, const price& p) {
    return "show " + std::to_string(o.show) + " of " + o.ad + " at " + std::to_string(p.cents) +
           " cents: " + (o.seconds < 0 ? "no click" : "clicked after " + std::to_string(o.seconds) + " s");
  };
  std::mutex mutex;
  std::set<std::string> lines;
  outcomes.key_by(&outcome::ad)
      .join_table("priced", prices.key_by(&price::ad), with_price)
      .to("lines", [&](const std::string& line) {
        std::lock_guard lock(mutex);
        lines.insert(line);
      });

  const int status = run_on_either_engine(argc, argv, "Which shows of an ad were clicked.", builder.build());
  for (const auto& line : lines) std::cout << line << '\n';
  return status;
}
