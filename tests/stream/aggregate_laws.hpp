#pragma once
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "freshet/base/random.hpp"
#include "freshet/core/codec.hpp"
#include "freshet/stream/aggregate.hpp"

// What every aggregate of the library must keep to, for the tests of each.
namespace freshet {

template <class A, class T>
accumulator_t<A> added(const A& a, const std::vector<T>& values) {
  auto acc = started(a);
  for (const T& v : values) a.add(acc, v);
  return acc;
}

/// Written and read back.
template <class Acc>
Acc round_trip(const Acc& acc) {
  writer w;
  codec<Acc>::write(w, acc);
  reader r(w.data());
  Acc copy{};
  codec<Acc>::read(r, copy, codec_version<Acc>);
  EXPECT_TRUE(!r.failed() && r.left() == 0);
  return copy;
}

/// Cuts the values into runs, adds each to an accumulator of its own and merges neighbours in a random order, as
/// associativity allows; some of the accumulators are written and read back on the way. `same(result, result)`.
template <class A, class T, class Same>
void expect_merges(const A& a, const std::vector<T>& values, Same&& same, std::uint64_t seed) {
  static_assert(mergeable_aggregate<A> && durable<accumulator_t<A>>);
  random_source random(seed);
  std::vector<accumulator_t<A>> parts(1, started(a));
  for (const T& v : values) {
    while (random.chance(0.2)) parts.push_back(started(a));  // some stay empty
    a.add(parts.back(), v);
  }
  while (parts.size() > 1) {
    const auto i = random.below(parts.size() - 1);
    if (random.chance(0.2)) parts[i] = round_trip(parts[i]);
    a.merge(parts[i], parts[i + 1]);
    parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(i) + 1);
  }
  EXPECT_TRUE(same(result_of(a, parts[0]), result_of(a, added(a, values)))) << "seed " << seed;
}
template <class A, class T>
void expect_merges(const A& a, const std::vector<T>& values) {
  for (std::uint64_t seed = 0; seed < 50; ++seed)
    expect_merges(
        a, values, [](const auto& x, const auto& y) { return x == y; }, seed);
}

}  // namespace freshet
