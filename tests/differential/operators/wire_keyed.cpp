#include <map>
#include <vector>

#include "differential/operators/wire.hpp"

namespace freshet::differential::operators {
namespace {

using row = timed_row;
using late_rows = late_output<row>;

/// In order: the sum of what has come, and how many timers were called; timers say the sum.
struct counting {
  struct state {
    std::int64_t total = 0, fired = 0;
  };
  event_span after_each, after_last;

  void process(const row& r, state& s, timers& t, emitter<row>& out) const {
    s.total = sum(s.total, r.value);
    out.emit({0, {}, mixed(s.total, s.fired)});
    t.at(r.at + after_each);
    t.set(1, r.at + after_last);
  }
  void on_timer(const std::uint32_t&, event_time, state& s, emitter<row>& out) const {
    ++s.fired;
    out.emit({0, {}, s.total});
  }
};
struct passing {
  using state = std::uint64_t;
  row process(const row& r, state&) const { return r; }
};

/// Rows by slots of time, and a moment after each, by one timer that moves and many that don't.
struct slots {
  using output = emitter<row, late_rows>;
  struct state {
    std::map<std::int64_t, std::int64_t> sums;  ///< by end
  };
  event_span size, moment, lateness;

  void process(const row& r, state& s, timers& t, output& out) const {
    if (!went_late<late_rows>(r, lateness, out)) add(r, s, t);
  }
  void add(const row& r, state& s, timers& t) const {
    const auto end = aligned(r.at, size, {}) + size;
    // Not again for the time it is set to: it would take the stamp of this row, which may be past that time.
    const bool moves = s.sums.empty() || end < first_end(s);
    auto& total = s.sums[end.time_since_epoch().count()];
    total = sum(total, r.value);
    if (moves) t.set(0, end + lateness);
    t.at(r.at + moment + lateness);
  }
  void on_timer(const std::uint32_t& key, event_time due, state& s, timers& t, output& out) const {
    if (!t.is(0)) return out.emit({0, {}, mixed(key, -1)});
    const auto over = s.sums.begin();
    if (event_time{event_span{over->first}} + lateness != due) return;  // there is a result missing then
    out.emit({0, {}, mixed(key, over->second)});
    s.sums.erase(over);
    if (!s.sums.empty()) t.set(0, first_end(s) + lateness);
  }
  bool forgets(const state& s) const { return s.sums.empty(); }

 private:
  static event_time first_end(const state& s) { return event_time{event_span{s.sums.begin()->first}}; }
};

/// The same of rows of two sides.
struct slots_of_two : slots {
  using output = slots::output;
  void on_left(const row& r, state& s, timers& t, output& out) const { process(r, s, t, out); }
  void on_right(const row& r, state& s, timers& t, output& out) const {
    if (!went_late<late_rows>(r, lateness, out)) add({r.key, r.at, turned(r.value)}, s, t);
  }
};

/// A while after each row, what had changed until then.
struct beside_changes {
  using state = std::uint64_t;
  struct broadcast {
    std::map<std::int64_t, std::int64_t> sums;  ///< by time
  };
  using output = emitter<row, late_rows>;
  event_span moment, lateness;

  void process(const row& r, state&, timers& t, output& out) const {
    if (went_late<late_rows>(r, lateness, out)) return;
    t.at(r.at + moment + lateness);
  }
  void change(const row& r, broadcast& all, output& out) const {
    if (is_late(out.time(), {}, out.stamp())) return;
    auto& total = all.sums[r.at.time_since_epoch().count()];
    total = sum(total, r.value);
  }
  void on_timer(const std::uint32_t& key, event_time due, state&, const broadcast& all, output& out) const {
    std::int64_t total = 0;
    for (const auto& [at, value] : all.sums)
      if (at <= due.time_since_epoch().count()) total = sum(total, value);
    out.emit({0, {}, mixed(key, total)});
  }
};

/// What says in which order rows came, and can be put together.
struct fold {
  struct accumulator {
    std::int64_t all = 0, shift = 1;
  };
  void add(accumulator& a, const row& r) const { merge(a, {r.value, mixed(1, 0)}); }
  void merge(accumulator& into, const accumulator& from) const {
    into.all = sum(product(into.all, from.shift), from.all);
    into.shift = product(into.shift, from.shift);
  }
  std::int64_t result(const accumulator& a) const { return a.all; }

 private:
  static std::int64_t product(std::int64_t a, std::int64_t b) {
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) * static_cast<std::uint64_t>(b));
  }
};
row of_fold(const windowed<std::uint32_t, std::int64_t>& w) { return {0, {}, told_by(w, w.value)}; }
row of_best(const windowed<std::uint32_t, std::vector<row>>& w) {
  std::int64_t all = 0;
  for (const auto& r : w.value) all = mixed(all, r.value);
  return {0, {}, told_by(w, all)};
}

pattern<row> pattern_of(const stage& s) {
  const auto what = sought_by(s);
  const auto in = [](unsigned kinds) { return [kinds](const row& r) { return is_in(kinds, r); }; };
  auto made = pattern<row>{in(what.first)};
  switch (what.shape) {
    case sought::one_row:
      break;
    case sought::next:
      made = made.next(in(what.second));
      break;
    case sought::followed_by:
      made = made.followed_by(in(what.second));
      break;
    case sought::without:
      made = made.not_followed_by(in(what.absent)).followed_by(in(what.second));
      break;
    case sought::unanswered:
      made = made.not_followed_by(in(what.absent));
      break;
    case sought::twice:
      made = made.times(2);
  }
  return made.within(s.span).after(s.variant ? after_match::no_skip : after_match::skip_past_last);
}
row of_match(const matched<row>& m) {
  std::int64_t all = m.tuples.front().value;
  for (std::size_t i = 1; i < m.tuples.size(); ++i) all = mixed(all, m.tuples[i].value);
  return {0, {}, all};
}

/// Behind rows in order: windows that count, or have triggers.
row_stream in_ordered_windows(const stage& s, const row_stream& rows, const place& at) {
  const bolt_options options{.parallelism = s.parallelism};
  const auto keyed = rows.key_by(&row::key);
  const auto done = [&](const auto& made) {
    return finished(made.map(at.name + ".results", of_fold, options), s, at.name);
  };
  if (s.what == operation::tumbling_count)
    return done(keyed.window(tumbling_count{s.number}).aggregate(at.name, fold{}, options));
  if (s.what == operation::sliding_count)
    return done(keyed.window(sliding_count{s.number, 1 + s.number % 3}).aggregate(at.name, fold{}, options));
  const auto trigger = [](const row& r, const trigger_view&) {
    return fires(r) ? (purges(r) ? firing::fire_and_purge : firing::fire) : purges(r) ? firing::purge : firing::none;
  };
  const auto made = keyed.window(tumbling{s.span}, {.panes = s.variant ? panes::discarding : panes::accumulating})
                        .trigger(trigger)
                        .aggregate(at.name, fold{}, options);
  at.late(2, made.late());
  return done(made);
}

}  // namespace

row_stream wire_in_order(const stage& s, const row_stream& in, const place& at) {
  const bolt_options options{.parallelism = s.parallelism};
  const auto ordered = in.key_by(&row::key).ordered(s.lateness);
  switch (s.what) {
    case operation::deduplicate: {
      const auto made = ordered.deduplicate(at.name, s.span, options);
      at.late(0, made.late());
      const auto again = made.duplicates().map(
          at.name + ".again",
          [](const row& r) {
            return row{0, {}, mixed(r.value, -1)};
          },
          options);
      return finished(made.merge(again), s, at.name);
    }
    case operation::ordered_timers: {
      const auto made = ordered.process(at.name, counting{s.span, s.further}, options);
      at.late(0, made.late());
      return finished(made, s, at.name);
    }
    case operation::pattern: {
      const auto made = ordered.pattern(at.name, pattern_of(s), options);
      at.late(0, made.late());
      return finished(made.map(at.name + ".matches", of_match, options), s, at.name);
    }
    default: {
      const auto made = ordered.process(at.name + ".ordered", passing{}, options);
      at.late(0, made.late());
      return s.what == operation::remembered ? wire_remembering(s, made, at) : in_ordered_windows(s, made, at);
    }
  }
}

row_stream wire_by_key(const stage& s, const row_stream& left, const row_stream& right, const place& at) {
  const bolt_options options{.parallelism = s.parallelism};
  if (s.what == operation::top_n) {
    const auto made = left.key_by(&row::key).window(tumbling{s.span}).top_n(at.name, s.number, rank, options);
    at.late(0, made.late());
    return finished(made.map(at.name + ".results", of_best, options), s, at.name);
  }
  if (s.what == operation::timers) {
    const auto made = left.key_by(&row::key).process(at.name, slots{s.span, s.further, s.lateness}, options);
    at.late(0, made.side<late_rows>());
    return finished(made, s, at.name);
  }
  if (s.what == operation::co_process) {
    const auto made = left.key_by(&row::key).co_process(at.name, right.key_by(&row::key),
                                                        slots_of_two{{s.span, s.further, s.lateness}}, options);
    at.late(0, made.side<late_rows>());
    return finished(made, s, at.name);
  }
  const auto made = left.builder()
                        .bolt(at.name, beside_changes{s.span, s.lateness}, options)
                        .input(left, key_grouping{&row::key})
                        .input<&beside_changes::change>(right, all_grouping{});
  const bolt_stream<beside_changes> all(made);
  at.late(0, all.side<late_rows>());
  return finished(all, s, at.name);
}

}  // namespace freshet::differential::operators
