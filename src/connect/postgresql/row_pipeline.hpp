#pragma once
#include <cstddef>
#include <cstdint>

#include "connect/postgresql/statement.hpp"

namespace freshet::postgresql {

/// Rows on their way: they are sent without waiting for what the server says of each. At most `rows_under_way` of them
/// or about `bytes_under_way`, then it waits for all, so that memory is bounded on both sides. Where no transaction is
/// open those that are under way are one. Used by one thread at a time.
class row_pipeline {
 public:
  static constexpr std::size_t rows_under_way = 1'000;
  static constexpr std::size_t bytes_under_way = 1 << 20;

  explicit row_pipeline(statement& rows) : rows_(rows) {}
  row_pipeline(const row_pipeline&) = delete;
  row_pipeline& operator=(const row_pipeline&) = delete;

  /// Rows are counted from 1 again, for messages.
  void begin() { before_ = 0; }
  /// Throws std::runtime_error for any of the rows that are under way: what was sent after it has had no effect.
  void send(const parameters& row);
  bool is_full() const { return under_way_ >= rows_under_way || bytes_ >= bytes_under_way; }
  /// Waits until the server has written all. Throws as `send` does, and nothing is under way afterwards either.
  void finish();
  /// The same, for rows that are given up: the transaction has to be rolled back.
  void discard() noexcept;

 private:
  /// What has gone wrong first.
  struct failure {
    answer why{nullptr};
    std::size_t row = 0;
    bool is_lost = false;  ///< the connection is
  };
  failure read_answers();
  [[noreturn]] void fail(const answer& why, std::size_t row);

  statement& rows_;
  std::size_t under_way_ = 0, bytes_ = 0;
  std::uint64_t before_ = 0;  ///< rows that have been written since begin
};

}  // namespace freshet::postgresql
