// expect: the order of a join is no comparison of two tuples but  by(const R&),  or a pointer to member
#include "freshet/freshet.hpp"

struct trade {
  int share = 0;
  freshet::event_time at{};
};
struct quote {
  int share = 0, number = 0, cents = 0;
  freshet::event_time at{};
};

int main() {
  freshet::stream_builder builder{"x"};
  const auto trades = builder.spout("trades", freshet::vector_spout<trade>{{}}).event_time(&trade::at);
  const auto quotes = builder.spout("quotes", freshet::vector_spout<quote>{{}}).event_time(&quote::at);
  const auto price = [](const trade&, const quote& q) { return q.cents; };
#ifdef GOOD
  const auto order = &quote::number;
#else
  const auto order = [](const quote& a, const quote& b) { return a.number < b.number; };
#endif
  trades.key_by(&trade::share).as_of_join("priced", quotes.key_by(&quote::share), freshet::as_of{}, price, {}, order);
}
