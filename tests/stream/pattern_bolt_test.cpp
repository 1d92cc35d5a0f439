#include "freshet/stream/pattern_bolt.hpp"

#include <set>

#include "stream/join_scene.hpp"

namespace freshet::joins {
namespace {

using contiguity = pattern_step::contiguity;

/// What a tuple is, by its id: 0 to 3.
unsigned symbol_of(const event& e) { return static_cast<unsigned>(mix64(static_cast<std::uint64_t>(e.id)) % 4); }

struct step {
  contiguity how = contiguity::first;
  unsigned symbols = 1;  ///< a bit each
  std::uint32_t times = 1;
  bool differs = false;  ///< from the tuple before it
  bool holds(const event& e, const event* before) const {
    return (symbols >> symbol_of(e) & 1) != 0 && !(differs && before && symbol_of(e) == symbol_of(*before));
  }
};
struct plan {
  std::vector<step> steps;
  event_span within{};
  after_match after = after_match::skip_past_last;
};
plan random_plan(random_source& random) {
  plan p{.steps = {},
         .within = ms(static_cast<std::int64_t>(random.below(25))),
         .after = random.chance(0.5) ? after_match::no_skip : after_match::skip_past_last};
  const auto some = [&] { return 1 + static_cast<unsigned>(random.below(15)); };
  const auto times = [&] { return random.chance(0.25) ? 2u : 1u; };
  p.steps.push_back({contiguity::first, some(), times()});
  for (auto n = random.below(4); n-- > 0;) {
    if (random.chance(0.4)) p.steps.push_back({contiguity::absent, 1u << random.below(4)});
    const bool may_be_next = p.steps.back().how != contiguity::absent;
    p.steps.push_back({may_be_next && random.chance(0.4) ? contiguity::next : contiguity::followed_by, some(), times(),
                       random.chance(0.2)});
  }
  if (random.chance(0.3)) p.steps.push_back({contiguity::absent, 1u << random.below(4)});
  return p;
}
pattern<event> pattern_of(const plan& p) {
  pattern<event> made{[s = p.steps[0]](const event& e) { return s.holds(e, nullptr); }};
  if (p.steps[0].times > 1) made = made.times(p.steps[0].times);
  for (std::size_t k = 1; k < p.steps.size(); ++k) {
    const auto holds = [s = p.steps[k]](const event& e, std::span<const event> so_far) {
      return s.holds(e, &so_far.back());
    };
    made = p.steps[k].how == contiguity::next          ? made.next(holds)
           : p.steps[k].how == contiguity::followed_by ? made.followed_by(holds)
                                                       : made.not_followed_by(holds);
    if (p.steps[k].times > 1) made = made.times(p.steps[k].times);
  }
  return made.within(p.within).after(p.after);
}

/// One match: its ids, when it began and ended, and its stamp.
struct found {
  std::vector<int> ids;
  event_time began{}, ended{}, stamp{};
  friend auto operator<=>(const found&, const found&) = default;
  friend std::ostream& operator<<(std::ostream& out, const found& f) {
    for (int id : f.ids) out << id << ' ';
    return out << "from " << f.began.time_since_epoch().count() << " to " << f.ended.time_since_epoch().count()
               << ", stamp " << f.stamp.time_since_epoch().count();
  }
};

/// The tuples of one key in order, and whether some of them are a match: said of all their places at once.
class matcher {
 public:
  matcher(const plan& p, std::vector<stamped> tuples) : plan_(p), tuples_(std::move(tuples)) {
    for (std::size_t k = 0; k < p.steps.size(); ++k)
      if (p.steps[k].how != contiguity::absent) step_of_.insert(step_of_.end(), p.steps[k].times, k);
  }
  /// Tries every choice of places.
  std::vector<found> all() {
    if (step_of_.size() <= tuples_.size()) choose({}, 0);
    return without_skipped();
  }

 private:
  using places = std::vector<std::size_t>;
  struct whole_match {
    std::size_t settled;  ///< by the tuple at this place, or by time after it
    bool by_time;
    event_time ended;
    places at;
  };

  void choose(places chosen, std::size_t from) {
    if (chosen.size() == step_of_.size()) return is_match(chosen);
    for (std::size_t i = from; i < tuples_.size(); ++i) {
      auto more = chosen;
      more.push_back(i);
      choose(std::move(more), i + 1);
    }
  }
  bool holds(std::size_t step, std::size_t place, const places& at, std::size_t n) const {
    return plan_.steps[step].holds(tuples_[place].e, n == 0 ? nullptr : &tuples_[at[n - 1]].e);
  }
  bool in_time(std::size_t place, const places& at) const {
    return tuples_[place].e.time - tuples_[at[0]].e.time <= plan_.within;
  }
  /// No absent step just before `step` holds from behind the n-th tuple up to, and with, `last`.
  bool absent(std::size_t step, const places& at, std::size_t n, std::size_t last) const {
    for (auto k = step; k-- > 0 && plan_.steps[k].how == contiguity::absent;)
      for (auto i = at[n - 1] + 1; i <= last; ++i)
        if (holds(k, i, at, n)) return false;
    return true;
  }
  void is_match(const places& at) {
    for (std::size_t n = 0; n < at.size(); ++n) {
      const auto step = step_of_[n];
      if (!holds(step, at[n], at, n) || !in_time(at[n], at)) return;
      if (n == 0) continue;
      const auto between = at[n] - at[n - 1] - 1;
      if (plan_.steps[step].how == contiguity::next && between != 0) return;
      for (auto i = at[n - 1] + 1; i < at[n]; ++i)
        if (holds(step, i, at, n)) return;  // an earlier one would do
      if (step != step_of_[n - 1] && !absent(step, at, n, at[n])) return;
    }
    if (plan_.steps.back().how != contiguity::absent)
      return matches_.push_back({at.back(), false, tuples_[at.back()].e.time, at});
    auto last = at.back();
    while (last + 1 < tuples_.size() && in_time(last + 1, at)) ++last;
    if (absent(plan_.steps.size(), at, at.size(), last))
      matches_.push_back({last, true, tuples_[at[0]].e.time + plan_.within, at});
  }
  std::vector<found> without_skipped() {
    std::sort(matches_.begin(), matches_.end(), [](const whole_match& a, const whole_match& b) {
      return std::tie(a.settled, a.by_time, a.ended, a.at) < std::tie(b.settled, b.by_time, b.ended, b.at);
    });
    std::vector<whole_match> kept;
    for (const auto& m : matches_) {
      const auto overlaps = [&](const whole_match& before) { return m.at.front() <= before.at.back(); };
      if (plan_.after == after_match::no_skip || std::none_of(kept.begin(), kept.end(), overlaps)) kept.push_back(m);
    }
    std::vector<found> all;
    for (const auto& m : kept) {
      // What time settles is not after it; what a tuple settles has its stamp, where that is not before.
      const auto before = m.ended - ms(1);
      all.push_back(
          {{}, tuples_[m.at[0]].e.time, m.ended, m.by_time ? before : std::max(before, tuples_[m.settled].stamp)});
      for (auto i : m.at) all.back().ids.push_back(tuples_[i].e.id);
    }
    return all;
  }

  const plan& plan_;
  std::vector<stamped> tuples_;
  places step_of_;
  std::vector<whole_match> matches_;
};

std::vector<found> model(const side& in, const plan& p, event_span lateness) {
  std::map<int, std::vector<stamped>> by_key;
  for (const auto& s : in.with_stamps())
    if (!is_late(s.e.time, lateness, s.stamp)) by_key[s.e.key].push_back(s);
  std::vector<found> all;
  for (auto& [key, tuples] : by_key) {
    std::stable_sort(tuples.begin(), tuples.end(),
                     [](const stamped& x, const stamped& y) { return x.e.time < y.e.time; });
    for (auto& f : matcher(p, tuples).all()) all.push_back(std::move(f));
  }
  std::sort(all.begin(), all.end());
  return all;
}
std::vector<found> run(const side& in, const pattern<event>& p, event_span lateness, const way& w) {
  stream_builder b{"patterns"};
  collect_sink<found> got;
  const auto see = [](const matched<event>& m, emitter<found>& out) {
    found f{{}, m.began, m.ended, out.stamp()};
    for (const auto& e : m.tuples) f.ids.push_back(e.id);
    EXPECT_EQ(out.time(), m.ended);
    out.emit(f);
  };
  read(b, "events", in, w.max_batch)
      .key_by(&event::key)
      .ordered(lateness)
      .pattern("matches", p, {.parallelism = w.parallelism})
      .process("seen", see, {.parallelism = w.parallelism})
      .to("got", got);
  const auto metrics = w.run(b.build());
  EXPECT_EQ(metrics.node("matches").state_rows, 0u) << w.text();
  auto all = got.take();
  std::sort(all.begin(), all.end());
  return all;
}

/// Up to a dozen tuples a key, of one partition or of two whose times differ.
side short_input(random_source& random) {
  side s;
  s.partitions.resize(1 + random.below(2));
  s.bound = ms(static_cast<std::int64_t>(random.below(12)));
  const auto keys = 1 + random.below(3), spread = 1 + random.below(10), pace = 1 + random.below(3);
  std::set<std::pair<int, event_time>> taken;
  int id = 0;
  for (auto& p : s.partitions)
    for (std::uint64_t i = 0; i < 12 * keys / s.partitions.size(); ++i) {
      const event e{static_cast<int>(random.below(keys)),
                    at(static_cast<std::int64_t>(i * pace + random.below(spread)) - 10), id++};
      if (s.partitions.size() == 1 || taken.insert({e.key, e.time}).second) p.push_back(e);
    }
  return s;
}

TEST(pattern_bolt, matches_are_those_of_trying_every_choice_of_tuples) {
  std::size_t matches = 0;
  for (std::uint64_t seed = 0; seed < seeds_up_to(400); ++seed) {
    random_source random(seed);
    const auto in = short_input(random);
    const auto p = random_plan(random);
    const auto lateness = ms(static_cast<std::int64_t>(random.chance(0.5) ? 0 : random.below(8)));
    const auto expected = model(in, p, lateness);
    matches += expected.size();
    for (auto by : engines) {
      auto w = way::random(by, random, "matches");
      // Of equal times the first to come is the first: a message that comes again is not.
      if (by == engine::at_least_once && in.partitions.size() == 1) w.faults = nullptr;
      ASSERT_EQ(run(in, pattern_of(p), lateness, w), expected) << "seed " << seed << ", " << w.text();
    }
  }
  EXPECT_GT(matches, seeds_up_to(400));
}

}  // namespace
}  // namespace freshet::joins
