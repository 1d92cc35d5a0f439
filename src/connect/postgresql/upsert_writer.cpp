#include "freshet/connect/postgresql/upsert_writer.hpp"

#include <algorithm>
#include <cctype>
#include <exception>
#include <utility>
#include <vector>

#include "connect/postgresql/connection.hpp"
#include "connect/postgresql/row_pipeline.hpp"
#include "connect/postgresql/session_lock.hpp"
#include "connect/postgresql/statement.hpp"

namespace freshet::postgresql {

namespace {

/// In small letters, with one blank where there is space.
std::string plain(const std::string& sql) {
  std::string text;
  for (const char c : sql) {
    const auto byte = static_cast<unsigned char>(c);
    if (!std::isspace(byte)) text += static_cast<char>(std::tolower(byte));
    else if (!text.empty() && text.back() != ' ') text += ' ';
  }
  return text;
}

void check_repeatable(connection& db, const statement& rows, const std::string& sql) {
  const auto text = plain(sql);
  if (text.starts_with("insert") && text.find(" on conflict") == text.npos)
    db.refuse(rows.shown() +
              " would write a row that comes again twice: say `on conflict (key) do update set column = "
              "excluded.column`, or take postgresql::sink");
}

}  // namespace

struct upsert_writer::parts {
  connection db;
  const std::chrono::milliseconds wait_timeout;
  const std::size_t most;
  std::optional<statement> upsert{};
  std::optional<row_pipeline> pipeline{};
  std::vector<parameters> held{};
  std::size_t bytes = 0;
  bool is_set_up = false;  ///< the session has the statement

  parts(const std::string& to, const upsert_options& o, const task_context& context)
      : db(to, context),
        wait_timeout(o.wait_timeout),
        most(o.rows != 0       ? o.rows
             : context.batched ? row_pipeline::rows_under_way
                               : 1) {
    db.open();
    run_schema(db, o.schema, wait_timeout);
  }
  void open_again() {
    is_set_up = false;
    db.open(wait_timeout);
    upsert->prepare();
    is_set_up = true;
  }
  bool is_usable() const { return is_set_up && db.is_usable(); }
  bool is_full() const { return held.size() >= most || bytes >= row_pipeline::bytes_under_way; }

  void write_held() {
    try {
      db.run("begin read write", "rows cannot be written");
      pipeline->begin();
      for (const auto& row : held) {
        pipeline->send(row);
        if (pipeline->is_full()) pipeline->finish();
      }
      pipeline->finish();
      db.run("commit", "rows cannot be committed");
    } catch (const std::exception&) {
      pipeline->discard();
      if (db.in_transaction()) answer(PQexec(db.get(), "rollback"));
      throw;
    }
  }
};

upsert_writer::upsert_writer(const std::string& connection, const std::string& statement_text,
                             const upsert_options& options, const std::optional<row_fields>& fields,
                             const task_context& context)
    : parts_(std::make_unique<parts>(connection, options, context)) {
  parts_->upsert.emplace(parts_->db, statement_text);
  check_repeatable(parts_->db, *parts_->upsert, statement_text);
  parts_->upsert->check(fields);
  parts_->pipeline.emplace(*parts_->upsert);
  parts_->is_set_up = true;
}

upsert_writer::~upsert_writer() = default;

binder upsert_writer::row() {
  parts_->upsert->row.clear();
  return binder(*parts_->upsert);
}

void upsert_writer::write() {
  auto& p = *parts_;
  p.held.push_back(p.upsert->row);
  const auto bytes = p.held.back().bytes();
  p.bytes += bytes;
  if (!p.is_full()) return;
  try {
    flush();
  } catch (const std::exception&) {
    p.held.pop_back();  // whoever gave it gives it again
    p.bytes -= bytes;
    throw;
  }
}

void upsert_writer::flush() {
  auto& p = *parts_;
  if (p.held.empty()) return;
  const bool is_new = !p.is_usable();
  if (is_new) p.open_again();
  try {
    p.write_held();
  } catch (const std::exception&) {
    if (is_new || p.db.is_open()) throw;
    // The connection was lost meanwhile. Whether they are there or not: writing them again changes nothing.
    p.open_again();
    p.write_held();
  }
  p.held.clear();
  p.bytes = 0;
}

}  // namespace freshet::postgresql
