#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_set>
#include <utility>
#include <vector>

// The protocol of epochs as a state machine: sinks, log, checkpoints, and a process that may end at every step. All
// that can happen is explored, depth first, each state once.
//
// The input has three rows; an epoch takes the next one or two, behind what the newest epoch that counts had read. So
// an epoch that is made again may have other rows than before. It gets a number of its own where its record was seen,
// and the same one where it had none. Each call of a sink or of the files is a step, and is done or not: what may be
// half done in them is tested elsewhere.
//
// What is modelled is src/runtime/run_checkpoints.cpp, src/state/epoch_log.cpp, src/state/epoch_chain.cpp and
// include/freshet/core/sink_task.hpp.
namespace freshet::epoch_model {

enum class sink_kind : std::uint8_t {
  transactional,
  overlapping,  ///< in the event engine it may begin the next epoch when it has prepared one
  deciding
};
enum class engine : std::uint8_t {
  batch,  ///< sinks begin, prepare and commit one after another
  event   ///< in any order
};

/// What may be wrong with a protocol: each must be found.
enum class broken_rule : std::uint8_t {
  none,
  append_after_commits,       ///< sinks commit before the record is durable
  no_sync_before_commits,     ///< the record is written, and nobody waits for the device
  no_sync_at_open,            ///< a run believes what the one before had only written
  no_commit_again,            ///< a run goes on without a commit of the newest epoch
  deciding_sink_last,         ///< the others commit before the sink that decides
  order_of_nodes,             ///< sinks commit in the order of the topology, whoever decides
  decide_ignored,             ///< the newest epoch counts, whatever the sink says
  no_discarded_record,        ///< it doesn't count, and the log does not say so
  begin_before_commit,        ///< a sink begins an epoch and owes the commit of the one before
  abort_of_what_counts,       ///< a run that fails aborts what has a record
  abort_behind_begin,         ///< a sink that has begun the next aborts what it had prepared with it
  checkpoint_before_commits,  ///< a checkpoint replaces the log while commits are owed
  savepoint_behind_newest,    ///< a savepoint takes the number of an epoch that was discarded
  savepoint_is_an_epoch,      ///< the sink that decides is expected to have committed the epoch of a savepoint
  refused_record_is_kept,     ///< the record of a savepoint that found no room is written with the next one
  no_record_of_commits,       ///< a run that is stopped doesn't say that its newest epoch is committed
  record_before_commits,      ///< it says so while commits are owed
  commit_behind_discarded     ///< where an epoch was discarded the one before is committed again
};

/// A protocol, and what it has to do with.
struct setting {
  std::vector<sink_kind> sinks{};
  engine made_by = engine::batch;
  broken_rule broken = broken_rule::none;
  int crashes = 3;  ///< so many in a row, at most
};

using small = std::uint16_t;  // all members are of one size, so that a state has no gaps and is its bytes

constexpr small all_input = 3, all_rows = (1 << all_input) - 1, most_records = 14, most_sinks = 2;

enum class record_kind : small { epoch, savepoint, discarded, committed };
struct record {
  small epoch = 0, after = 0;
  small end = 0;  ///< so many rows were read
  record_kind kind{};
};
struct checkpoint {
  small epoch = 0, end = 0;  ///< epoch 0: there is none
};
/// What a loss of power may take: records behind `synced`, and the name of a checkpoint.
struct directory {
  std::array<record, most_records> log{};
  small size = 0, synced = 0;
  checkpoint base{}, named{};  ///< `named`: it replaces the base, and the folder is not synced

  const checkpoint& newest_base() const { return named.epoch ? named : base; }
};

struct sink_state {
  // What lasts. All of it is safe as soon as a call has returned.
  small visible = 0;
  small committed = 0;               ///< a bit an epoch
  small taken = 0;                   ///< the same: what was visible is gone, and can't be committed again
  small last = 0;                    ///< what a deciding sink says
  std::array<small, 16> prepared{};  ///< rows by epoch
  // What ends with the process.
  enum class stage : small { idle, begun, prepared };
  stage at = stage::idle;
  small has_begun = 0;  ///< once since it was opened
  small epoch = 0;      ///< of the transaction, or the token
  small rows = 0;
  small owes = 0;   ///< the engine is still to commit here
  small ahead = 0;  ///< the epoch behind `epoch` has begun
};

/// What a process has done, and so what it does next.
enum class phase : small {
  down,
  opened,
  discarding,
  commits_again,
  starts,
  base_named,
  base_synced,
  waits,
  prepares,
  written,
  commits,
  done,
  stops,
  over
};

struct process {
  phase at = phase::down;
  small newest = 0, end = 0;  ///< the epoch that counts, and what it had read
  small next = 0;             ///< the number of the epoch to come
  small has_tokens = 0;       ///< of the newest epoch, which may have to be committed
  small epoch = 0, cut = 0;   ///< the epoch under way, and up to where it reads
  small sink = 0;             ///< whose turn it is to commit again
  record unwritten{};         ///< epoch 0: there is none
};

struct state {
  directory files{};
  std::array<sink_state, most_sinks> sinks{};
  process run{};
  small crashes_left = 0, savepoints_left = 1;
};
static_assert(std::has_unique_object_representations_v<state>);

inline std::string_view bytes_of(const state& s) { return {reinterpret_cast<const char*>(&s), sizeof s}; }
struct hash_of_state {
  std::size_t operator()(const state& s) const { return std::hash<std::string_view>{}(bytes_of(s)); }
};
struct same_state {
  bool operator()(const state& a, const state& b) const { return bytes_of(a) == bytes_of(b); }
};

/// Explores a setting. Not thread safe.
class model {
 public:
  explicit model(setting how) : how_(std::move(how)) {}

  /// What is wrong, with the steps that led there; empty: nothing is. The search ends at the first.
  const std::string& run();
  /// So many states were seen, so many times a process ended in one, and so many of them had read all input.
  std::size_t states() const { return seen_.size(); }
  std::size_t crashes() const { return crashes_; }
  std::size_t ends() const { return ends_; }

 private:
  using step = std::pair<const char*, int>;  // what happens, and what it is about; below 0: nothing

  void visit(const state& s);
  void go_on(const state& s);
  void next(const char* what, const state& s, int about = -1);
  void wrong(const std::string& what);
  static state without_past(state s);
  bool breaks(broken_rule r) const { return how_.broken == r; }

  // --- the outside ---
  void crash(const state& s);
  void lose_power(const state& s);
  void fail(const state& s);
  void end(const state& s);
  void stop(state s);
  void take_away(state s);
  static state ended(state s);

  // --- sinks ---
  std::size_t sinks() const { return how_.sinks.size(); }
  bool decides(std::size_t i) const { return how_.sinks[i] == sink_kind::deciding; }
  std::size_t deciding() const;
  void publish(sink_state& k, small epoch, small rows);
  static void begin(sink_state& k, small epoch);
  void prepare(sink_state& k, std::size_t i);
  void commit(sink_state& k, std::size_t i);
  static void leave_epoch(sink_state& k);
  void commit_token(sink_state& k, small epoch);
  void abort(sink_state& k) const;

  // --- the log ---
  struct recovered {
    std::vector<record> records;
    small newest_number = 0;
    bool is_committed = false;  ///< the newest, for all that the log says
  };
  recovered read(const directory& files);
  void append(state& s, record r);

  // --- going on ---
  void open(state s);
  void decide(state s);
  small asked_before(const recovered& found) const;
  void adopt(state& s, const recovered& found, phase at) const;
  void commit_again(state s);
  void start(const state& s);

  // --- epochs ---
  void between(const state& s);
  void cut(state s, small many);
  void prepares(const state& s);
  void attempt(const state& s, std::size_t i);
  void begin_ahead(const state& s);
  void all_prepared(state s);
  static void owe(state& s, std::size_t sinks);
  static bool owes(const state& s);
  void sync(state s);
  void commits(const state& s);
  void commit_any(const state& s);
  bool may_commit(const state& s, std::size_t i) const;

  // --- checkpoints ---
  void relieve_log(const state& s);
  void append_savepoint(state s);
  void name_savepoint(state s);
  void name_base(state s, small epoch, small next_epoch);
  void sync_base(state s);
  void drop(const state& s);

  const setting how_;
  std::unordered_set<state, hash_of_state, same_state> seen_;
  std::vector<step> trace_;
  std::string wrong_;
  std::size_t steps_ = 0, crashes_ = 0, ends_ = 0;
};

}  // namespace freshet::epoch_model
