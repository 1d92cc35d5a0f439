#include "freshet/observe/spdlog_sink.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <filesystem>
#include <fstream>
#include <sstream>

namespace freshet {
namespace {

using testing::HasSubstr;

std::string in_folder(const std::string& name) {
  const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
  const auto folder = std::filesystem::path(testing::TempDir()) / (std::string("freshet.spdlog_sink.") + test->name());
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  return (folder / name).string();
}
std::string text_of(const std::string& path) {
  std::ostringstream all;
  all << std::ifstream(path).rdbuf();
  return all.str();
}

TEST(spdlog_sink, writes_level_component_and_message) {
  const auto path = in_folder("log");
  const logger log(spdlog_sink({.name = "a", .level = log_level::info, .pattern = "%n %l %v", .file = path}),
                   log_level::trace);
  log.log(log_level::debug, "engine", "hidden");
  log.log(log_level::info, "engine", "100 % {} fine");
  log.log(log_level::warning, "spout", "slow");
  log.log(log_level::error, "sink", "gone");
  spdlog::get("a")->flush();
  EXPECT_EQ(text_of(path), "a info engine: 100 % {} fine\na warning spout: slow\na error sink: gone\n");
}

TEST(spdlog_sink, uses_the_logger_that_a_program_has_registered) {
  std::ostringstream to;
  auto mine = std::make_shared<spdlog::logger>("mine", std::make_shared<spdlog::sinks::ostream_sink_mt>(to));
  mine->set_pattern("[%v]");
  mine->set_level(spdlog::level::warn);
  spdlog::register_logger(mine);
  auto sink = spdlog_sink({.name = "mine", .level = log_level::trace, .pattern = "ignored"});
  sink->write({log_level::warning, "spout", "slow"});
  sink->write({log_level::info, "spout", "hidden"});
  EXPECT_EQ(to.str(), "[spout: slow]\n");
}

TEST(spdlog_sink, one_name_is_one_logger) {
  const auto path = in_folder("log");
  auto first = spdlog_sink({.name = "twice", .pattern = "%v", .file = path});
  auto second = spdlog_sink({.name = "twice"});
  first->write({log_level::warning, "a", "1"});
  second->write({log_level::warning, "b", "2"});
  EXPECT_EQ(text_of(path), "a: 1\nb: 2\n");
}

TEST(spdlog_sink, warnings_are_in_the_file_at_once) {
  const auto path = in_folder("log");
  spdlog_sink({.name = "at once", .pattern = "%v", .file = path})->write({log_level::warning, "a", "now"});
  EXPECT_EQ(text_of(path), "a: now\n");
}

TEST(spdlog_sink, a_file_that_cannot_be_opened_is_an_error) {
  const auto folder = std::filesystem::path(in_folder("log")).parent_path().string();
  try {
    spdlog_sink({.name = "nowhere", .file = folder});
    FAIL();
  } catch (const std::runtime_error& e) { EXPECT_THAT(e.what(), HasSubstr(folder)); }
  EXPECT_EQ(spdlog::get("nowhere"), nullptr);
}

}  // namespace
}  // namespace freshet
