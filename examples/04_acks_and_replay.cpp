// What becomes of a message that fails: replay, and in the end a dead letter.
//
// Look at: order 3 fails twice and succeeds at the third attempt; order 5 is poison, fails every time and ends among
// the dead letters, while all others pass it. At the end the counters of the spout add up: emitted = acked + failed.
// With guarantee::best_effort nothing would be tried again; try it.
#include <chrono>
#include <freshet/freshet.hpp>
#include <iostream>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

using namespace std::chrono_literals;

struct order {
  int id = 0;
  double price = 0;
};

// A payment service that has bad days.
struct pay {
  std::map<int, int> attempts;  // a member: for the printout; what must survive would be `state`

  void process(const order& o, freshet::emitter<order>& out) {
    const int n = ++attempts[o.id];
    if (o.price < 0) throw std::invalid_argument("a negative price");
    if (o.id == 3 && n < 3) throw std::runtime_error("the payment service does not answer");
    std::cout << "order " << o.id << " paid at attempt " << n << "\n";
    out.emit(o);
  }
};

int main() {
  freshet::topology_builder builder("payments");
  auto orders =
      builder.spout("orders", freshet::vector_spout<order>{{{1, 10}, {2, 20}, {3, 30}, {4, 40}, {5, -50}, {6, 60}}});
  auto paid = builder.bolt("pay", pay{}).input(orders);
  builder.sink("ship", [](const order& o) { std::cout << "order " << o.id << " shipped\n"; }).input(paid);
  builder
      .sink("report",
            [](const freshet::dead_letter& d) {
              std::cout << "dead letter: " << d.node << " after " << d.attempts << " attempts: " << d.error
                        << " (position " << d.positions.at(0).offset << ")\n";
            })
      .input(builder.dead_letters());

  const freshet::event_executor executor{{
      .guarantee = freshet::guarantee::at_least_once, .retry = {.max_attempts = 4, .first = 5ms},  // then 10 ms, 20 ms
  }};
  auto run = executor.start(builder.build());
  const freshet::drain_on_signals guard{run};
  run.wait();

  const auto m = run.metrics().node("orders");
  std::cout << "emitted " << m.emitted << ", acked " << m.acked << ", failed " << m.failed << ", replayed "
            << m.replayed << "\n";
}
