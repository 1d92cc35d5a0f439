#include "connect/file/file_claims.hpp"

#include <map>
#include <mutex>
#include <stdexcept>

namespace freshet::file {

namespace {

using file_id = std::pair<dev_t, ino_t>;
struct claim {
  const file_claims* owner;
  std::stop_token run;
  file_use use;
  std::string path;
};
struct all_claims {
  std::mutex mutex;  // guards what follows
  std::multimap<file_id, claim> by_file;
};
/// Never destroyed: connectors may outlive everything else of a program.
all_claims& claims() {
  static auto& all = *new all_claims;
  return all;
}

void check(const claim& other, file_use use, const std::string& path) {
  const auto names =
      path == other.path ? "\"" + path + "\" is" : "\"" + other.path + "\" and \"" + path + "\" are one file,";
  if ((use == file_use::reads) != (other.use == file_use::reads))
    throw std::runtime_error(names + " read and written by the same run: give the sink another path");
  if (use != file_use::reads && (use == file_use::rewrites || other.use == file_use::rewrites))
    throw std::runtime_error(names + " written by two sinks of the same run, over each other: give each its own path");
}

}  // namespace

file_claims::~file_claims() {
  if (mine_.empty()) return;
  auto& all = claims();
  std::lock_guard lock(all.mutex);
  for (const auto& id : mine_) {
    const auto [from, to] = all.by_file.equal_range(id);
    for (auto at = from; at != to; ++at)
      if (at->second.owner == this) {
        all.by_file.erase(at);
        break;
      }
  }
}

void file_claims::add(const struct stat& file, file_use use, const std::string& path) {
  if (!run_.stop_possible() || !S_ISREG(file.st_mode)) return;
  const file_id id{file.st_dev, file.st_ino};
  if (!mine_.insert(id).second) return;
  auto& all = claims();
  std::lock_guard lock(all.mutex);
  const auto [from, to] = all.by_file.equal_range(id);
  for (auto at = from; at != to; ++at)
    if (at->second.run == run_ && at->second.owner != this) check(at->second, use, path);
  all.by_file.emplace(id, claim{this, run_, use, path});
}

}  // namespace freshet::file
