#pragma once
#include <algorithm>
#include <compare>
#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "differential/time/timed_rows.hpp"
#include "freshet/stream/join_options.hpp"

// One random question to operators in a row, and what an engine or a plain loop answers.
namespace freshet::differential::operators {

enum class operation : std::uint8_t {
  interval_join,    ///< right from `span` to `further` after left, of any kind
  window_join,      ///< left: tumbling `span`; full: hopping `span` by `further`; inner: sessions with a gap of `span`
  co_group,         ///< hopping `span` by `further`
  as_of_join,       ///< left, not older than `span`
  join_table,       ///< inner
  broadcast_table,  ///< left
  deduplicate,      ///< in order, within `span`
  ordered_timers,   ///< in order: a timer `span` after each row, and one `further` after the last
  pattern,          ///< in order, within `span`: the one that `number` says; `variant`: matches may overlap
  timers,           ///< as rows come: one for each slot of `span`, and one `further` after each row
  tumbling_count,   ///< `number` rows, behind ordered()
  sliding_count,    ///< the same, sliding
  trigger,          ///< tumbling `span` with a trigger, behind ordered(); `variant`: discarding panes
  top_n,            ///< the best `number` of tumbling `span`
  broadcast_state,  ///< of left, `span` after each row: what the right has changed until then
  co_process,       ///< the timers above, of rows of both sides
  aggregates,  ///< every aggregate of windows of `kind`; `variant`: combined; else `number` <= 2: of all rows at once
  remembered,  ///< behind ordered(): sums that are forgotten `span` after the last row
  partial,     ///< sums by two tasks a key
  pieces,      ///< a range of each row
};
/// One operator. Its state belongs to keys, and it has up to three late outputs.
struct stage {
  operation what{};
  join_kind kind = join_kind::inner;
  event_span span{}, further{}, lateness{};
  std::uint32_t number = 1;
  bool variant = false;
  std::size_t parallelism = 1;
};
/// The windows of `aggregates`.
enum class window_kind : std::uint8_t { tumbling, hopping, sessions, global };
constexpr window_kind window_kind_of(const stage& s) { return static_cast<window_kind>(s.kind); }
bool has_two_inputs(operation);
/// Its results come at the end of time, behind which there is nothing.
bool ends_time(const stage&);
/// In a scene whose partitions fall asleep its answer follows from what came late.
bool stands_naps(const stage&);
/// Equal times are no matter of luck in what it gives.
bool orders_ties(operation);
/// It orders what it reads.
bool is_ordered(operation);

/// How a source's watermark follows from its rows.
enum class policy : std::uint8_t {
  bounded,
  ascending,   ///< what is out of order is late
  punctuated,  ///< only rows that are `says_time` tell, `bound` behind their time
};
constexpr bool says_time(const timed_row& r) { return r.value % 3 == 0; }

/// A spout: its partitions are those of the scene's rows from `first` on.
struct source {
  std::size_t first = 0, partitions = 1, parallelism = 1;
  policy by = policy::bounded;
  event_span bound{}, max_drift{};
  std::vector<std::uint64_t> naps;  ///< see partitions_spout; none: nobody goes on without it
};

/// The left of the first stage is source 0, with source 1 where it has one input, else the right is that. The second
/// stage reads the first and source 2, which the first has beside source 0 where there is no second.
struct operator_scene {
  std::uint64_t seed = 0;
  timed_rows rows;
  std::vector<source> sources;
  std::vector<stage> stages;
};
bool has_naps(const operator_scene&);

/// A row that came late, and for which of the outputs: 3 for each stage.
struct late_at {
  std::uint32_t output = 0;
  late_row late;
  friend auto operator<=>(const late_at&, const late_at&) = default;
};
void show(std::ostream&, const late_at&);
/// How many came late, by themselves and because their partition had been idle.
struct late_counts {
  std::uint64_t own = 0, woke = 0;
  friend bool operator==(const late_counts&, const late_counts&) = default;
};
late_counts counts_of(const std::vector<late_at>&);
struct operator_answers {
  std::vector<stamped_row> results;
  std::vector<late_at> late;
  std::optional<late_counts> counted;  ///< by the metrics; not where a row may have come twice
  void sort();
};

operator_scene some_operator_scene(std::uint64_t seed);
std::string described(const operator_scene&);

/// What operators agree upon. A result's key is made of what it says, so that the next one mixes keys.
constexpr std::int64_t mixed(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) * 1'000'003 + static_cast<std::uint64_t>(b));
}
constexpr std::int64_t sum(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}
constexpr timed_row result_row(std::int64_t value, event_time at) {
  return {static_cast<std::uint32_t>(static_cast<std::uint64_t>(value) % 5), at, value};
}
/// Of a pair, or of a row without partner.
inline std::int64_t paired(const timed_row* l, const timed_row* r) {
  return mixed(l ? l->value : -1, r ? r->value : -1);
}
/// A table's change deletes the row of its key.
constexpr bool deletes(const timed_row& r) { return r.value % 3 == 0; }
/// What top_n ranks by; many are alike.
constexpr std::int64_t rank(const timed_row& r) { return r.value % 5; }

/// How many rows `pieces` makes of one.
constexpr std::int64_t pieces_of(const timed_row& r) { return (r.value % 4 + 4) % 4; }
/// What the right rows of `co_process` count as.
constexpr std::int64_t turned(std::int64_t right) { return mixed(right, 7); }
/// Of all rows of a window, in whichever order they came.
inline std::int64_t digest(std::vector<timed_row> rows) {
  std::sort(rows.begin(), rows.end(),
            [](const timed_row& a, const timed_row& b) { return std::pair(a.at, a.value) < std::pair(b.at, b.value); });
  std::int64_t all = 0;
  for (const auto& r : rows) all = mixed(all, r.value);
  return all;
}

/// What a trigger does with a window after a row.
constexpr bool fires(const timed_row& r) { return r.value % 3 == 0; }
constexpr bool purges(const timed_row& r) { return r.value % 4 == 0; }

/// Two conditions, and what must not be, as sets of four kinds of rows.
struct sought {
  enum { one_row, next, followed_by, without, unanswered, twice } shape{};
  unsigned first = 0, second = 0, absent = 0;
};
sought sought_by(const stage&);
constexpr bool is_in(unsigned kinds, const timed_row& r) {
  return (kinds >> static_cast<std::uint64_t>(r.value) % 4 & 1) != 0;
}

}  // namespace freshet::differential::operators
