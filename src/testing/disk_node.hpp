#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "freshet/base/random.hpp"

namespace freshet::testing {

/// A file or a folder of a simulated disk: what everybody sees, and what the device has of it. Between the two lie the
/// changes since the last sync, in their order. Not thread safe.
struct disk_node {
  using names = std::map<std::string, std::shared_ptr<disk_node>>;

  /// The file is cut to `at` bytes, then these are appended.
  struct byte_change {
    std::uint64_t at = 0;
    std::string appended{};
  };
  /// Names that change in one step: to another node, or to none.
  using name_change = std::vector<std::pair<std::string, std::shared_ptr<disk_node>>>;

  explicit disk_node(bool folder) : is_folder(folder) {}

  // --- a file ---
  void append(std::string_view more);
  void cut(std::uint64_t size);
  void sync_bytes();
  /// What was not synced is gone, also for those who look at it now.
  void drop_bytes();
  /// On the device, too.
  void replace_bytes(std::string with);

  // --- a folder ---
  void change_names(name_change change);
  void sync_names();

  /// A random legal state after the power failed, here and below.
  void crash(random_source& random);

  const bool is_folder;
  std::string bytes, safe_bytes;
  std::vector<byte_change> byte_changes;
  names inside, safe_inside;
  std::vector<name_change> name_changes;

 private:
  void crash_bytes(random_source& random);
  void crash_names(random_source& random);
};

}  // namespace freshet::testing
