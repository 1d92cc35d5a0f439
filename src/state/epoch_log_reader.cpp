#include "freshet/state/epoch_log_reader.hpp"

#include <algorithm>
#include <utility>

#include "state/damage.hpp"
#include "state/epoch_chain.hpp"

namespace freshet {

namespace {

void add_change(std::vector<node_change>& to, const node_change& change) {
  const auto known = std::find_if(to.begin(), to.end(), [&](const auto& each) { return each.node == change.node; });
  auto& sum = known == to.end() ? to.emplace_back(node_change{change.node, 0, 0}) : *known;
  sum.bytes += change.bytes;
  sum.all_bytes += change.all_bytes;
}

/// A record of the log without its changes, which may be more than memory has room for.
struct read_record {
  std::string where;
  epoch_record record;
  logged_epoch epoch;
};

read_record without_changes(std::string where, epoch_record record, std::uint64_t bytes) {
  logged_epoch epoch{std::move(record.manifest), bytes, {}};
  for (const auto& each : record.changes) add_change(epoch.changes, {each.node, each.bytes.size(), each.bytes.size()});
  record.changes.clear();
  record.manifest.history = epoch.manifest.history;
  record.manifest.epoch = epoch.manifest.epoch;
  return {std::move(where), std::move(record), std::move(epoch)};
}

/// Tries once. Records up to the damage, where there is some.
std::vector<read_record> read_records(file_system& files, const std::string& folder, logged_epochs& all) {
  all = {};
  std::vector<read_record> records;
  auto extent = read_record_log(files, folder, [&](std::uint64_t index, std::string_view bytes) {
    if (all.damage) return;
    auto where = "record " + std::to_string(index) + " of \"" + folder + "\"";
    auto record = decode_epoch_record(bytes, where);
    if (!record) {
      all.damage = std::move(record).error();
      return;
    }
    if (records.empty()) all.log.first = index;
    all.log.next = index + 1;
    records.push_back(without_changes(std::move(where), *std::move(record), bytes.size()));
  });
  if (!extent && !all.damage) all.damage = std::move(extent).error();
  if (!all.damage) all.log = *std::move(extent);
  return records;
}

/// Those that go on from the checkpoint.
void take(std::vector<read_record> records, logged_epochs& all) {
  if (!all.checkpoint) return;
  epoch_chain chain(*all.checkpoint);
  for (auto& each : records) {
    auto does = chain.add(each.record, each.where);
    if (!does) {
      all.damage = std::move(does).error();  // it comes before any other
      return;
    }
    if (*does == epoch_chain::step::goes_on) {
      if (!all.epochs.empty())
        for (const auto& before : all.epochs.back().changes)
          add_change(each.epoch.changes, {before.node, 0, before.all_bytes});
      all.epochs.push_back(std::move(each.epoch));
    }
    if (*does != epoch_chain::step::is_past) all.newest_is_committed = *does != epoch_chain::step::goes_on;
    if (*does != epoch_chain::step::takes_back) continue;
    all.discarded.push_back(all.epochs.back().manifest.epoch);
    all.epochs.pop_back();
  }
}

/// The newest that sinks have surely committed: where there is damage, a run may go on from there.
std::uint64_t committed(const logged_epochs& all) {
  const auto known = all.epochs.size() - (all.newest_is_committed || all.epochs.empty() ? 0 : 1);
  return known == 0 ? all.checkpoint->epoch : all.epochs[known - 1].manifest.epoch;
}

}  // namespace

const logged_epoch* logged_epochs::find(std::uint64_t epoch) const {
  const auto found =
      std::find_if(epochs.begin(), epochs.end(), [&](const auto& e) { return e.manifest.epoch == epoch; });
  return found == epochs.end() ? nullptr : &*found;
}

checkpoint_manifest logged_epochs::manifest(std::uint64_t epoch) const {
  auto merged = *checkpoint;
  for (const auto& each : epochs)
    if (each.manifest.epoch <= epoch) add_epoch(merged, each.manifest);
  return merged;
}

result<known_epochs> read_epochs(file_system& files, const std::string& folder) {
  known_epochs known;
  const auto path = folder + "/log";
  const auto is_there = files.exists(path);
  if (!is_there) return is_there.error();
  std::vector<read_record> records;
  if (*is_there) records = read_records(files, path, known.log.emplace());
  // A run that makes checkpoints takes old segments away.
  constexpr int tries = 100;
  for (int i = 1; i < tries && known.log && known.log->damage && known.log->damage->retryable; ++i)
    records = read_records(files, path, *known.log);
  // After the log: a checkpoint that is made meanwhile has all that is gone from there.
  auto checkpoints = checkpoint_reader(files, folder).epochs();
  if (!checkpoints) return std::move(checkpoints).error();
  known.checkpoints = *std::move(checkpoints);
  if (!known.log && known.checkpoints.empty()) return known;
  if (!known.log) known.log.emplace().damage = gone_log(path);
  auto& log = *known.log;
  for (const auto& each : known.checkpoints)
    if (each.manifest) log.checkpoint = each.manifest;
  take(std::move(records), log);
  if (log.damage && log.checkpoint) log.damage = damaged_log(*log.damage, committed(log));
  return known;
}

}  // namespace freshet
