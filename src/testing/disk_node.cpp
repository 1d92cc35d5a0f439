#include "testing/disk_node.hpp"

#include <algorithm>
#include <cstddef>

namespace freshet::testing {

namespace {

constexpr std::size_t sector_bytes = 512;

void redo(std::string& bytes, const disk_node::byte_change& change, std::size_t appended) {
  bytes.resize(static_cast<std::size_t>(change.at));
  bytes.append(change.appended, 0, appended);
}

void redo(disk_node::names& names, const disk_node::name_change& change) {
  for (const auto& [name, node] : change) {
    if (node) names[name] = node;
    else names.erase(name);
  }
}

/// A page is torn: some sectors beyond the first `same` bytes were never written, and hold what was there before, or
/// zeros.
void lose_sectors(std::string& bytes, const std::string& before, std::size_t same, random_source& random) {
  for (std::size_t sector = same / sector_bytes * sector_bytes; sector < bytes.size(); sector += sector_bytes) {
    if (random.chance(0.5)) continue;
    const auto end = std::min(sector + sector_bytes, bytes.size());
    for (std::size_t i = std::max(sector, same); i < end; ++i) bytes[i] = i < before.size() ? before[i] : '\0';
  }
}

}  // namespace

void disk_node::append(std::string_view more) {
  byte_changes.push_back({bytes.size(), std::string(more)});
  bytes += more;
}
void disk_node::cut(std::uint64_t size) {
  byte_changes.push_back({size});
  bytes.resize(static_cast<std::size_t>(size));
}
void disk_node::sync_bytes() {
  byte_changes.clear();
  safe_bytes = bytes;
}
void disk_node::drop_bytes() {
  byte_changes.clear();
  bytes = safe_bytes;
}
void disk_node::replace_bytes(std::string with) {
  bytes = std::move(with);
  sync_bytes();
}

void disk_node::change_names(name_change change) {
  redo(inside, change);
  name_changes.push_back(std::move(change));
}
void disk_node::sync_names() {
  name_changes.clear();
  safe_inside = inside;
}

void disk_node::crash(random_source& random) {
  if (!is_folder) return crash_bytes(random);
  crash_names(random);
  // A file of two names is here twice: the second time it has no changes left.
  for (const auto& [name, node] : inside) node->crash(random);
}

void disk_node::crash_names(random_source& random) {
  const auto done = random.below(name_changes.size() + 1);
  for (std::size_t i = 0; i < done; ++i) redo(safe_inside, name_changes[i]);
  name_changes.clear();
  inside = safe_inside;
}

void disk_node::crash_bytes(random_source& random) {
  std::string after = safe_bytes;
  auto same = after.size();
  const auto done = random.below(byte_changes.size() + 1);
  for (std::size_t i = 0; i < byte_changes.size() && i <= done; ++i) {
    const auto& change = byte_changes[i];
    if (i == done && change.appended.empty()) break;  // a cut is done or not
    same = std::min(same, static_cast<std::size_t>(change.at));
    redo(after, change, i < done ? change.appended.size() : random.below(change.appended.size() + 1));
  }
  if (random.chance(0.5)) lose_sectors(after, safe_bytes, same, random);
  replace_bytes(std::move(after));
}

}  // namespace freshet::testing
