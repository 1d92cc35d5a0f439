#include "conformance/shared_data.hpp"

#include <filesystem>

namespace freshet::conformance {

namespace {
const std::filesystem::path folder = FRESHET_SHARED_DIR;
}

std::string data_file(const std::string& name) { return (folder / "data" / name).string(); }
std::string answer_file(const std::string& name) { return (folder / "expected" / (name + ".csv")).string(); }

void shared_data::SetUp() {
  if (!std::filesystem::is_directory(folder / "data") || !std::filesystem::is_directory(folder / "expected"))
    GTEST_SKIP() << "NOT TESTED: there is no data/ and expected/ in " << folder
                 << "; name their folder with  cmake --preset dev -D FRESHET_SHARED_DIR=...";
}

}  // namespace freshet::conformance
