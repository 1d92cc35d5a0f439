#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iostream>
#include <thread>

#include "base/error_of.hpp"
#include "core/memory_store.hpp"
#include "freshet/adaptive/adaptive_executor.hpp"
#include "freshet/runtime/restarting_executor.hpp"
#include "freshet/state/checkpoint_reader.hpp"
#include "freshet/state/list_state.hpp"
#include "freshet/state/map_state.hpp"
#include "freshet/stream/stream_builder.hpp"
#include "runtime/checkpoint_scene.hpp"

// Runs that go on from checkpoints whose states have the types of an older program.
namespace freshet {

// Types that two programs call alike: the namespace without a name is in no name that a person reads.
namespace programs {
struct counts {
  std::uint32_t first = 0, second = 0;
  long add(int v) { return first += static_cast<std::uint32_t>(v), ++second, first; }
};
struct place {
  std::int32_t digit = 0;
};
using old_counts = counts;
using old_place = place;
namespace {
struct counts {
  std::uint64_t all = 0;
  long add(int v) { return static_cast<long>(all += static_cast<std::uint64_t>(v)); }
};
struct place {
  std::int64_t digit = 0;
};
using new_counts = counts;
using new_place = place;
}  // namespace
}  // namespace programs

namespace {

using namespace checkpoint_tests;
using ::testing::HasSubstr;

constexpr int all_numbers = 240, half = 120;

/// The numbers from 0 on up to `until`, behind which they go on only if that is all there are.
class numbers_until {
 public:
  explicit numbers_until(int until) : until_(static_cast<std::uint64_t>(until)) {}
  std::vector<std::string> partitions() const { return {"all"}; }
  poll_status poll(spout_emitter<int>& out) {
    if (next_ == all_numbers) return poll_status::ended();
    if (next_ == until_) return poll_status::idle_until(std::chrono::steady_clock::now() + 100us);
    emit(next_++, out);
    return poll_status::emitted();
  }
  void read(const position_range& range, spout_emitter<int>& out) {
    for (auto i = range.from; i < range.to; ++i) emit(i, out);
  }
  void seek(const position& p) { next_ = p.offset; }
  void commit(const position&) {}

 private:
  static void emit(std::uint64_t i, spout_emitter<int>& out) { out.emit({0, i, i + 1}, static_cast<int>(i)); }
  std::uint64_t until_, next_ = 0;
};

/// What was added, and how often: so it was, and so it is.
struct tally_v1 {
  std::int32_t sum = 0;
  std::uint16_t times = 0;
  void add(int v) { sum += v, ++times; }
  void add(const tally_v1& t) { sum += t.sum, times = static_cast<std::uint16_t>(times + t.times); }
  long answer() const { return sum * 1000L + times; }
};
struct tally_v2 {
  std::int64_t sum = 0;
  std::uint64_t times = 0;
  static tally_v2 migrate(tally_v1 old) { return {old.sum, old.times}; }
  void add(int v) { sum += v, ++times; }
  long answer() const { return sum * 1000 + static_cast<long>(times); }
};
struct tally {
  std::string unit{};
  std::int64_t sum = 0;
  std::uint64_t times = 0;
  static tally migrate(tally_v2 old) { return {"one", old.sum, old.times}; }
  void add(int v) { sum += v, ++times; }
  void add(const tally& t) { sum += t.sum, times += t.times; }
  long answer() const { return sum * 1000 + static_cast<long>(times); }
};

struct digit_of {
  int operator()(int v) const { return v % 10; }
};
struct time_of {
  event_time operator()(int v) const { return event_time{event_span{v}}; }
};

// --- programs, with the older or the newer types ---

struct scene {
  std::shared_ptr<outside> world;
  int until = all_numbers;
};

template <class Tally>
struct sum_up {
  using state = Tally;
  row process(int v, state& s) {
    s.add(v);
    return {v % 10, s.answer()};
  }
};
template <class Tally, class G = key_grouping<digit_of>>
topology of_bolt(const scene& s) {
  topology_builder builder{"sums"};
  auto sums = builder.bolt("sums", sum_up<Tally>{}).input(builder.spout("numbers", numbers_until{s.until}), G{});
  builder.sink("out", epoch_sink{s.world}).input(sums);
  return builder.build();
}

template <class Tally>
struct tally_up {
  void add(Tally& t, const int& v) const { t.add(v); }
  void merge(Tally& into, const Tally& from) const { into.add(from); }
  long result(const Tally& t) const { return t.answer(); }
};
struct to_row {
  template <class R>
  row operator()(const R& r) const {
    if constexpr (std::is_same_v<decltype(r.value), long>) return {r.key, r.value};
    else return {r.key, r.value.answer()};
  }
};
template <class S>
topology finished(stream_builder& b, const S& results, const scene& s) {
  using result = typename S::value_type;
  results.map("rows", [](const result& r) { return to_row{}(r); }).to("out", epoch_sink{s.world});
  return b.build();
}
template <class Tally>
topology of_aggregate(const scene& s) {
  stream_builder b{"sums"};
  return finished(b, b.spout("numbers", numbers_until{s.until}).key_by(digit_of{}).aggregate("sums", tally_up<Tally>{}),
                  s);
}
template <class Tally>
topology of_reduce(const scene& s) {
  stream_builder b{"sums"};
  using digit = std::pair<int, Tally>;
  auto digits = b.spout("numbers", numbers_until{s.until}).map("digits", [](int v) {
    digit d{v % 10, {}};
    d.second.add(v);
    return d;
  });
  auto sums = digits.key_by(&digit::first).reduce("sums", [](const digit& so_far, const digit& next) {
    auto both = so_far;
    both.second.add(next.second);
    return both;
  });
  sums.map("rows",
           [](const keyed<int, digit>& k) {
             return row{k.key, k.value.second.answer()};
           })
      .to("out", epoch_sink{s.world});
  return b.build();
}
template <class Tally, class Windows>
topology of_window(const scene& s, Windows windows) {
  stream_builder b{"sums"};
  return finished(b,
                  b.spout("numbers", numbers_until{s.until})
                      .event_time(time_of{})
                      .key_by(digit_of{})
                      .window(windows)
                      .aggregate("sums", tally_up<Tally>{}),
                  s);
}

/// State of many parts.
template <class Tally>
struct sum_up_parts {
  struct state {
    map_state<int, Tally> by_tens{};
    list_state<Tally> all{};
    std::optional<std::pair<int, Tally>> newest{};
  };
  row process(int v, state& s) {
    auto& of_tens = s.by_tens[v / 50];
    of_tens.add(v);
    s.all.push_back({});
    s.all.modify(s.all.size() - 1).add(v);
    if (!s.newest) s.newest.emplace();
    s.newest->second.add(v);
    long sum = of_tens.answer() + 7 * s.newest->second.answer();
    for (const auto& t : s.all) sum += t.answer();
    return {v % 10, sum};
  }
};
template <class Tally>
topology of_parts(const scene& s) {
  topology_builder builder{"sums"};
  auto sums = builder.bolt("sums", sum_up_parts<Tally>{})
                  .input(builder.spout("numbers", numbers_until{s.until}), key_grouping{digit_of{}});
  builder.sink("out", epoch_sink{s.world}).input(sums);
  return builder.build();
}

/// The numbers change what all tasks have; nothing else comes, so that there is one order.
template <class Tally>
struct share {
  using state = Tally;
  struct broadcast {
    Tally all{};
  };
  using output = emitter<row>;
  void process(const int& v, state& s, const broadcast&, output&) { s.add(v); }
  void change(const int& v, broadcast& shared, output& out) {
    shared.all.add(v);
    out.emit({v, shared.all.answer()});
  }
};
template <class Tally>
topology of_broadcast(const scene& s) {
  topology_builder builder{"sums"};
  auto sums =
      builder.bolt("sums", share<Tally>{})
          .input(builder.spout("none", vector_spout<int>{{}}), key_grouping{digit_of{}})
          .template input<&share<Tally>::change>(builder.spout("numbers", numbers_until{s.until}), all_grouping{});
  builder.sink("out", epoch_sink{s.world}).input(sums);
  return builder.build();
}

template <class Tally>
struct sum_up_later {
  using state = Tally;
  using output = emitter<row>;
  void process(const int& v, state& s, timers& t, output&) {
    s.add(v);
    t.set(static_cast<std::uint64_t>(v / 30), event_time{event_span{v / 30 * 30 + 40}});
  }
  void on_timer(const int& key, event_time, state& s, timers&, output& out) { out.emit({key, s.answer()}); }
};
template <class Tally>
topology of_timers(const scene& s) {
  stream_builder b{"sums"};
  b.spout("numbers", numbers_until{s.until})
      .event_time(time_of{})
      .key_by(digit_of{})
      .ordered()  // so that it is no matter of engines what the timers see
      .process("sums", sum_up_later<Tally>{})
      .to("out", epoch_sink{s.world});
  return b.build();
}

/// Makes the topology of the older program, or of the newer one.
struct program {
  std::string name;
  std::function<topology(const scene&)> older, newer;
};
template <class Older>
std::vector<program> programs_since() {
  const auto windows = [](const std::string& name, auto w) {
    return program{name, [w](auto& s) { return of_window<Older>(s, w); },
                   [w](auto& s) { return of_window<tally>(s, w); }};
  };
  return {{"bolt", of_bolt<Older>, of_bolt<tally>},
          {"one state", of_bolt<Older, global_grouping>, of_bolt<tally, global_grouping>},
          {"aggregate", of_aggregate<Older>, of_aggregate<tally>},
          {"reduce", of_reduce<Older>, of_reduce<tally>},
          windows("tumbling", tumbling{30ms}),
          windows("hopping", hopping{60ms, 20ms}),
          windows("sessions", sessions{8ms}),
          {"parts", of_parts<Older>, of_parts<tally>},
          {"broadcast", of_broadcast<Older>, of_broadcast<tally>},
          {"timers", of_timers<Older>, of_timers<tally>}};
}

std::size_t rows_of(outside& world) {
  std::lock_guard lock(world.mutex);
  return world.visible.size();
}
/// What a program gives that nobody interrupts.
std::vector<row> whole(const program& p) {
  simulated_files files;
  const scene s{std::make_shared<outside>()};
  batches::in(files).start(p.older(s)).wait();
  return sorted(s.world->visible);
}
/// Waits until that many rows are committed; throws where the run has failed.
void wait_for_rows(topology_run& run, outside& world, std::size_t rows) {
  while (rows_of(world) < rows)
    if (run.status().state == run_state::failed) run.wait();
    else std::this_thread::yield();
}
/// Some of it, by the older program.
template <class Engine>
void begin(simulated_files& files, const program& p, const std::shared_ptr<outside>& world, wishes w = {}) {
  auto run = Engine::in(files, std::move(w)).start(p.older({world, half}));
  wait_for_rows(run, *world, 10);
  run.stop();
}

std::string layout_of_newest(simulated_files& files) {
  const auto known = checkpoint_reader{files, "/kept"}.epochs();
  std::string layout;
  if (!known) return layout;
  for (const auto& e : *known)
    for (const auto& n : e.manifest ? e.manifest->nodes : std::vector<checkpoint_node>{})
      if (n.name == "sums") layout = n.codec;
  return layout;
}

/// The engine of the older program, and that of the newer one.
template <class First, class Then>
struct lives {
  using first = First;
  using then = Then;
};
template <class Lives>
class runs_of_newer_types : public ::testing::Test {};
using all_lives =
    ::testing::Types<lives<batches, batches>, lives<events, events>, lives<batches, events>, lives<events, batches>>;
TYPED_TEST_SUITE(runs_of_newer_types, all_lives);

TYPED_TEST(runs_of_newer_types, go_on_with_the_states_of_older_ones) {
  for (const auto& p : programs_since<tally_v1>()) {
    SCOPED_TRACE(p.name);
    simulated_files files;
    const auto world = std::make_shared<outside>();
    begin<typename TypeParam::first>(files, p, world);
    ASSERT_LT(world->visible.size(), whole(p).size());
    TypeParam::then::in(files).start(p.newer({world})).wait();
    EXPECT_EQ(sorted(world->visible), whole(p));
  }
}

/// What is behind a full checkpoint is read as it was written: the newer run begins with a full one of its own.
TYPED_TEST(runs_of_newer_types, go_on_behind_every_crash_of_the_first_of_them) {
  const auto p = programs_since<tally_v1>().front();
  const auto wanted = whole(p);
  random_source random(5);
  std::shared_ptr<outside> world;
  std::uint64_t wrong = 0, unmoved = 0;
  const auto steps = testing::crash_at_every_step(
      random,
      [&](simulated_files& files) {
        world = std::make_shared<outside>();
        world->crash = [&files] { files.power_off(); };
        begin<typename TypeParam::first>(files, p, world);
        auto run = TypeParam::then::in(files).start(p.newer({world}));
        run.wait();
      },
      [&](simulated_files& files, std::uint64_t step) {
        unmoved += layout_of_newest(files) == "{i32 u16} by i32";
        TypeParam::then::in(files).start(p.newer({world})).wait();
        wrong += sorted(world->visible) != wanted;
        EXPECT_EQ(sorted(world->visible), wanted) << "power off at step " << step;
      },
      stride());
  std::cout << "runs_of_newer_types: steps=" << steps << " unmoved=" << unmoved << " wrong=" << wrong << "\n";
  EXPECT_GT(steps, 50u);
  EXPECT_GT(unmoved, 0u);
}

template <class Engine>
class newer_types : public ::testing::Test {};
using both_engines = ::testing::Types<batches, events>;
TYPED_TEST_SUITE(newer_types, both_engines);

TYPED_TEST(newer_types, are_of_states_in_a_store) {
  const auto p = programs_since<tally_v1>().front();
  const auto with_store = [] {
    wishes w;
    w.store = std::make_shared<testing::memory_backend>(1);  // no state may stay in memory
    return w;
  };
  simulated_files files;
  const auto world = std::make_shared<outside>();
  begin<TypeParam>(files, p, world, with_store());
  TypeParam::in(files, with_store()).start(p.newer({world})).wait();
  EXPECT_EQ(sorted(world->visible), whole(p));
}

TYPED_TEST(newer_types, are_of_a_run_that_is_started_again) {
  const auto p = programs_since<tally_v1>().front();
  for (std::uint64_t at = 4; at < 40; at += 4) {  // behind what the run before had left to commit
    simulated_files files;
    const auto world = std::make_shared<outside>();
    begin<TypeParam>(files, p, world);
    world->crash_at = world->calls + at;
    world->crash = [&world] { world->crash_at = ~std::uint64_t{0}; };  // once
    wishes w;
    w.attempts = 1;
    restarting_executor{TypeParam::in(files, w), {.first = 1us, .longest = 1us, .log = {}}}
        .start(p.newer({world}))
        .wait();
    EXPECT_EQ(sorted(world->visible), whole(p)) << "failed at call " << at;
  }
}

TYPED_TEST(newer_types, follow_one_another) {
  simulated_files files;
  const auto world = std::make_shared<outside>();
  const auto p = programs_since<tally_v1>().front();
  begin<TypeParam>(files, p, world);
  EXPECT_EQ(layout_of_newest(files), "{i32 u16} by i32");
  {
    auto run = TypeParam::in(files).start(of_bolt<tally_v2>({world, all_numbers - 40}));
    wait_for_rows(run, *world, half + 10);
    run.stop();
  }
  EXPECT_EQ(layout_of_newest(files), "{i64 u64} by i32");
  TypeParam::in(files).start(p.newer({world})).wait();
  EXPECT_EQ(layout_of_newest(files), "{text i64 u64} by i32");
  EXPECT_EQ(sorted(world->visible), whole(p));
}

TYPED_TEST(newer_types, go_on_from_an_older_savepoint_too) {
  const auto p = programs_since<tally_v1>().front();
  simulated_files files;
  const auto world = std::make_shared<outside>();
  std::uint64_t kept = 0;
  {
    auto run = TypeParam::in(files).start(p.older({world, half}));
    wait_for_rows(run, *world, 10);
    kept = run.savepoint();
    run.stop();
  }
  TypeParam::in(files).start(p.newer({world})).wait();
  ASSERT_EQ(sorted(world->visible), whole(p));
  const auto again = std::make_shared<outside>();
  wishes w;
  w.how.resume_from = kept;
  TypeParam::in(files, w).start(p.newer({again})).wait();
  const auto all = whole(p), got = sorted(again->visible);
  EXPECT_FALSE(got.empty());
  EXPECT_TRUE(std::includes(all.begin(), all.end(), got.begin(), got.end()));
}

TEST(newer_types_in_an_adaptive_executor, are_read_as_what_they_were) {
  const auto p = programs_since<tally_v1>().front();
  simulated_files files;
  const auto world = std::make_shared<outside>();
  begin<events>(files, p, world);
  event_options in_events;
  in_events.log = {};
  in_events.guarantee = guarantee::exactly_once;
  in_events.checkpoints = kept_in(files, {});
  batch_options in_batches;
  in_batches.interval = 1ms;
  in_batches.guarantee = guarantee::exactly_once;
  in_batches.log = {};
  in_batches.checkpoints = kept_in(files, {});
  adaptive_options how;
  how.log = {};
  adaptive_executor{in_events, in_batches, how}.start(p.newer({world})).wait();
  EXPECT_EQ(sorted(world->visible), whole(p));
}

// --- what is refused ---

/// A bolt by a key, of one name whichever program it is of.
template <class Counts, class Place>
struct count_by_place {
  using state = Counts;
  row process(int v, state& s) { return {v % 10, s.add(v)}; }
};
template <class Counts, class Place>
topology places(const scene& s) {
  topology_builder builder{"places"};
  const auto by = [](const int& v) { return Place{v % 10}; };
  auto sums = builder.bolt("sums", count_by_place<Counts, Place>{})
                  .input(builder.spout("numbers", numbers_until{s.until}), key_grouping{by});
  builder.sink("out", epoch_sink{s.world}).input(sums);
  return builder.build();
}
using programs::new_counts, programs::new_place, programs::old_counts, programs::old_place;

TYPED_TEST(newer_types, are_refused_where_nobody_says_what_becomes_of_the_old_ones) {
  ASSERT_EQ(readable_type_name<old_counts>(), readable_type_name<new_counts>());
  simulated_files files;
  const auto world = std::make_shared<outside>();
  begin<TypeParam>(files, {"", places<old_counts, int>, {}}, world);
  // The bytes would pass for the others.
  const auto newer = places<new_counts, int>({world});
  const auto said = error_of([&] { TypeParam::in(files).start(newer).wait(); });
  EXPECT_THAT(said, HasSubstr("bolt \"sums\" keeps freshet::programs::counts by int, whose bytes have changed: the "
                              "checkpoint has {u32 u32} by i32, and it is u64 by i32 now. Give what has changed a  "
                              "static T migrate(Old)"));
  EXPECT_THAT(said, HasSubstr("put \"sums\" into checkpoints.allow_dropped_state"));
  wishes w;
  w.how.allow_dropped_state = {"sums"};
  TypeParam::in(files, w).start(newer).wait();
  EXPECT_GE(world->visible.size(), static_cast<std::size_t>(half));
}

TYPED_TEST(newer_types, of_keys_are_refused) {
  ASSERT_EQ(readable_type_name<old_place>(), readable_type_name<new_place>());
  simulated_files files;
  const auto world = std::make_shared<outside>();
  begin<TypeParam>(files, {"", places<old_counts, old_place>, {}}, world);
  EXPECT_THAT(error_of([&] { TypeParam::in(files).start(places<old_counts, new_place>({world})).wait(); }),
              HasSubstr("bolt \"sums\" has keys of type freshet::programs::place, whose bytes have changed: the "
                        "checkpoint has i32, and it is i64 now. Keys can't be migrated"));
}

struct doubtful_tally : tally {
  friend auto freshet_fields(doubtful_tally& t) { return std::tie(t.sum); }
  static doubtful_tally migrate(const tally_v1&) { throw std::runtime_error("a sum of nobody knows what"); }
};

TYPED_TEST(newer_types, whose_migrate_throws_end_the_run_with_the_name_of_the_bolt) {
  simulated_files files;
  const auto world = std::make_shared<outside>();
  const auto p = programs_since<tally_v1>().front();
  begin<TypeParam>(files, p, world);
  EXPECT_THAT(error_of([&] { TypeParam::in(files).start(of_bolt<doubtful_tally>({world})).wait(); }),
              ::testing::AllOf(HasSubstr("the state of bolt \"sums\" in the checkpoint can't be read, in "),
                               HasSubstr("migrate has thrown a sum of nobody knows what")));
  TypeParam::in(files).start(p.newer({world})).wait();  // nothing is lost by it
  EXPECT_EQ(sorted(world->visible), whole(p));
}

/// Without anybody's saying so they may be anything.
struct renamed_tally : tally_v1 {
  friend auto freshet_fields(renamed_tally& t) { return std::tie(t.sum, t.times); }
};

TYPED_TEST(newer_types, of_the_same_bytes_and_another_name_are_refused) {
  simulated_files files;
  const auto world = std::make_shared<outside>();
  begin<TypeParam>(files, programs_since<tally_v1>().front(), world);
  EXPECT_THAT(error_of([&] { TypeParam::in(files).start(of_bolt<renamed_tally>({world})).wait(); }),
              ::testing::AllOf(HasSubstr("renamed_tally by int, and the checkpoint has"),
                               HasSubstr("give the type its name back")));
}

}  // namespace
}  // namespace freshet
