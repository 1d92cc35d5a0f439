#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "freshet/base/file_system.hpp"
#include "freshet/base/ids.hpp"
#include "freshet/core/codec.hpp"

namespace freshet::file {

class byte_sum;
class epoch_file_names;
struct epoch_file_key;

/// How an `epoch_sink` names and writes its files.
struct epoch_sink_options {
  /// What all its names begin with. Sinks that write to one folder need one each. Without "/", and without "." in
  /// front: what begins with it is invisible.
  std::string prefix = "part";
  std::string suffix = ".txt";  ///< of the files that are visible; without "/"
  bool create_folders = false;  ///< makes missing folders of the path; off, as a wrong path is a mistake more often
  /// Lines are collected to so many bytes before the system is asked to write them; 0: each line by itself. 64 KiB
  /// make the cost of that call disappear.
  std::size_t buffer_bytes = std::size_t{64} << 10;
  file_system* files = &system_files();  ///< outlives the sink
};

/// The file of an epoch that was prepared, by its names within the folder, and what is in it. Empty names: the epoch
/// had no rows.
struct epoch_file_token {
  std::string unfinished{};  ///< while nobody sees it
  std::string name{};        ///< from the commit on
  std::uint64_t bytes = 0;
  std::uint64_t checksum = 0;
  friend bool operator==(const epoch_file_token&, const epoch_file_token&) = default;
};

/// The file of one task's epoch: written, prepared, visible. All that `epoch_sink` does that does not depend on the
/// type of its rows; what it promises and how files are called is said there. Every failure is a std::runtime_error
/// with path and reason. Not thread safe.
///
///     begin -> added... -> prepare -> commit
///       ^        |            |
///       +------ abort <-------+
///
/// The next may begin before what was prepared is committed; from then on `abort` is about the next.
///
/// Its destructor closes what is open and changes no file, as if the process had ended.
class epoch_file {
 public:
  /// Looks at what is in the folder. Task 0 takes the lock of folder and prefix, until `close`: two that write the same
  /// names would lose rows. Throws also where there is no such folder, and std::invalid_argument when a name can't be
  /// part of a file's.
  epoch_file(std::string folder, epoch_sink_options options, std::size_t task, std::size_t task_count);
  epoch_file(const epoch_file&) = delete;
  epoch_file& operator=(const epoch_file&) = delete;
  ~epoch_file();

  /// The first call removes what earlier runs have left unfinished. Throws when the folder has later epochs of the same
  /// history.
  void begin(const epoch_id& epoch);
  /// Append here, then call `added` with the size from before.
  std::string& buffer() { return buffer_; }
  /// Writes the buffer when it is large enough. When that fails, what was added is taken out again, and nothing of the
  /// buffer counts as written: whoever adds it again does not add it twice.
  void added(std::size_t size_before);
  /// All rows are on the device when it returns, and the invisible name, too. A sync that fails is final: from then on
  /// the same error, until `abort`.
  epoch_file_token prepare();
  /// Gives the file its name, and waits until the device has it. Also of a file that another task, or another process,
  /// has prepared, which is read first. Throws when it is gone, or not what was written: rows are lost.
  void commit(const epoch_file_token& token);
  /// Removes what was begun or prepared, if it was not committed.
  void abort();
  /// Leaves all files as they are.
  void close();

 private:
  struct earlier;
  void look_around();
  void tidy(const epoch_file_key& first);
  void remove_leftovers();
  void create();
  void write_out();
  void make_durable();
  void give_name(const epoch_file_token& token);
  void check_bytes(const epoch_file_token& token) const;
  std::string path_of(const std::string& name) const { return folder_ + "/" + name; }

  const std::string folder_;
  const epoch_sink_options options_;
  const std::size_t task_, task_count_;
  std::unique_ptr<const epoch_file_names> names_;
  std::unique_ptr<file_lock> lock_;        ///< task 0, while open
  std::unique_ptr<const earlier> before_;  ///< what earlier runs have left, until the first epoch begins
  std::uint64_t epochs_before_ = 0;        ///< epochs without a history are counted on from here
  std::vector<std::string> leftovers_;     ///< names to be removed

  // The epoch.
  epoch_file_token current_;
  epoch_file_token prepared_;          ///< the last, which may be that of the epoch before
  std::unique_ptr<append_file> file_;  ///< while it is written
  std::string buffer_;
  std::uint64_t written_ = 0;           ///< bytes that are in the file for sure
  std::unique_ptr<byte_sum> sum_;       ///< over these
  bool in_doubt_ = false;               ///< there may be others behind them
  bool created_ = false;                ///< it has a file
  std::optional<std::string> failure_;  ///< of a sync: it stays

  std::string renamed_in_vain_;  ///< the name that a commit has given and could not make safe
};

}  // namespace freshet::file

namespace freshet {

/// Version 1. Tokens of before had names alone, and are refused.
template <>
struct codec<file::epoch_file_token> {
  static constexpr std::uint32_t version = 1;
  static void write(writer& w, const file::epoch_file_token& t) {
    write_value(w, t.unfinished);
    write_value(w, t.name);
    write_value(w, t.bytes);
    write_value(w, t.checksum);
  }
  static void read(reader& r, file::epoch_file_token& t, std::uint32_t) {
    read_value(r, t.unfinished);
    read_value(r, t.name);
    read_value(r, t.bytes);
    read_value(r, t.checksum);
  }
};

}  // namespace freshet
