#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "differential/time/promise.hpp"
#include "differential/time/shrink.hpp"

// The loop over the seeds of a case, for scenes of any kind: a scene has `rows`, and a text for people by `described`.
namespace freshet::differential {

inline std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

/// The scene with fewer rows, that still fails. Threads take turns as they like, so a run is given three chances.
template <class Scene, class WrongWith>
Scene shortest(Scene scene, WrongWith&& wrong_with) {
  scene.rows = shrunk(scene.rows, [&](const timed_rows& rows) {
    auto smaller = scene;
    smaller.rows = rows;
    for (int chance = 0; chance < 3; ++chance)
      if (!wrong_with(std::as_const(smaller)).empty()) return true;
    return false;
  });
  return scene;
}

/// A part of a promise's seeds, so that parts run side by side: as many as FRESHET_SEEDS says, or `usual`; or the one
/// that is FRESHET_SEED. No two parts have a seed in common, whatever they promise: what is shown grows with the
/// scenes.
using part_of_promise = std::tuple<promise, std::uint64_t>;
inline constexpr std::uint64_t parts_of_each = 3;
inline std::uint64_t number_of(const part_of_promise& of) {
  const auto& [kept, part] = of;
  const auto which = std::find_if(std::begin(promises), std::end(promises),
                                  [name = std::string_view(kept.name)](const promise& p) { return name == p.name; });
  return static_cast<std::uint64_t>(which - std::begin(promises)) * parts_of_each + part;
}
template <class MakeScene, class WrongWith>
void compare_seeds(const part_of_promise& of, std::uint64_t usual, MakeScene&& make_scene, WrongWith&& wrong_with) {
  const auto& [kept, part] = of;
  const auto only = number_from("FRESHET_SEED", 0), each = number_from("FRESHET_SEEDS", usual);
  std::uint64_t seeds = 0, differences = 0;
  const auto first = only ? only : 1 + number_of(of) * each;
  for (auto seed = first; seed < (only ? only + 1 : first + each); ++seed, ++seeds) {
    const auto scene = make_scene(seed);
    const auto wrong_with_it = [&, run_seed = seed * 31 + part, kept = kept](const auto& s) {
      random_source random(run_seed);
      return wrong_with(s, kept, random);
    };
    const std::string wrong = wrong_with_it(scene);
    if (wrong.empty()) continue;
    ++differences;
    const auto least = shortest(scene, wrong_with_it);
    ADD_FAILURE() << described(scene) << '\n'
                  << wrong << "the shortest rows that fail:\n"
                  << described(least) << '\n'
                  << wrong_with_it(least);
    if (differences == 3) break;
  }
  std::printf("%s: seeds=%llu differences=%llu\n", kept.name, static_cast<unsigned long long>(seeds),
              static_cast<unsigned long long>(differences));
}

inline auto parts_of_promises() {
  return ::testing::Combine(::testing::ValuesIn(promises), ::testing::Range<std::uint64_t>(0, parts_of_each));
}
inline std::string name_of_part(const ::testing::TestParamInfo<part_of_promise>& of) {
  return std::string(std::get<0>(of.param).name) + "_" + std::to_string(std::get<1>(of.param));
}

}  // namespace freshet::differential
