#include "base/record_segment.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <utility>

#include "freshet/base/hash.hpp"

namespace freshet {

namespace {

constexpr std::string_view magic = "freshlog";
constexpr std::string_view name_suffix = ".log";
constexpr std::size_t index_digits = 20;
constexpr std::size_t window_bytes = 256 << 10;
constexpr std::size_t sector_bytes = 512;
/// Behind what is wrong, and before what a person can do.
constexpr std::string_view no_change = ". Nothing was changed. ";

template <class T>
void store(char* to, T number) {
  for (std::size_t i = 0; i < sizeof number; ++i) to[i] = static_cast<char>(number >> (8 * i));
}
template <class T>
T load(std::string_view from, std::size_t at) {
  return detail::load_little<T>(reinterpret_cast<const unsigned char*>(from.data()) + at);
}
std::uint64_t hash_of(std::string_view bytes) { return hash_bytes(bytes.data(), bytes.size()); }

error data_loss(std::string message) { return {errc::data_loss, std::move(message)}; }

result<void> check_head(std::string_view head, const std::string& path, std::uint64_t first) {
  const auto damaged = [&](const std::string& why) {
    return data_loss("\"" + path + "\" is no segment of a log, or its first " + std::to_string(segment_head_bytes) +
                     " bytes are damaged: " + why + std::string(no_change) +
                     "Bring the file back from a copy; or, to go on without the records from " + std::to_string(first) +
                     " on, remove it and the segments behind it");
  };
  if (head.size() < segment_head_bytes) return damaged("there are only " + std::to_string(head.size()));
  if (!head.starts_with(magic)) return damaged("they don't begin with \"" + std::string(magic) + "\"");
  if (load<std::uint64_t>(head, 24) != hash_of(head.substr(0, 24))) return damaged("they don't fit their checksum");
  if (const auto version = load<std::uint32_t>(head, 8); version != record_segment_version)
    return error{errc::unsupported, "\"" + path + "\" has format version " + std::to_string(version) +
                                        ", and this program reads version " + std::to_string(record_segment_version) +
                                        ": open it with the version of Freshet that wrote it"};
  if (const auto index = load<std::uint64_t>(head, 16); index != first)
    return damaged("they say that it begins with record " + std::to_string(index) + ", and its name says " +
                   std::to_string(first) + " (was it renamed?)");
  return {};
}

/// Of the `size` bytes of a file all from `begin` on are given: is there a sector that was never written, at least in
/// part before `end`?
bool has_unwritten_sector(std::string_view bytes, std::uint64_t begin, std::uint64_t end) {
  for (std::uint64_t sector = begin / sector_bytes * sector_bytes; sector < end; sector += sector_bytes) {
    const auto from = static_cast<std::size_t>(std::max(sector, begin) - begin);
    const auto to = static_cast<std::size_t>(sector + sector_bytes - begin);
    if (bytes.substr(from, to - from).find_first_not_of('\0') == std::string_view::npos) return true;
  }
  return false;
}

}  // namespace

std::string segment_name(std::uint64_t first) {
  auto digits = std::to_string(first);
  return std::string(index_digits - digits.size(), '0') + digits + std::string(name_suffix);
}

std::optional<std::uint64_t> index_in_segment_name(std::string_view name) {
  if (name.size() != index_digits + name_suffix.size() || !name.ends_with(name_suffix)) return std::nullopt;
  std::uint64_t index = 0;
  for (const char c : name.substr(0, index_digits)) {
    if (c < '0' || c > '9') return std::nullopt;
    index = index * 10 + static_cast<std::uint64_t>(c - '0');
  }
  if (segment_name(index) != name) return std::nullopt;  // more than the largest number
  return index;
}

std::string without_way_out(const std::string& damage) { return damage.substr(0, damage.find(no_change)); }

std::string segment_head(std::uint64_t first) {
  std::string head(segment_head_bytes, '\0');
  magic.copy(head.data(), magic.size());
  store(head.data() + 8, record_segment_version);
  store(head.data() + 16, first);
  store(head.data() + 24, hash_bytes(head.data(), 24));
  return head;
}

void put_record(std::string& buffer, std::uint64_t index, std::uint64_t synced, std::string_view bytes) {
  const auto begin = buffer.size();
  buffer.resize(begin + record_head_bytes + bytes.size());
  char* const at = buffer.data() + begin;
  // More than fit are none that is known to be on the device.
  const auto unsynced = std::min<std::uint64_t>(index - synced, UINT32_MAX);
  store(at + 8, static_cast<std::uint32_t>(bytes.size()));
  store(at + 12, static_cast<std::uint32_t>(unsynced));
  store(at + 16, index);
  bytes.copy(at + record_head_bytes, bytes.size());
  store(at, hash_bytes(at + 8, record_head_bytes - 8 + bytes.size()));
}

std::optional<record_view> record_at(std::string_view from) {
  if (from.size() < record_head_bytes) return std::nullopt;
  const std::uint64_t length = load<std::uint32_t>(from, 8);
  if (length > from.size() - record_head_bytes) return std::nullopt;
  const auto size = static_cast<std::size_t>(record_head_bytes + length);
  if (load<std::uint64_t>(from, 0) != hash_of(from.substr(8, size - 8))) return std::nullopt;
  const auto index = load<std::uint64_t>(from, 16);
  const auto unsynced = load<std::uint32_t>(from, 12);
  return record_view{index, unsynced == UINT32_MAX ? 0 : index - unsynced,
                     from.substr(record_head_bytes, size - record_head_bytes)};
}

segment_reader::segment_reader(std::unique_ptr<read_file> file, std::string path, std::uint64_t first,
                               std::uint64_t size)
    : file_(std::move(file)), path_(std::move(path)), next_index_(first), size_(size) {}

result<segment_reader> segment_reader::open(file_system& files, const std::string& path, std::uint64_t first,
                                            std::optional<std::uint64_t> size) {
  auto file = files.open(path);
  if (!file) return file.error();
  if (!size) {
    const auto whole = (*file)->size();
    if (!whole) return whole.error();
    size = *whole;
  }
  char head[segment_head_bytes];
  const auto got = (*file)->read(0, head, sizeof head);
  if (!got) return got.error();
  if (auto fine = check_head({head, *got}, path, first); !fine) return fine.error();
  return segment_reader(*std::move(file), path, first, *size);
}

result<std::string_view> segment_reader::look(std::size_t n) {
  if (offset_ + n > window_offset_ + window_.size()) {
    const auto wanted = std::min<std::uint64_t>(std::max(n, window_bytes), size_ - offset_);
    window_.resize(static_cast<std::size_t>(wanted));
    window_offset_ = offset_;
    const auto got = file_->read(offset_, window_.data(), window_.size());
    if (!got) return got.error();
    if (*got < window_.size()) return damage("the file ends at byte " + std::to_string(offset_ + *got) + " by now");
  }
  return std::string_view(window_).substr(static_cast<std::size_t>(offset_ - window_offset_), n);
}

result<segment_reader::step> segment_reader::next() {
  const auto left = size_ - offset_;
  if (left == 0) return step::end;
  if (left < record_head_bytes) return step::damaged;
  auto bytes = look(record_head_bytes);
  if (!bytes) return bytes.error();
  const std::uint64_t length = load<std::uint32_t>(*bytes, 8);
  if (load<std::uint64_t>(*bytes, 16) != next_index_ || length > left - record_head_bytes) return step::damaged;
  bytes = look(static_cast<std::size_t>(record_head_bytes + length));
  if (!bytes) return bytes.error();
  const auto found = record_at(*bytes);
  if (!found) return step::damaged;
  record_ = *found;
  offset_ += found->size();
  ++next_index_;
  return step::record;
}

result<void> segment_reader::torn() const {
  std::string rest(static_cast<std::size_t>(size_ - offset_), '\0');
  const auto got = file_->read(offset_, rest.data(), rest.size());
  if (!got) return got.error();
  const std::string_view all(rest.data(), *got);
  std::optional<std::uint64_t> intact;  // where the first intact record of a later index is
  for (std::size_t at = 0; at + record_head_bytes <= all.size();) {
    // The index first: checksums of everything would take the square of the size.
    const auto behind = load<std::uint64_t>(all, at + 16) - next_index_;
    const auto found = behind > 0 && behind <= all.size() ? record_at(all.substr(at)) : std::nullopt;
    if (!found) {
      ++at;
      continue;
    }
    if (found->synced > next_index_)
      return damage("record " + std::to_string(found->index) +
                    " behind it is intact, and was written when this one was on the device already");
    if (!intact) intact = offset_ + at;
    at += found->size();
  }
  if (intact && !has_unwritten_sector(all, offset_, *intact))
    return damage("there are intact records behind it, from byte " + std::to_string(*intact) + " on");
  return {};
}

error segment_reader::damage(const std::string& why) const {
  const auto record = std::to_string(next_index_), byte = std::to_string(offset_);
  return data_loss("\"" + path_ + "\" is damaged at byte " + byte + ", where record " + record + " should be: " + why +
                   std::string(no_change) + "Bring the file back from a copy; or, to go on without record " + record +
                   " and all behind it, cut the file to " + byte + " bytes and remove the segments behind it");
}

result<segment_end> read_segment(file_system& files, const std::string& path, std::uint64_t first,
                                 std::uint64_t expected, bool is_last, const record_visit& visit) {
  if (first != expected)
    return data_loss("\"" + path + "\" begins with record " + std::to_string(first) +
                     ", and the segment before it ends before record " + std::to_string(expected) +
                     std::string(no_change) +
                     "Bring back what is missing from a copy; or, to go on without the records "
                     "from " +
                     std::to_string(expected) + " on, remove this segment and those behind it");
  auto reader = segment_reader::open(files, path, first);
  if (!reader) return reader.error();
  auto found = reader->next();
  for (; found && *found == segment_reader::step::record; found = reader->next())
    if (visit) visit(reader->record().index, reader->record().bytes);
  if (!found) return found.error();
  const segment_end end{reader->next_index(), reader->offset(), reader->size()};
  if (*found == segment_reader::step::end) return end;
  if (auto torn = reader->torn(); !torn) return torn.error();
  // Each is synced before the next is begun.
  if (!is_last) return reader->damage("there are segments behind it, so it was whole once");
  return end;
}

}  // namespace freshet
