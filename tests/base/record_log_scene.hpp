#pragma once
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/record_segment.hpp"
#include "freshet/base/record_log.hpp"
#include "freshet/testing/simulated_files.hpp"

namespace freshet {

/// Keeps the messages.
class kept_log final : public log_sink {
 public:
  void write(const log_record& record) noexcept override { messages.emplace_back(record.message); }
  std::vector<std::string> messages;
};

using log_ptr = std::unique_ptr<record_log>;
using record_rows = std::vector<std::pair<std::uint64_t, std::string>>;

/// The records from an index on.
inline result<record_rows> rows(const record_log& log, std::uint64_t from) {
  record_rows all;
  auto done = log.read(from, [&](std::uint64_t index, std::string_view bytes) {
    all.emplace_back(index, bytes);
    return true;
  });
  if (!done) return done.error();
  return all;
}

/// A log "log" on simulated files. Segments of 400 bytes hold three records of 100 bytes.
class record_log_suite : public ::testing::Test {
 protected:
  static std::string bytes_of(std::uint64_t index) {
    return std::to_string(index) + std::string(100 - std::to_string(index).size(), static_cast<char>('a' + index % 26));
  }
  static std::string path_of(std::uint64_t first) { return "log/" + segment_name(first); }
  /// Where record `n` of a segment begins.
  static std::uint64_t offset_of(std::uint64_t n) { return segment_head_bytes + n * (record_head_bytes + 100); }

  result<log_ptr> try_open() {
    return record_log::open(files, "log", {.segment_bytes = segment_bytes, .log = logger(warnings, log_level::trace)});
  }
  log_ptr open() { return try_open().value(); }
  error refusal() {
    auto log = try_open();
    return log ? error{errc::internal, "it opened"} : log.error();
  }
  static void append(record_log& log, std::uint64_t n) {
    for (std::uint64_t i = 0; i < n; ++i) {
      const auto index = log.next();
      ASSERT_EQ(log.append(bytes_of(index)).value(), index);
    }
  }
  static void append_synced(record_log& log, std::uint64_t n) {
    for (std::uint64_t i = 0; i < n; ++i) {
      append(log, 1);
      ASSERT_TRUE(log.sync());
    }
  }
  /// The records are those, with the bytes that `append` gave them.
  static void expect_records(const record_log& log, std::uint64_t first, std::uint64_t next) {
    EXPECT_EQ(log.first(), first);
    EXPECT_EQ(log.next(), next);
    record_rows expected;
    for (auto i = first; i < next; ++i) expected.emplace_back(i, bytes_of(i));
    EXPECT_EQ(rows(log, first).value(), expected);
  }
  std::vector<std::string> names() {
    std::vector<std::string> all;
    const auto inside = files.list("log").value();
    for (const auto& each : inside) all.push_back(each.name);
    return all;
  }
  std::uint64_t size_of(const std::string& path) { return *(*files.open(path))->size(); }

  testing::simulated_files files;
  std::uint64_t segment_bytes = 64 << 20;
  std::shared_ptr<kept_log> warnings = std::make_shared<kept_log>();
};

}  // namespace freshet
