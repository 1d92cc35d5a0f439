#include "kafka/shell.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <stdexcept>

#include "kafka/broker.hpp"

namespace freshet::kafka {

namespace {

/// Where a command's complaints go, so that they are not taken for its result.
class complaints {
 public:
  complaints() : file_(testing::TempDir() + "/freshet-kafka-said.XXXXXX") {
    const auto made = ::mkstemp(file_.data());
    if (made < 0) throw std::runtime_error(file_ + " can't be made");
    ::close(made);
  }
  complaints(const complaints&) = delete;
  complaints& operator=(const complaints&) = delete;
  ~complaints() { ::unlink(file_.c_str()); }

  const std::string& file() const { return file_; }
  std::string text() const {
    std::ifstream in(file_);
    return {std::istreambuf_iterator<char>(in), {}};
  }

 private:
  std::string file_;
};

}  // namespace

std::string quoted(const std::string& word) {
  std::string all = "'";
  for (const char c : word) c == '\'' ? all += "'\\''" : all += c;
  return all + "'";
}

std::string run_shell(const std::string& command) {
  const complaints said;
  auto* out = ::popen(("{ " + command + "\n} 2>" + quoted(said.file())).c_str(), "re");
  if (!out) throw std::runtime_error("no shell can be started for: " + command);
  std::string printed;
  std::array<char, 4096> part;
  for (std::size_t n; (n = std::fread(part.data(), 1, part.size(), out)) > 0;) printed.append(part.data(), n);
  const int status = ::pclose(out);
  if (status == 0) return printed;
  if (WIFEXITED(status) && WEXITSTATUS(status) == 3) throw not_installed(said.text());
  throw std::runtime_error(command + " failed:\n" + printed + said.text());
}

}  // namespace freshet::kafka
