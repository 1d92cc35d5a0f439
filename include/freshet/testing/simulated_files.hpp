#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "freshet/base/file_system.hpp"
#include "freshet/base/random.hpp"

namespace freshet::testing {

/// What a file system is asked to do, where that can fail or change something.
enum class file_operation : std::uint8_t {
  create,
  open,  ///< to read or to append
  append,
  sync,
  cut,
  read,
  rename,
  link,
  remove,
  create_folder,
  list,
  sync_folder,
  lock,
};
/// The enumerator's name: "sync_folder".
std::string_view to_string(file_operation) noexcept;

/// How it fails.
enum class file_fault : std::uint8_t {
  no_space,      ///< ENOSPC, nothing done
  device_error,  ///< EIO, nothing done
  short_write,   ///< of an append: half of the bytes are written, then ENOSPC
  lost_sync,     ///< of a sync: it says yes, and nothing is safe
  dropped_sync,  ///< of a sync: EIO, and what was not safe before is gone
};

/// One step of a file operation, for `on_step`.
struct file_step {
  file_operation operation;
  std::string_view path;
  bool done = false;  ///< false: before it; true: behind it
};

/// Files in memory, with a power switch. They keep what POSIX promises and nothing more: the bytes of a file are safe
/// once it was synced, a name once its folder was. `crash` makes of all else what an unkind disk would; faults fail the
/// calls that a test names:
///     testing::simulated_files files;
///     files.fail(file_operation::append, "journal", file_fault::no_space, 3);  // the fourth append to such a path
///     ...
///     files.crash(random);  // what was not synced is there, or half of it, or none
///
/// Relative paths begin at "/", which is there. Thread safe. Open files may outlive it.
class simulated_files final : public file_system {
 public:
  static constexpr std::uint64_t always = ~std::uint64_t{0};

  simulated_files();
  ~simulated_files() override;

  // --- what a test does to them ---

  /// The power fails and comes back: a random legal state. Of the changes of a file since it was synced any number, in
  /// their order, are done, an append perhaps in part; then any of the sectors (512 bytes) so written may be torn, with
  /// what was there before in them, or zeros. Of the changes of names since their folder was synced any number are
  /// done, in their order. Files that were open fail at every call, locks are free, faults stay.
  void crash(random_source& random);
  /// Every call fails until `crash` brings the power back: for a test that cannot stop its threads at once.
  void power_off();

  /// Of the calls of this operation on paths that contain `path_part` (of `rename` and `link`: the old path),
  /// `calls_before` succeed and the next `times` fail.
  simulated_files& fail(file_operation operation, std::string path_part, file_fault how, std::uint64_t calls_before = 0,
                        std::uint64_t times = 1);
  /// Nothing fails any more.
  void forget_faults();
  /// How many calls have failed by a fault, or lied.
  std::uint64_t faults_done() const;

  /// Called before and behind every operation, by the thread that does it, which holds no lock: it may stop the
  /// operation by an exception, call `crash` or `power_off`, or count. An operation that fails has no step behind it.
  void on_step(std::function<void(const file_step&)> hook);

  /// What a file holds changes on the device, also for those who have it open. Throw std::invalid_argument where there
  /// is no such file, or it is shorter.
  void flip_bit(const std::string& path, std::uint64_t byte, unsigned bit = 0);
  void truncate(const std::string& path, std::uint64_t size);

  // --- file_system ---
  result<std::unique_ptr<append_file>> create(const std::string& path) override;
  result<std::unique_ptr<append_file>> open_to_append(const std::string& path) override;
  result<std::unique_ptr<read_file>> open(const std::string& path) override;
  result<void> rename(const std::string& from, const std::string& to) override;
  result<void> link(const std::string& from, const std::string& to) override;
  result<void> remove(const std::string& path) override;
  result<void> create_folder(const std::string& path) override;
  result<std::vector<folder_entry>> list(const std::string& path) override;
  result<bool> exists(const std::string& path) override;
  result<void> sync_folder(const std::string& path) override;
  result<std::unique_ptr<file_lock>> lock(const std::string& path) override;

  class disk;

 private:
  std::shared_ptr<disk> disk_;
};

/// Runs `script` on new files, again and again: the power goes off at its first step, then at its second (before and
/// behind each operation), until it runs through. After each a crash by `random`, and `check`, which is given the
/// number of the step. Returns how many steps there were. What the script throws ends it: without power every call
/// fails. `stride`: only so many-th steps, where all take too long.
std::uint64_t crash_at_every_step(random_source& random, const std::function<void(simulated_files&)>& script,
                                  const std::function<void(simulated_files&, std::uint64_t step)>& check,
                                  std::uint64_t stride = 1);

}  // namespace freshet::testing
