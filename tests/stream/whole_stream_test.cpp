#include "freshet/stream/whole_stream.hpp"

#include <array>

#include "freshet/stream/aggregates.hpp"
#include "stream/join_scene.hpp"

namespace freshet::joins {
namespace {

using ranked = std::array<int, 2>;  // a rank, of which there are few, and an id
struct top_row {
  int key = 0;  // 0: of the whole stream
  window of{};
  std::vector<ranked> top;
  friend auto operator<=>(const top_row&, const top_row&) = default;
  friend std::ostream& operator<<(std::ostream& out, const top_row& r) {
    out << "key " << r.key << ", window from " << r.of.start.time_since_epoch().count() << ":";
    for (const auto& [rank, id] : r.top) out << ' ' << rank << '/' << id;
    return out;
  }
};
int rank_of(const ranked& r) { return r[0]; }
int key_of(const ranked& r) { return 1 + r[1] % 3; }

/// All windows of all rows that are in time for them.
template <class Windows>
std::vector<top_row> model(const side& in, const Windows& windows, event_span lateness, std::size_t n, bool is_keyed) {
  std::map<std::pair<int, window>, std::vector<ranked>> all;
  for (const auto& s : in.with_stamps())
    for_each_window(windows, s.e.time, [&](const window& w) {
      const ranked r{s.e.key, s.e.id};
      if (!is_late(w, lateness, s.stamp)) all[{is_keyed ? key_of(r) : 0, w}].push_back(r);
    });
  std::vector<top_row> rows;
  for (auto& [of, values] : all) {
    std::sort(values.begin(), values.end(),
              [](const ranked& a, const ranked& b) { return a[0] != b[0] ? a[0] > b[0] : a[1] < b[1]; });
    values.resize(std::min(values.size(), n));
    rows.push_back({of.first, of.second, values});
  }
  return rows;
}

template <class Windows>
void gives_the_top(random_source& random, const Windows& windows, const std::string& what) {
  const scene s(random);
  const auto n = 1 + random.below(4);
  for (auto by : engines) {
    auto w = way::random(by, random, "top");
    // What fails in one of the two comes again with its message, and is in the other then twice.
    if (by == engine::at_least_once) w.faults = nullptr;
    stream_builder b{"tops"};
    const auto in = read(b, "events", s.left, w.max_batch).map("ranked", [](const event& e) {
      return ranked{e.key, e.id};
    });
    collect_sink<top_row> of_all, by_key;
    const window_options options{.allowed_lateness = s.lateness};
    in.window(windows, options)
        .top_n("top of all", n, rank_of)
        .map("rows",
             [](const auto& t) {
               return top_row{0, t.window, t.value};
             })
        .to("of all", of_all);
    in.key_by(key_of)
        .window(windows, options)
        .top_n("top", n, rank_of, {.parallelism = w.parallelism})
        .map("rows by key",
             [](const auto& t) {
               return top_row{t.key, t.window, t.value};
             })
        .to("by key", by_key);
    w.run(b.build());
    auto got = of_all.take(), got_by_key = by_key.take();
    std::sort(got.begin(), got.end());
    std::sort(got_by_key.begin(), got_by_key.end());
    ASSERT_EQ(got, model(s.left, windows, s.lateness, n, false)) << what << w.text();
    ASSERT_EQ(got_by_key, model(s.left, windows, s.lateness, n, true)) << what << w.text();
  }
}

TEST(whole_stream, top_n_of_random_windows_is_what_sorting_gives) {
  for (std::uint64_t seed = 0; seed < seeds_up_to(80); ++seed) {
    random_source random(seed);
    const auto size = ms(1 + static_cast<std::int64_t>(random.below(30)));
    const auto what = "seed " + std::to_string(seed) + ", ";
    if (random.chance(0.5)) gives_the_top(random, tumbling{size}, what);
    else gives_the_top(random, hopping{size, ms(1 + size.count() / 3)}, what);
    if (HasFatalFailure()) return;
  }
}

TEST(whole_stream, top_of_counts) {
  // 3 of key 1, 2 of key 2 and 1 of key 3 in the first window; one of key 3 in the second.
  side in{{{}}, ms(10)};
  int id = 0;
  for (int key : {1, 2, 1, 3, 2, 1}) in.partitions[0].push_back({key, at(id), id}), ++id;
  in.partitions[0].push_back({3, at(12), id});
  for (auto by : engines) {
    stream_builder b{"tops"};
    collect_sink<windowed<whole_stream, std::vector<windowed<int, std::uint64_t>>>> got;
    read(b, "events", in, 3)
        .key_by(&event::key)
        .window(tumbling{ms(10)})
        .count("counts", {.parallelism = 3})
        .window(tumbling{ms(10)})
        .top_n("top", 2, &windowed<int, std::uint64_t>::value)
        .to("got", got);
    way{.by = by}.run(b.build());
    auto windows = got.take();
    ASSERT_EQ(windows.size(), 2u);
    std::sort(windows.begin(), windows.end(), [](auto& x, auto& y) { return x.window < y.window; });
    ASSERT_EQ(windows[0].value.size(), 2u);
    EXPECT_EQ(windows[0].window, (window{at(0), at(10)}));
    EXPECT_EQ(windows[0].value[0].key, 1);
    EXPECT_EQ(windows[0].value[0].value, 3u);
    EXPECT_EQ(windows[0].value[1].key, 2);
    ASSERT_EQ(windows[1].value.size(), 1u);
    EXPECT_EQ(windows[1].value[0].key, 3);
  }
}

TEST(whole_stream, has_count_windows_too) {
  stream_builder b{"tops"};
  collect_sink<int> sums;
  read(b, "events", {{{{1, at(0), 5}, {2, at(1), 6}, {3, at(2), 7}}}}, 3)
      .window(tumbling_count{2})
      .aggregate("sums", aggregates::sum{&event::id})
      .map("values", [](const auto& w) { return static_cast<int>(w.value); })
      .to("sums out", sums);
  way{}.run(b.build());
  EXPECT_EQ(sums.take(), std::vector<int>{11});
}

TEST(whole_stream, is_one_task_and_has_a_top) {
  stream_builder b{"tops"};
  const auto windows = read(b, "events", {{{}}}, 1).window(tumbling{ms(10)});
  windows.count("counts", {.parallelism = 3}).to("a", [](const windowed<whole_stream, std::uint64_t>&) {});
  windows.top_n("none", 0, &event::id).to("b", [](const windowed<whole_stream, std::vector<event>>&) {});
  try {
    b.build();
    FAIL() << "it was built";
  } catch (const topology_error& e) {
    ASSERT_EQ(e.mistakes().size(), 2u);
    EXPECT_NE(e.mistakes()[0].find("windows of a whole stream, which are one task, and parallelism 3"),
              std::string::npos);
    EXPECT_NE(e.mistakes()[1].find("asks for the top 0 of each window"), std::string::npos);
  }
}

}  // namespace
}  // namespace freshet::joins
