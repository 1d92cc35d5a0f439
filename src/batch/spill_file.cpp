#include "batch/spill_file.hpp"

#include <utility>

#include "freshet/base/hash.hpp"

namespace freshet {

namespace {
constexpr std::string_view prefix = "spill-", blocks_suffix = ".blocks", lock_suffix = ".lock";
/// Runs that spill into one folder at the same time.
constexpr int most_runs = 1000;

std::string path_of(const std::string& folder, std::string_view stem, std::string_view suffix) {
  return folder + "/" + std::string(stem) + std::string(suffix);
}

/// Why a lock can't be had: somebody has it, or it is another user's. Else nothing can be locked here.
bool is_taken(file_system& files, const std::string& path, const error& why) {
  if (why.code == errc::invalid_argument) return true;
  const auto is_there = files.exists(path);
  return why.code == errc::permission && is_there && *is_there;
}

/// Files whose lock can be had belong to nobody: the process that had it is dead.
result<void> remove_left_behind(file_system& files, const std::string& folder) {
  const auto found = files.list(folder);
  if (!found) return found.error();
  for (const auto& each : *found) {
    const std::string_view name = each.name;
    if (each.is_folder || !name.starts_with(prefix) || !name.ends_with(blocks_suffix)) continue;
    const auto stem = name.substr(0, name.size() - blocks_suffix.size());
    const auto lock = files.lock(path_of(folder, stem, lock_suffix));
    if (!lock) continue;
    if (auto gone = remove_all(files, path_of(folder, stem, blocks_suffix)); !gone) return gone;
  }
  return {};
}
}  // namespace

spill_file::spill_file(file_system& files, std::string path, std::unique_ptr<file_lock> lock, std::uint64_t most_bytes)
    : files_(files), path_(std::move(path)), most_bytes_(most_bytes), lock_(std::move(lock)) {}

spill_file::~spill_file() {
  file_.reset();
  reads_.reset();
  (void)files_.remove(path_);  // where that fails, the next run tries again
}

result<std::unique_ptr<spill_file>> spill_file::open(file_system& files, const std::string& folder,
                                                     std::uint64_t most_bytes) {
  if (auto made = files.create_folder(folder); !made) return made.error();
  if (auto done = remove_left_behind(files, folder); !done) return done.error();
  for (int n = 0;; ++n) {
    const auto stem = std::string(prefix) + std::to_string(n);
    const auto lock_path = path_of(folder, stem, lock_suffix);
    auto lock = files.lock(lock_path);
    if (!lock && n < most_runs && is_taken(files, lock_path, lock.error())) continue;
    if (!lock) return lock.error();
    std::unique_ptr<spill_file> made(
        new spill_file(files, path_of(folder, stem, blocks_suffix), std::move(*lock), most_bytes));
    if (auto begun = made->begin(); !begun) return begun.error();
    return made;
  }
}

result<void> spill_file::begin() {
  if (auto gone = remove_all(files_, path_); !gone) return gone;
  auto file = files_.create(path_);
  if (!file) return file.error();
  file_ = std::move(*file);
  auto reads = files_.open(path_);
  if (!reads) return reads.error();
  reads_ = std::move(*reads);
  return {};
}

result<spill_file::place> spill_file::write(std::string_view bytes) {
  place at{0, bytes.size(), hash_bytes(bytes.data(), bytes.size())};
  std::lock_guard lock(mutex_);
  if (given_up_) return *given_up_;
  at.offset = file_->size();
  if (at.offset > most_bytes_ || bytes.size() > most_bytes_ - at.offset)
    return error{errc::full, "\"" + path_ + "\" has " + std::to_string(at.offset) + " bytes, and with a block of " +
                                 std::to_string(bytes.size()) + " it would have more than spill.most_bytes, " +
                                 std::to_string(most_bytes_)};
  if (auto done = file_->append(bytes); !done) {
    if (auto cut = file_->cut(at.offset); !cut) given_up_ = cut.error();
    return done.error();
  }
  return at;
}

result<std::string> spill_file::read(const place& at) const {
  std::string bytes(static_cast<std::size_t>(at.size), '\0');
  const auto got = reads_->read(at.offset, bytes.data(), bytes.size());
  if (!got) return got.error();
  if (*got != bytes.size() || hash_bytes(bytes.data(), bytes.size()) != at.checksum)
    return error{errc::data_loss, "\"" + path_ + "\" is damaged: the " + std::to_string(at.size) + " bytes at " +
                                      std::to_string(at.offset) + " aren't those that were written"};
  return bytes;
}

void spill_file::clear() {
  if (given_up_ || file_->size() == 0) return;
  if (auto cut = file_->cut(0); !cut) given_up_ = cut.error();
}

}  // namespace freshet
