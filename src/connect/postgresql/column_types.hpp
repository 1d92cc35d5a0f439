#pragma once
#include <libpq-fe.h>

#include <string>

#include "freshet/connect/postgresql/binder.hpp"

// The types of columns that are of interest here, by the numbers that are theirs in every server (pg_type.dat).
namespace freshet::postgresql::column_type {

inline constexpr Oid boolean = 16, bytea = 17, bigint = 20, smallint = 21, integer = 23, text = 25, float4 = 700,
                     float8 = 701, varchar = 1043, date = 1082, time = 1083, timestamp = 1114, timestamptz = 1184,
                     numeric = 1700, uuid = 2950;

/// Whether a value of this kind can be meant for such a column. Of types that aren't above the server decides.
bool holds(Oid type, value_kind kind);
/// "bigint"; of others "a type (number 3802)".
std::string name_of(Oid type);
/// "a time", for a message.
const char* name_of(value_kind kind);

}  // namespace freshet::postgresql::column_type
