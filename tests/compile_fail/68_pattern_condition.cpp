// expect: a condition of a pattern is  bool f(const T&)  or  bool f(const T&, std::span<const T> so_far)
#include "freshet/freshet.hpp"

struct payment {
  std::string card;
  int cents = 0;
};

int main() {
  const auto is_small = [](const payment& p) { return p.cents < 100; };
#ifdef GOOD
  const auto is_larger = [](const payment& p, std::span<const payment> so_far) { return p.cents > so_far[0].cents; };
#else
  const auto is_larger = [](const payment& p, const payment& before) { return p.cents > before.cents; };
#endif
  const auto rising = freshet::pattern{is_small}.next(is_larger);
  return rising.steps().empty();
}
