#include "freshet/state/checkpoint_writer.hpp"

#include <string_view>
#include <utility>

#include "state/checkpoint_names.hpp"

namespace freshet {

namespace {
/// In pieces, so that it takes no more memory than one.
result<void> copy_file(file_system& files, const std::string& from, const std::string& to) {
  const auto source = files.open(from);
  if (!source) return source.error();
  auto copy = files.create(to);
  if (!copy) return std::move(copy).error();
  std::string piece(1 << 20, '\0');
  for (std::uint64_t at = 0;;) {
    const auto got = (*source)->read(at, piece.data(), piece.size());
    if (!got) return got.error();
    if (auto done = (*copy)->append(std::string_view(piece).substr(0, *got)); !done) return done;
    at += *got;
    if (*got < piece.size()) return {};
  }
}
}  // namespace

checkpoint_writer::checkpoint_writer(file_system& files, std::string folder, std::uint64_t epoch, std::uint64_t attempt)
    : files_(files), folder_(std::move(folder)), epoch_(epoch), attempt_(attempt) {}

checkpoint_writer::~checkpoint_writer() { discard(); }

result<std::string> checkpoint_writer::next_name(state_file_kind kind) {
  const std::lock_guard guard(mutex_);
  if (is_closed_)
    return error{errc::cancelled, "epoch " + std::to_string(epoch_) + " in \"" + folder_ +
                                      "\" is not written any more: it was prepared or abandoned"};
  return *names_.insert(name_of_state_file(epoch_, attempt_, names_.size() + 1, kind)).first;
}

result<std::shared_ptr<state_file_writer>> checkpoint_writer::add_states(state_file_kind kind, key_group_range groups) {
  const auto name = next_name(kind);
  if (!name) return name.error();
  auto file = files_.create(folder_ + "/" + *name);
  if (!file) return std::move(file).error();
  auto states = std::make_shared<state_file_writer>(*std::move(file), *name, kind, groups);
  const std::lock_guard guard(mutex_);
  states_.push_back(states);
  return states;
}

result<state_file> checkpoint_writer::link(const std::string& path, key_group_range groups, std::string store_name) {
  const auto name = next_name(state_file_kind::store);
  if (!name) return name.error();
  const auto here = folder_ + "/" + *name;
  if (!files_.link(path, here))
    if (auto done = copy_file(files_, path, here); !done) return std::move(done).error();
  // The store may not have waited for the device.
  auto file = files_.open_to_append(here);
  if (!file) return std::move(file).error();
  if (auto done = (*file)->sync(); !done) return std::move(done).error();
  const auto checksum = checksum_of_file(files_, here);
  if (!checksum) return checksum.error();
  return state_file{*name, state_file_kind::store, groups, (*file)->size(), *checksum, std::move(store_name)};
}

result<void> checkpoint_writer::sync() {
  const std::lock_guard guard(mutex_);
  for (const auto& each : states_)
    if (auto done = each->sync(); !done) return done;
  return {};
}

std::set<std::string> checkpoint_writer::names() const {
  const std::lock_guard guard(mutex_);
  return names_;
}

std::set<std::string> checkpoint_writer::close() {
  const std::lock_guard guard(mutex_);
  is_closed_ = true;
  return std::exchange(names_, {});
}

void checkpoint_writer::discard() {
  const std::lock_guard guard(mutex_);
  is_closed_ = true;
  // What can't be removed is removed when the directory is opened the next time.
  for (const auto& each : std::exchange(names_, {})) static_cast<void>(files_.remove(folder_ + "/" + each));
}

}  // namespace freshet
