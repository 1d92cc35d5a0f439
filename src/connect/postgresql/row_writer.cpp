#include "freshet/connect/postgresql/row_writer.hpp"

#include <cstdint>
#include <exception>
#include <stdexcept>
#include <utility>

#include "connect/file/field_error.hpp"
#include "connect/postgresql/connection.hpp"
#include "connect/postgresql/row_pipeline.hpp"
#include "connect/postgresql/session_lock.hpp"
#include "connect/postgresql/statement.hpp"

namespace freshet::postgresql {

namespace {

// 64 bits are 64 bits: a history above 2^63 is negative there.
std::string as_bigint(std::uint64_t bits) { return std::to_string(static_cast<std::int64_t>(bits)); }
std::uint64_t from_bigint(std::string_view text) { return static_cast<std::uint64_t>(std::stoll(std::string(text))); }

std::string shown_epoch(const std::optional<epoch_id>& e) {
  if (!e) return "none";
  return "epoch " + std::to_string(e->epoch) + " of history " + std::to_string(e->history);
}

const std::string& checked(const std::string& to, const task_context& context) {
  if (context.task_count > 1)
    throw std::runtime_error("postgresql: sink " + file::in_quotes(context.node) + " would have " +
                             std::to_string(context.task_count) +
                             " tasks, and rows and epoch are of one transaction: give it the parallelism 1");
  return to;
}

}  // namespace

struct row_writer::parts {
  enum class stage : std::uint8_t { idle, writing, prepared, in_doubt, lost };

  connection db;
  const sink_options options;
  const std::string name;
  const std::string table;  ///< of epochs, as SQL has it
  std::optional<statement> insert{};
  std::optional<row_pipeline> rows{};
  bool is_set_up = false;  ///< the session has the lock and the statement
  stage at = stage::idle;
  epoch_id epoch{};
  std::optional<epoch_id> committed{};
  std::string lost_by{};

  parts(const std::string& to, const sink_options& o, const task_context& context)
      : db(checked(to, context), context),
        options(o),
        name(o.name.empty() ? context.node : o.name),
        table(identifier(o.epochs_table)) {}

  void take_lock() {
    session_lock::take(db, session_lock::key_of(options.epochs_table + '\n' + name), options.wait_timeout,
                       "sink " + file::in_quotes(name) +
                           " cannot be written: another run, or another sink of this one, writes under that name (end "
                           "it, or give this one another sink_options::name)");
  }
  /// Makes the table only where there is none: that needs a right which not everybody has.
  void prepare_tables() {
    auto schema = options.schema;
    const auto found = db.ask("select to_regclass($1)", {table}, "the tables cannot be looked at");
    if (found.value(0, 0).empty() && !schema.empty()) schema += ";\n";
    if (found.value(0, 0).empty())
      schema += "create table if not exists " + table +
                "(sink text primary key, history bigint not null, epoch bigint not null)";
    run_schema(db, schema, options.wait_timeout);
  }
  std::optional<epoch_id> read_committed() {
    const auto row = db.ask("select history, epoch from " + table + " where sink = $1", {name},
                            "the table of epochs " + table + " cannot be read");
    if (row.rows() == 0) return {};
    return epoch_id{from_bigint(row.value(0, 0)), from_bigint(row.value(0, 1))};
  }
  void note() {
    db.ask("insert into " + table +
               "(sink, history, epoch) values ($1, $2::bigint, $3::bigint) on conflict (sink) do "
               "update set history = excluded.history, epoch = excluded.epoch",
           {name, as_bigint(epoch.history), as_bigint(epoch.epoch)}, the_epoch() + " cannot be noted in " + table);
  }
  /// A new session. The lock comes first: with it, what the old one had begun is decided.
  void open_again() {
    is_set_up = false;
    db.open(options.wait_timeout);
    take_lock();
    insert->prepare();
    is_set_up = true;
  }
  bool is_usable() const { return is_set_up && db.is_usable(); }
  void begin_transaction() { db.run("begin read write", the_epoch() + " cannot begin"); }

  std::string the_epoch() const { return "epoch " + std::to_string(epoch.epoch) + " of sink " + file::in_quotes(name); }
  void need(stage wanted, const std::string& step, const std::string& before) const {
    if (at == stage::lost) db.refuse(the_epoch() + " is lost, as its transaction has ended: " + lost_by);
    if (at != wanted) db.refuse("sink " + file::in_quotes(name) + ": " + step + " needs " + before + " before it");
  }
  /// Calls `step`. The server ends a transaction in which anything has failed.
  template <class F>
  void attempt(F step) {
    try {
      step();
    } catch (const std::exception& e) {
      at = stage::lost;
      lost_by = e.what();
      throw;
    }
  }
  /// The connection was lost when the commit was on its way: the table says whether it came in time.
  void settle() {
    try {
      if (!is_usable()) open_again();
    } catch (const std::exception& e) {
      throw std::runtime_error(the_epoch() + " is committed or not, which is not known yet: " + e.what());
    }
    if (epoch.history == 0)
      attempt([this] {
        db.refuse(
            "the connection was lost while " + the_epoch() +
            " was being committed, and in a run without checkpoints nothing says whether its rows are there: look");
      });
    const auto found = read_committed();
    if (found == epoch) return is_committed();
    attempt([this] { db.refuse("the connection was lost before " + the_epoch() + " was committed"); });
  }
  void is_committed() {
    if (epoch.history != 0) committed = epoch;
    at = stage::idle;
  }
};

row_writer::row_writer(const std::string& connection, const std::string& statement_text, const sink_options& options,
                       const std::optional<row_fields>& fields, const task_context& context)
    : parts_(std::make_unique<parts>(connection, options, context)) {
  parts_->db.open();
  parts_->take_lock();
  parts_->prepare_tables();
  parts_->insert.emplace(parts_->db, statement_text);
  parts_->insert->check(fields);
  parts_->rows.emplace(*parts_->insert);
  parts_->committed = parts_->read_committed();
  parts_->is_set_up = true;
}

// Ending a session rolls back.
row_writer::~row_writer() = default;

void row_writer::begin(const epoch_id& epoch) {
  abort();
  auto& p = *parts_;
  p.epoch = epoch;
  const bool is_new = !p.is_usable();
  if (is_new) p.open_again();
  try {
    p.begin_transaction();
  } catch (const std::exception&) {
    // A session that has died since the epoch before is noticed here.
    if (is_new || p.db.is_open()) throw;
    p.open_again();
    p.begin_transaction();
  }
  p.attempt([&] {
    const auto found = p.read_committed();
    if (found != p.committed)
      p.db.refuse("the table of epochs " + p.table + " says that sink " + file::in_quotes(p.name) + " has committed " +
                  shown_epoch(found) + ", and this run knows of " + shown_epoch(p.committed) +
                  ": another has written under that name; end one of them, and start this one again");
  });
  p.rows->begin();
  p.at = parts::stage::writing;
}

binder row_writer::row() {
  parts_->need(parts::stage::writing, "a row", "begin");
  parts_->insert->row.clear();
  return binder(*parts_->insert);
}

void row_writer::write() {
  auto& p = *parts_;
  p.attempt([&] {
    p.rows->send(p.insert->row);
    if (p.rows->is_full()) p.rows->finish();
  });
}

void row_writer::prepare() {
  auto& p = *parts_;
  p.need(parts::stage::writing, "prepare", "begin");
  p.attempt([&] {
    p.rows->finish();
    // A constraint that is deferred is looked at here, where the epoch can be made again, and not in the commit.
    p.db.run("set constraints all immediate", p.the_epoch() + " cannot be prepared");
    // A run without checkpoints asks nobody, and would take from the table what a run with them needs there.
    if (p.epoch.history != 0) p.note();
  });
  p.at = parts::stage::prepared;
}

void row_writer::commit() {
  auto& p = *parts_;
  if (p.at == parts::stage::idle) return;
  if (p.at == parts::stage::in_doubt) return p.settle();
  p.need(parts::stage::prepared, "commit", "prepare");
  const answer said(PQexec(p.db.get(), "commit"));
  p.db.look_at(said);
  if (!p.db.is_open()) {
    p.at = parts::stage::in_doubt;
    return p.settle();
  }
  p.attempt([&] {
    p.db.check(said, p.the_epoch() + " cannot be committed");
    // Where something has failed before, a commit rolls back without an error.
    if (std::string_view(PQcmdStatus(said.get())) != "COMMIT") p.db.refuse(p.the_epoch() + " has been rolled back");
  });
  p.is_committed();
}

void row_writer::abort() {
  auto& p = *parts_;
  p.rows->discard();
  p.at = parts::stage::idle;
  if (!p.db.in_transaction()) return;
  const answer said(PQexec(p.db.get(), "rollback"));
  if (p.db.is_open()) p.db.check(said, p.the_epoch() + " cannot be rolled back");
}

std::optional<epoch_id> row_writer::last_committed() {
  auto& p = *parts_;
  // Within a transaction it would say what isn't committed yet.
  if (p.db.in_transaction()) return p.committed;
  if (!p.is_usable()) p.open_again();
  return p.read_committed();
}

}  // namespace freshet::postgresql
