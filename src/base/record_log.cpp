#include "freshet/base/record_log.hpp"

#include <algorithm>
#include <utility>

#include "base/record_segment.hpp"

namespace freshet {

namespace {

/// More is written before the next record is taken: memory has a bound, and a write of this size is as good as a
/// larger.
constexpr std::size_t max_buffered_bytes = 1 << 20;

}  // namespace

record_log::record_log(file_system& files, std::string folder, record_log_options options)
    : files_(files), folder_(std::move(folder)), options_(std::move(options)) {}
record_log::~record_log() = default;

result<std::unique_ptr<record_log>> record_log::open(file_system& files, std::string folder,
                                                     record_log_options options) {
  std::unique_ptr<record_log> log(new record_log(files, std::move(folder), std::move(options)));
  if (auto done = log->recover(); !done) return done.error();
  return log;
}

// --- opening ---

result<void> record_log::recover() {
  if (auto made = make_folder(files_, folder_); !made) return made;
  auto lock = files_.lock(folder_ + "/lock");
  if (!lock) return lock.error();
  lock_ = *std::move(lock);
  if (auto found = find_segments(); !found) return found;
  if (!segments_.empty()) next_ = segments_.front().first;
  for (auto& each : segments_)
    if (auto fine = check_segment(each); !fine) return fine;
  if (auto done = segments_.empty() ? begin_segment() : open_last(); !done) return done;
  synced_ = written_ = next_;
  synced_size_ = segments_.back().size;
  return {};
}

result<void> record_log::find_segments() {
  const auto inside = files_.list(folder_);
  if (!inside) return inside.error();
  for (const auto& [name, is_folder, size] : *inside) {
    const auto path = folder_ + "/" + name;
    if (const auto first = index_in_segment_name(name)) {
      segments_.push_back({path, *first, size});
    } else if (name.ends_with(unfinished_suffix)) {
      if (auto gone = files_.remove(path); !gone) return gone;
    }
  }
  return {};
}

result<void> record_log::check_segment(segment& each) {
  const auto end = read_segment(files_, each.path, each.first, next_, &each == &segments_.back(), {});
  if (!end) return end.error();
  next_ = end->next;
  each.size = end->whole;
  return {};
}

/// Cuts off what was not written whole, and makes safe what a process before us has only written: who reads it may rely
/// on it.
result<void> record_log::open_last() {
  auto file = files_.open_to_append(segments_.back().path);
  if (!file) return file.error();
  file_ = *std::move(file);
  const auto size = segments_.back().size;
  if (const auto torn = file_->size() - size) {
    if (auto done = file_->cut(size); !done) return done;
    options_.log.log(log_level::warning, "record_log",
                     "\"" + segments_.back().path + "\": the last " + std::to_string(torn) + " bytes, from byte " +
                         std::to_string(size) + " on, were cut off: record " + std::to_string(next_) +
                         " was being written there when the process or the system stopped, and was never synced");
  }
  if (auto done = file_->sync(); !done) return done;
  return files_.sync_folder(folder_);
}

// --- appending ---

/// A crash at any step leaves a log: the file before is whole by now, and the new one has its name when it has its
/// head.
result<void> record_log::begin_segment() {
  segment next{folder_ + "/" + segment_name(next_), next_, segment_head_bytes};
  if (auto done = write_whole(files_, next.path, segment_head(next_)); !done) return done;
  auto file = files_.open_to_append(next.path);
  if (!file) return file.error();
  file_ = *std::move(file);
  segments_.push_back(std::move(next));
  synced_size_ = segment_head_bytes;
  return {};
}

result<void> record_log::roll() {
  rolling_ = true;
  if (auto done = sync(); !done) return done;
  if (auto done = begin_segment(); !done) return done.error().fatal ? give_up(done.error()) : done;
  rolling_ = false;
  return {};
}

error record_log::give_up(error why) {
  why.fatal = true;
  why.retryable = false;
  failed_ = why;
  return why;
}

result<std::uint64_t> record_log::append(std::string_view bytes) {
  if (failed_) return *failed_;
  if (bytes.size() > max_record_bytes)
    return error{errc::invalid_argument, "a record of " + std::to_string(bytes.size()) + " bytes is too long for \"" +
                                             folder_ + "\": at most " + std::to_string(max_record_bytes)};
  const auto held = segments_.back().size + buffer_.size();
  const bool is_full = held > segment_head_bytes && held + record_head_bytes + bytes.size() > options_.segment_bytes;
  if (rolling_ || is_full) {
    if (auto done = roll(); !done) return done.error();
  } else if (buffer_.size() >= max_buffered_bytes) {
    if (auto done = flush(); !done) return done.error();
  }
  put_record(buffer_, next_, synced_, bytes);
  return next_++;
}

result<void> record_log::flush() {
  if (failed_) return *failed_;
  if (buffer_.empty()) return {};
  auto& last = segments_.back();
  if (auto done = file_->append(buffer_); !done) {
    // The records stay in memory, and are written again behind the last that is whole.
    if (auto back = file_->cut(last.size); !back) return give_up(back.error());
    return done;
  }
  last.size += buffer_.size();
  buffer_.clear();
  written_ = next_;
  return {};
}

void record_log::take_back_unwritten() noexcept {
  buffer_.clear();
  next_ = written_;
}

result<void> record_log::sync() {
  if (auto done = flush(); !done) return done;
  if (synced_ == next_) return {};
  if (auto done = file_->sync(); !done) {
    // The system may go on showing bytes that it has dropped, and who opens the log next would believe them.
    static_cast<void>(file_->cut(synced_size_));
    return give_up(done.error());
  }
  synced_ = next_;
  synced_size_ = segments_.back().size;
  return {};
}

// --- reading and dropping ---

std::uint64_t record_log::first() const noexcept { return segments_.front().first; }

std::uint64_t record_log::bytes() const noexcept {
  std::uint64_t sum = buffer_.size();
  for (const auto& each : segments_) sum += each.size;
  return sum;
}

result<void> record_log::read(std::uint64_t from,
                              const std::function<bool(std::uint64_t, std::string_view)>& visit) const {
  if (failed_) return *failed_;
  if (from < first() || from > next_)
    return error{errc::not_found, "\"" + folder_ + "\" has no record " + std::to_string(from) +
                                      ": it holds those from " + std::to_string(first()) + " to before " +
                                      std::to_string(next_)};
  const auto behind = std::upper_bound(segments_.begin(), segments_.end(), from,
                                       [](std::uint64_t index, const segment& s) { return index < s.first; });
  for (auto each = std::prev(behind); each != segments_.end(); ++each) {
    auto reader = segment_reader::open(files_, each->path, each->first, each->size);
    if (!reader) return reader.error();
    for (;;) {
      const auto found = reader->next();
      if (!found) return found.error();
      if (*found == segment_reader::step::end) break;
      if (*found == segment_reader::step::damaged) return reader->damage("it was whole when the log was opened");
      const auto& record = reader->record();
      if (record.index >= from && !visit(record.index, record.bytes)) return {};
    }
  }
  std::string_view unwritten = buffer_;
  while (const auto record = record_at(unwritten)) {
    if (record->index >= from && !visit(record->index, record->bytes)) return {};
    unwritten.remove_prefix(record->size());
  }
  return {};
}

result<void> record_log::drop_before(std::uint64_t index) {
  if (failed_) return *failed_;
  // The oldest first, so that a crash in between leaves no hole.
  while (segments_.size() > 1 && segments_[1].first <= index) {
    if (auto gone = files_.remove(segments_.front().path); !gone) return gone;
    segments_.erase(segments_.begin());
  }
  return {};
}

}  // namespace freshet
