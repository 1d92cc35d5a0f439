#include "fuzz/text_file.hpp"

#include <stdlib.h>
#include <unistd.h>

#include <filesystem>

namespace freshet::fuzz {

text_file::text_file() : path_(std::filesystem::temp_directory_path() / "freshet-fuzz-XXXXXX") {
  fd_ = ::mkstemp(path_.data());
  check(fd_ >= 0, "a file can be made in the folder for temporary files");
}
text_file::~text_file() {
  ::close(fd_);
  ::unlink(path_.c_str());
}

void text_file::fill(std::string_view bytes) {
  // Not emptied before: some systems write such a file to the device when it is closed.
  const auto size = static_cast<ssize_t>(bytes.size());
  check(::pwrite(fd_, bytes.data(), bytes.size(), 0) == size && ::ftruncate(fd_, size) == 0, "a file can be written");
}

}  // namespace freshet::fuzz
