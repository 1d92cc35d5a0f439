// A join of two streams with several spouts, driven in random interleavings, against a nested loop.
#include "freshet/testing/topology_driver.hpp"
#include "stream/join_scene.hpp"

namespace freshet::joins {
namespace {

/// Pushes what the sides' partitions hold, each in its order and all of them mixed.
void push_all(testing::topology_driver& driver, const scene& s, random_source& random) {
  struct left_to_push {
    std::string spout;
    const std::vector<event>* events;
    std::size_t next = 0;
  };
  std::vector<left_to_push> all;
  const auto add = [&](const std::string& name, const side& from) {
    for (std::size_t p = 0; p < from.partitions.size(); ++p)
      all.push_back({name + std::to_string(p), &from.partitions[p]});
  };
  add("left", s.left);
  add("right", s.right);
  while (!all.empty()) {
    const auto at = static_cast<std::ptrdiff_t>(random.below(all.size()));
    auto& one = all[static_cast<std::size_t>(at)];
    if (one.next == one.events->size()) all.erase(all.begin() + at);
    else driver.push(one.spout, (*one.events)[one.next++]);
  }
}

std::vector<late_row> rows_of(const std::vector<late_tuple<event>>& late) {
  std::vector<late_row> rows;
  for (const auto& t : late) rows.push_back({t.value.id, t.time, t.stamp, t.reason});
  return rows;
}

answer drive(const scene& s, between reach, join_options options, guarantee promised, random_source& random) {
  options.parallelism = 1 + random.below(4);
  stream_builder b{"joins"};
  const auto joined = with_function_of(options.kind, [&](auto f) {
    const auto l = read(b, "left", s.left, 8), r = read(b, "right", s.right, 8);
    return l.key_by(&event::key).interval_join("join", r.key_by(&event::key), reach, f, options);
  });
  const auto see = [](const pair_row& p, emitter<pair_row>& out) {
    out.emit({p.left, p.right, out.time(), out.stamp()});
  };
  // In one chain with the join: what fails there is done again by both, and nothing comes twice.
  (void)joined.process("seen", see, {.parallelism = options.parallelism});
  auto faults = std::make_shared<testing::fault_plan>(random.below(1u << 30));
  faults->throw_at_random("join", 0.05, 12).throw_at_random("seen", 0.05, 12);
  testing::topology_driver driver{b.build(), {.guarantee = promised, .max_attempts = 100, .faults = faults}};
  auto& rows = driver.watch<pair_row>("seen");
  auto& left_late = driver.watch<late_tuple<event>>("join", "left_late");
  auto& right_late = driver.watch<late_tuple<event>>("join", "right_late");
  push_all(driver, s, random);
  driver.finish();
  EXPECT_TRUE(driver.dead_letters().empty());
  answer a{rows, rows_of(left_late), rows_of(right_late)};
  a.sort();
  return a;
}

TEST(driven_joins, random_interleavings_with_faults_give_what_a_nested_loop_gives) {
  for (std::uint64_t seed = 0; seed < seeds_up_to(60); ++seed) {
    random_source random(seed);
    const scene s(random);
    const between reach{ms(-20), ms(static_cast<std::int64_t>(random.below(30)))};
    const join_options options{.kind = static_cast<join_kind>(seed % 4), .allowed_lateness = s.lateness};
    const auto expected = nested_loop(s.left.with_stamps(), s.right.with_stamps(), reach, options);
    for (auto g : {guarantee::at_least_once, guarantee::exactly_once})
      ASSERT_EQ(difference(expected, drive(s, reach, options, g, random)), "")
          << "seed " << seed << ", " << to_string(g);
  }
}

}  // namespace
}  // namespace freshet::joins
