#include "freshet/connect/console_sink.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <sstream>

#include "freshet/freshet.hpp"

namespace freshet {
namespace {

using testing::HasSubstr;

TEST(console_sink, prints_a_line_a_tuple) {
  testing::internal::CaptureStdout();
  topology_builder b{"t"};
  auto numbers = b.spout("numbers", vector_spout<int>{{1, 2}});
  b.sink("print", console_sink{}).input(numbers);
  b.sink("format", console_sink{[](int v) { return "number " + std::to_string(v); }}).input(numbers);
  event_executor{{.workers = 1}}.start(b.build()).wait();
  const auto text = testing::internal::GetCapturedStdout();
  for (const char* line : {"1\n", "2\n", "number 1\n", "number 2\n"}) EXPECT_THAT(text, HasSubstr(line));
}

TEST(console_sink, lines_of_several_tasks_never_mix) {
  testing::internal::CaptureStdout();
  topology_builder b{"t"};
  auto lines = b.spout(
      "lines", generator_spout{[](std::uint64_t i) { return std::string(i % 300, 'x') + "|"; }, {.count = 3'000}});
  b.sink("print", console_sink{}, {.parallelism = 3}).input(lines, shuffle_grouping{});
  event_executor{{.workers = 3}}.start(b.build()).wait();
  std::istringstream text(testing::internal::GetCapturedStdout());
  int count = 0;
  for (std::string line; std::getline(text, line); ++count) {
    ASSERT_FALSE(line.empty());
    ASSERT_EQ(line.find('|'), line.size() - 1);
  }
  EXPECT_EQ(count, 3'000);
}

TEST(console_sink, a_write_that_fails_is_an_error) {
  std::fflush(stdout);
  const int before = ::dup(STDOUT_FILENO);
  const int full = ::open("/dev/full", O_WRONLY);
  if (full < 0) GTEST_SKIP() << "no /dev/full here";
  ::dup2(full, STDOUT_FILENO);
  console_sink sink{};
  std::string error;
  try {
    sink.write(1);
    sink.flush();
  } catch (const std::system_error& e) { error = e.what(); }
  ::dup2(before, STDOUT_FILENO);
  ::close(before);
  ::close(full);
  EXPECT_THAT(error, HasSubstr("No space left"));
}

}  // namespace
}  // namespace freshet
