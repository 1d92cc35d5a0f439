#include "connect/postgresql/connection.hpp"

#include <new>
#include <stdexcept>
#include <thread>
#include <utility>

#include "connect/file/field_error.hpp"
#include "connect/postgresql/reason.hpp"

namespace freshet::postgresql {

namespace {

bool is_connection_string(const std::string& to) {
  return to.find('=') != std::string::npos || to.starts_with("postgresql://") || to.starts_with("postgres://");
}

/// What is wrong with a connection string, without its parts in quotes: one of them may be of the password.
std::string without_quoted(std::string_view text) {
  std::string out;
  bool inside = false;
  for (const char c : text) {
    if (c == '"') inside = !inside;
    if (c == '"') out += inside ? "\"..." : "\"";
    else if (!inside) out += c;
  }
  return in_one_line(out);
}

void check_connection_string(const std::string& to) {
  if (!is_connection_string(to)) return;
  char* said = nullptr;
  auto* options = PQconninfoParse(to.c_str(), &said);
  if (options) return PQconninfoFree(options);
  const std::string why = said ? without_quoted(said) : "out of memory";
  PQfreemem(said);
  throw std::runtime_error(
      "postgresql: the connection string can't be read (it isn't shown, as it may hold a password): " + why +
      "; write keyword=value, with a value that has blanks in single quotes, or a URI");
}

std::string text_of(const char* text) { return text ? text : ""; }

}  // namespace

connection::connection(std::string to, const task_context& context)
    : to_(std::move(to)), node_(context.node), log_(context.log), stop_(context.stop) {
  check_connection_string(to_);
}

void connection::open() {
  // Those before the string are defaults for what it doesn't say; the encoding is that of std::string everywhere else.
  constexpr const char* keywords[] = {"fallback_application_name", "connect_timeout", "dbname", "client_encoding",
                                      nullptr};
  const char* values[] = {"freshet", "10", to_.c_str(), "UTF8", nullptr};
  session_.reset(PQconnectdbParams(keywords, values, 1));
  is_lost_ = false;
  if (!get()) throw std::bad_alloc();
  if (!is_open()) {
    const auto why = in_one_line(PQerrorMessage(get()));
    refuse("the connection failed: " + why +
           (PQconnectionNeedsPassword(get()) ? "; give the connection a password, as password= or in a passfile="
                                             : way_in(why)));
  }
  PQsetNoticeProcessor(
      get(),
      [](void* self, const char* said) {
        const auto* c = static_cast<connection*>(self);
        // "already exists, skipping" isn't worth a line.
        if (!std::string_view(said).starts_with("NOTICE"))
          c->log_.log(log_level::warning, c->node_, c->name() + ": " + in_one_line(said));
      },
      this);
  prepare_session();
}

void connection::open(std::chrono::milliseconds patience) {
  using clock = std::chrono::steady_clock;
  constexpr std::chrono::milliseconds pause(50);
  for (const auto end = clock::now() + patience;;) {
    try {
      return open();
    } catch (const std::runtime_error& e) {
      if (stop_.stop_requested() || clock::now() + pause > end)
        throw std::runtime_error(std::string(e.what()) + "; the connection was lost before, and has been tried for " +
                                 std::to_string(patience.count()) +
                                 " ms: trying again can help when the server is there, or a longer wait_timeout");
    }
    std::this_thread::sleep_for(pause);
  }
}

/// Without synchronous_commit a server that dies would take back an epoch that the engine has heard to be committed.
void connection::prepare_session() {
  const auto said =
      run("select pg_is_in_recovery(), current_setting('synchronous_commit')", "the session cannot begin");
  if (said.value(0, 0) == "t")
    refuse(
        "this server is a standby, which can't be written: name the primary server, or several and "
        "target_session_attrs=read-write");
  if (said.value(0, 1) == "off") run("set synchronous_commit = on", "the session cannot begin");
}

bool connection::in_transaction() const {
  const auto state = PQtransactionStatus(get());
  return is_open() && (state == PQTRANS_INTRANS || state == PQTRANS_INERROR);
}

void connection::look_at(const answer& a) {
  const char* severity = a ? PQresultErrorField(a.get(), PG_DIAG_SEVERITY_NONLOCALIZED) : nullptr;
  if (severity && (std::string_view(severity) == "FATAL" || std::string_view(severity) == "PANIC")) is_lost();
}

answer connection::run(const std::string& sql, const std::string& refusal) {
  answer a(PQexec(get(), sql.c_str()));
  look_at(a);
  check(a, refusal);
  return a;
}

answer connection::ask(const std::string& sql, const std::vector<std::string>& values, const std::string& refusal) {
  auto a = ask_anyway(sql, values);
  check(a, refusal);
  return a;
}

answer connection::ask_anyway(const std::string& sql, const std::vector<std::string>& values) {
  std::vector<const char*> pointers;
  for (const auto& v : values) pointers.push_back(v.c_str());
  answer a(
      PQexecParams(get(), sql.c_str(), static_cast<int>(values.size()), nullptr, pointers.data(), nullptr, nullptr, 0));
  look_at(a);
  return a;
}

std::string connection::name() const {
  const std::string host = text_of(PQhost(get())), port = text_of(PQport(get()));
  return "database " + file::in_quotes(text_of(PQdb(get()))) + " at " + file::in_quotes(host + ":" + port);
}

void connection::refuse(const std::string& what) const { throw std::runtime_error(name() + ": " + what); }

void connection::fail(const answer& failed, const std::string& what) const {
  std::string why = failed ? said_by_server(failed.get()) : in_one_line(PQerrorMessage(get()));
  if (is_open()) why += way_out(failed.state());
  else why += "; the connection is lost: trying again can help";
  refuse(what + ": " + why);
}

void connection::check(const answer& a, const std::string& refusal) const {
  const auto status = PQresultStatus(a.get());
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_EMPTY_QUERY) fail(a, refusal);
}

}  // namespace freshet::postgresql
