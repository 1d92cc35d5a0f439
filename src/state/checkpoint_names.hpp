#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "freshet/state/checkpoint_manifest.hpp"

// What the files of a checkpoint directory are called:
//   FORMAT                   that it is one, and of which format
//   LOCK                     held by the run that writes
//   42.checkpoint            the manifest of a committed epoch; or 42.savepoint
//   42.checkpoint.prepared   of one that is prepared: committing it takes this end off its name
//   42-1-7.state             a state file that epoch 42 has written, the 7th of its first attempt; or 42-1-7.store
// and, while one of these is being written, its name with ".unfinished" behind it.
namespace freshet {

inline constexpr std::string_view format_file = "FORMAT", lock_file = "LOCK";

/// What the name of a manifest says.
struct manifest_name {
  std::uint64_t epoch = 0;
  checkpoint_kind kind = checkpoint_kind::checkpoint;
  bool is_prepared = false;
};

std::string name_of(const manifest_name& manifest);
std::string name_of_state_file(std::uint64_t epoch, std::uint64_t attempt, std::uint64_t number, state_file_kind kind);

/// Nothing where it is not the name of one.
std::optional<manifest_name> parse_manifest_name(std::string_view name);
/// The epoch that wrote it. Nothing where it is not the name of a state file.
std::optional<std::uint64_t> epoch_of_state_file(std::string_view name);
/// The state files that it lists.
std::vector<std::string> names_of_files(const checkpoint_manifest& manifest);
/// A manifest, a state file or the format that nobody has finished.
bool is_unfinished(std::string_view name);

}  // namespace freshet
