#pragma once
#include <cstdint>
#include <optional>
#include <string>

namespace freshet::checkpoint_tool {

enum class verb : std::uint8_t { list, show, verify, remove, diff };

/// What the tool was asked to do.
struct options {
  checkpoint_tool::verb verb = checkpoint_tool::verb::list;
  std::string folder;
  std::optional<std::uint64_t> epoch;  ///< none: the newest, or all of them
  std::uint64_t other = 0;             ///< of `diff`
  bool json = false;
};

/// The tool's exit statuses.
inline constexpr int all_well = 0, not_intact = 1, not_possible = 2;

/// Reads the arguments. Where there is nothing to do (--help, or something wrong, which is said on stderr) gives the
/// exit status.
struct parsed {
  options asked;
  int exit_status = -1;  ///< -1: go on
};
parsed parse(int argc, char** argv);

}  // namespace freshet::checkpoint_tool
