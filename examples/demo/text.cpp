#include "text.hpp"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <set>
#include <system_error>

namespace demo {

namespace fs = std::filesystem;

namespace {

constexpr const char* default_folder = "/usr/share/common-licenses";
// Some seconds of work for both engines together, on any machine of the last ten years.
constexpr std::uint64_t enough_bytes = 48u << 20;
constexpr std::size_t most_paths = 100'000;  // small files: opening them would be what is measured

std::vector<std::string> default_files() {
  std::error_code error;
  std::set<fs::path> found;  // by what links lead to: GPL is GPL-3
  for (fs::directory_iterator at(default_folder, error), end; !error && at != end; at.increment(error))
    if (at->is_regular_file()) found.insert(fs::canonical(at->path(), error));
  if (found.empty())
    throw usage_error(std::string(default_folder) + ": " + (error ? error.message() : "there are no files") +
                      "; name text files to read: freshet-demo FILE...");
  return {found.begin(), found.end()};
}

// Why a file can't be read; empty: it can.
std::string problem_with(const std::string& path) {
  std::error_code error;
  const auto status = fs::status(path, error);
  if (!fs::exists(status)) return error ? error.message() : "there is no such file";
  if (fs::is_directory(status)) return "it is a directory; name the files in it";
  if (!fs::is_regular_file(status)) return "it is not a regular file, and the text is read more than once";
  errno = 0;
  if (!std::ifstream(path)) return errno ? std::generic_category().message(errno) : "it cannot be opened";
  return {};
}

}  // namespace

text::text(const arguments& asked) : files(asked.files.empty() ? default_files() : asked.files) {
  std::string problems;
  for (const auto& path : files)
    if (const auto problem = problem_with(path); !problem.empty())
      problems += (problems.empty() ? "" : "\n") + path + ": " + problem;
  if (!problems.empty()) throw usage_error(problems);

  std::string line, word;
  for (const auto& path : files) {
    std::ifstream in(path);
    while (std::getline(in, line)) {
      ++lines;
      bytes += line.size() + 1;
      each_word(line, word, [&](const std::string& w) { ++counts[w], ++words; });
    }
    if (in.bad()) throw usage_error(path + ": it cannot be read to its end");
  }
  if (words == 0) throw usage_error(files.front() + (files.size() > 1 ? " and the others" : "") + ": has no words");

  repeat = asked.repeat
               ? asked.repeat
               : std::clamp<std::size_t>(enough_bytes / bytes, 1, std::max<std::size_t>(most_paths / files.size(), 1));
  for (std::size_t i = 0; i < repeat; ++i) paths.insert(paths.end(), files.begin(), files.end());
  bytes *= repeat, lines *= repeat, words *= repeat;
  for (auto& [w, n] : counts) n *= repeat;
}

std::vector<std::string> text::sample(std::size_t most) const {
  std::vector<std::string> found;
  std::string line;
  for (const auto& path : files)
    for (std::ifstream in(path); found.size() < most && std::getline(in, line);)
      if (line.find_first_not_of(" \t\r") != std::string::npos) found.push_back(line);
  return found;
}

}  // namespace demo
