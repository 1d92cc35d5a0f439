#pragma once
#include <benchmark/benchmark.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>

namespace freshet {

/// A file of the benchmarks' own for as long as the program runs. The system keeps it in memory.
class sample_file {
 public:
  /// `rows` lines of `text`.
  sample_file(const std::string& name, const std::string& text, std::uint64_t rows)
      : path_(std::filesystem::temp_directory_path() / name), rows_(rows), bytes_(text.size()) {
    std::ofstream(path_, std::ios::binary) << text;
  }
  sample_file(const sample_file&) = delete;
  sample_file& operator=(const sample_file&) = delete;
  ~sample_file() {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
  }
  std::string path() const { return path_.string(); }
  /// Sets what was processed, and fails the benchmark when its iterations have not seen `rows` in all.
  void check(benchmark::State& state, std::uint64_t rows) const {
    if (rows != rows_ * state.iterations()) state.SkipWithError("rows are missing");
    state.SetBytesProcessed(static_cast<std::int64_t>(bytes_ * state.iterations()));
    state.SetItemsProcessed(static_cast<std::int64_t>(rows));
  }

 private:
  const std::filesystem::path path_;
  const std::uint64_t rows_, bytes_;
};

}  // namespace freshet
