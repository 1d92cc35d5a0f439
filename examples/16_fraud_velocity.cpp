// A rule with timers: a card that pays more than three times within ten minutes is blocked, and free again an hour
// after its last payment.
//
// Look at the bolt: its state and its timers belong to the card of the payment at hand. `ordered` lets it see payments
// and timers in the order of their times, so the answer is the same whenever, and however fast, the payments are read.
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

int main(int argc, char** argv) {
  std::vector<payment> payments;
  for (int minute : {0, 30, 31, 33, 38, 39, 70, 160}) {
    payments.push_back({"4711", freshet::event_time{std::chrono::minutes(minute)}, 990});
    if (minute % 10 == 0) payments.push_back({"0815", freshet::event_time{std::chrono::minutes(minute)}, 5000});
  }
  freshet::stream_builder builder{"fraud"};
  const auto notices = builder.spout("payments", freshet::vector_spout<payment>{payments})
                           .event_time(&payment::at, freshet::ascending{})
                           .key_by(&payment::card)
                           .ordered()  // payments and timers in one order
                           .process("velocity", velocity_rule{}, {.parallelism = 2});
  std::mutex mutex;
  std::vector<std::string> lines;
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
  const int status = run_on_either_engine(argc, argv, "Cards that pay too often.", builder.build());
  for (const auto& line : lines) std::cout << line << '\n';
  return status;
}
