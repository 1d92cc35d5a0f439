#pragma once
#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "freshet/base/ids.hpp"
#include "freshet/connect/postgresql/binder.hpp"
#include "freshet/connect/postgresql/row_format.hpp"
#include "freshet/core/task_context.hpp"

namespace freshet::postgresql {

/// Settings of a sink.
struct sink_options {
  /// SQL that is run when the sink is opened, by each run anew: "create table if not exists orders(id bigint, ...)".
  /// Any number of statements; sinks that start at the same time run theirs one after the other.
  std::string schema = {};
  /// How long to wait for a server that is away, when the connection has been lost, and for the session of a run before
  /// this one, which the server may not have ended yet. 10 s are longer than a server needs to start again, and short
  /// enough to say so while somebody looks. The task's thread waits. A server that can't be reached at start is an
  /// error at once.
  std::chrono::milliseconds wait_timeout = std::chrono::seconds(10);
  /// The table that says which epoch each sink has committed; made where it is missing.
  std::string epochs_table = "freshet_epochs";
  /// The sink's name in that table; empty: the node's. Sinks of several topologies that write to one database need
  /// different ones: under each name there is one session at a time.
  std::string name = {};
};

/// The part of a sink that needs no type: rows of one epoch after the other, each written by one statement, and which
/// epoch they are of, in one transaction. All errors are std::runtime_error and name the database, never the password.
/// Not thread safe, but not bound to a thread.
///
/// States: idle -begin-> writing -prepare-> prepared -commit-> idle; abort from any to idle. What the server refuses
/// ends the transaction, and so does a connection that is lost: the epoch is lost then, all but abort and begin say so,
/// and begin connects again. Where the connection is lost by the commit itself the epoch is in doubt: commit, also when
/// it is called again, connects and asks the table of epochs.
class row_writer {
 public:
  /// Connects. `fields`: the statement needs parameters for them. Throws also when the statement is none, and when
  /// another session writes under the same name.
  row_writer(const std::string& connection, const std::string& statement, const sink_options& options,
             const std::optional<row_fields>& fields, const task_context& context);
  row_writer(const row_writer&) = delete;
  row_writer& operator=(const row_writer&) = delete;
  /// The server rolls back what is not committed.
  ~row_writer();

  /// Rolls back what is not committed, and connects again where that is needed. Throws when the table of epochs doesn't
  /// hold what this sink has left there: another run has written under its name.
  void begin(const epoch_id& epoch);
  /// A new row, whose parameters are all NULL. REQUIRES: an epoch is begun, or it throws.
  binder row();
  /// Sends it. What the server refuses may be thrown by one of the next 1000 rows, or by prepare: it says which row.
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

}  // namespace freshet::postgresql
