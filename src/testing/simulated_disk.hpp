#pragma once
#include <cerrno>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "freshet/testing/simulated_files.hpp"
#include "testing/disk_node.hpp"

namespace freshet::testing {

using node_ptr = std::shared_ptr<disk_node>;

/// "append to", for "cannot append to <path>".
std::string_view verb_of(file_operation operation);
/// What the system says when the operation fails.
error refusal(file_operation operation, int code, const std::string& path);

/// The names in a path, from the root on.
std::vector<std::string> parts_of(const std::string& path);

/// Where a path leads to.
struct place {
  int code = 0;  ///< why its folder is not there, or 0
  node_ptr folder{};
  std::string name{};
  node_ptr node{};  ///< none: the name is free
};

/// What the files and all that is open share.
class simulated_files::disk {
 public:
  struct planned_fault {
    file_operation operation;
    std::string path_part;
    file_fault how;
    std::uint64_t calls_before, times;
  };

  std::mutex mutex;  // of all below
  node_ptr root = std::make_shared<disk_node>(true);
  std::set<node_ptr> locked;
  std::uint64_t life = 0;  // counts the crashes: what was open in an earlier one is useless
  bool off = false;
  std::vector<planned_fault> faults;
  std::uint64_t faults_done = 0;
  std::shared_ptr<const std::function<void(const file_step&)>> hook;

  std::uint64_t current_life() {
    std::lock_guard lock(mutex);
    return life;
  }

  /// An operation of something that was opened in `its_life`: `work` under the lock, told which fault it must do
  /// itself.
  template <class Work>
  auto operate(file_operation operation, const std::string& path, std::uint64_t its_life, Work work)
      -> decltype(work(std::optional<file_fault>())) {
    tell({operation, path, false});
    auto done = [&]() -> decltype(work(std::optional<file_fault>())) {
      std::lock_guard lock(mutex);
      if (off || its_life != life) return no_power(verb_of(operation), path);
      const auto fault = take_fault(operation, path);
      if (fault == file_fault::no_space) return refusal(operation, ENOSPC, path);
      if (fault == file_fault::device_error) return refusal(operation, EIO, path);
      return work(fault);
    }();
    if (done) tell({operation, path, true});
    return done;
  }
  template <class Work>
  auto operate(file_operation operation, const std::string& path, Work work) {
    return operate(operation, path, current_life(), [&](std::optional<file_fault>) { return work(); });
  }

  static error no_power(std::string_view what, const std::string& path);

  // REQUIRES of these: the mutex is held.
  place find(const std::string& path) const;
  /// What has the name, of that kind, or why not.
  result<node_ptr> existing(file_operation operation, const std::string& path, bool folder) const;

 private:
  void tell(const file_step& step);
  std::optional<file_fault> take_fault(file_operation operation, const std::string& path);
};

}  // namespace freshet::testing
