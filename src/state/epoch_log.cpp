#include "freshet/state/epoch_log.hpp"

#include <algorithm>
#include <utility>

#include "freshet/base/random.hpp"
#include "freshet/core/codec.hpp"
#include "state/damage.hpp"
#include "state/epoch_chain.hpp"

namespace freshet {

namespace {

std::uint64_t bytes_of_states(const checkpoint_manifest& manifest) {
  std::uint64_t sum = 0;
  for (const auto& node : manifest.nodes)
    for (const auto& file : node.files) sum += file.size;
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

std::optional<std::uint64_t> recovered_epochs::epoch_before() const {
  for (auto at = records_.rbegin(); at != records_.rend(); ++at)
    if (at != records_.rbegin() && at->has_sinks) return at->manifest.epoch;
  return {};
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

// --- the log ---

epoch_log::epoch_log(std::unique_ptr<checkpoint_directory> directory, std::unique_ptr<record_log> log,
                     epoch_log_options options)
    : directory_(std::move(directory)), log_(std::move(log)), options_(std::move(options)) {}

result<std::unique_ptr<epoch_log>> epoch_log::open(file_system& files, const std::string& folder,
                                                   epoch_log_options options) {
  auto directory = checkpoint_directory::open(files, folder, options.checkpoints);
  if (!directory) return std::move(directory).error();
  record_log_options as_log;
  as_log.segment_bytes = std::max<std::uint64_t>(options.least_bytes / 4, 4096);
  as_log.log = options.checkpoints.log;
  auto log = record_log::open(files, folder + "/log", std::move(as_log));
  if (!log) return std::move(log).error();
  return std::unique_ptr<epoch_log>(new epoch_log(*std::move(directory), *std::move(log), std::move(options)));
}

result<recovered_epochs> epoch_log::newest(when_damaged damaged) {
  auto from = directory_->newest(damaged);
  if (!from) return std::move(from).error();
  if (from->manifest && from->is_prepared)
    if (auto done = directory_->commit(from->manifest->epoch); !done) return std::move(done).error();
  // What the log has goes on from the one that is damaged.
  const bool is_newest = from->skipped.empty();
  return recover(*std::move(from), is_newest);
}

result<recovered_epochs> epoch_log::resume(std::uint64_t epoch) {
  auto from = directory_->resume(epoch);
  if (!from) return std::move(from).error();
  return recover(*std::move(from), false);
}

result<recovered_epochs> epoch_log::recover(resume_point from, bool with_log) {
  recovered_epochs all;
  all.history = from.history;
  all.parent = from.parent;
  all.next_epoch = from.next_epoch;
  if (!from.manifest) return all;
  base_bytes_ = bytes_of_states(*from.manifest);
  std::uint64_t newest = from.manifest->epoch;
  if (auto done = read_records(*from.manifest, with_log ? &all.records_ : nullptr, newest); !done)
    return std::move(done).error();
  all.next_epoch = std::max(all.next_epoch, newest + 1);
  if (!with_log && newest != from.manifest->epoch) {  // what came after it is another history from here on
    all.history = from.history == from.manifest->history ? system_seed() : from.history;
    all.parent = epoch_id{from.manifest->history, from.manifest->epoch};
  }
  for (const auto& node : from.manifest->nodes) {
    auto opened = directory_->reader().states(node);
    if (!opened) return std::move(opened).error();
    all.states_.emplace(node.name, *std::move(opened));
  }
  all.base_ = std::move(from.manifest);
  return all;
}

/// Those that go on from the checkpoint, without any that were discarded. `newest` is the largest number that was
/// given; without `into` nothing else is looked for, as what followed an older checkpoint may be gone.
result<void> epoch_log::read_records(const checkpoint_manifest& base, std::vector<epoch_record>* into,
                                     std::uint64_t& newest) {
  result<void> done;
  epoch_chain chain(base);
  auto visited = log_->read(log_->first(), [&](std::uint64_t index, std::string_view bytes) {
    const auto where = "record " + std::to_string(index) + " of \"" + directory_->reader().folder() + "/log\"";
    auto record = decode_epoch_record(bytes, where);
    if (!record) return done = std::move(record).error(), false;
    const auto& m = record->manifest;
    newest = std::max(newest, m.epoch);
    if (!into) return true;
    const auto does = chain.add(*record, where);
    if (!does) return done = does.error(), false;
    if (*does == epoch_chain::step::takes_back) into->pop_back();
    if (*does != epoch_chain::step::goes_on) return true;
    since_bytes_ += bytes.size();
    into->push_back(*std::move(record));
    return true;
  });
  return visited ? done : visited;
}

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

bool epoch_log::wants_checkpoint() const { return since_bytes_ > std::max(options_.least_bytes, base_bytes_); }

result<void> epoch_log::checkpoint(checkpoint_manifest manifest, const write_states& write) {
  const auto epoch = manifest.epoch;
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
  since_bytes_ = 0;
  return log_->drop_before(log_->next());
}

/// A checkpoint that could not get its name is in the way of those to come, and nobody goes on from it: the log stayed.
result<void> epoch_log::abandon_unnamed() {
  if (!unnamed_) return {};
  if (auto done = directory_->abandon(*unnamed_); !done) return done;
  unnamed_.reset();
  return {};
}

}  // namespace freshet
