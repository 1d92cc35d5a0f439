#include "scratch_folder.hpp"

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>

namespace freshet::latency {

scratch_folder::scratch_folder(const std::string& where) {
  const auto in = where.empty() ? std::filesystem::temp_directory_path() : std::filesystem::path(where);
  path_ = (in / "freshet-latency-XXXXXX").string();
  if (!::mkdtemp(path_.data()))
    throw std::system_error(errno, std::generic_category(), "no folder for checkpoints can be made in " + in.string());
}

scratch_folder::~scratch_folder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace freshet::latency
