#pragma once
#include <string>

namespace freshet::latency {

/// A new folder within `where` (empty: where temporary files go), gone at the end. Throws std::system_error with the
/// path.
class scratch_folder {
 public:
  explicit scratch_folder(const std::string& where);
  ~scratch_folder();
  scratch_folder(const scratch_folder&) = delete;
  scratch_folder& operator=(const scratch_folder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace freshet::latency
