#include "kafka/member_process.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <sstream>
#include <stdexcept>

namespace freshet::kafka {

namespace {

constexpr const char* variable = "FRESHET_KAFKA_MEMBER";

std::string as_words(const member_options& o) {
  return to_string(o.engine) + (o.from == partitions_from::group ? " group " : " run ") + o.servers + " " + o.topic +
         " " + o.group + " " + o.file + (o.bounded ? " bounded" : "");
}
member_options from_words(const std::string& words) {
  std::istringstream in(words);
  member_options o;
  std::string engine_name, from, bounded;
  in >> engine_name >> from >> o.servers >> o.topic >> o.group >> o.file >> bounded;
  o.engine = engine_name == "event" ? engine::event : engine::batch;
  o.from = from == "group" ? partitions_from::group : partitions_from::run;
  o.bounded = !bounded.empty();
  return o;
}

/// Nothing of it waits in this process: a kill takes back none of what is finished.
struct file_of_places {
  int file;
  void write(const std::string& place) const {
    const auto line = place + "\n";
    if (::write(file, line.data(), line.size()) != static_cast<ssize_t>(line.size()))
      throw std::runtime_error("the file of places can't be written");
  }
};

topology graph_of(const member_options& o) {
  const int file = ::open(o.file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (file < 0) throw std::runtime_error(o.file + " can't be opened");
  topology_builder builder("member");
  const auto read = builder.spout(
      "kafka",
      spout<std::string, place_of>({.servers = o.servers,
                                    .topics = {o.topic},
                                    .group = o.group,
                                    .partitions_from = o.from,
                                    .bounded = o.bounded,
                                    .settings = {{"session.timeout.ms", "3000"}, {"heartbeat.interval.ms", "300"}}}));
  builder.sink("file", file_of_places{file}).input(read);
  return builder.build();
}

topology_run start_member(const member_options& o) {
  using std::chrono::milliseconds;
  if (o.engine == engine::event)
    return event_executor({.workers = 1, .commit_interval = milliseconds(50)}).start(graph_of(o));
  batch_options b{.interval = milliseconds(20), .rows_per_batch = 5000, .guarantee = guarantee::at_least_once};
  b.workers = 1;
  return batch_executor(b).start(graph_of(o));
}

void live(const member_options& o) {
  auto run = start_member(o);
  if (o.bounded) return run.wait();
  for (char c; ::read(0, &c, 1) > 0;) continue;  // until whoever started it closes its end
  run.drain();
}

/// Not a test: what a member_process runs.
TEST(kafka_member, DISABLED_lives) {
  const char* words = std::getenv(variable);
  if (!words) return;
  try {
    live(from_words(words));
  } catch (const std::exception& e) {
    std::cerr << e.what() << std::endl;
    ::_exit(1);
  }
  ::_exit(0);
}

/// Between fork and exec only system calls are safe: there are other threads.
pid_t start_self(const std::string& words, int its_stdin) {
  std::vector<std::string> all;
  for (char** e = environ; *e; ++e) all.emplace_back(*e);
  all.push_back(std::string(variable) + "=" + words);
  std::vector<char*> environment;
  for (auto& e : all) environment.push_back(e.data());
  environment.push_back(nullptr);
  std::array<std::string, 4> args = {"/proc/self/exe", "--gtest_filter=kafka_member.DISABLED_lives",
                                     "--gtest_also_run_disabled_tests", "--gtest_brief=1"};
  std::array<char*, 5> argv{};
  for (std::size_t i = 0; i < args.size(); ++i) argv[i] = args[i].data();
  const auto child = ::fork();
  if (child != 0) return child;
  ::dup2(its_stdin, 0);
  ::execve(argv[0], argv.data(), environment.data());
  ::_exit(127);
}

}  // namespace

member_process::member_process(const member_options& options) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  child_ = start_self(as_words(options), ends[0]);
  ::close(ends[0]);
  tell_ = ends[1];
  if (child_ < 0) throw std::runtime_error("no process can be started");
}

member_process::~member_process() { kill(); }

void member_process::kill() {
  if (child_ < 0) return;
  ::kill(child_, SIGKILL);
  wait();
}

void member_process::stall() const { ::kill(child_, SIGSTOP); }
void member_process::go_on() const { ::kill(child_, SIGCONT); }

int member_process::leave() {
  ::close(std::exchange(tell_, -1));
  return wait();
}

int member_process::wait() {
  int status = 0;
  ::waitpid(std::exchange(child_, -1), &status, 0);
  if (tell_ >= 0) ::close(std::exchange(tell_, -1));
  return status;
}

/// What a kill left of the last line is none.
std::vector<place> places_in(const std::string& file) {
  std::vector<place> all;
  std::ifstream in(file);
  for (std::string line; std::getline(in, line) && !in.eof();) {
    std::istringstream words(line);
    place p;
    words >> p.first >> p.second;
    all.push_back(p);
  }
  return all;
}

}  // namespace freshet::kafka
