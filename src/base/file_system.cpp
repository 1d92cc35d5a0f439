#include "freshet/base/file_system.hpp"

#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

namespace freshet {

append_file::~append_file() = default;
read_file::~read_file() = default;
file_lock::~file_lock() = default;
file_system::~file_system() = default;

namespace {

errc kind_of(int code) {
  switch (code) {
    case ENOENT:
    case ENOTDIR:
      return errc::not_found;
    case EACCES:
    case EPERM:
    case EROFS:
      return errc::permission;
    case ENOSPC:
    case EDQUOT:
    case EMFILE:
    case ENFILE:
      return errc::full;
    case EEXIST:
    case EISDIR:
    case ENOTEMPTY:
    case EINVAL:
    case ENAMETOOLONG:
      return errc::invalid_argument;
    default:
      return errc::io;
  }
}

std::string folder_of(const std::string& path) {
  const auto folder = std::filesystem::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

result<void> write_new(file_system& files, const std::string& path, std::string_view bytes) {
  auto file = files.create(path);
  if (!file) return file.error();
  if (auto done = (*file)->append(bytes); !done) return done;
  if (auto done = (*file)->sync(); !done) return done;
  return (*file)->close();
}

}  // namespace

error system_error(int code, std::string_view what, const std::string& path) {
  const auto kind = kind_of(code);
  return {kind, "cannot " + std::string(what) + " \"" + path + "\": " + std::generic_category().message(code),
          kind == errc::full};
}

error sync_error(int code, std::string_view what, const std::string& path) {
  auto why = system_error(code, what, path);
  why.fatal = true;
  why.retryable = false;
  return why;
}

result<std::string> read_whole(file_system& files, const std::string& path) {
  const auto file = files.open(path);
  if (!file) return file.error();
  const auto size = (*file)->size();
  if (!size) return size.error();
  std::string bytes(static_cast<std::size_t>(*size), '\0');
  const auto got = (*file)->read(0, bytes.data(), bytes.size());
  if (!got) return got.error();
  bytes.resize(*got);
  return bytes;
}

result<void> write_whole(file_system& files, const std::string& path, std::string_view bytes) {
  const std::string unfinished = path + std::string(unfinished_suffix);
  if (auto gone = remove_all(files, unfinished); !gone) return gone;
  auto done = write_new(files, unfinished, bytes);
  if (done) done = files.rename(unfinished, path);
  if (done) return files.sync_folder(folder_of(path));
  // On a full device what is there of it is in the way. The first failure is the one to tell.
  static_cast<void>(remove_all(files, unfinished));
  return done;
}

result<void> make_folder(file_system& files, const std::string& path) {
  const auto above = folder_of(path);
  const auto is_there = files.exists(path);
  if (!is_there) return is_there.error();
  if (!*is_there) {
    // One by one, so that a folder that is there has its name on the device, but for the last that a crash left.
    if (auto made = make_folder(files, above); !made) return made;
    if (auto made = files.create_folder(path); !made) return made;
  }
  auto safe = files.sync_folder(above);
  // Not ours to look into: then we have not made it either.
  if (*is_there && !safe && safe.error().code == errc::permission) return {};
  return safe;
}

result<void> remove_all(file_system& files, const std::string& path) {
  const auto is_there = files.exists(path);
  if (!is_there) return is_there.error();
  if (!*is_there) return {};
  if (const auto inside = files.list(path)) {
    for (const auto& each : *inside)
      if (auto gone = remove_all(files, path + "/" + each.name); !gone) return gone;
  }
  return files.remove(path);
}

}  // namespace freshet
