#include "connect/postgresql/server.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace freshet::postgresql {

namespace fs = std::filesystem;

namespace {

bool has_server(const fs::path& programs) {
  return ::access((programs / "postgres").c_str(), X_OK) == 0 && ::access((programs / "initdb").c_str(), X_OK) == 0;
}

/// The newest of Debian's, or the first of the PATH; empty: none.
fs::path find_programs() {
  std::vector<std::pair<int, fs::path>> found;
  std::error_code ignored;
  for (const auto& version : fs::directory_iterator("/usr/lib/postgresql", ignored))
    if (has_server(version.path() / "bin"))
      found.emplace_back(std::atoi(version.path().filename().c_str()), version.path() / "bin");
  if (!found.empty()) return std::max_element(found.begin(), found.end())->second;
  const char* path = std::getenv("PATH");
  std::istringstream folders(path ? path : "");
  for (std::string folder; std::getline(folders, folder, ':');)
    if (has_server(folder)) return folder;
  return {};
}

const struct passwd* server_user() { return ::getpwnam("postgres"); }

/// The processes whose parent it is.
std::vector<pid_t> children_of(pid_t parent) {
  std::vector<pid_t> all;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    if (std::atoi(entry.path().filename().c_str()) == 0) continue;
    std::ifstream in(entry.path() / "stat");
    std::string text{std::istreambuf_iterator<char>(in), {}};
    const auto behind_name = text.rfind(')');  // pid (name) state parent ...
    if (behind_name == text.npos) continue;
    std::istringstream rest(text.substr(behind_name + 1));
    char state = 0;
    pid_t of = 0;
    if (rest >> state >> of && of == parent) all.push_back(static_cast<pid_t>(std::atoi(text.c_str())));
  }
  return all;
}

}  // namespace

server* server::of_this_process(std::string& why_not) {
  static std::unique_ptr<server> one;
  if (one) return one.get();
  const auto programs = find_programs();
  if (programs.empty()) why_not = "no PostgreSQL server is installed";
  else if (::getuid() == 0 && !server_user()) why_not = "this is root, and there is no user postgres to run the server";
  if (!why_not.empty()) return nullptr;
  auto folder = (fs::path(testing::TempDir()) / "freshet-pg-XXXXXX").string();
  if (!::mkdtemp(folder.data())) throw std::runtime_error(folder + " can't be made");
  one.reset(new server(programs, folder));
  return one.get();
}

server::server(fs::path programs, fs::path folder) : programs_(std::move(programs)), folder_(std::move(folder)) {
  if (::getuid() == 0 && ::chown(folder_.c_str(), server_user()->pw_uid, server_user()->pw_gid) != 0)
    throw std::runtime_error(folder_.string() + " can't be given to the user postgres");
  const auto made = spawn({(programs_ / "initdb").string(), "-D", (folder_ / "data").string(), "-N", "-A", "trust",
                           "-U", "postgres", "-E", "UTF8", "--locale=C", "--no-instructions"});
  int status = 0;
  ::waitpid(made, &status, 0);
  if (status != 0) throw std::runtime_error("initdb failed: " + log());
  start();
}

server::~server() {
  kill();
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

std::string server::connection_to(const std::string& database) const {
  return "host=" + folder_.string() + " port=" + std::to_string(port_) + " user=postgres dbname=" + database;
}

/// In a child. Ends without the tests' destructors.
void server::become(const std::vector<std::string>& command) const {
  const int out = ::open((folder_ / "log").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  ::dup2(out, 1);
  ::dup2(out, 2);
  ::setpgid(0, 0);
  if (::getuid() == 0) {
    const auto* user = server_user();
    if (::setgroups(0, nullptr) != 0 || ::setgid(user->pw_gid) != 0 || ::setuid(user->pw_uid) != 0) ::_exit(126);
  }
  ::prctl(PR_SET_PDEATHSIG, SIGQUIT);  // whatever ends the tests ends the server
  if (::chdir(folder_.c_str()) != 0) ::_exit(126);
  std::vector<char*> arguments;
  for (const auto& a : command) arguments.push_back(const_cast<char*>(a.c_str()));
  arguments.push_back(nullptr);
  ::execv(arguments[0], arguments.data());
  ::_exit(127);
}

pid_t server::spawn(const std::vector<std::string>& command) const {
  const auto child = ::fork();
  if (child == 0) become(command);
  return child;
}

std::string server::log() const {
  std::ifstream in(folder_ / "log");
  return {std::istreambuf_iterator<char>(in), {}};
}

void server::start() {
  // Without syncs: what the system was given outlives the processes.
  std::vector<std::string> command = {(programs_ / "postgres").string(),
                                      "-D",
                                      (folder_ / "data").string(),
                                      "-k",
                                      folder_.string(),
                                      "-p",
                                      std::to_string(port_)};
  std::vector<std::string> settings{"fsync=off", "shared_buffers=16MB", "max_connections=20"};
  settings.insert(settings.end(), more_settings_.begin(), more_settings_.end());
  for (const auto& each : settings) command.insert(command.end(), {"-c", each});
  process_ = spawn(command);
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(50);
  while (PQping(connection_to("postgres").c_str()) != PQPING_OK) {
    if (std::chrono::steady_clock::now() > end) throw std::runtime_error("the server doesn't start: " + log());
    // Where processes of the one before have not quite gone, it ends at once.
    if (::waitpid(process_, nullptr, WNOHANG) == process_) process_ = spawn(command);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

int server::listen_over_tcp(const fs::path& keys) {
  kill();
  const int probe = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in here{};
  here.sin_family = AF_INET;
  here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof here;
  if (::bind(probe, reinterpret_cast<sockaddr*>(&here), size) != 0 ||
      ::getsockname(probe, reinterpret_cast<sockaddr*>(&here), &size) != 0)
    throw std::runtime_error("there is no free port");
  ::close(probe);
  port_ = ntohs(here.sin_port);
  const auto rules = folder_ / "rules";
  std::ofstream(rules) << "local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n";
  more_settings_ = {"listen_addresses=127.0.0.1", "password_encryption=scram-sha-256", "hba_file=" + rules.string(),
                    "ssl=on"};
  for (const auto& [setting, file] : {std::pair{"ssl_key_file", "server.key"}, {"ssl_cert_file", "server.crt"}}) {
    const auto mine = folder_ / file;
    fs::copy_file(keys / file, mine, fs::copy_options::overwrite_existing);
    fs::permissions(mine, fs::perms::owner_read);
    if (::getuid() == 0 && ::chown(mine.c_str(), server_user()->pw_uid, server_user()->pw_gid) != 0)
      throw std::runtime_error(mine.string() + " can't be given to the user postgres");
    more_settings_.push_back(std::string(setting) + "=" + mine.string());
  }
  start();
  return port_;
}

/// Each of its processes is a group of its own, so that a signal to a group doesn't do.
void server::kill() {
  if (process_ <= 0) return;
  const auto children = children_of(process_);
  ::kill(process_, SIGKILL);
  for (const auto child : children) ::kill(child, SIGKILL);
  ::waitpid(process_, nullptr, 0);
  process_ = -1;
}

void database_test::SetUp() {
  std::string why_not;
  server_ = server::of_this_process(why_not);
  if (!server_) GTEST_SKIP() << "NOT TESTED: " << why_not;
  name_ = testing::UnitTest::GetInstance()->current_test_info()->name();
  name_ = "t_" + name_.substr(0, 60);
  onlooker other(server_->connection_to("postgres"));
  other.ask("set client_min_messages = warning");
  other.ask("drop database if exists " + name_ + " with (force)");  // of the same test, repeated
  other.ask("create database " + name_);
}

}  // namespace freshet::postgresql
