#include "freshet/state/epoch_log.hpp"

#include <algorithm>
#include <utility>

#include "freshet/base/random.hpp"
#include "freshet/core/codec.hpp"
#include "state/damage.hpp"

namespace freshet {

namespace {

std::uint64_t bytes_of_states(const checkpoint_manifest& manifest) {
  std::uint64_t sum = 0;
  for (const auto& node : manifest.nodes)
    for (const auto& file : node.files) sum += file.size;
  return sum;
}

/// What `newer`, which says only what has changed, makes of the partitions of an epoch.
void add_partitions(std::vector<checkpoint_partition>& to, std::vector<checkpoint_partition> newer) {
  for (auto& p : newer) {
    const auto known =
        std::find_if(to.begin(), to.end(), [&](const auto& q) { return q.node == p.node && q.name == p.name; });
    if (known == to.end()) to.push_back(std::move(p));
    else *known = std::move(p);
  }
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
  return record;
}

// --- what was recovered ---

std::optional<checkpoint_manifest> recovered_epochs::manifest() const {
  if (!base_ || records_.empty()) return base_;
  checkpoint_manifest merged = *base_;
  for (const auto& r : records_) add_partitions(merged.partitions, r.manifest.partitions);
  const auto& newest = records_.back().manifest;
  merged.history = newest.history;
  merged.epoch = newest.epoch;
  merged.is_final = newest.is_final;
  merged.made_at = newest.made_at;
  merged.watermarks = newest.watermarks;
  merged.tokens = newest.tokens;
  return merged;
}

std::optional<std::uint64_t> recovered_epochs::epoch_before() const {
  if (records_.size() < 2) return {};
  return records_[records_.size() - 2].manifest.epoch;
}

result<void> recovered_epochs::load(const std::string& node, key_group_range groups, const loader& to) const {
  if (const auto found = states_.find(node); found != states_.end())
    for (auto g = groups.first; g < groups.end; ++g) {
      const auto pieces = found->second.read(g);
      if (!pieces) return pieces.error();
      for (const auto& piece : *pieces)
        if (auto done = to.load_group(g, piece.bytes); !done) return done;
    }
  for (const auto& record : records_)
    for (const auto& c : record.changes)
      if (c.node == node)
        if (auto done = to.load_changes(c.bytes); !done) return done;
  return {};
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
  return recover(*std::move(from), true);
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
  std::vector<epoch_record> records;
  std::uint64_t newest = from.manifest->epoch;
  if (auto done = read_records(*from.manifest, records, newest); !done) return std::move(done).error();
  all.next_epoch = std::max(all.next_epoch, newest + 1);
  if (with_log) {
    all.records_ = std::move(records);
  } else if (newest != from.manifest->epoch) {  // what came after it is another history from here on
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
/// given.
result<void> epoch_log::read_records(const checkpoint_manifest& base, std::vector<epoch_record>& into,
                                     std::uint64_t& newest) {
  result<void> done;
  std::uint64_t last = base.epoch;
  auto visited = log_->read(log_->first(), [&](std::uint64_t index, std::string_view bytes) {
    const auto where = "record " + std::to_string(index) + " of \"" + directory_->reader().folder() + "/log\"";
    auto record = decode_epoch_record(bytes, where);
    if (!record) return done = std::move(record).error(), false;
    const auto& m = record->manifest;
    newest = std::max(newest, m.epoch);
    if (m.history != base.history || m.epoch <= base.epoch) return true;  // the checkpoint has it
    if (record->is_discarded) {
      if (!into.empty() && into.back().manifest.epoch == m.epoch) into.pop_back();
      last = into.empty() ? base.epoch : into.back().manifest.epoch;
      return true;
    }
    if (record->after != last)
      return done = damaged(where, "epoch " + std::to_string(m.epoch) + " after epoch " + std::to_string(last),
                            "after epoch " + std::to_string(record->after)),
             false;
    last = m.epoch;
    since_bytes_ += bytes.size();
    into.push_back(*std::move(record));
    return true;
  });
  return visited ? done : visited;
}

result<void> epoch_log::append(const epoch_record& record) {
  const auto bytes = encode(record);
  since_bytes_ += bytes.size();
  if (auto taken = log_->append(bytes); !taken) return std::move(taken).error();
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
  auto writer = directory_->begin(epoch);
  if (!writer) return std::move(writer).error();
  if (auto done = write(**writer, manifest); !done) {
    static_cast<void>(directory_->abandon(epoch));
    return done;
  }
  // What the log has must not be newer than a checkpoint that a loss of power takes.
  if (auto done = directory_->prepare(*writer, manifest); !done) return done;
  if (auto done = directory_->commit(epoch); !done) return done;
  base_bytes_ = bytes_of_states(manifest);
  since_bytes_ = 0;
  return log_->drop_before(log_->next());
}

}  // namespace freshet
