// A rule with timers: a card that pays more than three times within ten minutes is blocked, and free again an hour
// after its last payment.
//
// Look at the bolt: its state and its timers belong to the card of the payment at hand. `ordered` lets it see payments
// and timers in the order of their times, so the answer is the same whenever, and however fast, the payments are read.
// Five hundred cards pay every five minutes, and may go on. Card 4711 pays as `spree` says: the fourth time within ten
// minutes is minute 38, and its last payment for a while minute 70.
#include <algorithm>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "either_engine.hpp"

using namespace std::chrono_literals;

struct payment {
  std::string card;
  freshet::event_time at{};
  std::int64_t cents = 0;
};
struct notice {
  std::string card;
  std::string text;
};

struct velocity_rule {
  struct state {
    std::deque<freshet::event_time> recent;  // payments of the last ten minutes
    bool is_blocked = false;
  };
  static constexpr std::uint32_t quiet = 0;  // the name of the timer that sets a card free

  void process(const payment& p, state& card, freshet::timers& timers, freshet::emitter<notice>& out) {
    while (!card.recent.empty() && card.recent.front() <= p.at - 10min) card.recent.pop_front();
    card.recent.push_back(p.at);
    timers.set(quiet, p.at + 1h);
    if (card.is_blocked || card.recent.size() <= 3) return;
    card.is_blocked = true;
    out.emit({p.card, "blocked"});
  }
  void on_timer(const std::string& card, freshet::event_time, state& s, freshet::emitter<notice>& out) {
    if (s.is_blocked) out.emit({card, "free again"});
    s = {};
  }
  // What the engine asks after each call: true, and the card is forgotten.
  bool forgets(const state& card) const { return card.recent.empty(); }
};

std::vector<payment> payments() {
  constexpr int spree[] = {0, 30, 31, 33, 38, 39, 70, 160};
  std::vector<payment> all;
  for (int minute = 0; minute < 240; ++minute) {
    const freshet::event_time at{std::chrono::minutes(minute)};
    for (int card = minute % 5; card < 500; card += 5) all.push_back({std::to_string(1000 + card), at, 5000});
    if (std::ranges::find(spree, minute) != std::end(spree)) all.push_back({"4711", at, 990});
  }
  return all;
}

int main(int argc, char** argv) {
  freshet::stream_builder builder{"fraud"};
  const auto paid = builder.spout("payments", freshet::vector_spout<payment>{payments()})
                        .event_time(&payment::at, freshet::ascending{});
  const auto notices = paid.key_by(&payment::card)
                           .ordered()  // payments and timers in one order
                           .process("velocity", velocity_rule{}, {.parallelism = 2});
  std::mutex mutex;
  std::vector<std::string> lines;
  std::map<std::string, int> seen;
  notices
      .process("with time",
               [](const notice& n, freshet::emitter<std::string>& out) {
                 const auto minute = std::chrono::floor<std::chrono::minutes>(out.time().time_since_epoch()).count();
                 out.emit("minute " + std::to_string(minute) + ": card " + n.card + " is " + n.text);
               })
      .to("notices", [&](const std::string& line) {
        std::lock_guard lock(mutex);
        lines.push_back(line);
      });
  paid.to("seen", [&](const payment& p) { ++seen[p.card]; });  // one task
  const int status = run_on_either_engine(argc, argv, "Cards that pay too often.", builder.build());
  for (const auto& line : lines) std::cout << line << '\n';
  std::cout << seen.size() << " cards paid, card 1042 " << seen["1042"] << " times\n";
  return status;
}
