#include "connect/postgresql/column_types.hpp"

#include <utility>

namespace freshet::postgresql::column_type {

bool holds(Oid type, value_kind kind) {
  const bool is_whole = type == bigint || type == smallint || type == integer;
  const bool is_time = type == date || type == time || type == timestamp || type == timestamptz;
  switch (kind) {
    case value_kind::text:
      return true;
    case value_kind::bytes:
      return type == bytea;
    case value_kind::time:
      return type == timestamp || type == timestamptz || type == bigint || type == numeric;
    case value_kind::real:
      return !is_whole && !is_time && type != boolean && type != bytea && type != uuid;
    case value_kind::integer:
      return !is_time && type != boolean && type != bytea && type != uuid;
    case value_kind::boolean:
      return !is_time && type != bytea && type != uuid;
  }
  return true;
}

std::string name_of(Oid type) {
  constexpr std::pair<Oid, const char*> names[] = {{boolean, "boolean"},
                                                   {bytea, "bytea"},
                                                   {bigint, "bigint"},
                                                   {smallint, "smallint"},
                                                   {integer, "integer"},
                                                   {text, "text"},
                                                   {float4, "real"},
                                                   {float8, "double precision"},
                                                   {varchar, "character varying"},
                                                   {date, "date"},
                                                   {time, "time"},
                                                   {timestamp, "timestamp"},
                                                   {timestamptz, "timestamp with time zone"},
                                                   {numeric, "numeric"},
                                                   {uuid, "uuid"}};
  for (const auto& [number, name] : names)
    if (number == type) return name;
  return "a type (number " + std::to_string(type) + ")";
}

const char* name_of(value_kind kind) {
  switch (kind) {
    case value_kind::boolean:
      return "a bool";
    case value_kind::integer:
      return "an integer";
    case value_kind::real:
      return "a floating-point number";
    case value_kind::text:
      return "text";
    case value_kind::bytes:
      return "bytes";
    case value_kind::time:
      return "an event_time";
  }
  return "a value";
}

}  // namespace freshet::postgresql::column_type
