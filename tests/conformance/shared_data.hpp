#pragma once
#include <gtest/gtest.h>

#include <string>

namespace freshet::conformance {

/// The path of `data/<name>` below FRESHET_SHARED_DIR.
std::string data_file(const std::string& name);
/// The path of `expected/<name>.csv` there.
std::string answer_file(const std::string& name);

/// Tests that read the shared files. Where those are absent they are skipped, and say how to get them.
class shared_data : public ::testing::Test {
 protected:
  void SetUp() override;
};

}  // namespace freshet::conformance
