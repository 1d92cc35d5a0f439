#include "connect/postgresql/session_lock.hpp"

#include <algorithm>
#include <limits>

#include "connect/file/field_error.hpp"
#include "freshet/core/stable_hash.hpp"

namespace freshet::postgresql {

namespace {

std::string milliseconds_of(std::chrono::milliseconds patience) {
  constexpr std::chrono::milliseconds longest(std::numeric_limits<int>::max());
  return std::to_string(std::clamp(patience, std::chrono::milliseconds(1), longest).count());  // 0 is for ever
}

/// " by process 4711 of the server (freshet, user ann)"; empty when it is free meanwhile.
std::string holder_of(connection& in, const std::string& key) {
  const auto who = in.ask_anyway(
      "select a.pid, a.application_name, a.usename, a.client_addr from pg_locks l join pg_stat_activity a using (pid) "
      "where l.locktype = 'advisory' and l.granted and l.database = (select oid from pg_database where datname = "
      "current_database()) and l.objsubid = 1 and l.classid::bigint << 32 | l.objid::bigint = $1::bigint",
      {key});
  if (!who || PQresultStatus(who.get()) != PGRES_TUPLES_OK || who.rows() == 0) return {};
  std::string text = " by process " + std::string(who.value(0, 0)) + " of the server (";
  text.append(who.value(0, 1)).append(", user ").append(who.value(0, 2));
  if (!who.value(0, 3).empty()) text.append(", from ").append(who.value(0, 3));
  return text + "); when its run is gone, select pg_terminate_backend(" + std::string(who.value(0, 0)) + ")";
}

}  // namespace

void session_lock::take(connection& in, std::int64_t key, std::chrono::milliseconds patience,
                        const std::string& refusal) {
  const auto text = std::to_string(key);
  if (in.ask("select pg_try_advisory_lock($1::bigint)", {text}, refusal).value(0, 0) == "t") return;
  in.run("set lock_timeout = " + milliseconds_of(patience), refusal);
  const auto got = in.ask_anyway("select pg_advisory_lock($1::bigint)", {text});
  if (got.state() == "55P03")
    in.refuse(refusal + ": it has been held for more than " + milliseconds_of(patience) + " ms" + holder_of(in, text));
  in.check(got, refusal);
  in.run("reset lock_timeout", refusal);
}

void session_lock::leave(connection& in, std::int64_t key) {
  in.ask("select pg_advisory_unlock($1::bigint)", {std::to_string(key)}, "a lock cannot be left");
}

std::int64_t session_lock::key_of(std::string_view text) {
  return static_cast<std::int64_t>(stable_hash<std::string_view>::of(text));
}

void run_schema(connection& in, const std::string& schema, std::chrono::milliseconds patience) {
  if (schema.empty()) return;
  const auto key = session_lock::key_of("freshet: the schema of a sink");
  session_lock::take(in, key, patience, "the lock of those who prepare tables cannot be had");
  in.run(schema, "the schema " + file::shown(schema) + " cannot be run");
  if (in.in_transaction()) in.refuse("the schema " + file::shown(schema) + " begins a transaction that it doesn't end");
  session_lock::leave(in, key);
}

std::string identifier(const std::string& name) {
  std::string text = "\"";
  for (const char c : name) text.append(c == '"' ? 2 : 1, c);
  return text + "\"";
}

}  // namespace freshet::postgresql
