#include "freshet/state/state_file.hpp"

#include <algorithm>
#include <utility>

#include "freshet/base/assert.hpp"
#include "freshet/core/codec.hpp"
#include "state/damage.hpp"

namespace freshet {

namespace {

// The head, for whoever finds the file alone (its format is that of the manifests that list it); the groups; the index,
// and its length.
constexpr std::string_view head = "freshet state\n";
constexpr std::size_t tail_bytes = 4;
// Enough for a write to cost little beside its bytes.
constexpr std::size_t buffer_bytes = 256 << 10;

struct index_entry {
  std::uint32_t group;
  std::uint64_t size;
  std::uint64_t checksum;
};
/// In the order of the bytes: where a group begins follows.
struct index_block {
  state_file_kind kind;
  key_group_range groups;
  std::vector<index_entry> entries;
};

/// With its length behind it.
std::string encode_index(const state_file& file, const std::vector<detail::group_extent>& extents) {
  index_block index{file.kind, file.groups, {}};
  for (const auto& each : extents) index.entries.push_back({each.group, each.size, each.checksum});
  writer w;
  write_value(w, index);
  w.raw(static_cast<std::uint32_t>(w.size()));
  return w.take();
}

bool by_group(const detail::group_extent& a, const detail::group_extent& b) { return a.group < b.group; }

}  // namespace

state_file_writer::state_file_writer(std::unique_ptr<append_file> file, std::string name, state_file_kind kind,
                                     key_group_range groups)
    : file_(std::move(file)), buffer_(head), end_(buffer_.size()) {
  written_.name = std::move(name);
  written_.kind = kind;
  written_.groups = groups;
}

result<void> state_file_writer::append(std::string_view bytes) {
  if (failure_) return *failure_;
  if (auto done = file_->append(bytes); !done) return failure_ = done.error(), done;
  return {};
}

result<void> state_file_writer::add(std::uint32_t group, std::string_view bytes) {
  FRESHET_ASSERT(!is_finished_ && written_.groups.contains(group),
                 "a group is added to a state file that is not its own", written_.name, group);
  if (failure_) return *failure_;
  index_.push_back({group, end_, bytes.size(), hash_bytes(bytes.data(), bytes.size())});
  end_ += bytes.size();
  buffer_ += bytes;
  if (buffer_.size() < buffer_bytes) return {};
  auto done = append(buffer_);
  buffer_.clear();
  return done;
}

result<state_file> state_file_writer::finish() {
  FRESHET_ASSERT(!is_finished_, "a state file is finished twice", written_.name);
  is_finished_ = true;
  const auto index = encode_index(written_, index_);
  buffer_ += index;
  if (auto done = append(std::exchange(buffer_, {})); !done) return std::move(done).error();
  written_.size = end_ + index.size();
  written_.checksum = hash_bytes(index.data(), index.size());
  return written_;
}

result<void> state_file_writer::sync() {
  if (failure_) return *failure_;
  FRESHET_ASSERT(is_finished_, "a state file is synced before it is finished", written_.name);
  if (auto done = file_->sync(); !done) return failure_ = done.error(), done;
  return {};
}

state_file_reader::state_file_reader(std::unique_ptr<read_file> file, std::string path, state_file listed)
    : file_(std::move(file)), path_(std::move(path)), listed_(std::move(listed)) {}

result<state_file_reader> state_file_reader::open(file_system& files, const std::string& folder,
                                                  const state_file& listed) {
  const auto path = folder + "/" + listed.name;
  auto file = files.open(path);
  if (!file) return std::move(file).error();
  const auto size = (*file)->size();
  if (!size) return size.error();
  if (*size != listed.size) return wrong_size(path, listed.size, *size);
  state_file_reader opened(*std::move(file), path, listed);
  if (auto done = opened.read_index(); !done) return std::move(done).error();
  return opened;
}

result<void> state_file_reader::read_index() {
  if (listed_.size < head.size() + tail_bytes) return wrong_size(path_, head.size() + tail_bytes, listed_.size);
  const auto tail = read_at(listed_.size - tail_bytes, tail_bytes);
  if (!tail) return tail.error();
  const std::uint64_t length = reader(*tail).raw<std::uint32_t>();
  const auto room = listed_.size - head.size() - tail_bytes;
  if (length > room)
    return damaged(path_, "an index of at most " + std::to_string(room) + " bytes", std::to_string(length));
  const auto begin = listed_.size - tail_bytes - length;
  const auto bytes = read_at(begin, length + tail_bytes);
  if (!bytes) return bytes.error();
  const auto checksum = hash_bytes(bytes->data(), bytes->size());
  if (checksum != listed_.checksum) return wrong_checksum(path_, "an index", listed_.checksum, checksum);

  const auto start = read_at(0, head.size());
  if (!start) return start.error();
  if (*start != head) return damaged(path_, "a state file", "other bytes at its beginning");

  reader values(std::string_view(*bytes).substr(0, static_cast<std::size_t>(length)));
  index_block index{};
  read_value(values, index);
  std::uint64_t offset = head.size();
  for (const auto& each : index.entries) {
    if (each.size > begin - offset) return damaged(path_, "groups that end before its index", "longer ones");
    index_.push_back({each.group, offset, each.size, each.checksum});
    offset += each.size;
  }
  if (values.failed() || values.left() != 0 || offset != begin || index.kind != listed_.kind ||
      index.groups != listed_.groups)
    return damaged(path_, "the index that its manifest means", "another, whose checksum is right");
  std::sort(index_.begin(), index_.end(), by_group);
  return check_groups();
}

result<void> state_file_reader::check_groups() const {
  for (std::size_t i = 0; i < index_.size(); ++i) {
    const auto group = index_[i].group;
    if (!listed_.groups.contains(group) || (i > 0 && group == index_[i - 1].group))
      return damaged(path_, "each of its key groups once, and no others", "group " + std::to_string(group));
  }
  return {};
}

result<std::string> state_file_reader::read_at(std::uint64_t offset, std::uint64_t size) const {
  std::string bytes(static_cast<std::size_t>(size), '\0');
  const auto got = file_->read(offset, bytes.data(), bytes.size());
  if (!got) return got.error();
  if (*got != bytes.size()) return wrong_size(path_, listed_.size, offset + *got);
  return bytes;
}

result<std::string> state_file_reader::read_extent(const detail::group_extent& extent) const {
  auto bytes = read_at(extent.offset, extent.size);
  if (!bytes) return bytes;
  if (const auto found = hash_bytes(bytes->data(), bytes->size()); found != extent.checksum)
    return wrong_checksum(path_, "key group " + std::to_string(extent.group), extent.checksum, found);
  return bytes;
}

result<std::optional<std::string>> state_file_reader::read(std::uint32_t group) const {
  const auto found = std::lower_bound(index_.begin(), index_.end(), detail::group_extent{group, 0, 0, 0}, by_group);
  if (found == index_.end() || found->group != group) return std::optional<std::string>();
  auto bytes = read_extent(*found);
  if (!bytes) return std::move(bytes).error();
  return std::optional<std::string>(*std::move(bytes));
}

result<void> state_file_reader::verify() const {
  for (const auto& each : index_)
    if (const auto bytes = read_extent(each); !bytes) return bytes.error();
  return {};
}

result<std::uint64_t> checksum_of_file(file_system& files, const std::string& path) {
  const auto file = files.open(path);
  if (!file) return file.error();
  std::string piece(1 << 20, '\0');
  writer sums;
  for (std::uint64_t offset = 0;;) {
    const auto got = (*file)->read(offset, piece.data(), piece.size());
    if (!got) return got.error();
    sums.raw(hash_bytes(piece.data(), *got));
    offset += *got;
    if (*got < piece.size()) return hash_bytes(sums.data().data(), sums.size());
  }
}

result<void> check_state_file(file_system& files, const std::string& folder, const state_file& listed) {
  if (listed.kind != state_file_kind::store) {
    const auto opened = state_file_reader::open(files, folder, listed);
    return opened ? result<void>() : opened.error();
  }
  const auto path = folder + "/" + listed.name;
  const auto file = files.open(path);
  if (!file) return file.error();
  const auto size = (*file)->size();
  if (!size) return size.error();
  if (*size != listed.size) return wrong_size(path, listed.size, *size);
  return {};
}

result<void> verify_state_file(file_system& files, const std::string& folder, const state_file& listed) {
  if (listed.kind != state_file_kind::store) {
    const auto opened = state_file_reader::open(files, folder, listed);
    return opened ? opened->verify() : opened.error();
  }
  if (auto done = check_state_file(files, folder, listed); !done) return done;
  const auto path = folder + "/" + listed.name;
  const auto found = checksum_of_file(files, path);
  if (!found) return found.error();
  if (*found != listed.checksum) return wrong_checksum(path, "a file", listed.checksum, *found);
  return {};
}

}  // namespace freshet
