#include "connect/postgresql/reason.hpp"

namespace freshet::postgresql {

namespace {

struct way {
  std::string_view state;  ///< a SQLSTATE, or how it begins; of a connection, words of the sentence
  std::string_view out;
};
// The first that fits. Appendix A of PostgreSQL's manual has them all.
constexpr way ways[] = {
    {"42P01", "make the table, for example in the schema of the sink's options, or name its schema: \"sales.orders\""},
    {"42703", "correct the statement, or add the column to the table"},
    {"42501", "grant the user of the connection what the statement needs"},
    {"42601",
     "a sink has one statement, with $1, $2, ... for its values; what prepares the database belongs into the "
     "schema of the sink's options"},
    {"42P18", "say of which type it is: $1::text"},
    {"22P02", "the value is none of the column's type: bind another one, or convert it in the statement"},
    {"22003", "the column's type doesn't reach so far"},
    {"23",
     "the row doesn't go with a constraint of the table: leave it out before, or say `on conflict` in the statement"},
    {"25006", "the server or the user may only read: name the primary server, or target_session_attrs=read-write"},
    {"40", "another transaction was in the way: trying again can help"},
    {"53", "the server has too little of something: trying again can help when it has more"},
    {"55P03", "another session holds it: trying again can help when that one is done"},
    {"57P03", "trying again can help when it is there"},
};

// For connections, by words of libpq.
constexpr way ways_in[] = {
    {"authentication failed", "correct user and password of the connection"},
    {"could not translate host name", "correct the host of the connection"},
    {"certificate",
     "sslrootcert= must name the authority that has signed the server's certificate, and host= a name in it"},
};

std::string_view field_of(const PGresult* of, int code) {
  const char* text = PQresultErrorField(of, code);
  return text ? text : "";
}

}  // namespace

std::string in_one_line(std::string_view text) {
  while (text.ends_with('\n')) text.remove_suffix(1);
  std::string line;
  for (const char c : text)
    if (c == '\n') line += "; ";
    else if (c != '\t') line += c;
  return line;
}

std::string said_by_server(const PGresult* failed) {
  std::string text(field_of(failed, PG_DIAG_MESSAGE_PRIMARY));
  if (text.empty()) return in_one_line(PQresultErrorMessage(failed));
  for (const int more : {PG_DIAG_MESSAGE_DETAIL, PG_DIAG_MESSAGE_HINT, PG_DIAG_CONTEXT})
    if (const auto said = field_of(failed, more); !said.empty()) text.append("; ").append(said);
  return in_one_line(text) + " (SQLSTATE " + std::string(field_of(failed, PG_DIAG_SQLSTATE)) + ")";
}

std::string way_out(std::string_view sqlstate) {
  for (const auto& w : ways)
    if (sqlstate.starts_with(w.state)) return "; " + std::string(w.out);
  return {};
}

std::string way_in(std::string_view refusal) {
  for (const auto& w : ways_in)
    if (refusal.find(w.state) != refusal.npos) return "; " + std::string(w.out);
  return {};
}

}  // namespace freshet::postgresql
