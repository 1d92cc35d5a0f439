#pragma once
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "freshet/base/ids.hpp"
#include "freshet/connect/sqlite/binder.hpp"
#include "freshet/core/task_context.hpp"

namespace freshet::sqlite {

/// Settings of a sink.
struct sink_options {
  /// SQL that is run when the sink is opened, by each run anew: "create table if not exists orders(id integer, ...)".
  /// Any number of statements.
  std::string schema = {};
  /// How long to wait for another connection that is writing before that is an error; 0: not at all. 5 s are longer
  /// than what others write in one transaction, and short enough to say so while somebody looks. The task's thread
  /// waits.
  std::chrono::milliseconds busy_timeout = std::chrono::seconds(5);
  /// The table that says which epoch each sink has committed; made where it is missing.
  std::string epochs_table = "freshet_epochs";
  /// The sink's name in that table; empty: the node's. Sinks of several topologies that write to one file need
  /// different ones.
  std::string name = {};
};

/// The struct whose fields are bound, for the message when the statement has room for more or fewer.
struct row_fields {
  std::string type;
  std::size_t count = 0;
};

/// The part of a sink that needs no type: rows of one epoch after the other, each written by one statement, and which
/// epoch they are of, in one transaction. All errors are std::runtime_error and name the file. Not thread safe, but not
/// bound to a thread.
///
/// States: idle -begin-> writing -prepare-> prepared -commit-> idle; abort from any to idle. Where SQLite has rolled
/// the transaction back by itself (a full disk, `insert or rollback`) it is lost: all but abort and begin say so, or
/// the rows that follow would be written without a transaction.
class row_writer {
 public:
  /// Opens the database, and makes it where the file is missing. `fields`: the statement needs that many parameters.
  /// Throws also when the statement is none, and when another sink of the run writes to the file.
  row_writer(const std::string& path, const std::string& statement, const sink_options& options,
             const std::optional<row_fields>& fields, const task_context& context);
  row_writer(const row_writer&) = delete;
  row_writer& operator=(const row_writer&) = delete;
  /// Rolls back what is not committed.
  ~row_writer();

  /// Rolls back what is not committed, and waits for other writers.
  void begin(const epoch_id& epoch);
  /// A new row, whose parameters are all NULL. REQUIRES: an epoch is begun, or it throws.
  binder row();
  /// Writes it.
  void write();
  void prepare();
  /// Where nothing is prepared, as that is committed already, nothing changes. After an error that says that trying
  /// again can help it may be called again.
  void commit();
  void abort();
  /// What the table says; while an epoch is under way, what it said before. None: nothing of this sink.
  std::optional<epoch_id> last_committed();

 private:
  struct parts;
  std::unique_ptr<parts> parts_;
};

}  // namespace freshet::sqlite
