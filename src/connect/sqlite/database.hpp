#pragma once
#include <sqlite3.h>

#include <chrono>
#include <memory>
#include <string>

namespace freshet::sqlite {

/// A connection to a database file. Used by one thread at a time.
class database {
 public:
  /// Makes the file where it is missing. Throws std::runtime_error.
  database(std::string path, std::chrono::milliseconds busy_timeout);

  const std::string& path() const { return path_; }
  sqlite3* get() const { return connection_.get(); }
  /// Runs any number of statements. `refusal` begins the sentence that is thrown: "the schema cannot be run".
  void run(const std::string& sql, const std::string& refusal);
  /// False also where SQLite has rolled it back by itself.
  bool in_transaction() const { return sqlite3_get_autocommit(get()) == 0; }

  /// Throws std::runtime_error: `"orders.db": <what>`.
  [[noreturn]] void refuse(const std::string& what) const;
  /// The same, with what SQLite says of a call that has returned `code`: `"orders.db": <what>: database is locked;
  /// ...`.
  [[noreturn]] void fail(int code, const std::string& what) const;

 private:
  struct close {
    void operator()(sqlite3* connection) const { sqlite3_close(connection); }
  };
  /// In the words of SQLite, the system's reason, and what may help.
  std::string reason(int code) const;

  const std::string path_;
  const std::chrono::milliseconds busy_timeout_;
  std::unique_ptr<sqlite3, close> connection_;
};

/// Whether a call failed as another connection had locked the database, and may succeed later.
inline bool is_busy(int code) { return (code & 0xff) == SQLITE_BUSY; }

}  // namespace freshet::sqlite
