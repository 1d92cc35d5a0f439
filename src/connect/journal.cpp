#include "freshet/connect/journal.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "freshet/base/hash.hpp"

namespace freshet {

namespace {

/// Read at once after a restart. A segment is read from its beginning each time, so much less would read it often.
constexpr std::size_t read_ahead_bytes = 4 << 20;
/// How often the file "committed" is written: it costs two syncs.
constexpr auto committed_interval = std::chrono::seconds(1);
/// How long nothing is accepted before it is tried again: a segment is finished in less, and a full disk looked at.
constexpr auto pause = std::chrono::milliseconds(5);
/// What a loss of power takes of emitted messages is what the system had not written, and that is some seconds' worth.
constexpr std::uint64_t most_lost = 1 << 24;

void must(result<void> done) {
  if (!done) throw std::runtime_error(done.error().message);
}
template <class T>
T must(result<T> got) {
  if (!got) throw std::runtime_error(got.error().message);
  return *std::move(got);
}
std::string number(std::uint64_t n) { return std::to_string(n); }

std::uint64_t check_of(std::string_view number) { return hash_bytes(number.data(), number.size()); }

}  // namespace

// --- settings ---

void check_journal_options(const journal_options& o) {
  if (o.partitions == 0)
    throw std::invalid_argument("journal_options::partitions is 0: messages have to be written somewhere");
  if (o.sync_interval < std::chrono::nanoseconds{})
    throw std::invalid_argument(
        "journal_options::sync_interval is negative: " + std::to_string(o.sync_interval.count()) + " ns");
  if (!o.files) throw std::invalid_argument("journal_options::files is null: leave it out for the system's");
}

void check_journal_tasks(const std::string& folder, const journal_options& options, const task_context& context) {
  if (context.partitions.empty())
    throw std::runtime_error("the journal in \"" + folder + "\" has " + number(options.partitions) +
                             " partitions, and the spout " + number(context.task_count) +
                             " tasks, each of which writes to one of its own: set journal_options::partitions to " +
                             number(context.task_count) + ", or parallelism to " + number(options.partitions));
  const auto further = folder + "/" + number(options.partitions);
  if (must(options.files->exists(further)))
    throw std::runtime_error("the journal in \"" + folder + "\" has " + number(options.partitions) +
                             " partitions, and there is \"" + further +
                             "\" of a run that had more: set journal_options::partitions to what it was, or, where "
                             "all of that is finished, remove this folder and those behind it");
}

// --- records ---

void begin_message(writer& to, event_time time) {
  to.raw(static_cast<std::uint8_t>(journal_entry::kind::message));
  to.raw(static_cast<std::int64_t>(time.time_since_epoch().count()));
}

void write_rejection(writer& to, const error& why, std::string_view bytes) {
  to.raw(static_cast<std::uint8_t>(journal_entry::kind::rejection));
  to.raw(static_cast<std::uint8_t>(why.code));
  to.raw(why.retryable);
  to.raw(why.fatal);
  to.bytes(why.message);
  to.append(bytes);
}

journal_entry read_journal_entry(std::string_view record) {
  reader from(record);
  journal_entry entry;
  const auto what = from.raw<std::uint8_t>();
  if (what == 0 || what > static_cast<std::uint8_t>(journal_entry::kind::nothing)) from.fail();
  entry.what = static_cast<journal_entry::kind>(what);
  if (entry.what == journal_entry::kind::message) {
    entry.time = event_time(std::chrono::milliseconds(from.raw<std::int64_t>()));
  } else if (entry.what == journal_entry::kind::rejection) {
    const auto code = from.raw<std::uint8_t>();
    if (code > static_cast<std::uint8_t>(errc::internal)) from.fail();
    entry.why.code = static_cast<errc>(code);
    entry.why.retryable = from.raw<bool>();
    entry.why.fatal = from.raw<bool>();
    entry.why.message = from.bytes();
  } else if (from.left() != 0) {
    from.fail();
  }
  if (from.failed()) return {.bytes = record};
  entry.bytes = from.take(from.left());
  return entry;
}

std::string unreadable_record(const std::string& folder, std::uint64_t offset, std::string_view type) {
  return "message " + number(offset) + " of journal \"" + folder + "\" can't be read as " + std::string(type) +
         ": it was written as another type, or by a newer version of its codec";
}

// --- opening ---

journal::journal(const std::string& folder, const spout_partition& which, const journal_options& options,
                 const task_context& context)
    : partition_(which.id),
      folder_(folder + "/" + number(which.id)),
      quoted_("journal \"" + folder_ + "\""),
      node_(context.node),
      options_(options),
      log_to_(context.log),
      clock_(context.clock),
      log_(must(
          record_log::open(*options.files, folder_, {.segment_bytes = options.segment_bytes, .log = context.log}))) {
  committed_ = written_ = read_committed();
  if (committed_ > next()) skip_to(committed_, "its file \"committed\"");
  cursor_ = finished_ = std::max(log_->first(), committed_);
}

journal::~journal() = default;

/// The number, then its checksum.
std::uint64_t journal::read_committed() const {
  if (!must(options_.files->exists(committed_path()))) return 0;
  const auto bytes = must(read_whole(*options_.files, committed_path()));
  reader from(bytes);
  const auto committed = from.raw<std::uint64_t>();
  const auto check = from.raw<std::uint64_t>();
  if (from.failed() || from.left() != 0 || check != check_of(std::string_view(bytes).substr(0, sizeof committed)))
    throw std::runtime_error("\"" + committed_path() +
                             "\" is damaged: it says how far messages are finished. Remove it, and a run without "
                             "checkpoints emits once more what the journal still has, from message " +
                             number(log_->first()) + " on");
  return committed;
}

/// An error costs no more than messages that come once more.
void journal::write_committed() {
  if (committed_ == written_) return;
  writer to;
  to.raw(committed_);
  to.raw(check_of(to.data()));
  written_at_ = clock_->now();
  if (auto done = write_whole(*options_.files, committed_path(), to.data()); done) written_ = committed_;
  else say(log_level::warning, "it is not noted how far messages are finished: " + done.error().message);
}

/// The power took records that were emitted, and finished: later ones must not get their offsets.
void journal::skip_to(std::uint64_t offset, const std::string& who) {
  const auto gap = offset - next();
  const auto found =
      quoted_ + " ends before message " + number(next()) + ", and " + who + " goes on with " + number(offset);
  if (options_.sync == journal_sync::every_poll || gap > most_lost)
    throw std::runtime_error(found +
                             ": it is another's, or a copy that is too old. Bring back the folder that belongs "
                             "to the run, or begin anew in a new folder and without the old checkpoints");
  say(log_level::warning, found + ": " + number(gap) + " messages that were finished were lost with the power");
  const auto nothing = static_cast<char>(journal_entry::kind::nothing);
  while (next() < offset) must(append({&nothing, 1}));
  must(log_->sync());
}

// --- what is in it ---

std::optional<journal::record> journal::take(std::uint64_t end) {
  if (cursor_ >= end) return {};
  if (ahead_.empty()) read_ahead(end);
  auto found = std::move(ahead_.front());
  ahead_.pop_front();
  passed(found.offset);
  return found;
}

void journal::read_ahead(std::uint64_t end) {
  std::size_t bytes = 0;
  must(log_->read(cursor_, [&](std::uint64_t offset, std::string_view found) {
    if (offset >= end) return false;
    ahead_.push_back({offset, std::string(found)});
    return (bytes += found.size()) < read_ahead_bytes;
  }));
}

void journal::read(const position_range& range,
                   const std::function<void(std::uint64_t, std::string_view)>& visit) const {
  if (range.empty()) return;
  if (range.from < log_->first())
    throw range_lost({partition_, range.from, log_->first()},
                     quoted_ + " has dropped the messages before " + number(log_->first()) + " as finished");
  must(log_->read(range.from, [&](std::uint64_t offset, std::string_view found) {
    if (offset < range.to) visit(offset, found);
    return offset + 1 < range.to;
  }));
}

void journal::seek(std::uint64_t offset) {
  if (offset < log_->first())
    throw range_lost({partition_, offset, log_->first()}, quoted_ + " has dropped the messages before " +
                                                              number(log_->first()) +
                                                              " as finished, and the run goes on with " +
                                                              number(offset) + ": resume from a newer checkpoint");
  if (offset > next()) skip_to(offset, "the run");
  ahead_.clear();
  cursor_ = offset;
  finished_ = std::max(finished_, offset);
}

void journal::commit(std::uint64_t next) {
  committed_ = next;
  finished_ = std::max(finished_, next);
  if (!written_at_ || clock_->now() - *written_at_ >= committed_interval) write_committed();
  must(log_->drop_before(next));
}

// --- what comes ---

result<void> journal::make_safe() {
  if (options_.sync == journal_sync::every_poll) return log_->sync();
  if (auto done = log_->flush(); !done) return done;
  if (options_.sync == journal_sync::never || log_->synced() == next()) return {};
  const auto now = clock_->now();
  if (!unsafe_since_) unsafe_since_ = now;
  return now < *unsafe_since_ + options_.sync_interval ? result<void>() : make_all_safe();
}

result<void> journal::make_all_safe() {
  auto done = options_.sync == journal_sync::never ? log_->flush() : log_->sync();
  if (done) unsafe_since_.reset();
  return done;
}

std::optional<journal::time_point> journal::sync_due() const {
  if (!unsafe_since_) return {};
  return *unsafe_since_ + options_.sync_interval;
}

/// Where all is finished, waiting would make no room: the last segment stays until there is another.
bool journal::is_full() const { return log_->bytes() > options_.max_bytes && finished_ < next(); }

std::string journal::how_full() const {
  return "it has " + number(log_->bytes()) + " bytes, max_bytes is " + number(options_.max_bytes) +
         ", and messages from " + number(finished_) + " on are not finished";
}

poll_status journal::wait(const std::string& why) {
  if (!std::exchange(waiting_, true)) say(log_level::warning, "nothing is accepted for now: " + why);
  return poll_status::idle_until(clock_->now() + pause);
}

void journal::go_on() {
  if (std::exchange(waiting_, false)) say(log_level::info, "messages are accepted again");
}

void journal::close() {
  if (auto done = make_all_safe(); !done)
    say(log_level::error, "what was emitted last may not survive a loss of power: " + done.error().message);
  write_committed();
}

}  // namespace freshet
