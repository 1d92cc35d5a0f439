#include "connect/postgresql/row_pipeline.hpp"

#include <exception>
#include <utility>

// libpq reads answers while it waits for room to send, so neither side can wait for the other for ever.
namespace freshet::postgresql {

void row_pipeline::send(const parameters& row) {
  auto* session = rows_.in().get();
  if (under_way_ == 0 && PQenterPipelineMode(session) == 0) fail(answer(nullptr), 0);
  const int sent = row.give([&](int count, auto values, auto lengths, auto formats) {
    return PQsendQueryPrepared(session, statement::name(), count, values, lengths, formats, 0);
  });
  if (sent == 0) {
    if (under_way_ == 0) PQexitPipelineMode(session);
    fail(answer(nullptr), under_way_ + 1);
  }
  ++under_way_;
  bytes_ += row.bytes();
}

void row_pipeline::finish() {
  if (under_way_ == 0) return;
  auto* session = rows_.in().get();
  failure failed;
  if (PQpipelineSync(session) == 0) failed.is_lost = true;
  else failed = read_answers();
  const auto sent = std::exchange(under_way_, 0);
  bytes_ = 0;
  if (failed.is_lost) rows_.in().is_lost();
  else PQexitPipelineMode(session);
  if (failed.is_lost || failed.why) fail(failed.why, failed.row);
  before_ += sent;
}

void row_pipeline::discard() noexcept {
  try {
    finish();
  } catch (const std::exception&) {}  // whoever sent them has heard of an error, or wants none of them
}

row_pipeline::failure row_pipeline::read_answers() {
  auto* session = rows_.in().get();
  failure first;
  std::size_t row = 1;
  // One null behind the answers of each row. libpq may give another one behind an error.
  for (std::size_t nulls = 0;;) {
    answer a(PQgetResult(session));
    rows_.in().look_at(a);
    if (!a) ++nulls;
    if (!rows_.in().is_open() || nulls > under_way_ + 10) first.is_lost = true;
    const auto status = PQresultStatus(a.get());
    if (a && status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_PIPELINE_SYNC &&
        status != PGRES_PIPELINE_ABORTED && !first.why) {
      first.why = std::move(a);
      first.row = row;
    }
    if (first.is_lost || status == PGRES_PIPELINE_SYNC) return first;
    if (!a && !first.why) ++row;
  }
}

void row_pipeline::fail(const answer& why, std::size_t row) {
  const auto& to = rows_.in();
  const auto which = row == 0 ? "" : " for row " + std::to_string(before_ + row);
  to.fail(why, rows_.shown() + " cannot be run" + which);
}

}  // namespace freshet::postgresql
