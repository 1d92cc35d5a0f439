#include "kafka/shell.hpp"

#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <memory>
#include <stdexcept>

#include "kafka/broker.hpp"

namespace freshet::kafka {

namespace {

struct closed {
  void operator()(std::FILE* f) const { std::fclose(f); }
};

std::string rest_of(std::FILE* file) {
  std::string all;
  std::array<char, 4096> part;
  for (std::size_t n; (n = std::fread(part.data(), 1, part.size(), file)) > 0;) all.append(part.data(), n);
  return all;
}

}  // namespace

std::string quoted(const std::string& word) {
  std::string all = "'";
  for (const char c : word) c == '\'' ? all += "'\\''" : all += c;
  return all + "'";
}

std::string run_shell(const std::string& command) {
  // Complaints are not the result. The file has no name, so that nothing can stay of it.
  const std::unique_ptr<std::FILE, closed> said(std::tmpfile());
  if (!said) throw std::runtime_error("a temporary file can't be made");
  const auto complaints = " 2>/proc/self/fd/" + std::to_string(::fileno(said.get()));
  auto* out = ::popen(("{ " + command + "\n}" + complaints).c_str(), "re");
  if (!out) throw std::runtime_error("no shell can be started for: " + command);
  const auto printed = rest_of(out);
  const int status = ::pclose(out);
  if (status == 0) return printed;
  std::rewind(said.get());
  if (WIFEXITED(status) && WEXITSTATUS(status) == 3) throw not_installed(rest_of(said.get()));
  throw std::runtime_error(command + " failed:\n" + printed + rest_of(said.get()));
}

}  // namespace freshet::kafka
