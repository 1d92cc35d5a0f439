#include "runtime/run_checkpoints.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "freshet/base/type_name.hpp"
#include "freshet/core/codec.hpp"
#include "freshet/core/grouping.hpp"
#include "freshet/runtime/executor.hpp"
#include "runtime/engine_run.hpp"
#include "runtime/ways_back.hpp"

namespace freshet {

namespace {

/// The group of what all tasks of a node have alike, beside the states of its keys.
std::uint32_t shared_group(const node& n) { return n.key_type.empty() ? 1 : n.options.max_parallelism; }
/// That of the `snapshot_rows` of all its tasks, where there are snapshots.
std::uint32_t snapshot_group(const node& n) { return shared_group(n) + 1; }

std::string quoted(const std::string& name) { return "\"" + name + "\""; }

void or_throw(result<void> done) {
  if (!done) throw run_error(std::move(done).error());
}

std::string joined(const std::vector<std::string>& sentences) {
  std::string all;
  for (const auto& s : sentences) all += (all.empty() ? "" : "; ") + s;
  return all;
}

error misfit(const std::string& name, const std::string& why) {
  return {errc::data_loss, "the state of bolt " + quoted(name) + " in the checkpoint " + why +
                               ": if its type has changed, give it a  static T migrate(Old)  or its codec a version "
                               "(see core/codec.hpp), or go on without it by another name"};
}

/// What checkpoints say of the states' bytes, by the node's index; empty where there are none.
std::vector<std::string> layouts_of(const topology& graph) {
  std::vector<std::string> all;
  for (const auto& n : graph.nodes()) {
    all.emplace_back();
    if (!n.make_state) continue;
    const older_types none;
    state_layout layout(none);
    try {
      n.make_state(n.options)->add_layout(layout);
    } catch (...) {
      auto why = error_from_current_exception();
      why.message = "bolt " + quoted(n.name) + ": the state of a task can't be made: " + why.message;
      throw run_error(std::move(why));
    }
    all.back() = layout.text();
  }
  return all;
}
/// Checkpoints of the first versions say of every state the same.
bool says_layout(const checkpoint_node& was) { return !was.codec.empty() && was.codec != "freshet"; }

/// Codecs and `migrate` are the user's, and what they throw says of no node.
template <class F>
bool load_or_throw(const std::string& name, const std::string& where, F&& load) {
  try {
    return load();
  } catch (const run_error&) { throw; } catch (const state_store_error&) {
    throw;
  } catch (...) {
    const auto why = error_from_current_exception();
    throw run_error({why.code, "the state of bolt " + quoted(name) + " in the checkpoint can't be read, in " + where +
                                   ": its codec or migrate has thrown " + why.message});
  }
}

std::vector<position_range> finished_of(const checkpoint_partition& was, partition_id id) {
  std::vector<position_range> all;
  for (const auto& each : was.finished) all.push_back({id, each.from, each.to});
  return all;
}

std::string kept_types(const checkpoint_node& n) {
  return (n.state_type.empty() ? "nothing" : n.state_type) + (n.key_type.empty() ? "" : " by " + n.key_type);
}
std::string two_layouts(const std::string& was, const std::string& now) {
  return "the checkpoint has " + was + ", and it is " + now + " now";
}

}  // namespace

checkpointing checkpointing::going_on() const {
  auto how = *this;
  how.resume_from.reset();
  how.allow_dropped_state.clear();
  return how;
}

key_group_range groups_of_node(const node& n, std::uint32_t task) {
  if (n.key_type.empty()) return {0, 1};
  return groups_of_task(task, n.options.max_parallelism, static_cast<std::uint32_t>(n.parallelism()));
}

void check_durable(option_check& check, const checkpointing& how, bool exactly_once, const topology& graph) {
  // Without a directory no epoch is asked about by another run, so sinks that decide are sinks with a commit as any
  // other, and there may be several: one that can't commit ends the run, whose next reads the batch again for all.
  if (how.directory.empty()) return;
  if (how.keep == 0) check.about("checkpoints.keep", "0", "one checkpoint must be kept to go on from");
  if (!how.files) check.about("checkpoints.files", "null", "leave it out for the system's");
  check.at_least_0("checkpoints.sync_interval", how.sync_interval, "or log_sync::never");
  std::vector<std::string> deciding;
  for (const auto& n : graph.nodes()) {
    if (n.make_state && !n.state_durable)
      check.say(
          "bolt " + quoted(n.name) + " keeps state of type " + readable_type_name(n.state_type) +
          ", which has no codec, so a checkpoint can't have it: make it an aggregate of types that have one, give "
          "it freshet_fields or specialise freshet::codec");
    if (n.sets_event_time && !n.state_durable)
      check.say("the watermark policy " + readable_type_name(n.written_as) + " of " + quoted(n.name) +
                " remembers something that has no codec, so a checkpoint can't have it: make its state an aggregate of "
                "types that have one, give it freshet_fields or specialise freshet::codec");
    if (n.decides) deciding.push_back(quoted(n.name));
    if (n.decides && n.parallelism() != 1)
      check.say("sink " + quoted(n.name) + " decides whether an epoch counts, so it must have one task, not " +
                std::to_string(n.parallelism()));
    if (!exactly_once) continue;
    if (n.kind == node_kind::spout && !n.replayable)
      check.say(
          "spout " + quoted(n.name) +
          " can't be read again, so what is under way when the process ends would be lost: give it read, seek and "
          "commit, or choose guarantee::at_least_once, which can live with that");
    if (n.kind == node_kind::sink && !n.transactional)
      check.say("sink " + quoted(n.name) +
                " has no epochs, so after a crash rows may come twice: use one with begin, prepare and commit (such as "
                "file::epoch_sink), or choose guarantee::at_least_once");
  }
  if (deciding.size() > 1)
    check.say("sinks " + joined(deciding) + " each decide whether an epoch counts, and only one can");
}

// --- opening ---

std::unique_ptr<run_checkpoints> run_checkpoints::open(const topology& graph, const checkpointing& how,
                                                       state_backend* store, const logger& log,
                                                       const freshet::clock& clock) {
  if (how.directory.empty()) return nullptr;
  epoch_log_options options;
  options.checkpoints = {how.keep, log};
  options.sync = how.sync;
  options.sync_interval = how.sync_interval;
  options.least_bytes = how.log_bytes;
  options.clock = &clock;
  auto epochs = epoch_log::open(*how.files, how.directory, std::move(options));
  if (!epochs) throw run_error(std::move(epochs).error());
  std::unique_ptr<run_checkpoints> made(new run_checkpoints(graph, how, store, log, *std::move(epochs)));
  made->recover();
  return made;
}

run_checkpoints::run_checkpoints(const topology& graph, const checkpointing& how, state_backend* store,
                                 const logger& log, std::unique_ptr<epoch_log> epochs)
    : graph_(graph),
      layouts_(layouts_of(graph)),
      older_(graph.nodes().size()),
      how_(how),
      store_(store),
      log_(log),
      epochs_(std::move(epochs)) {}

void run_checkpoints::recover() {
  auto found = how_.resume_from ? epochs_->resume(*how_.resume_from) : epochs_->newest(how_.damaged);
  if (!found) throw run_error(std::move(found).error());
  recovered_ = *std::move(found);
  next_ = recovered_.next_epoch;
  match();
  if (from_) say_what_is_given_up();
}

/// What was meant once is done at each start while the options stand there.
void run_checkpoints::say_what_is_given_up() const {
  const auto epoch = "epoch " + std::to_string(newest_) + " in " + quoted(how_.directory);
  for (const auto& was : from_->nodes)
    if (is_dropped(was.name))
      log_.log(log_level::warning, "checkpoint",
               "what " + epoch + " has of " + quoted(was.name) +
                   " is given up, as checkpoints.allow_dropped_state says: take it out of there when this run has "
                   "begun, or the next begins without, too");
  if (how_.resume_from && from_->history != recovered_.history)
    log_.log(log_level::warning, "checkpoint",
             "the run goes on from " + epoch +
                 ", as checkpoints.resume_from says, and what came after it is given up: take that out when this run "
                 "has begun, or the next goes back, too");
}

/// What was kept belongs to nodes of this topology.
void run_checkpoints::match() {
  from_ = recovered_.manifest();
  must_begin_ = !from_;
  if (!from_) return;
  newest_ = from_->epoch;
  is_undecided_ = recovered_.is_undecided();
  if (from_->is_final)
    log_.log(log_level::warning, "checkpoint",
             "the input of topology \"" + graph_.name() + "\" had ended, or was drained, with epoch " +
                 std::to_string(newest_) + " in " + quoted(how_.directory) +
                 ": all windows are closed, and there is nothing left to do. To read what has come since, stop a run "
                 "instead of draining it; to begin anew, name another directory");
  written_ = recovered_.checkpointed();
  must_begin_ = from_->history != recovered_.history;
  const auto mine = nodes();
  std::vector<std::string> wrong;
  for (const auto& was : from_->nodes) check_node(was, mine, wrong);
  if (!wrong.empty())
    throw run_error({errc::invalid_argument, "cannot go on from epoch " + std::to_string(newest_) + " in " +
                                                 quoted(how_.directory) + ": " + joined(wrong)});
  const auto known = [](std::vector<checkpoint_node> all) {
    for (auto& n : all) n.files.clear(), n.keys = 0, n.parallelism = 1;
    return all;
  };
  must_begin_ |= known(from_->nodes) != known(mine) ||
                 std::any_of(from_->nodes.begin(), from_->nodes.end(), [&](auto& n) { return is_dropped(n.name); });
  now_ = *from_;
  now_.tokens.clear();
  partitions_.clear();
  for (auto& p : now_.partitions) note(std::move(p));
}

bool run_checkpoints::is_dropped(const std::string& node) const {
  const auto& allowed = how_.allow_dropped_state;
  return std::find(allowed.begin(), allowed.end(), node) != allowed.end();
}

void run_checkpoints::check_node(const checkpoint_node& was, const std::vector<checkpoint_node>& mine,
                                 std::vector<std::string>& wrong) {
  const auto at = graph_.find(was.name);
  const bool decides = at != graph_.nodes().size() && graph_.nodes()[at].decides;
  if (was.decides && !decides && recovered_.is_undecided() && !is_dropped(was.name))
    wrong.push_back("sink " + quoted(was.name) +
                    " decides whether that epoch counts, and the topology has no such sink of that name: let it finish "
                    "with the sink as it was, or put " +
                    quoted(was.name) + " into checkpoints.allow_dropped_state, and what it did not commit is lost");
  const bool has_state = !was.state_type.empty();
  const bool has_positions = std::any_of(from_->partitions.begin(), from_->partitions.end(),
                                         [&](const auto& p) { return p.node == was.name; });
  if (at == graph_.nodes().size()) {
    if ((has_state || has_positions) && !is_dropped(was.name))
      wrong.push_back("it has " + std::string(has_state ? "state" : "positions") + " of " + was.kind + " " +
                      quoted(was.name) + ", and the topology has no node of that name: give it its name back, or put " +
                      quoted(was.name) + " into checkpoints.allow_dropped_state");
    return;
  }
  if (is_dropped(was.name)) return;
  const auto& now = mine[at];
  if (has_positions && !graph_.nodes()[at].replayable)
    wrong.push_back("it has positions of spout " + quoted(was.name) +
                    ", and the topology has no spout of that name that can be read again: give it its name back, or "
                    "put " +
                    quoted(was.name) + " into checkpoints.allow_dropped_state, and it begins at the beginning");
  if (!has_state) return;
  if (auto mistake = check_state(at, was, now); !mistake.empty())
    wrong.push_back("bolt " + quoted(was.name) + " " + mistake);
  else if (now.max_parallelism != was.max_parallelism)
    wrong.push_back("bolt " + quoted(was.name) + " has max_parallelism " + std::to_string(now.max_parallelism) +
                    ", and the checkpoint " + std::to_string(was.max_parallelism) +
                    ": it is fixed for the life of a checkpoint");
}

/// Empty, and `older_` says how it is read; or why it can't be, behind the bolt's name.
std::string run_checkpoints::check_state(std::size_t index, const checkpoint_node& was, const checkpoint_node& now) {
  older_[index] = {};
  const auto drop = ", or put " + quoted(was.name) + " into checkpoints.allow_dropped_state, and it begins without";
  const bool has_names = now.state_type == was.state_type && now.key_type == was.key_type;
  const bool has_other_layout = says_layout(was) && now.codec != was.codec;
  if (has_names && !has_other_layout) return {};
  const bool may_migrate = says_layout(was) && !now.codec.empty() && now.key_type == was.key_type;
  const auto key_was = key_in_layout(was.codec), key = key_in_layout(now.codec);
  if (may_migrate && key_was != key)
    return "has keys of type " + now.key_type +
           ", whose bytes have changed: " + two_layouts(std::string(key_was), std::string(key)) +
           ". Keys can't be migrated, as their hashes decide where they are: give the type back what it was" + drop;
  ways_back ways;
  if (may_migrate) {
    const node& n = graph_.nodes()[index];
    ways = find_way_back(*n.make_state(n.options), was.codec);
    if (ways.found) return older_[index] = *std::move(ways.found), "";
  }
  const std::string tried = ways.are_too_many ? " (of the ways back by migrate there are too many to try all)" : "";
  if (!has_names)
    return "keeps " + kept_types(now) + ", and the checkpoint has " + kept_types(was) + tried +
           ": rename it, and put the old name into checkpoints.allow_dropped_state, or give the type its name back, or "
           "a  static T migrate(Old)  that takes the old one";
  return "keeps " + kept_types(now) + ", whose bytes have changed: " + two_layouts(was.codec, now.codec) + tried +
         ". Give what has changed a  static T migrate(Old)  that takes what it was (see core/codec.hpp; a codec with a "
         "version would have read it), or give it back what it was" +
         drop;
}

std::vector<checkpoint_node> run_checkpoints::nodes() const {
  std::vector<checkpoint_node> all;
  for (const auto& n : graph_.nodes()) {
    checkpoint_node c;
    c.name = n.name;
    c.kind = to_string(n.kind);
    c.parallelism = static_cast<std::uint32_t>(n.parallelism());
    if (!n.key_type.empty()) c.max_parallelism = n.options.max_parallelism;
    if (!n.key_type.empty()) c.key_type = readable_type_name(n.key_type);
    if (!n.state_type.empty()) c.state_type = readable_type_name(n.state_type);
    if (!n.broadcast_type.empty())
      c.state_type += (c.state_type.empty() ? "" : " with ") + readable_type_name(n.broadcast_type);
    c.codec = layouts_[all.size()];
    c.decides = n.decides;
    for (const auto& o : n.outputs)
      if (o.type) c.stream_types.push_back(readable_type_name(o.type->name));
    all.push_back(std::move(c));
  }
  return all;
}

// --- going on ---

void run_checkpoints::decide(const std::string& sink, const std::optional<epoch_id>& said) {
  if (!from_) return;
  const auto was = std::find_if(from_->nodes.begin(), from_->nodes.end(), [&](auto& n) { return n.name == sink; });
  if (was == from_->nodes.end() || !was->decides) return;  // a new one, which has not been asked
  const bool is_ours = said && said->history == recovered_.history;
  if (is_ours && said->epoch > newest_)
    throw run_error({errc::data_loss, "sink " + quoted(sink) + " has committed epoch " + std::to_string(said->epoch) +
                                          ", and the newest in " + quoted(how_.directory) + " is " +
                                          std::to_string(newest_) +
                                          ": the directory is older than what the sink writes to. Bring both back from "
                                          "the same time, or begin in a new directory"});
  const bool is_given_up = from_->history != recovered_.history;  // the sink may have more of it
  if (is_given_up || said == epoch_id{recovered_.history, newest_}) return;
  const auto committed = recovered_.committed();
  if (committed && (!is_ours || said->epoch != *committed))
    throw run_error({errc::data_loss,
                     "sink " + quoted(sink) + " has committed " +
                         (is_ours ? "epoch " + std::to_string(said->epoch) : std::string("nothing of this history")) +
                         " and not epoch " + std::to_string(*committed) + ", which " + quoted(how_.directory) +
                         " has as committed: what the sink writes to is older than the directory. Bring both back from "
                         "the same time, or go on from an older epoch with checkpoints.resume_from"});
  if (!recovered_.is_undecided()) return;
  log_.log(
      log_level::info, "checkpoint",
      "epoch " + std::to_string(newest_) + " had not been committed by sink " + quoted(sink) + ": it is made again");
  epoch_record discarded;
  discarded.is_discarded = true;
  discarded.manifest.history = recovered_.history;
  discarded.manifest.epoch = newest_;
  or_throw(epochs_->append(discarded));
  recovered_.drop_newest();
  match();
}

void run_checkpoints::commit_again(const std::function<void(std::uint32_t node, std::string_view bytes)>& commit) {
  if (!from_ || !recovered_.is_undecided()) return;
  for (const auto& t : from_->tokens) {
    const auto at = graph_.find(t.node);
    const auto* const n = at == graph_.nodes().size() ? nullptr : &graph_.nodes()[at];
    if (n && n->transactional && !n->decides) {
      commit(static_cast<std::uint32_t>(at), t.bytes);
    } else if (!is_dropped(t.node)) {
      throw run_error({errc::invalid_argument, "epoch " + std::to_string(newest_) + " in " + quoted(how_.directory) +
                                                   " has rows that sink " + quoted(t.node) +
                                                   " is still to commit, and the topology has no sink of that name "
                                                   "with tokens: let it finish with the sink as it was, or put " +
                                                   quoted(t.node) +
                                                   " into checkpoints.allow_dropped_state, and they are lost"});
    }
  }
  have_committed();
}

void run_checkpoints::load(std::uint32_t index, std::uint32_t task, any_state& into) const try {
  const node& n = graph_.nodes()[index];
  if (!from_ || is_dropped(n.name)) return;
  const auto mine = groups_of_node(n, task);
  const auto read = [&](std::string_view bytes, const std::string& where, auto&& load) -> result<void> {
    reader r(bytes);
    r.has_older(older_[index].empty() ? nullptr : &older_[index]);
    const bool fine = load_or_throw(n.name, where, [&] { return load(r); });
    if (fine && r.left() == 0) return {};
    return misfit(n.name, fine ? "has more bytes than it reads, in " + where : "can't be read, in " + where);
  };
  const bool has_snapshot = load_snapshot(n, task, into);
  const auto load_group = [&](std::uint32_t group, std::string_view bytes) {
    return read(bytes, "key group " + std::to_string(group), [&](reader& r) {
      return group == shared_group(n) ? into.load_shared(r)
             : has_snapshot           ? into.load_beside_snapshot(group, r)
                                      : into.load(group, r);
    });
  };
  const auto load_changes = [&](std::string_view bytes) {
    return read(bytes, "the log", [&](reader& r) { return into.load_changes(mine, r); });
  };
  if (into.has_shared()) or_throw(recovered_.load_groups(n.name, {shared_group(n), shared_group(n) + 1}, load_group));
  or_throw(recovered_.load_groups(n.name, mine, load_group));
  or_throw(recovered_.load_changes(n.name, load_changes));
} catch (const state_store_error& e) { throw run_error({errc::io, e.what()}); }

/// Loads what was in a store. True: the state is kept in one that has it, beside which there is more.
bool run_checkpoints::load_snapshot(const node& n, std::uint32_t task, any_state& into) const {
  const auto parts = recovered_.stored(n.name);
  if (parts.empty()) return false;
  if (!store_ || !store_->has_snapshots())
    throw run_error({errc::invalid_argument,
                     "the states of bolt " + quoted(n.name) + " in " + quoted(how_.directory) +
                         " are files of a state store: give the executor's option store one of that kind, as the run "
                         "had that wrote them; or make a savepoint with it, which has the states themselves"});
  const auto mine = groups_of_node(n, task);
  const auto rows = rows_of_snapshot(n, mine);
  const bool has_same_layout = older_[graph_.find(n.name)].empty();
  for (const auto& part : parts) {
    if (part.groups != mine || rows.have_times != into.has_times() || !has_same_layout) continue;
    auto opened = store_->open_snapshot(quoted(n.name) + " task " + std::to_string(task), part.files);
    {
      std::lock_guard lock(mutex_);
      known_files_[opened->id()] = part.listed;
    }
    into.keep_in(std::move(opened), rows);
    return true;
  }
  load_rows(n, task, parts, rows.have_times, into);
  return false;
}

/// Those of groups that other tasks had, or as they were written before they were migrated.
void run_checkpoints::load_rows(const node& n, std::uint32_t task,
                                const std::vector<recovered_epochs::stored_part>& parts, bool have_times,
                                any_state& into) const {
  constexpr std::uint64_t rows_at_once = 1024;
  const auto time_bytes = have_times ? sizeof(event_span::rep) : 0;
  const auto mine = groups_of_node(n, task);
  const auto& older = older_[graph_.find(n.name)];
  for (const auto& part : parts) {
    const key_group_range common{std::max(mine.first, part.groups.first), std::min(mine.end, part.groups.end)};
    if (common.first >= common.end) continue;
    const auto from = store_->open_snapshot(quoted(n.name) + " task " + std::to_string(task), part.files);
    for (auto g = common.first; g < common.end; ++g) {
      writer rows;
      std::uint64_t count = 0;
      const auto load = [&] {
        writer all;
        all.raw(std::exchange(count, 0));
        all.raw<std::uint8_t>(have_times);
        all.append(rows.data());
        rows.clear();
        reader r(all.data());
        r.has_older(older.empty() ? nullptr : &older);
        const auto where = "key group " + std::to_string(g);
        if (!load_or_throw(n.name, where, [&] { return into.load_rows(g, r); }) || r.left() != 0)
          throw run_error(misfit(n.name, "can't be read, in " + where + " of its state store"));
      };
      from->scan(g, {}, [&](std::string_view key, std::string_view stored) {
        rows.append(stored.substr(0, time_bytes));
        rows.append(key);
        rows.append(stored.substr(time_bytes));
        if (++count == rows_at_once) load();
        return true;
      });
      if (count != 0) load();
    }
  }
}

snapshot_rows run_checkpoints::rows_of_snapshot(const node& n, key_group_range groups) const {
  snapshot_rows rows;
  or_throw(recovered_.load_groups(
      n.name, {snapshot_group(n), snapshot_group(n) + 1}, [&](std::uint32_t, std::string_view bytes) -> result<void> {
        reader r(bytes);
        read_value(r, rows);
        if (r.failed() || r.left() != 0 || rows.counts.size() != shared_group(n))
          return misfit(n.name, "has no number of rows for each key group of its state store");
        return {};
      }));
  for (std::uint32_t g = 0; g < rows.counts.size(); ++g)
    if (!groups.contains(g)) rows.counts[g] = 0;
  return rows;
}

key_group_range run_checkpoints::groups_of(std::uint32_t node, std::uint32_t task) const {
  return groups_of_node(graph_.nodes()[node], task);
}

run_checkpoints::task_states run_checkpoints::as_now(std::uint32_t node, std::uint32_t task, any_state& state,
                                                     bool as_snapshot) const {
  task_states of{node, task, state.rows(), {}};
  try {
    if (as_snapshot && has_snapshots()) of.snapshot = state.snapshot();
  } catch (const state_store_error& e) { throw run_error({errc::io, e.what()}); }
  if (of.snapshot) of.save = [&state](std::uint32_t group, writer& w) { state.save_beside_snapshot(group, w); };
  else of.save = [&state](std::uint32_t group, writer& w) { state.save(group, w); };
  if (state.has_shared()) of.save_shared = [&state](writer& w) { state.save_shared(w); };
  return of;
}

void run_checkpoints::seek(std::uint32_t index, const std::vector<spout_partition>& dealt, spout_operator& spout,
                           event_clock* clock) const {
  const node& n = graph_.nodes()[index];
  if (!spout.replayable()) return;
  for (const auto& p : dealt) {
    const auto* was = position_of(n.name, p.name);
    // Behind the end nothing is read, so what it was read from may be gone.
    if (!is_final()) spout.load(p.id, was ? was->saved : std::string_view{});
    if (!was) continue;
    if (!is_final()) {
      spout.read_past(finished_of(*was, p.id));
      seek(n, p, was->offset, spout);
    }
    if (!clock || was->clock.empty()) continue;
    reader r(was->clock);
    if (!clock->load(p.id, r))
      throw run_error({errc::data_loss, "the watermark of partition " + quoted(p.name) + " of spout " + quoted(n.name) +
                                            " in the checkpoint can't be read: its policy has another "
                                            "type now; put the spout into checkpoints.allow_dropped_state to begin "
                                            "anew"});
  }
}

/// Null: the run has nothing of it to go on from.
const checkpoint_partition* run_checkpoints::position_of(const std::string& spout, const std::string& partition) const {
  if (!from_ || is_dropped(spout)) return nullptr;
  for (const auto& p : from_->partitions)
    if (p.node == spout && p.name == partition) return &p;
  return nullptr;
}

/// To an offset, or, where the spout says that messages behind it are gone and may be skipped, past them.
void run_checkpoints::seek(const node& n, const spout_partition& p, std::uint64_t offset, spout_operator& spout) const {
  for (std::optional<position_range> last;;) {
    try {
      return spout.seek({p.id, offset, offset});
    } catch (const range_lost& gone) {
      const auto what = "spout " + quoted(n.name) + ": " +
                        in_words(gone, {p.id, std::max(offset, gone.lost().from), gone.earliest()}, {p});
      if (n.spout.on_data_loss == on_data_loss::stop || last == gone.lost())
        throw run_error({errc::data_loss, what + "; to go on without, set the spout's on_data_loss to skip"});
      log_.log(log_level::warning, "checkpoint", what + "; the run goes on without");
      last = gone.lost();
      if (gone.lost().from <= offset) offset = std::max(offset, gone.earliest());
    }
  }
}

// --- epochs ---

checkpoint_manifest run_checkpoints::begin(std::uint64_t epoch, event_time now) const {
  checkpoint_manifest m;
  m.history = recovered_.history;
  m.parent = recovered_.parent;
  m.epoch = epoch;
  m.made_at = now;
  m.topology = graph_.name();
  return m;
}

void run_checkpoints::append(epoch_record record) {
  record.after = newest_;
  or_throw(epochs_->append(record));
  newest_ = record.manifest.epoch;
  is_undecided_ = record.has_sinks;
  is_committed_ = false;
  for (auto& p : record.manifest.partitions) note(std::move(p));
  now_ = std::move(record.manifest);
  now_.tokens.clear();  // they are committed before a checkpoint is made of this
}

void run_checkpoints::close() {
  if (!is_undecided_ || !is_committed_) return;
  if (auto done = epochs_->append(commit_record(now_)); !done)
    log_.log(log_level::warning, "checkpoint",
             done.error().message + "; so the next run commits epoch " + std::to_string(newest_) + " once more");
}

void run_checkpoints::note(checkpoint_partition p) {
  auto& known = partitions_[{p.node, p.name}];
  update(known, std::move(p));
}

void run_checkpoints::make_base(event_time now, const states& all) {
  now_ = begin(next_++, now);
  if (from_) {
    now_.made_at = std::max(now, from_->made_at);
    now_.watermarks = from_->watermarks;
    now_.is_final = from_->is_final;  // time has ended, whatever is to be known anew
    // Those of nodes that were given up.
    std::erase_if(partitions_, [&](const auto& p) {
      return graph_.find(p.second.node) == graph_.nodes().size() || is_dropped(p.second.node);
    });
  }
  write(now_, all);
  newest_ = now_.epoch;
}

std::uint64_t run_checkpoints::savepoint(const states& all) {
  if (written_ == newest_) {
    epoch_record nothing_new;
    nothing_new.has_sinks = false;
    nothing_new.manifest = now_;
    nothing_new.manifest.partitions.clear();
    nothing_new.manifest.nodes.clear();
    nothing_new.manifest.kind = checkpoint_kind::checkpoint;
    nothing_new.manifest.epoch = std::max(newest_ + 1, next_);  // no number again that was discarded
    append(std::move(nothing_new));
  }
  auto as_savepoint = now_;
  as_savepoint.kind = checkpoint_kind::savepoint;
  write(std::move(as_savepoint), all);
  return newest_;
}

error run_checkpoints::over() {
  return {errc::closed,
          "the run is over: its last epoch is the newest in checkpoints.directory, where the next run goes on; to keep "
          "that one beside later ones, copy the directory before"};
}

void run_checkpoints::relieve_log(const states& all) {
  if (epochs_->wants_checkpoint()) write(now_, all);
}

/// A checkpoint while its states are written.
struct run_checkpoints::writing {
  checkpoint_writer& epoch;
  checkpoint_manifest& manifest;
  std::vector<std::shared_ptr<state_file_writer>> files;  ///< by the node's index
  std::vector<snapshot_rows> of_snapshots;                ///< likewise, where there are snapshots
  files_by_store linked{};
};

void run_checkpoints::write(checkpoint_manifest manifest, const states& all) {
  manifest.nodes = nodes();
  manifest.partitions.clear();
  for (const auto& [key, partition] : partitions_) manifest.partitions.push_back(partition);
  files_by_store linked;
  const bool as_snapshots = manifest.kind == checkpoint_kind::checkpoint;
  const auto write_all = [&](checkpoint_writer& epoch, checkpoint_manifest& m) -> result<void> {
    writing to{epoch, m, std::vector<std::shared_ptr<state_file_writer>>(m.nodes.size()),
               std::vector<snapshot_rows>(m.nodes.size())};
    result<void> done;
    all(as_snapshots, [&](const task_states& of) {
      if (done) done = write_states(to, of);
    });
    for (std::size_t i = 0; i < to.files.size() && done; ++i) {
      if (!to.files[i]) continue;
      if (const auto& rows = to.of_snapshots[i]; !rows.counts.empty()) {
        writer w;
        write_value(w, rows);
        done = to.files[i]->add(snapshot_group(graph_.nodes()[i]), w.data());
      }
      auto written = to.files[i]->finish();
      if (!written) return std::move(written).error();
      m.nodes[i].files.push_back(*std::move(written));
    }
    linked = std::move(to.linked);
    return done;
  };
  const auto epoch = manifest.epoch;
  or_throw(epochs_->checkpoint(std::move(manifest), write_all));
  written_ = epoch;
  is_undecided_ = false;
  if (!as_snapshots) return;
  std::lock_guard lock(mutex_);
  known_files_ = std::move(linked);
}

result<void> run_checkpoints::write_states(writing& to, const task_states& of) const {
  const node& n = graph_.nodes()[of.node];
  if (n.key_type.empty() && of.task != 0) return {};
  if (of.snapshot)
    if (auto done = write_snapshot(to, of); !done) return done;
  auto& file = to.files[of.node];
  if (!file) {
    const auto kind = of.snapshot ? state_file_kind::delta : state_file_kind::full;
    auto made = to.epoch.add_states(kind, {0, snapshot_group(n) + 1});
    if (!made) return std::move(made).error();
    file = *std::move(made);
  }
  to.manifest.nodes[of.node].keys += of.rows;
  const auto mine = groups_of_node(n, of.task);
  for (auto g = mine.first; g < mine.end; ++g) {
    writer w;
    of.save(g, w);
    if (auto done = file->add(g, w.data()); !done) return done;
  }
  if (of.task != 0 || !of.save_shared) return {};
  writer w;
  of.save_shared(w);
  return file->add(shared_group(n), w.data());
}

result<void> run_checkpoints::write_snapshot(writing& to, const task_states& of) const {
  const node& n = graph_.nodes()[of.node];
  const auto mine = groups_of_node(n, of.task);
  auto& rows = to.of_snapshots[of.node];
  rows.have_times = of.snapshot->rows.have_times;
  rows.counts.resize(n.options.max_parallelism);
  for (auto g = mine.first; g < mine.end; ++g) rows.counts[g] = of.snapshot->rows.counts[g];

  std::lock_guard lock(mutex_);
  const auto& known = known_files_[of.snapshot->files->store()];
  auto& linked = to.linked[of.snapshot->files->store()];
  for (const auto& f : of.snapshot->files->files()) {
    const auto same = std::find_if(known.begin(), known.end(), [&](const state_file& k) {
      return f.is_immutable && k.store_name == f.name && k.size == f.size && k.groups == mine;
    });
    if (same != known.end()) {
      linked.push_back(*same);
    } else {
      auto made = to.epoch.link(f.path, mine, f.name);
      if (!made) return std::move(made).error();
      linked.push_back(*std::move(made));
    }
    to.manifest.nodes[of.node].files.push_back(linked.back());
  }
  return {};
}

}  // namespace freshet
