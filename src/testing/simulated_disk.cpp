#include "testing/simulated_disk.hpp"

#include <algorithm>
#include <utility>

namespace freshet::testing {

namespace {

struct operation_words {
  std::string_view name;  // the enumerator
  std::string_view verb;  // "cannot <verb> <path>"
};
constexpr operation_words words_of[] = {
    {"create", "create"},    {"open", "open"},
    {"append", "append to"}, {"sync", "sync"},
    {"cut", "cut back"},     {"read", "read"},
    {"rename", "rename"},    {"link", "link"},
    {"remove", "remove"},    {"create_folder", "create the folder"},
    {"list", "list"},        {"sync_folder", "sync the folder"},
    {"lock", "lock"},
};
bool is_sync(file_operation operation) {
  return operation == file_operation::sync || operation == file_operation::sync_folder;
}

}  // namespace

std::string_view to_string(file_operation operation) noexcept {
  return words_of[static_cast<std::size_t>(operation)].name;
}
std::string_view verb_of(file_operation operation) { return words_of[static_cast<std::size_t>(operation)].verb; }

error refusal(file_operation operation, int code, const std::string& path) {
  return is_sync(operation) ? sync_error(code, verb_of(operation), path) : system_error(code, verb_of(operation), path);
}

std::vector<std::string> parts_of(const std::string& path) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at < path.size();) {
    const auto end = std::min(path.find('/', at), path.size());
    if (end > at && path.compare(at, end - at, ".") != 0) parts.push_back(path.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

void simulated_files::disk::tell(const file_step& step) {
  std::unique_lock lock(mutex);
  const auto call = hook;
  lock.unlock();
  if (call) (*call)(step);
}

error simulated_files::disk::no_power(std::string_view what, const std::string& path) {
  return {errc::io, "cannot " + std::string(what) + " \"" + path + "\": the power failed", false, true};
}

place simulated_files::disk::find(const std::string& path) const {
  place at{0, nullptr, {}, root};
  for (const auto& part : parts_of(path)) {
    if (!at.node) return {ENOENT, nullptr, {}, nullptr};
    if (!at.node->is_folder) return {ENOTDIR, nullptr, {}, nullptr};
    at.folder = std::move(at.node);
    const auto found = at.folder->inside.find(part);
    at.name = part;
    at.node = found == at.folder->inside.end() ? nullptr : found->second;
  }
  return at;
}

result<node_ptr> simulated_files::disk::existing(file_operation operation, const std::string& path, bool folder) const {
  const auto at = find(path);
  if (at.code != 0) return refusal(operation, at.code, path);
  if (!at.node) return refusal(operation, ENOENT, path);
  if (at.node->is_folder != folder) return refusal(operation, folder ? ENOTDIR : EISDIR, path);
  return at.node;
}

std::optional<file_fault> simulated_files::disk::take_fault(file_operation operation, const std::string& path) {
  std::optional<file_fault> hit;
  for (auto& fault : faults) {
    if (fault.operation != operation || path.find(fault.path_part) == std::string::npos) continue;
    if (fault.calls_before > 0) {
      --fault.calls_before;
    } else if (fault.times > 0 && !hit) {
      if (fault.times != always) --fault.times;
      ++faults_done;
      hit = fault.how;
    }
  }
  return hit;
}

}  // namespace freshet::testing
