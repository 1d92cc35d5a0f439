#include <gtest/gtest.h>

#include "freshet/stream/keyed_joins.hpp"
#include "freshet/stream/ordered_stream.hpp"
#include "stream/timed_run.hpp"

// Times that a stream may well have once: at the ends of what there is, and none at all.
namespace freshet {
namespace {

using namespace samples;
using namespace std::chrono_literals;

class edge_times : public on_every_engine {};
INSTANTIATE_TEST_SUITE_P(, edge_times, ::testing::ValuesIn(every_engine()), name_of_engine);

/// Nobody ever says how far time has come: the end of the input does.
TEST_P(edge_times, a_watermark_that_never_comes_leaves_windows_to_the_end) {
  const auto nobody = [](event_time, const reading&) { return std::optional<event_time>{}; };
  const auto in = builder.spout("readings", vector_spout<reading>{{{"a", ms(500)}, {"a", ms(5)}, {"b", ms(7)}}})
                      .event_time(&reading::at, punctuated{nobody});
  const auto w = in.key_by(&reading::key).window(tumbling{10ms}).count("n");
  EXPECT_EQ(rows(w), (std::vector<row>{{"a", 0, 10, 1}, {"a", 500, 510, 1}, {"b", 0, 10, 1}}));
}

TEST_P(edge_times, joins_find_partners_at_the_ends_of_time) {
  const auto first = first_event_time, last = last_event_time;
  const std::vector<reading> left{{"k", first, 1}, {"k", ms(0), 2}, {"k", last, 3}};
  const std::vector<reading> right{{"k", first, 10}, {"k", first + 5ms, 20}, {"k", last - 5ms, 30}, {"k", last, 40}};
  const auto side = [this](const char* name, const std::vector<reading>& all) {
    return builder.spout(name, vector_spout<reading>{all}).event_time(&reading::at).key_by(&reading::key);
  };
  const auto pair = [](const reading& l, const reading* r) { return l.value + (r ? r->value : 0); };
  collect_sink<std::int64_t> got;
  side("left", left)
      .interval_join("join", side("right", right), between{-5ms, 5ms}, pair, {.kind = join_kind::left})
      .to("pairs", got);
  run();
  EXPECT_EQ(sorted(got.take()), (std::vector<std::int64_t>{2, 11, 21, 33, 43}));
}

TEST_P(edge_times, duplicates_are_found_at_the_ends_of_time) {
  const auto first = first_event_time, last = last_event_time;
  const std::vector<reading> all{{"k", first, 1}, {"k", first + 5ms, 2}, {"k", first + 20ms, 3},
                                 {"k", ms(0), 4}, {"k", last - 5ms, 5},  {"k", last, 6}};
  collect_sink<std::int64_t> got;
  readings(all)
      .key_by(&reading::key)
      .ordered()
      .deduplicate("once", 10ms)
      .map("values", [](const reading& r) { return r.value; })
      .to("kept", got);
  run();
  EXPECT_EQ(got.take(), (std::vector<std::int64_t>{1, 3, 4, 5}));
}

}  // namespace
}  // namespace freshet
