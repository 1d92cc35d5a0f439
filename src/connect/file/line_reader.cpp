#include "connect/file/line_reader.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "connect/file/file_set.hpp"
#include "freshet/base/assert.hpp"

namespace freshet::file {

namespace {
constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
constexpr std::size_t smallest_buffer = 16, largest_asked_for = std::size_t{64} << 20;

/// `a + b`, or the largest number there is.
constexpr std::size_t saturated(std::size_t a, std::size_t b) {
  return a > ~std::size_t{0} - b ? ~std::size_t{0} : a + b;
}
}  // namespace

void line_reader::start(int fd, const std::string& path, std::uint64_t at, std::uint64_t limit) {
  fd_ = fd;
  path_ = &path;
  from_ = searched_ = filled_ = 0;
  base_ = at;
  limit_ = limit;
  at_end_ = false;
  struct stat info {};
  if (at != 0 && ::fstat(fd, &info) == 0 && static_cast<std::uint64_t>(info.st_size) < at)
    throw file_cut("\"" + path + "\" at byte " + std::to_string(at) + ": the file has " + std::to_string(info.st_size) +
                   " bytes only: it was cut");
  if (limit == no_limit) ::posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
}

/// In what is in the buffer; null where it is not there.
const char* line_reader::find_line_end() {
  const auto* at = searched_ < filled_
                       ? static_cast<const char*>(std::memchr(buffer_.get() + searched_, '\n', filled_ - searched_))
                       : nullptr;
  if (!at) searched_ = filled_;
  return at;
}

bool line_reader::next(line& found) {
  while (true) {
    if (const char* at = find_line_end()) {
      found = cut(at);
      return true;
    }
    if (filled_ - from_ > options_.max_line_bytes) {
      if (long_line_ == long_line::refused) too_long();
      skip_rest(found);
      return true;
    }
    if (at_end_ || !fill()) break;
  }
  at_end_ = true;
  if (from_ == filled_) return false;
  found = cut(nullptr);
  return !found.text.empty() || found.begin != 0 || found.end != byte_order_mark.size();
}

line_reader::joined line_reader::join(line& found) {
  const auto begin = found.begin, end = found.end;
  const auto place = [&](std::uint64_t byte) { return static_cast<std::size_t>(byte - base_); };
  const auto stay = [&](joined why) {
    // The text may have moved with the buffer.
    const char* line_end = buffer_.get() + place(end) - (found.ended ? 1 : 0);
    from_ = place(begin);
    found = cut(found.ended ? line_end : nullptr);
    return why;
  };
  from_ = place(begin);
  searched_ = place(end);
  if (!found.ended) return stay(joined::at_end);
  while (true) {
    const char* at = find_line_end();
    const auto known = at ? static_cast<std::size_t>(at - buffer_.get()) : filled_;
    if (known - from_ > options_.max_line_bytes) return stay(joined::too_long);
    if (at) {
      found = cut(at);
      return joined::line;
    }
    if (at_end_ || !fill()) break;
  }
  at_end_ = true;
  if (place(end) == filled_) return stay(joined::at_end);
  found = cut(nullptr);
  return joined::line;
}

/// The line from `from_` to `newline`, or to the end of the file where that is null.
line_reader::line line_reader::cut(const char* newline) {
  const char* begin = buffer_.get() + from_;
  const char* end = newline ? newline : buffer_.get() + filled_;
  line found;
  if (static_cast<std::size_t>(end - begin) > options_.max_line_bytes) {
    if (long_line_ == long_line::refused) too_long();
    found.too_long = true;
  }
  found.begin = base_ + from_;
  from_ = searched_ = static_cast<std::size_t>(end - buffer_.get()) + (newline ? 1 : 0);
  found.end = base_ + from_;
  found.ended = newline != nullptr;
  if (found.too_long) end = begin + options_.max_line_bytes;
  else if (newline && options_.strip_carriage_return && end != begin && end[-1] == '\r') --end;
  found.text = {begin, static_cast<std::size_t>(end - begin)};
  if (options_.strip_byte_order_mark && found.begin == 0 && found.text.starts_with(byte_order_mark))
    found.text.remove_prefix(byte_order_mark.size());
  return found;
}

/// A line that is too long already goes on behind what is in the buffer. Its beginning is kept, the rest is passed
/// over.
void line_reader::skip_rest(line& found) {
  found = {};
  found.begin = base_ + from_;
  found.too_long = true;
  beginning_.assign(buffer_.get() + from_, options_.max_line_bytes);
  const char* at = nullptr;
  do {
    from_ = searched_ = filled_;
    if (!fill()) at_end_ = true;
    else at = find_line_end();
  } while (!at && !at_end_);
  from_ = searched_ = at ? static_cast<std::size_t>(at - buffer_.get()) + 1 : filled_;
  found.end = base_ + from_;
  found.ended = at != nullptr;
  found.text = beginning_;
  if (options_.strip_byte_order_mark && found.begin == 0 && found.text.starts_with(byte_order_mark))
    found.text.remove_prefix(byte_order_mark.size());
}

void line_reader::too_long() const {
  throw_at(*path_, base_ + from_,
           "the line is longer than max_line_bytes (" + std::to_string(options_.max_line_bytes) + ")");
}

/// Reads more behind what is there. False at the end.
bool line_reader::fill() {
  if (from_ != 0) {
    std::memmove(buffer_.get(), buffer_.get() + from_, filled_ - from_);
    base_ += from_;
    filled_ -= from_;
    searched_ -= from_;
    from_ = 0;
  }
  if (filled_ == capacity_) {
    // Grown for a long line only, and never beyond what shows that it is too long: a full buffer without a line end is
    // larger than `max_line_bytes`, and `next` has thrown before it comes here.
    const auto usual = std::clamp(options_.buffer_bytes, smallest_buffer, largest_asked_for);
    const auto most = std::max(saturated(options_.max_line_bytes, 2), usual);
    const auto larger = std::min(std::max(saturated(capacity_, capacity_), usual), most);
    FRESHET_ASSERT(larger > capacity_, "a buffer is full with a line that is within its limit", capacity_, most);
    auto buffer = std::make_unique_for_overwrite<char[]>(larger);
    if (filled_) std::memcpy(buffer.get(), buffer_.get(), filled_);
    buffer_ = std::move(buffer);
    capacity_ = larger;
  }
  if (base_ + filled_ >= line_spout::max_file_bytes) throw_at(*path_, base_ + filled_, "positions reach to 2^40 bytes");
  const auto wanted = std::min<std::uint64_t>(capacity_ - filled_, limit_ - std::min(limit_, base_ + filled_));
  while (wanted != 0) {
    const auto got = ::pread(fd_, buffer_.get() + filled_, wanted, static_cast<off_t>(base_ + filled_));
    if (got > 0) {
      filled_ += static_cast<std::size_t>(got);
      return true;
    }
    if (got == 0) return false;
    if (errno == EINTR) continue;
    throw std::system_error(errno, std::generic_category(),
                            "cannot read \"" + *path_ + "\" at byte " + std::to_string(base_ + filled_));
  }
  return false;
}

}  // namespace freshet::file
