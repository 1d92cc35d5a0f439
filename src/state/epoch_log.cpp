#include "freshet/state/epoch_log.hpp"

#include <algorithm>
#include <utility>

#include "base/record_segment.hpp"
#include "freshet/base/random.hpp"
#include "freshet/base/record_log_reader.hpp"
#include "freshet/core/codec.hpp"
#include "state/damage.hpp"
#include "state/epoch_chain.hpp"

namespace freshet {

namespace {

std::uint64_t bytes_of_states(const checkpoint_manifest& manifest) {
  std::uint64_t sum = 0;
  for (const auto& node : manifest.nodes)
    for (const auto& file : node.files)
      if (file.kind != state_file_kind::store) sum += file.size;  // those are not written again
  return sum;
}

}  // namespace

std::string_view to_string(log_sync s) noexcept {
  switch (s) {
    case log_sync::every_batch:
      return "every_batch";
    case log_sync::interval:
      return "interval";
    case log_sync::never:
      break;
  }
  return "never";
}

epoch_record commit_record(checkpoint_manifest newest) {
  epoch_record record;
  record.after = newest.epoch;
  record.has_sinks = false;
  record.manifest = std::move(newest);
  record.manifest.nodes.clear();
  record.manifest.partitions.clear();
  record.manifest.tokens.clear();
  return record;
}

std::string encode(const epoch_record& record) {
  writer w;
  write_value(w, record);
  return w.take();
}

result<epoch_record> decode_epoch_record(std::string_view bytes, const std::string& where) {
  reader r(bytes);
  epoch_record record;
  read_value(r, record);
  if (r.failed() || r.left() != 0) return damaged(where, "the values of an epoch", "others, whose checksum is right");
  if (record.manifest.kind > checkpoint_kind::savepoint)
    return damaged(where, "the values of an epoch", "kind " + std::to_string(static_cast<int>(record.manifest.kind)));
  return record;
}

// --- what was recovered ---

std::optional<checkpoint_manifest> recovered_epochs::manifest() const {
  if (!base_ || records_.empty()) return base_;
  checkpoint_manifest merged = *base_;
  for (const auto& r : records_) add_epoch(merged, r.manifest);
  return merged;
}

std::optional<std::uint64_t> recovered_epochs::committed() const {
  for (auto at = records_.rbegin() + (is_undecided() ? 1 : 0); at != records_.rend(); ++at)
    if (at->has_sinks) return at->manifest.epoch;
  return {};
}

void recovered_epochs::drop_newest() {
  records_.pop_back();
  is_committed_ = true;
}

epoch_id recovered_epochs::newest() const {
  return {base_->history, records_.empty() ? base_->epoch : records_.back().manifest.epoch};
}

result<void> recovered_epochs::load_groups(const std::string& node, key_group_range groups,
                                           const group_loader& load) const {
  const auto found = states_.find(node);
  if (found == states_.end()) return {};
  for (auto g = groups.first; g < groups.end; ++g) {
    const auto pieces = found->second.read(g);
    if (!pieces) return pieces.error();
    for (const auto& piece : *pieces)
      if (auto done = load(g, piece.bytes); !done) return done;
  }
  return {};
}

std::vector<recovered_epochs::stored_part> recovered_epochs::stored(const std::string& node) const {
  std::vector<stored_part> parts;
  const auto of = std::find_if(base_->nodes.begin(), base_->nodes.end(), [&](auto& n) { return n.name == node; });
  if (of == base_->nodes.end()) return parts;
  for (const auto& file : of->files) {
    if (file.kind != state_file_kind::store) continue;
    if (parts.empty() || parts.back().groups != file.groups) parts.push_back({file.groups, {}, {}});
    parts.back().listed.push_back(file);
    parts.back().files.push_back({file.store_name, folder_ + "/" + file.name, file.size, false});
  }
  return parts;
}

result<void> recovered_epochs::load_changes(const std::string& node, const changes_loader& load) const {
  for (const auto& record : records_)
    for (const auto& c : record.changes)
      if (c.node == node)
        if (auto done = load(c.bytes); !done) return done;
  return {};
}

void recovered_epochs::forget_states() {
  states_.clear();
  for (auto& record : records_) record.changes = {};
}

// --- opening ---

epoch_log::epoch_log(file_system& files, std::unique_ptr<checkpoint_directory> directory, epoch_log_options options)
    : files_(files), directory_(std::move(directory)), options_(std::move(options)) {}

result<std::unique_ptr<epoch_log>> epoch_log::open(file_system& files, const std::string& folder,
                                                   epoch_log_options options) {
  auto directory = checkpoint_directory::open(files, folder, options.checkpoints);
  if (!directory) return std::move(directory).error();
  std::unique_ptr<epoch_log> opened(new epoch_log(files, *std::move(directory), std::move(options)));
  const auto is_gone = opened->is_log_gone();
  if (!is_gone) return is_gone.error();
  auto done = *is_gone ? result<void>(gone_log(opened->log_folder())) : opened->open_log();
  if (!done && done.error().code != errc::data_loss) return std::move(done).error();
  if (!done) opened->damage_ = std::move(done).error();  // whether it may be passed over is said later
  return opened;
}

/// Before the first checkpoint is made there is a log, and it never is without a file.
result<bool> epoch_log::is_log_gone() const {
  const auto epochs = directory_->reader().epochs();
  if (!epochs) return epochs.error();
  if (epochs->empty()) return false;
  const auto is_there = files_.exists(log_folder());
  if (!is_there) return is_there.error();
  if (!*is_there) return true;
  const auto inside = files_.list(log_folder());
  if (!inside) return inside.error();
  return std::none_of(inside->begin(), inside->end(), [](const auto& e) { return index_in_segment_name(e.name); });
}

result<void> epoch_log::open_log() {
  record_log_options as_log;
  as_log.segment_bytes = std::max<std::uint64_t>(options_.least_bytes / 4, 4096);
  as_log.log = options_.checkpoints.log;
  auto log = record_log::open(files_, log_folder(), std::move(as_log));
  if (!log) return std::move(log).error();
  log_ = *std::move(log);
  return {};
}

// --- going on ---

result<recovered_epochs> epoch_log::newest(when_damaged damaged) {
  auto from = directory_->newest(damaged);
  if (!from) return std::move(from).error();
  if (from->manifest && from->is_prepared)
    if (auto done = directory_->commit(from->manifest->epoch); !done) return std::move(done).error();
  // What the log has goes on from the one that is damaged.
  const bool is_newest = from->skipped.empty();
  return recover(*std::move(from), is_newest, damaged);
}

result<recovered_epochs> epoch_log::resume(std::uint64_t epoch) {
  auto from = directory_->resume(epoch);
  if (!from) return std::move(from).error();
  return recover(*std::move(from), false, when_damaged::use_older);
}

result<recovered_epochs> epoch_log::recover(resume_point from, bool with_log, when_damaged damaged) {
  recovered_epochs all;
  all.history = from.history;
  all.parent = from.parent;
  all.next_epoch = from.next_epoch;
  if (!from.manifest) return damage_ ? result<recovered_epochs>(*damage_) : std::move(all);
  base_bytes_ = bytes_of_states(*from.manifest);
  std::uint64_t newest = from.manifest->epoch;
  const auto read = read_records(*from.manifest, with_log ? &all : nullptr, newest);
  if (!read && read.error().code != errc::data_loss) return read.error();
  all.next_epoch = std::max(all.next_epoch, newest + 1);
  all.base_ = std::move(from.manifest);
  all.folder_ = directory_->reader().folder();
  if (!read) {
    if (all.is_undecided()) all.drop_newest();  // only what followed it could tell that sinks have committed it
    if (damaged == when_damaged::refuse) return damaged_log(read.error(), all.newest().epoch);
    pass_over_log(read.error(), all);
  }
  if (!read || (!with_log && newest != all.base_->epoch)) {  // what came after it is another history from here on
    all.parent = all.newest();
    if (all.history == all.parent->history) all.history = system_seed();
  }
  for (const auto& node : all.base_->nodes) {
    auto opened = directory_->reader().states(node);
    if (!opened) return std::move(opened).error();
    all.states_.emplace(node.name, *std::move(opened));
  }
  return all;
}

/// Those that go on from the checkpoint, without any that were discarded; up to the damage, if there is some. `newest`
/// is the largest number that is found; without `into` nothing else is looked for, as what followed an older checkpoint
/// may be gone.
result<void> epoch_log::read_records(const checkpoint_manifest& base, recovered_epochs* into, std::uint64_t& newest) {
  result<void> done;
  epoch_chain chain(base);
  since_bytes_ = failed_at_ = 0;
  const auto take = [&](std::uint64_t index, std::string_view bytes) -> result<void> {
    const auto where = "record " + std::to_string(index) + " of \"" + log_folder() + "\"";
    auto record = decode_epoch_record(bytes, where);
    if (!record) return std::move(record).error();
    newest = std::max(newest, record->manifest.epoch);
    if (!into || !done) return {};
    const auto does = chain.add(*record, where);
    if (!does) return does.error();
    if (*does == epoch_chain::step::takes_back) into->drop_newest();
    if (*does == epoch_chain::step::commits) into->is_committed_ = true;
    if (*does != epoch_chain::step::goes_on) return {};
    since_bytes_ += bytes.size();
    into->records_.push_back(*std::move(record));
    into->is_committed_ = false;
    return {};
  };
  const auto read = read_record_log(files_, log_folder(), [&](std::uint64_t index, std::string_view bytes) {
    auto taken = take(index, bytes);
    if (done) done = std::move(taken);
  });
  if (!done) return done;
  if (damage_) return *damage_;
  return read ? result<void>() : read.error();
}

void epoch_log::pass_over_log(const error& why, const recovered_epochs& all) {
  damage_ = why;
  options_.checkpoints.log.log(log_level::warning, "checkpoint",
                               "the log of the epochs is passed over: " + without_way_out(why.message) + ". So " +
                                   behind_damage(all.newest().epoch) + ". The log is moved to \"" +
                                   aside(all.next_epoch) + "\"");
}

/// What it has is no part of the history that began with this checkpoint. A crash in between leaves the damage.
result<void> epoch_log::put_log_aside(std::uint64_t epoch) {
  log_.reset();
  const auto is_there = files_.exists(log_folder());
  if (!is_there) return is_there.error();
  if (*is_there)
    if (auto done = files_.rename(log_folder(), aside(epoch)); !done) return done;
  if (auto done = files_.sync_folder(directory_->reader().folder()); !done) return done;
  if (auto done = open_log(); !done) return done;
  damage_.reset();
  return {};
}

// --- epochs ---

result<void> epoch_log::append(const epoch_record& record) {
  const auto bytes = encode(record);
  if (auto taken = log_->append(bytes); !taken) return std::move(taken).error();
  if (auto done = write_out(); !done) {
    log_->take_back_unwritten();  // or it would be there later, beside whatever has its place by then
    return done;
  }
  since_bytes_ += bytes.size();
  return {};
}

/// As far as `log_sync` says.
result<void> epoch_log::write_out() {
  const auto now = options_.clock->now();
  const bool due =
      options_.sync == log_sync::every_batch ||
      (options_.sync == log_sync::interval && (!synced_at_ || now - *synced_at_ >= options_.sync_interval));
  if (!due) return log_->flush();
  synced_at_ = now;
  return log_->sync();
}

/// Tried at each epoch, a checkpoint that finds no room would write all states up to there each time.
bool epoch_log::wants_checkpoint() const {
  return since_bytes_ - failed_at_ > std::max(options_.least_bytes, base_bytes_);
}

result<void> epoch_log::checkpoint(checkpoint_manifest manifest, const write_states& write) {
  const auto epoch = manifest.epoch;
  failed_at_ = since_bytes_;  // until it is made; whoever writes the states may throw
  if (auto done = abandon_unnamed(); !done) return done;
  auto writer = directory_->begin(epoch);
  if (!writer) return std::move(writer).error();
  if (auto done = write(**writer, manifest); !done) {
    static_cast<void>(directory_->abandon(epoch));
    return done;
  }
  // What the log has must not be newer than a checkpoint that a loss of power takes.
  if (auto done = directory_->prepare(*writer, manifest); !done) return done;
  if (auto done = directory_->commit(epoch); !done) return unnamed_ = epoch, done;
  base_bytes_ = bytes_of_states(manifest);
  since_bytes_ = failed_at_ = 0;
  return damage_ ? put_log_aside(epoch) : log_->drop_before(log_->next());
}

/// A checkpoint that could not get its name is in the way of those to come, and nobody goes on from it: the log stayed.
result<void> epoch_log::abandon_unnamed() {
  if (!unnamed_) return {};
  if (auto done = directory_->abandon(*unnamed_); !done) return done;
  unnamed_.reset();
  return {};
}

}  // namespace freshet
