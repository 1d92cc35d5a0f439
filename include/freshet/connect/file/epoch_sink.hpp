#pragma once
#include <concepts>
#include <memory>
#include <string>
#include <utility>

#include "freshet/connect/file/epoch_file.hpp"
#include "freshet/connect/line_format.hpp"
#include "freshet/core/task_context.hpp"

namespace freshet::file {

/// Writes tuples to the files of a folder, one line each, every row exactly once: a file for each task and epoch that
/// has rows, which is seen when the epoch counts, and then whole. Lines are made as `line_sink` makes them.
///     builder.sink("out", freshet::file::epoch_sink{"orders", [](const order& o) { return o.csv(); },
///                                                   {.prefix = "orders", .suffix = ".csv"}}).input(orders);
///
/// A file is called `<prefix>-<epoch>-<task>-<history in hex><suffix>`, the epoch with zeros in front, so that names
/// sort as epochs follow each other. While it is written, and until its epoch counts, "." stands before the name and
/// ".unfinished" is its suffix: patterns such as "orders/*" and `ls` leave it out. The run that writes holds a lock
/// (flock(2), which the folder's file system must know) on the file ".<prefix>.lock", which stays there.
///
/// History: a run that goes on from an older checkpoint makes epochs again whose numbers are taken, in a history of
/// their own; as that is part of the name, no file ever takes another's place. The files of the history that was given
/// up stay; whoever goes back removes those of its later epochs, or reads them knowingly. Without checkpoints the
/// history is 0, and each run counts its epochs on from the last file that is there. Where checkpoints are older than
/// the folder (a copy was brought back, or power failed under a `log_sync` that does not wait for the device), epochs
/// of one history would be made twice: the first of them is refused, with what to do.
///
/// What is left unfinished by earlier runs is removed by the first epoch that a task begins, when all that has to be
/// committed has been. Other tasks may be writing then, so each removes only what no other task of its run can have
/// made: files of its own number, of numbers that the run does not have (it had more tasks before), and of other
/// histories. So what task 1 has left waits for task 1, if the history is the same; until then it is invisible, and
/// costs no more than its room. That no second run writes the same names is what the lock is for.
///
/// A failure (disk full, no permission, a broken device) is a std::runtime_error with path and reason; the engine
/// aborts the epoch, whose file is removed, and writes it anew. A sync that fails is never tried again, as the system
/// may have dropped the bytes: it takes a new file. Size and checksum of what was written are kept with the
/// epoch: a file that is not so when another process commits it is refused. If the file of an epoch that counts is gone
/// when it is to be committed (again), the run ends with an error. With checkpoints the newest epoch is committed again
/// behind a kill, a loss of power and a commit that failed, and not behind a run that came to its end or was stopped:
/// so leave the newest files where they are while a run works, or copy them.
///
/// Each task waits for its device three times an epoch: for the rows, their name, and the name that is seen. Not thread
/// safe; each task has its own files.
template <class Format = line_format>
class epoch_sink {
 public:
  using token = epoch_file_token;
  static constexpr bool overlaps_epochs = true;  ///< each has a file of its own

  explicit epoch_sink(std::string folder, epoch_sink_options options = {}) requires std::default_initializable<Format>
      : folder_(std::move(folder)), options_(std::move(options)) {}
  explicit epoch_sink(std::string folder, Format format, epoch_sink_options options = {})
      : folder_(std::move(folder)), options_(std::move(options)), format_(std::move(format)) {}

  void open(const task_context& context) {
    file_ = std::make_shared<epoch_file>(folder_, options_, context.task, context.task_count);
  }
  void begin(const epoch_id& epoch) { file_->begin(epoch); }
  template <class T>
  void write(const T& value) {
    add_line(*file_, format_, value);
  }
  token prepare() { return file_->prepare(); }
  void commit(const token& prepared) { file_->commit(prepared); }
  void abort() { file_->abort(); }
  void close() {
    if (file_) file_->close();
  }

 private:
  std::string folder_;
  epoch_sink_options options_;
  Format format_{};
  std::shared_ptr<epoch_file> file_;  // while open: not shared, but a sink can be copied
};

epoch_sink(std::string)->epoch_sink<line_format>;
epoch_sink(std::string, epoch_sink_options)->epoch_sink<line_format>;

}  // namespace freshet::file
