#include "kafka/broker.hpp"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <sstream>
#include <stdexcept>

#include "kafka/shell.hpp"

namespace freshet::kafka {

namespace {

std::string start_call(const broker_settings& settings) {
  auto call = "start --with " + std::to_string(::getpid()) + " --nodes " + std::to_string(settings.nodes);
  if (settings.secure) call += " --secure";
  for (const auto& one : settings.set) call += " --set " + quoted(one);
  return call;
}

std::string run_in_folder(const std::string& call) { return run_shell(quoted(FRESHET_KAFKA_SCRIPTS) + "/" + call); }

std::string option_node(int node) { return node == 0 ? "" : " --node " + std::to_string(node); }

/// No later owner of the number: a broker has its folder in its command line. What has ended and was not waited for has
/// an empty one.
bool is_broker(const std::string& pid, const std::string& folder) {
  std::ifstream in("/proc/" + pid + "/cmdline");
  const std::string line{std::istreambuf_iterator<char>(in), {}};
  return line.find(folder + "/node") != line.npos;
}

std::string text_of(const std::string& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

kafka_broker* kafka_broker::shared(std::string& why_not) {
  static std::unique_ptr<kafka_broker> one;
  static std::string missing;
  if (!one && missing.empty()) {
    const char* file = std::getenv("FRESHET_KAFKA_BROKER");
    const auto started = file ? text_of(file) : std::string();
    if (!started.empty()) one.reset(new kafka_broker(report_of_another{started}));
    if (one && one->processes().empty()) one.reset();  // of a run before
    try {
      if (!one) one = std::make_unique<kafka_broker>(broker_settings{.set = {"broker.session.timeout.ms=30000"}});
    } catch (const not_installed& e) { missing = e.what(); }
  }
  why_not = missing;
  return one.get();
}

kafka_broker::kafka_broker(const broker_settings& settings) : owner_(::getpid()) {
  read_report(run_in_folder(start_call(settings)));
}

kafka_broker::kafka_broker(const report_of_another& started) { read_report(started.text); }

kafka_broker::~kafka_broker() {
  // A child that the test has forked has a copy of this, and the broker is not its own.
  if (owner_ != ::getpid()) return;
  try {
    run_in_folder("stop --remove " + quoted(told("dir")));
  } catch (const std::exception& e) { std::fprintf(stderr, "%s\n", e.what()); }
}

void kafka_broker::read_report(const std::string& text) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    if (const auto at = line.find('='); at != line.npos) report_.emplace(line.substr(0, at), line.substr(at + 1));
  told("bootstrap");
}

const std::string& kafka_broker::told(const std::string& name) const {
  const auto at = report_.find(name);
  if (at == report_.end()) throw std::runtime_error("start has printed no line " + name + "=");
  return at->second;
}

/// Its own listener in the open, where it is secured: tests write and read what they like.
const std::string& kafka_broker::client_bootstrap() const {
  return report_.contains("open_bootstrap") ? told("open_bootstrap") : bootstrap();
}

void kafka_broker::run_script(const std::string& call, int node) const {
  if (owner_ == -1) throw std::logic_error("the shared broker is other tests' as well: start one of your own");
  run_in_folder(call + " " + quoted(told("dir")) + option_node(node));
}

void kafka_broker::kill(int node) { run_script("stop --kill", node); }
void kafka_broker::stop(int node) { run_script("stop --keep", node); }
void kafka_broker::resume(int node) { run_script("start --resume", node); }
void kafka_broker::stall(int node) { send(SIGSTOP, node); }
void kafka_broker::go_on(int node) { send(SIGCONT, node); }

void kafka_broker::send(int signal, int node) const {
  if (owner_ == -1) throw std::logic_error("the shared broker is other tests' as well: start one of your own");
  for (const auto process : processes(node)) ::kill(process, signal);
}

std::vector<pid_t> kafka_broker::processes(int node) const {
  std::vector<pid_t> all;
  int number = 0;
  const auto [first, last] = report_.equal_range("pid_file");
  for (auto at = first; at != last; ++at) {
    if (++number != node && node != 0) continue;
    const auto pid = std::to_string(std::atoi(text_of(at->second).c_str()));
    if (is_broker(pid, told("dir"))) all.push_back(static_cast<pid_t>(std::atoi(pid.c_str())));
  }
  return all;
}

std::string unique_name(const std::string& what) {
  static std::atomic<int> count = 0;  // relaxed: only the number matters
  const auto now = std::chrono::steady_clock::now().time_since_epoch() / std::chrono::microseconds(1);
  return what + "-" + std::to_string(::getpid()) + "-" + std::to_string(now) + "-" +
         std::to_string(count.fetch_add(1, std::memory_order_relaxed));
}

void broker_test::SetUp() {
  std::string why_not;
  broker_ = kafka_broker::shared(why_not);
  if (!broker_) GTEST_SKIP() << "NOT TESTED: " << why_not;
}

}  // namespace freshet::kafka
