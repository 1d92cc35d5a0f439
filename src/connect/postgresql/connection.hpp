#pragma once
#include <libpq-fe.h>

#include <chrono>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "freshet/base/log.hpp"
#include "freshet/core/task_context.hpp"

namespace freshet::postgresql {

/// What the server answers; freed with it.
class answer {
 public:
  explicit answer(PGresult* result) : result_(result) {}
  PGresult* get() const { return result_.get(); }
  explicit operator bool() const { return result_ != nullptr; }
  int rows() const { return PQntuples(get()); }
  /// As text; empty where it is NULL.
  std::string_view value(int row, int column) const { return PQgetvalue(get(), row, column); }
  /// The five characters of an error; empty: none.
  std::string_view state() const {
    const char* s = result_ ? PQresultErrorField(get(), PG_DIAG_SQLSTATE) : nullptr;
    return s ? s : "";
  }

 private:
  struct clear {
    void operator()(PGresult* result) const { PQclear(result); }
  };
  std::unique_ptr<PGresult, clear> result_;
};

/// A session of a server, which can be lost and made anew. Used by one thread at a time.
class connection {
 public:
  /// `to`: what libpq calls a connection string, or a database's name. Throws std::runtime_error when it can't be read;
  /// connects nowhere.
  connection(std::string to, const task_context& context);
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;

  PGconn* get() const { return session_.get(); }
  /// Connects, once. Throws std::runtime_error.
  void open();
  /// Connects, and tries that again until `patience` is over or the run is stopped.
  void open(std::chrono::milliseconds patience);
  /// False once a call has noticed that it is lost.
  bool is_open() const { return get() && !is_lost_ && PQstatus(get()) == CONNECTION_OK; }
  /// The session is at its end, whatever libpq knows of that.
  void is_lost() { is_lost_ = true; }
  /// Of an answer: the server says of some that it ends the session behind them.
  void look_at(const answer& a);
  /// And no rows have been left on their way.
  bool is_usable() const { return is_open() && PQpipelineStatus(get()) == PQ_PIPELINE_OFF; }
  bool in_transaction() const;

  /// Runs any number of statements. `refusal` begins the sentence that is thrown: "the schema cannot be run".
  answer run(const std::string& sql, const std::string& refusal);
  /// Runs one statement with these values for its parameters.
  answer ask(const std::string& sql, const std::vector<std::string>& values, const std::string& refusal);
  /// The same, and an error is an answer.
  answer ask_anyway(const std::string& sql, const std::vector<std::string>& values);

  /// `database "shop" at "db.example:5432"`; never the password.
  std::string name() const;
  /// Throws std::runtime_error: `database "shop" at "db.example:5432": <what>`.
  [[noreturn]] void refuse(const std::string& what) const;
  /// The same, with what the server or libpq says of a call that has given `failed`, and the way out.
  [[noreturn]] void fail(const answer& failed, const std::string& what) const;
  /// Throws, unless the answer is that all went well.
  void check(const answer& a, const std::string& refusal) const;

 private:
  struct finish {
    void operator()(PGconn* session) const { PQfinish(session); }
  };
  void prepare_session();

  const std::string to_;
  const std::string node_;
  const logger log_;
  const std::stop_token stop_;
  std::unique_ptr<PGconn, finish> session_;
  bool is_lost_ = false;
};

}  // namespace freshet::postgresql
