// expect: what deletes a row of a table is  bool f(const R&),  or a pointer to member
#include "freshet/freshet.hpp"

struct sale {
  int currency = 0;
  freshet::event_time at{};
};
struct rate {
  int currency = 0, cents = 0;
  bool is_gone = false;
  freshet::event_time at{};
};

int main() {
  freshet::stream_builder builder{"x"};
  const auto sales = builder.spout("sales", freshet::vector_spout<sale>{{}}).event_time(&sale::at);
  const auto rates = builder.spout("rates", freshet::vector_spout<rate>{{}}).event_time(&rate::at);
  const auto price = [](const sale&, const rate& r) { return r.cents; };
#ifdef GOOD
  const auto deletes = &rate::is_gone;
#else
  const auto deletes = [](int currency) { return currency == 0; };
#endif
  sales.key_by(&sale::currency)
      .join_table("rated", rates.key_by(&rate::currency), price, {}, freshet::table_changes{deletes});
}
