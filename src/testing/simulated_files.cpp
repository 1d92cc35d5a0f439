#include "freshet/testing/simulated_files.hpp"

#include <atomic>
#include <cerrno>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <utility>

#include "testing/simulated_disk.hpp"

namespace freshet::testing {

namespace {

using disk_ptr = std::shared_ptr<simulated_files::disk>;

/// What is open: a node, by the path it was opened by.
struct open_node {
  disk_ptr disk;
  node_ptr node;
  std::string path;
  std::uint64_t life = 0;

  template <class Work>
  auto operate(file_operation operation, Work work) const {
    return disk->operate(operation, path, life, std::move(work));
  }
};

class simulated_append_file final : public append_file {
 public:
  explicit simulated_append_file(open_node file) : file_(std::move(file)) {}

  result<void> append(std::string_view bytes) override {
    return file_.operate(file_operation::append, [&](auto fault) -> result<void> {
      if (fault == file_fault::short_write) {
        file_.node->append(bytes.substr(0, bytes.size() / 2));
        return refusal(file_operation::append, ENOSPC, file_.path);
      }
      file_.node->append(bytes);
      return {};
    });
  }
  result<void> sync() override {
    auto done = file_.operate(file_operation::sync, [&](auto fault) -> result<void> {
      if (failure_) return *failure_;
      if (fault == file_fault::lost_sync) return {};
      if (fault == file_fault::dropped_sync) {
        file_.node->drop_bytes();
        return refusal(file_operation::sync, EIO, file_.path);
      }
      file_.node->sync_bytes();
      return {};
    });
    if (!done) failure_ = done.error();
    return done;
  }
  result<void> cut(std::uint64_t size) override {
    return file_.operate(file_operation::cut, [&](auto) -> result<void> {
      file_.node->cut(size);
      return {};
    });
  }
  std::uint64_t size() const override {
    std::lock_guard lock(file_.disk->mutex);
    return file_.node->bytes.size();
  }
  result<void> close() override { return {}; }

 private:
  open_node file_;
  std::optional<error> failure_;  // of a sync: it stays
};

class simulated_read_file final : public read_file {
 public:
  explicit simulated_read_file(open_node file) : file_(std::move(file)) {}

  result<std::size_t> read(std::uint64_t offset, char* to, std::size_t n) const override {
    return file_.operate(file_operation::read, [&](auto) -> result<std::size_t> {
      const auto& bytes = file_.node->bytes;
      return offset < bytes.size() ? bytes.copy(to, n, static_cast<std::size_t>(offset)) : 0;
    });
  }
  result<std::uint64_t> size() const override {
    std::lock_guard lock(file_.disk->mutex);
    if (file_.disk->off || file_.life != file_.disk->life)
      return simulated_files::disk::no_power("look at", file_.path);
    return std::uint64_t{file_.node->bytes.size()};
  }

 private:
  open_node file_;
};

class simulated_lock final : public file_lock {
 public:
  explicit simulated_lock(open_node file) : file_(std::move(file)) {}
  ~simulated_lock() override {
    std::lock_guard lock(file_.disk->mutex);
    if (file_.life == file_.disk->life) file_.disk->locked.erase(file_.node);
  }

 private:
  open_node file_;
};

}  // namespace

// --- what a test does to them ---

simulated_files::simulated_files() : disk_(std::make_shared<disk>()) {}
simulated_files::~simulated_files() = default;

void simulated_files::crash(random_source& random) {
  std::lock_guard lock(disk_->mutex);
  disk_->root->crash(random);
  disk_->locked.clear();
  ++disk_->life;
  disk_->off = false;
}
void simulated_files::power_off() {
  std::lock_guard lock(disk_->mutex);
  disk_->off = true;
}

simulated_files& simulated_files::fail(file_operation operation, std::string path_part, file_fault how,
                                       std::uint64_t calls_before, std::uint64_t times) {
  if (how == file_fault::short_write && operation != file_operation::append)
    throw std::invalid_argument("short_write is a fault of append, and not of " + std::string(to_string(operation)));
  if ((how == file_fault::lost_sync || how == file_fault::dropped_sync) && operation != file_operation::sync)
    throw std::invalid_argument("a lost or dropped sync is a fault of sync, and not of " +
                                std::string(to_string(operation)));
  std::lock_guard lock(disk_->mutex);
  disk_->faults.push_back({operation, std::move(path_part), how, calls_before, times});
  return *this;
}
void simulated_files::forget_faults() {
  std::lock_guard lock(disk_->mutex);
  disk_->faults.clear();
}
std::uint64_t simulated_files::faults_done() const {
  std::lock_guard lock(disk_->mutex);
  return disk_->faults_done;
}

void simulated_files::on_step(std::function<void(const file_step&)> hook) {
  std::lock_guard lock(disk_->mutex);
  disk_->hook = hook ? std::make_shared<const std::function<void(const file_step&)>>(std::move(hook)) : nullptr;
}

void simulated_files::flip_bit(const std::string& path, std::uint64_t byte, unsigned bit) {
  std::lock_guard lock(disk_->mutex);
  const auto node = disk_->find(path).node;
  if (!node || node->is_folder || byte >= node->bytes.size())
    throw std::invalid_argument("\"" + path + "\" has no byte " + std::to_string(byte));
  auto bytes = node->bytes;
  bytes[static_cast<std::size_t>(byte)] ^= static_cast<char>(1u << bit);
  node->replace_bytes(std::move(bytes));
}
void simulated_files::truncate(const std::string& path, std::uint64_t size) {
  std::lock_guard lock(disk_->mutex);
  const auto node = disk_->find(path).node;
  if (!node || node->is_folder || size > node->bytes.size())
    throw std::invalid_argument("\"" + path + "\" has no " + std::to_string(size) + " bytes");
  node->replace_bytes(node->bytes.substr(0, static_cast<std::size_t>(size)));
}

std::uint64_t crash_at_every_step(random_source& random, const std::function<void(simulated_files&)>& script,
                                  const std::function<void(simulated_files&, std::uint64_t step)>& check,
                                  std::uint64_t stride) {
  for (std::uint64_t step = 0;; step += stride) {
    simulated_files files;
    std::atomic<std::uint64_t> steps{0};
    files.on_step([&](const file_step&) {
      if (steps++ == step) files.power_off();
    });
    try {
      script(files);
    } catch (...) {
      if (steps <= step) throw;
    }
    files.on_step({});
    files.crash(random);
    check(files, step);
    if (steps <= step) return steps;
  }
}

// --- file_system ---

result<std::unique_ptr<append_file>> simulated_files::create(const std::string& path) {
  return disk_->operate(file_operation::create, path, [&]() -> result<std::unique_ptr<append_file>> {
    const auto at = disk_->find(path);
    if (at.code != 0 || at.node) return refusal(file_operation::create, at.code != 0 ? at.code : EEXIST, path);
    auto node = std::make_shared<disk_node>(false);
    at.folder->change_names({{at.name, node}});
    return std::unique_ptr<append_file>(new simulated_append_file({disk_, std::move(node), path, disk_->life}));
  });
}
result<std::unique_ptr<append_file>> simulated_files::open_to_append(const std::string& path) {
  return disk_->operate(file_operation::open, path, [&]() -> result<std::unique_ptr<append_file>> {
    auto node = disk_->existing(file_operation::open, path, false);
    if (!node) return node.error();
    return std::unique_ptr<append_file>(new simulated_append_file({disk_, *std::move(node), path, disk_->life}));
  });
}
result<std::unique_ptr<read_file>> simulated_files::open(const std::string& path) {
  return disk_->operate(file_operation::open, path, [&]() -> result<std::unique_ptr<read_file>> {
    auto node = disk_->existing(file_operation::open, path, false);
    if (!node) return node.error();
    return std::unique_ptr<read_file>(new simulated_read_file({disk_, *std::move(node), path, disk_->life}));
  });
}

result<void> simulated_files::rename(const std::string& from, const std::string& to) {
  return disk_->operate(file_operation::rename, from, [&]() -> result<void> {
    const auto no = [&](int code) { return system_error(code, "rename to \"" + to + "\"", from); };
    const auto old = disk_->find(from), at = disk_->find(to);
    if (old.code != 0 || at.code != 0) return no(old.code != 0 ? old.code : at.code);
    if (!old.node) return no(ENOENT);
    if (old.node == at.node) return {};
    if (at.node && at.node->is_folder != old.node->is_folder) return no(at.node->is_folder ? EISDIR : ENOTDIR);
    if (at.node && !at.node->inside.empty()) return no(ENOTEMPTY);
    if (old.folder == at.folder) {
      at.folder->change_names({{at.name, old.node}, {old.name, nullptr}});
    } else {
      at.folder->change_names({{at.name, old.node}});
      old.folder->change_names({{old.name, nullptr}});
    }
    return {};
  });
}
result<void> simulated_files::link(const std::string& from, const std::string& to) {
  return disk_->operate(file_operation::link, from, [&]() -> result<void> {
    const auto no = [&](int code) { return system_error(code, "link as \"" + to + "\"", from); };
    const auto old = disk_->find(from), at = disk_->find(to);
    if (old.code != 0 || at.code != 0) return no(old.code != 0 ? old.code : at.code);
    if (!old.node) return no(ENOENT);
    if (old.node->is_folder) return no(EPERM);
    if (at.node) return no(EEXIST);
    at.folder->change_names({{at.name, old.node}});
    return {};
  });
}
result<void> simulated_files::remove(const std::string& path) {
  return disk_->operate(file_operation::remove, path, [&]() -> result<void> {
    const auto at = disk_->find(path);
    const auto no = [&](int code) { return refusal(file_operation::remove, code, path); };
    if (at.code != 0) return no(at.code);
    if (!at.node) return no(ENOENT);
    if (!at.folder) return no(EBUSY);  // the root
    if (!at.node->inside.empty()) return no(ENOTEMPTY);
    at.folder->change_names({{at.name, nullptr}});
    return {};
  });
}

result<void> simulated_files::create_folder(const std::string& path) {
  return disk_->operate(file_operation::create_folder, path, [&]() -> result<void> {
    auto at = disk_->root;
    for (const auto& part : parts_of(path)) {
      auto found = at->inside.find(part);
      if (found == at->inside.end()) {
        at->change_names({{part, std::make_shared<disk_node>(true)}});
        found = at->inside.find(part);
      }
      if (!found->second->is_folder) return refusal(file_operation::create_folder, ENOTDIR, path);
      at = node_ptr(found->second);
    }
    return {};
  });
}
result<std::vector<folder_entry>> simulated_files::list(const std::string& path) {
  return disk_->operate(file_operation::list, path, [&]() -> result<std::vector<folder_entry>> {
    const auto folder = disk_->existing(file_operation::list, path, true);
    if (!folder) return folder.error();
    std::vector<folder_entry> all;
    for (const auto& [name, node] : (*folder)->inside) all.push_back({name, node->is_folder, node->bytes.size()});
    return all;
  });
}
result<bool> simulated_files::exists(const std::string& path) {
  std::lock_guard lock(disk_->mutex);
  if (disk_->off) return disk::no_power("look at", path);
  return disk_->find(path).node != nullptr;
}
result<void> simulated_files::sync_folder(const std::string& path) {
  return disk_->operate(file_operation::sync_folder, path, [&]() -> result<void> {
    const auto folder = disk_->existing(file_operation::sync_folder, path, true);
    if (!folder) return folder.error();
    (*folder)->sync_names();
    return {};
  });
}

result<std::unique_ptr<file_lock>> simulated_files::lock(const std::string& path) {
  return disk_->operate(file_operation::lock, path, [&]() -> result<std::unique_ptr<file_lock>> {
    auto at = disk_->find(path);
    if (at.code != 0) return refusal(file_operation::lock, at.code, path);
    if (!at.node) {
      at.node = std::make_shared<disk_node>(false);
      at.folder->change_names({{at.name, at.node}});
    }
    if (!disk_->locked.insert(at.node).second)
      return error{errc::invalid_argument, "\"" + path + "\" is locked by this process, which uses this folder"};
    return std::unique_ptr<file_lock>(new simulated_lock({disk_, at.node, path, disk_->life}));
  });
}

}  // namespace freshet::testing
