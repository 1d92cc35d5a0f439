#include "text.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <optional>
#include <set>
#include <system_error>

#include "progress.hpp"
#include "report.hpp"

namespace demo {

namespace fs = std::filesystem;

namespace {

constexpr const char* default_folder = "/usr/share/common-licenses";
// Some seconds of work for both engines together, on any machine of the last ten years.
constexpr std::uint64_t enough_bytes = 48u << 20;
constexpr std::size_t longest_line = freshet::file::line_options{}.max_line_bytes;
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

// As far as files say it.
std::uint64_t bytes_of(const std::vector<std::string>& files) {
  std::error_code error;
  std::uint64_t all = 0;
  for (const auto& path : files)
    if (const auto size = fs::file_size(path, error); !error) all += size;
  return all;
}

}  // namespace

text::text(const arguments& asked, const interruption& interrupted)
    : files(asked.files.empty() ? default_files() : asked.files) {
  std::string problems;
  for (const auto& path : files)
    if (const auto problem = problem_with(path); !problem.empty())
      problems += (problems.empty() ? "" : "\n") + path + ": " + problem;
  if (!problems.empty()) throw usage_error(problems);

  read_once(interrupted);
  if (interrupted.signal()) return;
  if (words == 0) throw usage_error(files.front() + (files.size() > 1 ? " and the others" : "") + ": has no words");

  repeat = asked.repeat
               ? asked.repeat
               : std::clamp<std::size_t>(enough_bytes / bytes, 1, std::max<std::size_t>(most_paths / files.size(), 1));
  for (std::size_t i = 0; i < repeat; ++i) paths.insert(paths.end(), files.begin(), files.end());
  bytes *= repeat, lines *= repeat, words *= repeat;
  for (auto& [w, n] : counts) n *= repeat;
}

// Nearly always it is over at once: only what takes longer is shown.
void text::read_once(const interruption& interrupted) {
  const std::uint64_t all = bytes_of(files);
  std::optional<progress> shown;
  auto when = std::chrono::steady_clock::now() + std::chrono::seconds(1);
  std::string line, word;
  for (const auto& path : files) {
    std::ifstream in(path);
    while (std::getline(in, line)) {
      if (line.size() > longest_line) throw usage_error(path + ": it has a line of more than 16 MiB, which is no text");
      bytes += line.size() + 1;
      each_word(line, word, [&](const std::string& w) { ++counts[w], ++words; });
      if (++lines % 1024 != 0) continue;
      if (interrupted.signal()) return;
      if (const auto now = std::chrono::steady_clock::now(); now >= when) {
        if (!shown) shown.emplace("reading the text");
        shown->show(static_cast<double>(bytes) / static_cast<double>(std::max(all, bytes)), grouped(words) + " words");
        when = now + shown->pause();
      }
    }
    if (in.bad()) throw usage_error(path + ": it cannot be read to its end");
  }
}

// Lines as people write them, and with words to count: whatever the text is like, a line is little work.
std::vector<std::string> text::sample(std::size_t most) const {
  std::vector<std::string> found;
  std::string line;
  for (const auto& path : files)
    for (std::ifstream in(path); found.size() < most && std::getline(in, line);) {
      const auto word = std::find_if(line.begin(), line.end(), is_letter);
      if (word != line.end()) found.emplace_back(word, word + std::min<std::ptrdiff_t>(line.end() - word, 200));
    }
  return found;
}

}  // namespace demo
