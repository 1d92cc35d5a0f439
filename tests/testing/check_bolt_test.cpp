#include "freshet/testing/check_bolt.hpp"

#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "freshet/base/random.hpp"
#include "freshet/core/fields.hpp"
#include "freshet/stream/aggregates.hpp"
#include "freshet/stream/interval_join.hpp"
#include "freshet/stream/session_bolt.hpp"

namespace {
using namespace freshet;
using freshet::testing::check_bolt;
using freshet::testing::harness_options;
using namespace std::chrono_literals;

constexpr event_time at(std::int64_t ms) { return event_time{std::chrono::milliseconds{ms}}; }

struct reading {
  std::string key;
  std::int64_t value = 0;
};
constexpr auto by_key = key_grouping{&reading::key};

/// Random readings, with timers called in between.
void random_steps(auto& harness) {
  random_source random(7);
  for (std::int64_t i = 0; i < 200; ++i) {
    harness.process({std::string(1, static_cast<char>('a' + random.below(4))), i}, at(i * 10));
    if (random.chance(0.1)) harness.advance_watermark(at(i * 10 - 50));
  }
  harness.advance_watermark(end_of_time);
}

/// Whatever is in the state goes on after a snapshot, timers among it.
struct running_sum {
  struct state {
    std::int64_t sum = 0;
    std::vector<std::int64_t> latest;
  };
  void process(const reading& r, state& s, timers& t, emitter<std::int64_t>& out) {
    s.sum += r.value;
    s.latest.push_back(r.value);
    t.set(0, out.time() + 100ms);
    out.emit(s.sum);
  }
  void on_timer(const std::string&, event_time, state& s, timers&, emitter<std::int64_t>& out) {
    for (auto v : s.latest) out.emit(v);
    s.latest.clear();
  }
};

TEST(check_bolt, is_content_with_a_bolt_whose_state_is_its_state) {
  EXPECT_EQ(check_bolt(running_sum{}, by_key, [](auto& h) { random_steps(h); }), "");
}

/// A memory that no engine knows of.
struct sum_in_a_member {
  std::int64_t process(const reading& r) { return sum += r.value; }
  std::int64_t sum = 0;
};

TEST(check_bolt, finds_what_a_bolt_keeps_in_members) {
  const auto two = [](auto& h) {
    h.process({"a", 3}, at(7));
    h.process({"a", 4}, at(8));
  };
  EXPECT_EQ(check_bolt(sum_in_a_member{}, forward_grouping{}, two),
            "with a snapshot between any two calls: the main output gives 4 at 8 ms, stamp none in place 2, and "
            "otherwise 7 at 8 ms, stamp none");
}

/// Its codec forgets a field.
class forgetful {
 public:
  std::int64_t count = 0, sum = 0;
  friend auto freshet_fields(forgetful& f) { return std::tie(f.count); }
};
struct late_mean : side_output<std::int64_t, "mean"> {};
struct mean {
  using state = forgetful;
  void process(const reading& r, state& s, emitter<std::int64_t, late_mean>& out) {
    ++s.count;
    s.sum += r.value;
    out.emit(s.count);
    out.emit<late_mean>(s.sum / s.count);
  }
};

TEST(check_bolt, finds_what_a_codec_forgets) {
  const auto two = [](auto& h) {
    h.process({"a", 4});
    h.process({"a", 8});
  };
  EXPECT_EQ(check_bolt(mean{}, by_key, two),
            "with a snapshot between any two calls: output \"mean\" gives 4 at 0 ms, stamp none in place 2, and "
            "otherwise 6 at 0 ms, stamp none");
}

struct unbalanced {
  std::int64_t value = 0;
};
}  // namespace
template <>
struct freshet::codec<unbalanced> {
  static constexpr std::uint32_t version = 1;
  static void write(writer& w, const unbalanced& u) {
    w.raw(u.value);
    w.raw(u.value);
  }
  static void read(reader& r, unbalanced& u, std::uint32_t) { u.value = r.raw<std::int64_t>(); }
};
namespace {

struct with_unbalanced {
  using state = unbalanced;
  std::int64_t process(const reading& r, state& s) { return s.value += r.value; }
};

TEST(check_bolt, finds_a_codec_that_reads_other_than_it_writes) {
  EXPECT_EQ(check_bolt(with_unbalanced{}, by_key,
                       [](auto& h) {
                         h.process({"a", 4});
                       }),
            "with a snapshot between any two calls: bolt \"bolt\": its state (unbalanced) can't be read back as it was "
            "written: what its codec reads isn't what it writes");
}

/// Tells where it is called a second time: with the number of calls.
struct impatient {
  std::shared_ptr<int> calls = std::make_shared<int>(0);
  int process(const reading&) { return ++*calls; }
};

TEST(check_bolt, compares_every_way_with_the_plain_one) {
  // Copies share the counter, so the second run already differs: whatever is compared is really run.
  EXPECT_THAT(check_bolt(impatient{}, forward_grouping{},
                         [](auto& h) {
                           h.process({"a", 1});
                         }),
              ::testing::StartsWith("with a snapshot between any two calls: the main output gives 2"));
}

TEST(check_bolt, lets_through_what_fails_without_its_doing) {
  const auto fails = [](auto& h) { h.process({"a", 1}); };
  EXPECT_THROW(
      (void)check_bolt([](const reading&) -> int { throw std::runtime_error("always"); }, forward_grouping{}, fails),
      run_error);
}

// --- bolts of the library ---

TEST(check_bolt, sessions_survive) {
  const auto value = &reading::value;
  const aggregates::sum total{value};
  const auto key = &reading::key;
  const session_bolt<reading, decltype(key), std::string, decltype(total)> bolt{
      key, sessions{event_span{35}}, total, {.allowed_lateness = event_span{20}}};
  EXPECT_EQ(check_bolt(bolt, by_key, [](auto& h) { random_steps(h); }), "");
}

TEST(check_bolt, joins_survive) {
  const auto both = [](const reading* l, const reading* r) { return (l ? l->value : -1) * 1000 + (r ? r->value : -1); };
  using join = interval_join_bolt<reading, reading, std::string, decltype(both)>;
  const join bolt{{event_span{-40}, event_span{60}}, event_span{10}, both};
  EXPECT_EQ(check_bolt(bolt, by_key,
                       [](auto& h) {
                         h.template input<&join::on_left>(by_key);
                         h.template input<&join::on_right>(by_key);
                         random_source random(3);
                         for (std::int64_t i = 0; i < 300; ++i) {
                           const reading r{std::string(1, static_cast<char>('a' + random.below(3))), i};
                           const auto time = at(i * 5 + static_cast<std::int64_t>(random.below(60)));
                           if (random.chance(0.5)) h.template process<&join::on_left>(r, time, at(i * 5 - 10));
                           else h.template process<&join::on_right>(r, time, at(i * 5 - 10));
                           if (random.chance(0.1)) h.advance_watermark(at(i * 5 - 10));
                         }
                         h.advance_watermark(end_of_time);
                         EXPECT_GT(h.output().values.size(), 300u);
                       }),
            "");
}

}  // namespace
