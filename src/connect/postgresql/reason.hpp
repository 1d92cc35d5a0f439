#pragma once
#include <libpq-fe.h>

#include <string>
#include <string_view>

namespace freshet::postgresql {

/// What the server says of a statement that failed, in one line: its sentence, detail and hint, and the SQLSTATE.
std::string said_by_server(const PGresult* failed);
/// What may help against an error with this SQLSTATE, as the end of a sentence ("; ..."); empty where nobody knows.
std::string way_out(std::string_view sqlstate);
/// The same of a connection that was refused, for which there is no SQLSTATE: by what libpq says of it.
std::string way_in(std::string_view refusal);
/// Several lines as one, with "; " between.
std::string in_one_line(std::string_view text);

}  // namespace freshet::postgresql
