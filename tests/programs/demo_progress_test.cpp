#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <termios.h>
#include <unistd.h>

#include <cstdlib>
#include <functional>
#include <iostream>
#include <stdexcept>

#include "progress.hpp"

// What one sees while the demo works: on a terminal one line that is written anew, in a pipe a line each time.
namespace demo {
namespace {

using testing::HasSubstr;
using testing::Not;

/// The two ends of a terminal, or of a pipe.
struct ends {
  int read = -1, write = -1;
};

ends terminal() {
  const int read = ::posix_openpt(O_RDWR | O_NOCTTY);
  if (read < 0 || ::grantpt(read) != 0 || ::unlockpt(read) != 0) throw std::runtime_error("there are no terminals");
  const int write = ::open(::ptsname(read), O_RDWR | O_NOCTTY);
  // As it is written: line ends are not made two characters.
  termios settings{};
  if (::tcgetattr(write, &settings) != 0) throw std::runtime_error("this is no terminal");
  settings.c_oflag &= ~static_cast<tcflag_t>(OPOST);
  ::tcsetattr(write, TCSANOW, &settings);
  return {read, write};
}
ends pipe_of_two() {
  int both[2];
  if (::pipe(both) != 0) throw std::runtime_error("there are no pipes");
  return {both[0], both[1]};
}

/// What `work` writes to the standard output while that is `to`; less than a pipe or a terminal takes.
std::string written_to(ends to, const std::function<void()>& work) {
  std::cout.flush();
  const int before = ::dup(STDOUT_FILENO);
  ::dup2(to.write, STDOUT_FILENO);
  work();
  std::cout << '!' << std::flush;  // the last that is read
  ::dup2(before, STDOUT_FILENO);
  ::close(before);
  std::string text;
  for (char c; ::read(to.read, &c, 1) == 1 && c != '!';) text += c;
  ::close(to.write);
  ::close(to.read);
  return text;
}

void half_a_work() {
  progress shown("counting");
  shown.show(0.25, "10 words");
  shown.show(0.5, "20 words");
}

class demo_progress : public testing::Test {
 protected:
  void SetUp() override { ::setenv("TERM", "xterm", 1); }
};

TEST_F(demo_progress, is_one_line_of_a_terminal_that_is_written_anew_and_goes_away) {
  const std::string anew = "\r\033[K";
  EXPECT_EQ(written_to(terminal(), half_a_work),
            anew + "counting ..." + anew + "counting ... 25 %, 10 words" + anew + "counting ... 50 %, 20 words" + anew);
}

TEST_F(demo_progress, is_a_line_each_time_in_a_pipe) {
  EXPECT_EQ(written_to(pipe_of_two(), half_a_work), "counting ...\n  ... 25 %, 10 words\n  ... 50 %, 20 words\n");
}

TEST_F(demo_progress, is_lines_too_where_the_terminal_cannot_go_back) {
  ::setenv("TERM", "dumb", 1);
  EXPECT_THAT(written_to(terminal(), half_a_work), AllOf(HasSubstr("25 %, 10 words\n"), Not(HasSubstr("\r"))));
}

TEST_F(demo_progress, may_be_for_terminals_only) {
  const auto work = [] { progress("a row", progress::elsewhere::nothing).show(0.5, "20 lines"); };
  EXPECT_EQ(written_to(pipe_of_two(), work), "");
  EXPECT_THAT(written_to(terminal(), work), HasSubstr("a row ... 50 %, 20 lines"));
}

}  // namespace
}  // namespace demo
