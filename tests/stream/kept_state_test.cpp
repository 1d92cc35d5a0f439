// What operators keep of the past, while they run: as much as time asks for, whatever has gone through them, and the
// metrics say how much that is.
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "freshet/stream/aggregates.hpp"
#include "freshet/testing/topology_driver.hpp"
#include "stream/timed_run.hpp"

namespace freshet {
namespace {

using namespace samples;
using namespace std::chrono_literals;

constexpr auto bound = 10ms, span = 20ms;
using read = stream<reading>;
constexpr auto pair_of = [](const reading& l, const reading& r) { return l.value + r.value; };
constexpr auto left_of = [](const reading& l, const reading* r) { return r ? l.value + r->value : l.value; };
bool is_any(const reading&) { return true; }
struct last_value {
  using state = std::int64_t;
  std::int64_t process(const reading& r, state& last) const { return std::exchange(last, r.value); }
};

/// Wires a node "kept" behind one spout or two.
struct keeper {
  const char* name;
  std::function<void(const read& left, const read& right)> wire;
  bool has_rows = true;  ///< and not only what is made of them
  std::size_t left = 0;  ///< keys at the end of the input
};
template <class T>
void end(const stream<T>& made) {
  made.to("out", [](const T&) {});
}
auto keyed(const read& in) { return in.key_by(&reading::key); }

std::vector<keeper> keepers() {
  return {
      {"tumbling", [](auto& l, auto&) { end(keyed(l).window(tumbling{span}).count("kept")); }, false},
      {"hopping",
       [](auto& l, auto&) {
         end(keyed(l).window(hopping{span, 5ms}).count("kept"));
       },
       false},
      {"early",
       [](auto& l, auto&) {
         end(keyed(l).window(hopping{span, 5ms}, {.early = {.every_tuples = 2}}).count("kept"));
       },
       false},
      {"on_the_way",
       [](auto& l, auto&) {
         end(keyed(l).window(hopping{span, 5ms}, {.early = {.every = 3ms}, .late_results = true}).count("kept"));
       },
       false},
      {"sessions", [](auto& l, auto&) { end(keyed(l).window(sessions{span}).count("kept")); }, false},
      {"collect",
       [](auto& l, auto&) { end(keyed(l).window(tumbling{span}).aggregate("kept", aggregates::collect<reading>{})); }},
      {"deduplicate", [](auto& l, auto&) { end(keyed(l).ordered().deduplicate("kept", span)); }},
      {"pattern",
       [](auto& l, auto&) {
         end(keyed(l).ordered().pattern("kept", pattern<reading>{is_any}.followed_by(is_any).within(span)));
       }},
      {"interval_join",
       [](auto& l, auto& r) {
         end(keyed(l).interval_join("kept", keyed(r), between{-span, span}, pair_of));
       }},
      {"window_join", [](auto& l, auto& r) { end(keyed(l).window_join("kept", keyed(r), tumbling{span}, pair_of)); }},
      {"co_group",
       [](auto& l, auto& r) {
         end(keyed(l).co_group("kept", keyed(r), hopping{span, span}));
       }},
      {"time_to_live",
       [](auto& l, auto&) { end(keyed(l).process("kept", last_value{}, {.state_ttl = {.after = span}})); }, false, 100},
      {"as_of_join",
       [](auto& l, auto& r) {
         end(keyed(l).as_of_join("kept", keyed(r), as_of{span}, left_of, {.kind = join_kind::left}));
       }},
  };
}

class kept_state : public ::testing::TestWithParam<std::size_t> {
 protected:
  kept_state() : of(keepers()[GetParam()]), graph(wired(of)) {}
  static topology wired(const keeper& of) {
    stream_builder b{of.name};
    const auto spout = [&](const char* name) {
      return b.spout(name, vector_spout<reading>{{}}).event_time(&reading::at, {.bound = bound});
    };
    const auto left = spout("left"), right = spout("right");
    of.wire(left, right);
    right.to("unused", [](const reading&) {});
    return b.build();
  }
  static task_metrics kept(testing::topology_driver& driver) { return driver.metrics().node("kept"); }

  keeper of;
  topology graph;
};
INSTANTIATE_TEST_SUITE_P(, kept_state, ::testing::Range<std::size_t>(0, keepers().size()),
                         [](const auto& of) { return std::string(keepers()[of.param].name); });

/// Each row has a key of its own, so what is not forgotten would be seen.
TEST_P(kept_state, is_that_of_the_time_that_is_not_over) {
  testing::topology_driver driver{graph};
  for (int i = 0; i < 1000; ++i) {
    const reading row{std::to_string(i), ms(i), i};
    driver.push("left", row);
    driver.push("right", row);
    ASSERT_LE(kept(driver).state_rows, 100u) << i;
    if (i == 500) { EXPECT_GT(kept(driver).state_rows, 0u); }
  }
  driver.finish();
  EXPECT_LE(kept(driver).state_rows, of.left);
}

TEST_P(kept_state, is_as_large_as_the_metrics_say) {
  if (!of.has_rows) return;
  testing::topology_driver driver{graph};
  constexpr int rows = 2000;
  for (int i = 0; i < rows; ++i) {
    driver.push("left", reading{"k", ms(i % 10), i});
    driver.push("right", reading{"k", ms(i % 10), i});
  }
  // Deduplication and patterns wait for the time of their rows, joins for their partners, windows for their end.
  EXPECT_GE(kept(driver).state_bytes, rows * sizeof(reading) / 2);
}

}  // namespace
}  // namespace freshet
