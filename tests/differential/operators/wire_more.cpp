#include <cmath>
#include <ranges>
#include <set>
#include <tuple>
#include <vector>

#include "differential/operators/wire.hpp"
#include "freshet/stream/aggregates.hpp"

namespace freshet::differential::operators {
namespace {

using row = timed_row;

// --- every aggregate at once, against what is made of all rows of the window ---

constexpr auto small = [](const row& r) -> std::int64_t { return (r.value % 1000 + 1000) % 1000; };
constexpr auto in_time = [](const row& r) { return std::pair(r.at, r.value); };
constexpr auto by_size = [](const row& r) { return std::tuple(small(r), r.at, r.value); };
const std::vector<double> ranks{0, 0.3, 0.9, 1};

auto every_aggregate(std::size_t best) {
  namespace a = aggregates;
  return a::all_of{a::count<row>{},
                   a::sum{small},
                   a::min{small},
                   a::max{small},
                   a::mean{small},
                   a::variance{small},
                   a::first{in_time},
                   a::last{in_time},
                   a::distinct{small},
                   a::approximate_distinct{small},
                   a::quantiles{small, ranks},
                   a::top_k{best, by_size},
                   a::collect<row>{}};
}
using answers_of_all = aggregate_result_t<decltype(every_aggregate(1))>;

/// What they should have said, by the plain formulas. REQUIRES: rows, in the order of their times.
class plainly {
 public:
  explicit plainly(const std::vector<row>& rows) : rows_(rows) {
    for (const auto& r : rows) sizes_.push_back(small(r));
    std::sort(sizes_.begin(), sizes_.end());
    for (const auto v : sizes_) total_ += v;
  }
  bool are_numbers(const answers_of_all& a) const {
    const auto& spread = std::get<5>(a);
    return std::get<0>(a) == rows_.size() && std::get<1>(a) == total_ && std::get<2>(a) == sizes_.front() &&
           std::get<3>(a) == sizes_.back() && is_near(std::get<4>(a), mean()) && spread.count == rows_.size() &&
           is_near(spread.mean, mean()) && is_near(spread.variance(), variance());
  }
  /// Few are counted exactly by either.
  bool are_distinct(const answers_of_all& a) const {
    const std::set<std::int64_t> each(sizes_.begin(), sizes_.end());
    const auto off = std::abs(static_cast<double>(std::get<9>(a)) - static_cast<double>(each.size()));
    return std::get<8>(a) == each.size() && off <= (each.size() <= 500 ? 0 : 0.1 * static_cast<double>(each.size()));
  }
  bool are_quantiles(const answers_of_all& a) const {
    for (std::size_t i = 0; i < ranks.size(); ++i) {
      const auto rank = static_cast<std::size_t>(ranks[i] * static_cast<double>(sizes_.size() - 1));
      const auto exact = static_cast<double>(sizes_[rank]);
      if (std::abs(std::get<10>(a)[i] - exact) > 0.01 * exact + 1e-9) return false;
    }
    return true;
  }
  bool are_chosen(const answers_of_all& a, std::size_t best) const {
    auto top = rows_;
    std::sort(top.begin(), top.end(), [](const row& l, const row& r) { return by_size(r) < by_size(l); });
    top.resize(std::min(best, top.size()));
    return std::get<6>(a) == rows_.front() && std::get<7>(a) == rows_.back() && std::get<11>(a) == top;
  }

 private:
  static bool is_near(double a, double b) { return std::abs(a - b) <= 1e-9 * std::max(1.0, std::abs(b)); }
  double mean() const { return static_cast<double>(total_) / static_cast<double>(sizes_.size()); }
  double variance() const {
    double squares = 0;
    for (const auto v : sizes_) squares += (static_cast<double>(v) - mean()) * (static_cast<double>(v) - mean());
    return squares / static_cast<double>(sizes_.size());
  }
  const std::vector<row>& rows_;
  std::vector<std::int64_t> sizes_;
  std::int64_t total_ = 0;
};

/// The digest of the rows, or something else where an aggregate doesn't fit them.
std::int64_t checked(const answers_of_all& a, std::size_t best) {
  auto rows = std::get<12>(a);
  std::sort(rows.begin(), rows.end(), [](const row& l, const row& r) { return in_time(l) < in_time(r); });
  const plainly said(rows);
  if (!said.are_numbers(a)) return -1;
  if (!said.are_distinct(a)) return -2;
  if (!said.are_quantiles(a)) return -3;
  if (!said.are_chosen(a, best)) return -4;
  return digest(std::move(rows));
}

template <class W>
row_stream in_windows(const stage& s, const row_stream& in, const W& windows, const place& at) {
  const bolt_options options{.parallelism = s.parallelism};
  const window_options how{.allowed_lateness = std::is_same_v<W, global_windows> ? event_span{} : s.lateness};
  const auto divided = in.key_by(&row::key).window(windows, how);
  const auto done = [&](const auto& made) {
    at.late(0, made.late());
    const auto of_all = [best = s.number](const windowed<std::uint32_t, answers_of_all>& w) {
      return row{0, {}, told_by(w, checked(w.value, best))};
    };
    return finished(made.map(at.name + ".results", of_all, options), s, at.name);
  };
  if (s.variant) return done(divided.combine().aggregate(at.name, every_aggregate(s.number), options));
  if (s.number > 2) return done(divided.aggregate(at.name, every_aggregate(s.number), options));
  const auto whole = [](const std::uint32_t& key, const window&, const std::vector<row>& rows, emitter<row>& out) {
    out.emit({0, {}, mixed(mixed(mixed(key, digest(rows)), 0), true)});
  };
  const auto made = divided.template process<row>(at.name, whole, options);
  at.late(0, made.late());
  return finished(made, s, at.name);
}

// --- the others ---

/// The sum of what a key has had since it was forgotten.
struct remembering {
  using state = std::int64_t;
  row process(const row& r, state& total) const { return {0, {}, total = sum(total, r.value)}; }
};
struct in_pieces {
  auto process(const row& r) const {
    return std::views::iota(std::int64_t{0}, pieces_of(r)) | std::views::transform([value = r.value](std::int64_t i) {
             return row{0, {}, mixed(value, i)};
           });
  }
};
struct counting_up {
  using accumulator = std::pair<std::int64_t, std::int64_t>;
  void add(accumulator& a, const row& r) const { merge(a, {1, r.value}); }
  void merge(accumulator& into, const accumulator& from) const {
    into = {into.first + from.first, sum(into.second, from.second)};
  }
};

/// What two tasks share, and the row that says most of it.
row_stream by_two_tasks(const stage& s, const row_stream& in, const place& at) {
  using so_far = keyed<std::uint32_t, counting_up::accumulator>;
  const bolt_options options{.parallelism = s.parallelism};
  const auto most = [](const so_far& k) { return k.value; };
  const auto made = in.key_by(&row::key)
                        .partial()
                        .aggregate(at.name, counting_up{}, options)
                        .key_by(&so_far::key)
                        .window(global_windows{})
                        .aggregate(at.name + ".last", aggregates::max{most}, options);
  const auto told = [](const windowed<std::uint32_t, counting_up::accumulator>& w) {
    return row{0, {}, told_by(w, mixed(w.value.first, w.value.second))};
  };
  return finished(made.map(at.name + ".results", told, options), s, at.name);
}

}  // namespace

row_stream wire_remembering(const stage& s, const row_stream& in_order, const place& at) {
  const bolt_options options{.parallelism = s.parallelism, .state_ttl = {.after = s.span}};
  return finished(in_order.key_by(&row::key).process(at.name, remembering{}, options), s, at.name);
}

row_stream wire_more(const stage& s, const row_stream& in, const place& at) {
  if (s.what == operation::pieces)
    return finished(in.process(at.name, in_pieces{}, {.parallelism = s.parallelism}), s, at.name);
  if (s.what == operation::partial) return by_two_tasks(s, in, at);
  switch (window_kind_of(s)) {
    case window_kind::tumbling:
      return in_windows(s, in, tumbling{s.span}, at);
    case window_kind::hopping:
      return in_windows(s, in, hopping{s.span, s.further}, at);
    case window_kind::sessions:
      return in_windows(s, in, sessions{s.further}, at);
    default:
      return in_windows(s, in, global_windows{}, at);
  }
}

}  // namespace freshet::differential::operators
