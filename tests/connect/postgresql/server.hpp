#pragma once
#include <gtest/gtest.h>
#include <libpq-fe.h>
#include <sys/types.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

// A server of the tests' own, on a socket in a temporary folder.
namespace freshet::postgresql {

/// A server that this process has started, and ends with it. It listens on a unix socket only, until it is told more.
/// PostgreSQL refuses to run as root: then it runs as the user `postgres` of the package. One thread.
class server {
 public:
  /// The one of this process, started by the first call. Null where no server is installed: `why_not` says so.
  static server* of_this_process(std::string& why_not);
  server(const server&) = delete;
  server& operator=(const server&) = delete;
  ~server();

  std::string connection_to(const std::string& database) const;
  /// Ends all of its processes with SIGKILL.
  void kill();
  /// Starts it, and waits until it can be reached.
  void start();
  /// Starts it anew, from then on also at a port of 127.0.0.1 (which it gives), where it asks for a password and offers
  /// TLS, with `server.key` and `server.crt` of `keys`.
  int listen_over_tcp(const std::filesystem::path& keys);

 private:
  server(std::filesystem::path programs, std::filesystem::path folder);
  [[noreturn]] void become(const std::vector<std::string>& command) const;
  pid_t spawn(const std::vector<std::string>& command) const;
  std::string log() const;

  const std::filesystem::path programs_, folder_;
  pid_t process_ = -1;
  int port_ = 5432;  ///< of the socket, too
  std::vector<std::string> more_settings_{"listen_addresses="};
};

/// Another session, as somebody else's program has it.
class onlooker {
 public:
  explicit onlooker(const std::string& connection) : session_(PQconnectdb(connection.c_str())) {
    EXPECT_EQ(PQstatus(session_.get()), CONNECTION_OK) << PQerrorMessage(session_.get());
  }
  /// The values of all rows, as text; "NULL".
  std::vector<std::string> ask(const std::string& sql) {
    const std::unique_ptr<PGresult, void (*)(PGresult*)> r(PQexec(session_.get(), sql.c_str()), PQclear);
    const auto status = PQresultStatus(r.get());
    EXPECT_TRUE(status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK)
        << sql << ": " << PQerrorMessage(session_.get());
    std::vector<std::string> all;
    for (int row = 0; row < PQntuples(r.get()); ++row)
      for (int column = 0; column < PQnfields(r.get()); ++column)
        all.emplace_back(PQgetisnull(r.get(), row, column) ? "NULL" : PQgetvalue(r.get(), row, column));
    return all;
  }
  std::vector<std::string> orders() { return ask("select id from orders order by id"); }
  /// Ends the sessions of sinks, and waits until they are gone. New ones may come meanwhile.
  void end_sinks() {
    ask("select pg_terminate_backend(pid, 30000) from pg_stat_activity where application_name = 'freshet'");
  }

 private:
  struct finish {
    void operator()(PGconn* session) const { PQfinish(session); }
  };
  std::unique_ptr<PGconn, finish> session_;
};

/// Tests with a database of their own, which is empty.
class database_test : public testing::Test {
 protected:
  void SetUp() override;

  std::string here() const { return server_->connection_to(name_); }

  server* server_ = nullptr;
  std::string name_;
};

}  // namespace freshet::postgresql
