// freshet-checkpoint: what is in a checkpoint directory, and whether it is intact. See --help.
#include <cerrno>
#include <cstdio>
#include <exception>
#include <iostream>
#include <system_error>

#include "commands.hpp"
#include "options.hpp"

int main(int argc, char** argv) try {
  namespace tool = freshet::checkpoint_tool;
  const auto [asked, exit_status] = tool::parse(argc, argv);
  if (exit_status > 0) return exit_status;
  const int status = exit_status == 0 ? 0 : tool::run(freshet::system_files(), asked);
  if (std::fflush(stdout) != 0 || std::ferror(stdout))
    throw std::system_error(errno, std::generic_category(), "the standard output cannot be written");
  return status;
} catch (const std::exception& e) {
  std::cerr << "freshet-checkpoint: " << e.what() << '\n';
  return 2;
}
