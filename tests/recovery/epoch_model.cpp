#include "recovery/epoch_model.hpp"

#include <algorithm>
#include <utility>

namespace freshet::epoch_model {

const std::string& model::run() {
  state start;
  start.crashes_left = static_cast<small>(how_.crashes);
  visit(start);
  return wrong_;
}

void model::wrong(const std::string& what) {
  if (!wrong_.empty()) return;
  wrong_ = what + ", behind:";
  for (const auto& [what_happens, about] : trace_)
    wrong_ += std::string("\n  ") + what_happens + (about < 0 ? "" : " " + std::to_string(about));
}

void model::next(const char* what, const state& s, int about) {
  if (!wrong_.empty()) return;
  ++steps_;
  trace_.push_back({what, about});
  visit(without_past(s));
  trace_.pop_back();
}

/// What a checkpoint has is asked for by nobody: states that differ in nothing else are one.
state model::without_past(state s) {
  auto& files = s.files;
  const auto base = files.base.epoch;
  const auto is_past = [base](const record& r) { return r.epoch <= base; };
  const auto first = files.log.begin(), end = first + files.size;
  files.synced = static_cast<small>(files.synced - std::count_if(first, first + files.synced, is_past));
  const auto kept = std::remove_if(first, end, is_past);
  std::fill(kept, end, record{});
  files.size = static_cast<small>(kept - first);
  if (owes(s)) return s;
  for (auto& k : s.sinks) {
    k.committed &= static_cast<small>(~0u << (base + 1u));
    if (k.last <= base) k.last = 0;
  }
  return s;
}

void model::visit(const state& s) {
  if (!seen_.insert(s).second) return;
  crash(s);
  const auto before = steps_;
  go_on(s);
  if (steps_ == before && s.run.at != phase::over) wrong("stuck");
}

void model::go_on(const state& s) {
  switch (s.run.at) {
    case phase::down:
      return open(s);
    case phase::opened:
      return decide(s);
    case phase::discarding:
    case phase::commits_again:
      return commit_again(s);
    case phase::starts:
      return start(s);
    case phase::base_named:
      return sync_base(s);
    case phase::base_synced:
      return drop(s);
    case phase::waits:
      return between(s);
    case phase::prepares:
      return prepares(s);
    case phase::written:
      return sync(s);
    case phase::commits:
      return commits(s);
    case phase::done:
      return relieve_log(s);
    case phase::stops:
      return take_away(s);
    case phase::over:
      return end(s);
  }
}

// --- the outside ---

void model::crash(const state& s) {
  if (s.crashes_left == 0 || s.run.at == phase::down) return;
  ++crashes_;
  next("the process ends", ended(s));
  lose_power(s);
  fail(s);
}

state model::ended(state s) {
  --s.crashes_left;
  s.run = {};
  for (auto& k : s.sinks) {
    k.at = sink_state::stage::idle;
    k.has_begun = k.epoch = k.rows = k.owes = k.ahead = 0;
  }
  return s;
}

/// Of what was not synced any beginning may have come to the device.
void model::lose_power(const state& s) {
  const auto& was = s.files;
  for (small kept = was.synced; kept <= was.size; ++kept)
    for (int renamed = was.named.epoch ? 0 : 1; renamed <= 1; ++renamed) {
      if (kept == was.size && renamed) continue;  // nothing is lost: as at an end of the process
      state n = ended(s);
      auto& files = n.files;
      std::fill(files.log.begin() + kept, files.log.end(), record{});
      files.size = files.synced = kept;
      if (renamed) files.base = files.newest_base();
      files.named = {};
      next("the power goes; records left:", n, kept);
    }
}

/// The run ends by an error, and closes its sinks: what may have a record stays as it is, and what has begun behind it
/// has nothing that lasts.
void model::fail(const state& s) {
  const bool counts = s.run.at != phase::prepares;
  const bool aborts = breaks(broken_rule::abort_of_what_counts) || breaks(broken_rule::abort_behind_begin);
  if (counts && !aborts) return;  // the same as an end of the process
  state n = s;
  for (std::size_t i = 0; i < sinks(); ++i) {
    auto& k = n.sinks[i];
    if (!counts || k.ahead || (k.owes && breaks(broken_rule::abort_of_what_counts))) abort(k);
  }
  next("the run fails", ended(n));
}

/// As `run_checkpoints::close` does.
void model::stop(state s) {
  if (s.crashes_left == 0 || (owes(s) && !breaks(broken_rule::record_before_commits))) return;
  const bool is_in_log = s.files.newest_base().epoch != s.run.newest;
  if (is_in_log && !breaks(broken_rule::no_record_of_commits))
    append(s, {s.run.newest, s.run.newest, s.run.end, record_kind::committed});
  s.run.at = phase::stops;
  next("write that the newest epoch is committed", s);
}

/// The log is synced, the process ends, and whoever reads what sinks have shown removes it.
void model::take_away(state s) {
  s.files.synced = s.files.size;
  for (auto& k : s.sinks) k.taken = k.committed;
  next("the run was stopped, and what is visible is taken away", ended(s));
}

void model::end(const state& s) {
  ++ends_;
  for (std::size_t i = 0; i < sinks(); ++i)
    if (s.sinks[i].visible != all_rows) wrong("sink " + std::to_string(i) + " misses rows at the end");
}

// --- sinks ---

/// sinks(): none.
std::size_t model::deciding() const {
  return static_cast<std::size_t>(std::find(how_.sinks.begin(), how_.sinks.end(), sink_kind::deciding) -
                                  how_.sinks.begin());
}

void model::publish(sink_state& k, small epoch, small rows) {
  if (k.visible & rows) wrong("rows of epoch " + std::to_string(epoch) + " are visible twice");
  k.visible |= rows;
  k.committed |= static_cast<small>(1 << epoch);
  k.last = epoch;
}

/// The first begin throws away what was prepared before; a transaction that is open is rolled back.
void model::begin(sink_state& k, small epoch) {
  if (!k.has_begun) k.prepared = {};
  k.has_begun = 1;
  k.at = sink_state::stage::begun;
  k.epoch = epoch;
  k.rows = 0;
}

void model::prepare(sink_state& k, std::size_t i) {
  k.at = sink_state::stage::prepared;
  if (!decides(i)) k.prepared[k.epoch] = k.rows;
}

void model::commit(sink_state& k, std::size_t i) {
  if (k.at != sink_state::stage::prepared) return;
  if (!decides(i)) return commit_token(k, k.epoch);
  publish(k, k.epoch, k.rows);
  k.at = sink_state::stage::idle;
}

void model::commit_token(sink_state& k, small epoch) {
  if (k.taken & 1 << epoch) return wrong("epoch " + std::to_string(epoch) + " is committed again, and was taken away");
  if (k.committed & 1 << epoch) return;
  if (!k.prepared[epoch]) return wrong("what was prepared of epoch " + std::to_string(epoch) + " is gone");
  publish(k, epoch, std::exchange(k.prepared[epoch], small{0}));
}

void model::abort(sink_state& k) const {
  const bool is_prepared = k.at == sink_state::stage::prepared;
  if (is_prepared && (!k.ahead || breaks(broken_rule::abort_behind_begin))) k.prepared[k.epoch] = 0;
  k.at = sink_state::stage::idle;
  k.ahead = 0;
  k.epoch = k.rows = 0;
}

// --- the log ---

void model::append(state& s, record r) {
  auto& files = s.files;
  if (s.run.unwritten.epoch) append(s, std::exchange(s.run.unwritten, record{}));
  if (files.size == most_records) return wrong("the model has no room for more records");
  files.log[files.size++] = r;
}

/// The records that go on from the checkpoint, as `epoch_chain` tells them.
model::recovered model::read(const directory& files) {
  const auto& base = files.newest_base();
  recovered found;
  found.newest_number = base.epoch;
  const auto newest = [&] { return found.records.empty() ? base.epoch : found.records.back().epoch; };
  for (small i = 0; i < files.size; ++i) {
    const auto& r = files.log[i];
    found.newest_number = std::max(found.newest_number, r.epoch);
    if (r.epoch <= base.epoch) continue;
    if (r.kind == record_kind::discarded) {
      if (newest() != r.epoch) continue;
      found.records.pop_back();
      found.is_committed = !breaks(broken_rule::commit_behind_discarded);
    } else if (r.kind == record_kind::committed) {
      found.is_committed |= newest() == r.epoch;
    } else if (r.after != newest()) {
      wrong("epoch " + std::to_string(r.epoch) + " goes on over a hole");
    } else {
      found.records.push_back(r);
      found.is_committed = false;
    }
  }
  return found;
}

// --- going on ---

void model::open(state s) {
  if (!breaks(broken_rule::no_sync_at_open)) {
    s.files.base = s.files.newest_base();
    s.files.named = {};
    s.files.synced = s.files.size;
  }
  s.run.at = phase::opened;
  next("open", s);
}

/// As `run_checkpoints::decide` does, with its refusals, none of which may come.
void model::decide(state s) {
  auto found = read(s.files);
  s.run.next = static_cast<small>(found.newest_number + 1);
  const auto judge = deciding();
  const bool asks = judge < sinks() && !found.records.empty() && !breaks(broken_rule::decide_ignored);
  const auto known = found.is_committed ? asked_before(found) : small{0};
  if (asks && known && s.sinks[judge].last != known)
    return wrong("refused: the sink has not committed what the log has as committed");
  if (!asks || found.is_committed || s.sinks[judge].last == found.records.back().epoch) {
    adopt(s, found, phase::commits_again);
    return next("the newest epoch counts:", s, s.run.newest);
  }
  const auto last = s.sinks[judge].last, newest = found.records.back().epoch;
  if (last > newest) return wrong("refused: the sink has committed more than the directory has");
  found.records.pop_back();
  found.is_committed = !breaks(broken_rule::commit_behind_discarded);
  if (const auto before = asked_before(found); before && last != before)
    return wrong("refused: the sink has not committed the epoch before the newest");
  for (std::size_t i = 0; i < sinks(); ++i)
    if (s.sinks[i].committed & 1 << newest)
      wrong("epoch " + std::to_string(newest) + " is discarded and visible in sink " + std::to_string(i));
  if (!breaks(broken_rule::no_discarded_record)) append(s, {newest, 0, 0, record_kind::discarded});
  adopt(s, found, phase::discarding);
  next("discard epoch", s, newest);
}

/// The newest epoch that the sink that decides was asked to commit; 0: the log has none. An epoch of a savepoint has no
/// rows, and no sink hears of it.
small model::asked_before(const recovered& found) const {
  for (auto r = found.records.rbegin(); r != found.records.rend(); ++r)
    if (r->kind == record_kind::epoch || breaks(broken_rule::savepoint_is_an_epoch)) return r->epoch;
  return 0;
}

void model::adopt(state& s, const recovered& found, phase at) const {
  const auto& base = s.files.newest_base();
  auto& run = s.run;
  run.at = at;
  run.newest = base.epoch;
  run.end = base.end;
  if (found.records.empty()) return;
  run.newest = found.records.back().epoch;
  run.end = found.records.back().end;
  run.has_tokens = found.records.back().kind == record_kind::epoch && !found.is_committed;
}

void model::commit_again(state s) {
  if (std::exchange(s.run.at, phase::commits_again) == phase::discarding) {
    s.files.synced = s.files.size;
    return next("sync the log", s);
  }
  const auto i = s.run.sink++;
  if (i == sinks() || !s.run.has_tokens || breaks(broken_rule::no_commit_again)) {
    s.run.sink = s.run.has_tokens = 0;
    s.run.at = phase::starts;
    return next("go on", s);
  }
  if (!decides(i)) commit_token(s.sinks[i], s.run.newest);
  next("commit once more: sink", s, i);
}

/// A checkpoint must be made first where there is none, or where the topology is another; both are tried.
void model::start(const state& s) {
  name_base(s, s.run.next, s.run.next + 1);
  if (!s.files.newest_base().epoch) return;
  state n = s;
  n.run.at = phase::waits;
  next("the topology is the same", n);
}

// --- epochs ---

void model::between(const state& s) {
  if (breaks(broken_rule::begin_before_commit)) commit_any(s);
  if (s.run.end == all_input) {
    state n = s;
    n.run.at = phase::over;
    if (!owes(s)) next("all is read", n);
  }
  stop(s);
  for (small many = 1; many <= 2 && s.run.end + many <= all_input; ++many) cut(s, many);
  if (s.savepoints_left && s.files.newest_base().epoch == s.run.newest && !owes(s)) append_savepoint(s);
}

void model::cut(state s, small many) {
  s.run.at = phase::prepares;
  s.run.epoch = s.run.next++;
  s.run.cut = static_cast<small>(s.run.end + many);
  next("an epoch reads up to row", s, s.run.cut);
}

void model::prepares(const state& s) {
  if (breaks(broken_rule::begin_before_commit)) commit_any(s);
  begin_ahead(s);
  bool all = true;
  for (std::size_t i = 0; i < sinks(); ++i) {
    const auto& k = s.sinks[i];
    if (k.epoch == s.run.epoch && k.at == sink_state::stage::prepared) continue;
    if (all || how_.made_by == engine::event) attempt(s, i);
    all = false;
  }
  if (all) all_prepared(s);
}

/// A task of a sink begins or prepares; or its attempt fails, and it begins again.
void model::attempt(const state& s, std::size_t i) {
  state n = s;
  auto& k = n.sinks[i];
  if (k.at != sink_state::stage::begun) {
    begin(k, s.run.epoch);
    return next("begin: sink", n, static_cast<int>(i));
  }
  k.epoch = s.run.epoch;  // it may have begun it before it was cut
  k.rows = static_cast<small>((1 << s.run.cut) - (1 << s.run.end));
  prepare(k, i);
  next("prepare: sink", n, static_cast<int>(i));
  state failed = s;
  abort(failed.sinks[i]);
  next("an attempt fails: sink", failed, static_cast<int>(i));
}

/// A sink whose epochs overlap begins the next when it has prepared one, whatever the others do.
void model::begin_ahead(const state& s) {
  if (how_.made_by != engine::event) return;
  for (std::size_t i = 0; i < sinks(); ++i) {
    state n = s;
    auto& k = n.sinks[i];
    if (how_.sinks[i] != sink_kind::overlapping || k.at != sink_state::stage::prepared || k.ahead) continue;
    k.ahead = 1;
    next("begin the next: sink", n, static_cast<int>(i));
  }
}

void model::all_prepared(state s) {
  if (breaks(broken_rule::append_after_commits)) {
    owe(s, sinks());
    s.run.at = phase::commits;
    return next("commit before the record is there", s);
  }
  append(s, {s.run.epoch, s.run.newest, s.run.cut, record_kind::epoch});
  s.run.at = phase::written;
  next("write the record of epoch", s, s.run.epoch);
}

void model::owe(state& s, std::size_t sinks) {
  for (std::size_t i = 0; i < sinks; ++i) s.sinks[i].owes = 1;
}
bool model::owes(const state& s) {
  return std::any_of(s.sinks.begin(), s.sinks.end(), [](const auto& k) { return k.owes != 0; });
}

/// The record is on the device: the epoch counts.
void model::sync(state s) {
  begin_ahead(s);
  auto& run = s.run;
  if (!breaks(broken_rule::no_sync_before_commits)) s.files.synced = s.files.size;
  run.newest = run.epoch;
  run.end = run.cut;
  run.epoch = run.cut = 0;
  if (s.files.log[s.files.size - 1].kind == record_kind::savepoint) return name_savepoint(s);
  run.at = phase::done;
  if (!breaks(broken_rule::append_after_commits)) {
    owe(s, sinks());
    run.at = breaks(broken_rule::begin_before_commit) ? phase::waits : phase::commits;
  }
  next("sync the log", s);
}

void model::commits(const state& s) {
  begin_ahead(s);
  commit_any(s);
  if (breaks(broken_rule::record_before_commits)) stop(s);
  const bool has_base = s.files.newest_base().epoch == s.run.newest;
  if (breaks(broken_rule::checkpoint_before_commits) && !has_base) name_base(s, s.run.newest, s.run.next);
  if (owes(s)) return;
  state n = s;
  n.run.at = phase::done;
  if (breaks(broken_rule::append_after_commits)) {
    append(n, {s.run.epoch, s.run.newest, s.run.cut, record_kind::epoch});
    n.run.at = phase::written;
  }
  next("all have committed", n);
}

void model::commit_any(const state& s) {
  for (std::size_t i = 0; i < sinks(); ++i) {
    if (!s.sinks[i].owes || !may_commit(s, i)) continue;
    state n = s;
    auto& k = n.sinks[i];
    commit(k, i);
    next("commit, which fails when it is done: sink", n, static_cast<int>(i));
    leave_epoch(k);
    next("commit: sink", n, static_cast<int>(i));
  }
}

/// It is idle, or has begun the next.
void model::leave_epoch(sink_state& k) {
  k.at = std::exchange(k.ahead, small{0}) ? sink_state::stage::begun : sink_state::stage::idle;
  k.epoch = k.rows = k.owes = 0;
}

/// The sink that decides is the first. The others have no order, but in a batch that of their nodes.
bool model::may_commit(const state& s, std::size_t i) const {
  const auto judge = deciding();
  const auto first = s.sinks.begin();
  const auto owe_before = [&](std::size_t last) {
    return std::any_of(first, first + static_cast<std::ptrdiff_t>(last), [](const auto& k) { return k.owes != 0; });
  };
  const auto others = std::count_if(first, s.sinks.end(), [](const auto& k) { return k.owes != 0; }) - 1;
  if (breaks(broken_rule::order_of_nodes)) return !owe_before(i);
  if (breaks(broken_rule::deciding_sink_last) && judge < sinks()) return i != judge || others == 0;
  if (judge < sinks()) return i == judge || !s.sinks[judge].owes;
  return how_.made_by == engine::event || !owe_before(i);
}

// --- checkpoints ---

void model::relieve_log(const state& s) {
  name_base(s, s.run.newest, s.run.next);
  state n = s;
  n.run.at = phase::waits;
  next("the log is short", n);
}

/// Where the newest epoch has a checkpoint already, the savepoint is of one after it, in which nothing happens.
void model::append_savepoint(state s) {
  --s.savepoints_left;
  s.run.epoch = breaks(broken_rule::savepoint_behind_newest) ? static_cast<small>(s.run.newest + 1) : s.run.next;
  const record nothing_new{s.run.epoch, s.run.newest, s.run.end, record_kind::savepoint};
  state refused = s;
  refused.run.epoch = 0;
  if (breaks(broken_rule::refused_record_is_kept)) refused.run.unwritten = nothing_new;
  next("the record of a savepoint finds no room", refused);
  s.run.cut = s.run.end;
  s.run.next = std::max(s.run.next, static_cast<small>(s.run.epoch + 1));
  append(s, nothing_new);
  s.run.at = phase::written;
  next("write a record for a savepoint, epoch", s, s.run.epoch);
}

/// The run goes on, whether there is room for the files of the savepoint or not.
void model::name_savepoint(state s) {
  name_base(s, s.run.newest, s.run.next);
  s.run.at = phase::waits;
  next("the savepoint fails", s);
}

void model::name_base(state s, small epoch, small next_epoch) {
  s.files.named = {epoch, s.run.end};
  s.run.newest = epoch;
  s.run.next = next_epoch;
  s.run.at = phase::base_named;
  next("name a checkpoint of epoch", s, epoch);
}

void model::sync_base(state s) {
  s.files.base = std::exchange(s.files.named, {});
  s.run.at = phase::base_synced;
  next("sync the checkpoint", s);
}

/// Files go, the oldest first: up to which is left open.
void model::drop(const state& s) {
  for (small gone = 0; gone <= s.files.size; ++gone) {
    state n = s;
    auto& files = n.files;
    std::rotate(files.log.begin(), files.log.begin() + gone, files.log.end());
    std::fill(files.log.end() - gone, files.log.end(), record{});
    files.size = static_cast<small>(files.size - gone);
    files.synced = files.size;
    n.run.at = owes(s) ? phase::commits : phase::waits;
    next("drop records of the log:", n, gone);
  }
}

}  // namespace freshet::epoch_model
