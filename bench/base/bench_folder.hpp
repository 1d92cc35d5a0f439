#pragma once
#include <cstdlib>
#include <filesystem>
#include <string>

namespace freshet {

/// A folder of its own, gone at the end. FRESHET_BENCH_DIR says where: the device under /tmp may be memory.
class bench_folder {
 public:
  explicit bench_folder(const std::string& name) {
    const char* const where = std::getenv("FRESHET_BENCH_DIR");
    path_ = (where ? std::filesystem::path(where) : std::filesystem::temp_directory_path()) / name;
    std::filesystem::remove_all(path_);
    std::filesystem::create_directories(path_);
  }
  bench_folder(const bench_folder&) = delete;
  bench_folder& operator=(const bench_folder&) = delete;
  ~bench_folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

}  // namespace freshet
