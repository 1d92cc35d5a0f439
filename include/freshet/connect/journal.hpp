#pragma once
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "freshet/base/record_log.hpp"
#include "freshet/core/byte_stream.hpp"
#include "freshet/core/spout.hpp"
#include "freshet/core/task_context.hpp"

namespace freshet {

/// When what was written to a journal is put on the device. A process that dies loses nothing that was emitted,
/// whatever it says; it decides what a loss of power may take.
enum class journal_sync : std::uint8_t {
  every_poll,  ///< before it is emitted: nothing; one sync for all messages of a poll
  interval,    ///< once in so long: what came since, also of what was emitted
  never,       ///< when the system sees fit
};

/// Settings of a journal.
struct journal_options {
  journal_sync sync = journal_sync::every_poll;
  std::chrono::nanoseconds sync_interval = std::chrono::seconds(1);
  /// A spout of several tasks needs as many. They can become more later; fewer only by a folder without records.
  std::uint32_t partitions = 1;
  /// What is finished is removed by whole files of this size, of each partition: smaller than what the system keeps of
  /// files in memory, and large enough that the three syncs of a new one are few.
  std::uint64_t segment_bytes = 16 << 20;
  /// While a partition is longer, and some of it is not finished, no more is accepted for it. It has to hold what is on
  /// its way at one time, such as a batch.
  std::uint64_t max_bytes = 1 << 30;
  file_system* files = &system_files();  ///< has to outlive the run
};
/// Throws std::invalid_argument for what can't be.
void check_journal_options(const journal_options& options);
/// Throws std::runtime_error where the task has no partition, or the folder has more than there are.
void check_journal_tasks(const std::string& folder, const journal_options& options, const task_context& context);

/// What a record of a journal says.
struct journal_entry {
  enum class kind : std::uint8_t {
    unknown,    ///< not written by us
    message,    ///< `bytes` is the value
    rejection,  ///< of `bytes` no value could be made
    nothing,    ///< stands where a message was finished, and then lost with the power
  };
  kind what = kind::unknown;
  event_time time{};  ///< of a message that was emitted with one
  error why{};        ///< of a rejection
  std::string_view bytes{};
};
/// Begins the record of a message; its value follows.
void begin_message(writer& to, event_time time);
void write_rejection(writer& to, const error& why, std::string_view bytes);
journal_entry read_journal_entry(std::string_view record);
/// Why one is rejected that can't be read as a value of its type.
std::string unreadable_record(const std::string& folder, std::uint64_t offset, std::string_view type);

/// One partition of a journaled spout: a log of records, how far they were given out, and how far they are finished. An
/// offset is the index of a record. Errors are std::runtime_error with the folder and what to do. Not thread safe.
///
/// A file "committed" in its folder says how far records were finished, a second ago at the earliest, and exactly
/// behind a run that was closed: a run that keeps no checkpoints goes on there.
class journal {
 public:
  using time_point = std::chrono::steady_clock::time_point;
  struct record {
    std::uint64_t offset = 0;
    std::string bytes{};
  };
  /// The partition lies in the folder of its number.
  journal(const std::string& folder, const spout_partition& which, const journal_options& options,
          const task_context& context);
  journal(const journal&) = delete;
  journal& operator=(const journal&) = delete;
  ~journal();

  partition_id partition() const noexcept { return partition_; }
  const std::string& folder() const noexcept { return folder_; }

  // --- what is in it ---

  /// The next record below `end` that was not given out.
  std::optional<record> take(std::uint64_t end);
  /// This one was given out, without `take`.
  void passed(std::uint64_t offset) noexcept { cursor_ = offset + 1; }
  std::uint64_t cursor() const noexcept { return cursor_; }  ///< the next to be given out
  /// Visits the records of a range; what is gone is `range_lost`.
  void read(const position_range& range, const std::function<void(std::uint64_t, std::string_view)>& visit) const;
  /// `take` goes on at an offset.
  void seek(std::uint64_t offset);
  /// Records below are finished, and may go.
  void commit(std::uint64_t next);

  // --- what comes ---

  std::uint64_t next() const noexcept { return log_->next(); }
  result<std::uint64_t> append(std::string_view bytes) { return log_->append(bytes); }
  /// What was appended may be given out, as far as `journal_sync` says.
  result<void> make_safe();
  /// The same for good: all is on the device, unless that is never asked for.
  result<void> make_all_safe();
  /// Records below are on the device, also where `make_safe` has failed.
  std::uint64_t safe_before() const noexcept { return log_->synced(); }
  /// When `make_safe` should be called again; none: it has nothing to do.
  std::optional<time_point> sync_due() const;

  /// Nothing more should be accepted for now.
  bool is_full() const;
  std::string how_full() const;
  /// Says in the log, once, why nothing is accepted, and when to look again.
  poll_status wait(const std::string& why);
  /// Something is accepted again.
  void go_on();
  void close();

 private:
  std::string committed_path() const { return folder_ + "/committed"; }
  std::uint64_t read_committed() const;
  void write_committed();
  void read_ahead(std::uint64_t end);
  void skip_to(std::uint64_t offset, const std::string& who);
  void say(log_level level, const std::string& text) const { log_to_.log(level, node_, quoted_ + ": " + text); }

  const partition_id partition_;
  const std::string folder_, quoted_, node_;
  const journal_options options_;
  const logger log_to_;
  const freshet::clock* const clock_;
  std::unique_ptr<record_log> log_;
  std::uint64_t cursor_ = 0;
  std::deque<record> ahead_;     ///< records from `cursor_` on, read before they are asked for
  std::uint64_t finished_ = 0;   ///< records below are, as far as this run knows
  std::uint64_t committed_ = 0;  ///< and so this run, or an earlier one, was told
  std::uint64_t written_ = 0;    ///< what the file says of that
  std::optional<time_point> written_at_, unsafe_since_;
  bool waiting_ = false;
};

}  // namespace freshet
