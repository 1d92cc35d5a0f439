#pragma once
#include <gtest/gtest.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
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
/// that is FRESHET_SEED.
using part_of_promise = std::tuple<promise, std::uint64_t>;
template <class MakeScene, class WrongWith>
void compare_seeds(const part_of_promise& of, std::uint64_t usual, MakeScene&& make_scene, WrongWith&& wrong_with) {
  const auto& [kept, part] = of;
  const auto only = number_from("FRESHET_SEED", 0), each = number_from("FRESHET_SEEDS", usual);
  std::uint64_t seeds = 0, differences = 0;
  for (auto seed = only ? only : 1 + part * each; seed < (only ? only + 1 : 1 + (part + 1) * each); ++seed, ++seeds) {
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
  return ::testing::Combine(::testing::ValuesIn(promises), ::testing::Range<std::uint64_t>(0, 3));
}
inline std::string name_of_part(const ::testing::TestParamInfo<part_of_promise>& of) {
  return std::string(std::get<0>(of.param).name) + "_" + std::to_string(std::get<1>(of.param));
}

}  // namespace freshet::differential
