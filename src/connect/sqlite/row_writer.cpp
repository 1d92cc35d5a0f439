#include "freshet/connect/sqlite/row_writer.hpp"

#include <sys/stat.h>

#include <cstdint>
#include <exception>
#include <stdexcept>
#include <utility>

#include "connect/file/field_error.hpp"
#include "connect/file/file_claims.hpp"
#include "connect/sqlite/database.hpp"
#include "connect/sqlite/statement.hpp"

namespace freshet::sqlite {

namespace {

/// A name in SQL: "odd ""name""".
std::string identifier(const std::string& name) {
  std::string text = "\"";
  for (const char c : name) text.append(c == '"' ? 2 : 1, c);
  return text + "\"";
}

std::string count_of(std::size_t n, const std::string& what) {
  return std::to_string(n) + " " + what + (n == 1 ? "" : "s");
}

const std::string& checked(const std::string& path, const task_context& context) {
  if (context.task_count > 1)
    throw std::runtime_error(file::in_quotes(path) + " would be written by " + std::to_string(context.task_count) +
                             " tasks at once, and SQLite has one writer at a time: give sink " +
                             file::in_quotes(context.node) + " the parallelism 1");
  return path;
}

void check(const statement& insert, const std::optional<row_fields>& fields) {
  const auto& db = insert.in();
  if (!insert.writes()) db.refuse(insert.shown() + " writes nothing: a sink needs an insert, an update or a delete");
  const auto parameters = static_cast<std::size_t>(insert.parameters());
  if (fields && fields->count != parameters)
    db.refuse(insert.shown() + " has " + count_of(parameters, "parameter") + ", and " + fields->type + " has " +
              count_of(fields->count, "field") +
              ": each field needs a parameter, in their order; pass a function that binds them to leave some out");
}

}  // namespace

struct row_writer::parts {
  enum class stage : std::uint8_t { idle, writing, prepared, lost };

  database db;
  file::file_claims claims;
  std::optional<struct stat> claimed{};  // the file, as it was
  const std::string name;
  std::unique_ptr<statement> insert, read_epoch, note_epoch;
  stage at = stage::idle;
  epoch_id epoch{};
  std::optional<epoch_id> committed{};
  std::string lost_by{};

  parts(const std::string& path, const sink_options& options, const task_context& context)
      : db(checked(path, context), options.busy_timeout),
        claims(context.stop),
        name(options.name.empty() ? context.node : options.name) {}

  /// Whole, so that it is the same one wherever the process goes.
  const char* file_name() const { return sqlite3_db_filename(db.get(), "main"); }
  void claim_file() {
    struct stat file {};
    if (::stat(file_name(), &file) != 0) return;
    claims.add(file, file::file_use::rewrites, db.path());
    claimed = file;
  }
  /// SQLite goes on writing to a file that has no name any more, where nobody will find the rows.
  void check_file() const {
    struct stat now {};
    if (!claimed) return;
    if (::stat(file_name(), &now) == 0 && now.st_dev == claimed->st_dev && now.st_ino == claimed->st_ino) return;
    db.refuse(
        "the file has been removed or replaced while the sink was writing to it, and the rows since then went with "
        "it: stop the run and bring back what was there, or go on from a checkpoint that what is there now belongs to");
  }
  /// Write-ahead log: readers and the writer don't wait for each other, so nobody who looks at the rows can make a
  /// commit fail, and an epoch costs one sync. FULL, as NORMAL doesn't sync the log in a commit: a power failure would
  /// take back an epoch that the engine has heard to be committed. Where the file system can't have such a log, SQLite
  /// keeps another kind of journal, and all that matters holds as well.
  void prepare_database(const std::string& schema) {
    db.run("pragma journal_mode = wal; pragma synchronous = full", "the database cannot be used");
    if (schema.empty()) return;
    db.run(schema, "the schema " + file::shown(schema) + " cannot be run");
    if (db.in_transaction())
      db.refuse("the schema " + file::shown(schema) + " begins a transaction that it doesn't end");
  }
  void prepare_epochs(const std::string& table) {
    const auto quoted = identifier(table);
    db.run("create table if not exists " + quoted + "(sink text primary key, history integer, epoch integer)",
           "the table " + quoted + " cannot be made");
    read_epoch = std::make_unique<statement>(db, "select history, epoch from " + quoted + " where sink = ?");
    note_epoch =
        std::make_unique<statement>(db, "insert or replace into " + quoted + "(sink, history, epoch) values (?, ?, ?)");
    binder(*read_epoch).bind(1, name);
    binder(*note_epoch).bind(1, name);
    read_committed();
  }

  void read_committed() {
    committed.reset();
    read_epoch->first_row([this](sqlite3_stmt* row) {
      // 64 bits are 64 bits: a history above 2^63 is negative there.
      committed = {static_cast<std::uint64_t>(sqlite3_column_int64(row, 0)),
                   static_cast<std::uint64_t>(sqlite3_column_int64(row, 1))};
    });
  }
  void note() {
    binder values(*note_epoch);
    values.bind(2, static_cast<std::int64_t>(epoch.history));
    values.bind(3, static_cast<std::int64_t>(epoch.epoch));
    note_epoch->run();
  }

  std::string the_epoch() const { return "epoch " + std::to_string(epoch.epoch) + " of sink " + file::in_quotes(name); }
  void need(stage wanted, const std::string& step, const std::string& before) const {
    if (at == stage::lost) db.refuse(the_epoch() + " is lost, as SQLite has rolled it back by itself: " + lost_by);
    if (at != wanted) db.refuse("sink " + file::in_quotes(name) + ": " + step + " needs " + before + " before it");
  }
  /// Calls `step`, which may fail in two ways: the transaction goes on, or SQLite has rolled it back.
  template <class F>
  void attempt(F step) {
    try {
      step();
    } catch (const std::exception& e) {
      if (!db.in_transaction()) {
        at = stage::lost;
        lost_by = e.what();
      }
      throw;
    }
  }
};

row_writer::row_writer(const std::string& path, const std::string& statement_text, const sink_options& options,
                       const std::optional<row_fields>& fields, const task_context& context)
    : parts_(std::make_unique<parts>(path, options, context)) {
  parts_->claim_file();
  parts_->prepare_database(options.schema);
  parts_->insert = std::make_unique<statement>(parts_->db, statement_text);
  check(*parts_->insert, fields);
  parts_->prepare_epochs(options.epochs_table);
}

// Closing a connection rolls back.
row_writer::~row_writer() = default;

void row_writer::begin(const epoch_id& epoch) {
  abort();
  parts_->epoch = epoch;
  parts_->check_file();
  // Immediate: the lock is taken here, where waiting for it can be repeated, and not by the first row.
  parts_->db.run("begin immediate", parts_->the_epoch() + " cannot begin");
  parts_->read_committed();
  parts_->at = parts::stage::writing;
}

binder row_writer::row() {
  parts_->need(parts::stage::writing, "a row", "begin");
  parts_->insert->clear();
  return binder(*parts_->insert);
}

void row_writer::write() {
  parts_->attempt([this] { parts_->insert->run(); });
}

void row_writer::prepare() {
  parts_->need(parts::stage::writing, "prepare", "begin");
  parts_->check_file();
  parts_->attempt([this] {
    // A run without checkpoints asks nobody, and would take from the table what a run with them needs there.
    if (parts_->epoch.history != 0) parts_->note();
    // All goes to the log now, as far as nobody is in the way: a full disk is found here, where the epoch can be made
    // again, and not by the commit.
    const int code = sqlite3_db_cacheflush(parts_->db.get());
    if (code != SQLITE_OK && !is_busy(code)) parts_->db.fail(code, parts_->the_epoch() + " cannot be written");
  });
  parts_->at = parts::stage::prepared;
}

void row_writer::commit() {
  if (parts_->at == parts::stage::idle) return;
  parts_->need(parts::stage::prepared, "commit", "prepare");
  parts_->attempt([this] { parts_->db.run("commit", parts_->the_epoch() + " cannot be committed"); });
  parts_->at = parts::stage::idle;
}

void row_writer::abort() {
  if (parts_->db.in_transaction()) parts_->db.run("rollback", parts_->the_epoch() + " cannot be rolled back");
  parts_->at = parts::stage::idle;
}

std::optional<epoch_id> row_writer::last_committed() {
  // Within a transaction it would say what isn't committed yet.
  if (!parts_->db.in_transaction()) parts_->read_committed();
  return parts_->committed;
}

}  // namespace freshet::sqlite
