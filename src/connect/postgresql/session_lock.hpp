#pragma once
#include <chrono>
#include <cstdint>
#include <string>

#include "connect/postgresql/connection.hpp"

namespace freshet::postgresql {

/// An advisory lock of the database, which the session holds until its end or `leave`. The server lets it go after it
/// has decided the transactions of the session that had it: whoever has it sees what those have committed.
class session_lock {
 public:
  /// Waits for it. `refusal` begins the sentence that is thrown, which says who has it.
  static void take(connection& in, std::int64_t key, std::chrono::milliseconds patience, const std::string& refusal);
  static void leave(connection& in, std::int64_t key);
  /// Of a text: the same in every version and build.
  static std::int64_t key_of(std::string_view text);
};

/// Runs `schema`, if there is any, one session after the other: two that make the same table at the same time fail,
/// also with "if not exists".
void run_schema(connection& in, const std::string& schema, std::chrono::milliseconds patience);

/// A name in SQL: "odd ""name""".
std::string identifier(const std::string& name);

}  // namespace freshet::postgresql
