// Runs a fuzz target where there is no libFuzzer:
//   fuzz_x FOLDER                the seeds in a folder and those that the target has, then mutations of them
//   fuzz_x --input FILE...       these inputs alone
//   fuzz_x --write-seeds FOLDER  writes the seeds, from the values that the target has
// Mutations are the same in each run, 20 for each of FRESHET_SEEDS (default: 100); others by another FRESHET_SEED. An
// input that fails is left in a file of the current folder.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "fuzz/fuzz.hpp"
#include "fuzz/mutation.hpp"

// Sanitizers have it: they end the process in their own way.
extern "C" [[gnu::weak]] void __sanitizer_set_death_callback(void (*callback)());

namespace {

namespace fs = std::filesystem;

/// What runs now, for whoever ends the process: only that is looked at by then.
struct {
  const char* program = "";
  const std::string* input = nullptr;
  char path[160] = {};  // where it is written to; empty: it is a file already
} running;

void write_all(int fd, const char* bytes, std::size_t size) {
  while (size > 0) {
    const auto done = ::write(fd, bytes, size);
    if (done <= 0) return;
    bytes += done;
    size -= static_cast<std::size_t>(done);
  }
}
void say(const char* text) { write_all(STDERR_FILENO, text, std::char_traits<char>::length(text)); }

/// Async-signal-safe.
void keep_input() {
  if (!running.input || running.path[0] == '\0') return;
  const int fd = ::open(running.path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (fd < 0) return say("fuzz: the input can't be written to this folder\n");
  write_all(fd, running.input->data(), running.input->size());
  ::close(fd);
  const char* const path = running.path;
  for (const char* part : {"fuzz: the input is in ", path, "; alone: ", running.program, " --input ", path, "\n"})
    say(part);
  running.input = nullptr;
}

void at_signal(int number) {
  if (number == SIGALRM) say("fuzz: this input takes longer than a minute\n");
  keep_input();
  std::signal(number, SIG_DFL);
  ::raise(number);
}

void watch() {
  static char stack[1 << 16];  // what overflows its stack can't use it
  const stack_t other{.ss_sp = stack, .ss_flags = 0, .ss_size = sizeof stack};
  ::sigaltstack(&other, nullptr);
  struct sigaction action {};
  action.sa_handler = at_signal;
  action.sa_flags = SA_ONSTACK;
  for (const int number : {SIGABRT, SIGALRM}) ::sigaction(number, &action, nullptr);
  if (__sanitizer_set_death_callback) return __sanitizer_set_death_callback(keep_input);
  for (const int number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL}) ::sigaction(number, &action, nullptr);
}

void run(const std::string& input) {
  running.input = &input;
  ::alarm(60);
  try {
    LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
  } catch (const std::exception& e) { freshet::fuzz::fail("no exception comes through: " + std::string(e.what())); }
  ::alarm(0);
  running.input = nullptr;
}

std::string content_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error(path.string() + ": cannot be read");
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::uint64_t number_from(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

int write_seeds(const fs::path& folder) {
  fs::create_directories(folder);
  for (const auto& each : freshet::fuzz::seeds()) {
    std::ofstream file(folder / each.name, std::ios::binary);
    if (!(file << each.bytes).flush()) throw std::runtime_error((folder / each.name).string() + ": cannot be written");
  }
  return 0;
}

int run_files(const std::vector<fs::path>& paths) {
  for (const auto& path : paths) {
    std::fprintf(stderr, "fuzz: %s\n", path.c_str());
    run(content_of(path));
  }
  return 0;
}

/// The files of the folder, some of which an older format may have, and what the target writes by now.
std::vector<std::string> read_seeds(const fs::path& folder) {
  std::vector<fs::path> paths;
  for (const auto& each : fs::directory_iterator(folder)) paths.push_back(each.path());
  std::sort(paths.begin(), paths.end());
  std::vector<std::string> all;
  for (const auto& path : paths) all.push_back(content_of(path));
  run_files(paths);
  for (auto& each : freshet::fuzz::seeds()) {
    if (std::find(all.begin(), all.end(), each.bytes) != all.end()) continue;
    run(each.bytes);
    all.push_back(std::move(each.bytes));
  }
  return all;
}

int run_mutations(const fs::path& folder) {
  const auto all = read_seeds(folder);
  const auto first = number_from("FRESHET_SEED", 1), times = 20 * number_from("FRESHET_SEEDS", 100);
  const auto name = fs::path(running.program).filename().string();
  for (std::uint64_t i = 0; i < times; ++i) {
    freshet::random_source random(first * 1'000'003 + i);
    const auto input = freshet::fuzz::mutated(all, random);
    std::snprintf(running.path, sizeof running.path, "%.60s-%llu-%llu.input", name.c_str(),
                  static_cast<unsigned long long>(first), static_cast<unsigned long long>(i));
    run(input);
  }
  std::printf("%s: %zu seeds, %llu mutations\n", name.c_str(), all.size(), static_cast<unsigned long long>(times));
  return 0;
}

}  // namespace

int main(int count, char** arguments) {
  running.program = arguments[0];
  const std::vector<std::string> given(arguments + 1, arguments + count);
  try {
    watch();
    if (given.size() == 2 && given[0] == "--write-seeds") return write_seeds(given[1]);
    if (given.size() >= 2 && given[0] == "--input") return run_files({given.begin() + 1, given.end()});
    if (given.size() == 1 && !given[0].starts_with("-")) return run_mutations(given[0]);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "fuzz: %s\n", e.what());
    return 1;
  }
  std::fprintf(stderr, "usage: %s FOLDER | --input FILE... | --write-seeds FOLDER\n", arguments[0]);
  return 2;
}
