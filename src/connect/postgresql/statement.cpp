#include "connect/postgresql/statement.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

#include "connect/file/field_error.hpp"
#include "connect/postgresql/column_types.hpp"

namespace freshet::postgresql {

namespace {

/// The first word, in small letters; comments before it are not looked for.
std::string first_word(std::string_view sql) {
  std::string word;
  for (const char c : sql) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalpha(byte)) word += static_cast<char>(std::tolower(byte));
    else if (!word.empty() || !std::isspace(byte)) break;
  }
  return word;
}

std::string number_of(std::size_t n, const std::string& what) {
  return std::to_string(n) + " " + what + (n == 1 ? "" : "s");
}

}  // namespace

void parameters::clear() {
  bytes_.clear();
  std::fill(slots_.begin(), slots_.end(), slot{});
}

void parameters::set(std::size_t at, std::string_view value, bool binary) {
  slots_[at] = {bytes_.size(), static_cast<int>(value.size()), false, binary};
  bytes_.append(value).push_back('\0');
}

statement::statement(connection& in, std::string sql) : in_(in), sql_(std::move(sql)) {
  check_writes();
  prepare();
}

void statement::check_writes() const {
  constexpr std::array<std::string_view, 7> no_writers = {"select", "values", "table", "show",
                                                          "begin",  "commit", "copy"};
  const auto word = first_word(sql_);
  if (sql_.find_first_not_of(" \t\r\n;") == sql_.npos) in_.refuse("the statement " + shown() + " is empty");
  if (std::find(no_writers.begin(), no_writers.end(), word) != no_writers.end())
    in_.refuse(shown() + " writes no row of its parameters: a sink needs an insert, an update, a delete or a merge");
}

void statement::prepare() {
  const auto refusal = "the statement " + shown() + " cannot be used";
  in_.check(answer(PQprepare(in_.get(), name(), sql_.c_str(), 0, nullptr)), refusal);
  const answer described(PQdescribePrepared(in_.get(), name()));
  in_.check(described, refusal);
  types_.clear();
  for (int i = 0; i < PQnparams(described.get()); ++i) types_.push_back(PQparamtype(described.get(), i));
  row = parameters(types_.size());
}

void statement::check(const std::optional<row_fields>& fields) const {
  if (!fields) return;
  if (fields->kinds.size() != types_.size())
    in_.refuse(shown() + " has " + number_of(types_.size(), "parameter") + ", and " + fields->type + " has " +
               number_of(fields->kinds.size(), "field") +
               ": each field needs a parameter, in their order; pass a function that binds them to leave some out");
  int at = 0;
  for (const auto kind : fields->kinds) type_for(++at, kind);
}

std::string statement::shown() const { return file::shown(sql_); }

std::string statement::parameter(int at) const { return "parameter $" + std::to_string(at) + " of " + shown(); }

void statement::check_parameter(int at) const {
  if (at < 1 || static_cast<std::size_t>(at) > types_.size())
    in_.refuse("there is no " + parameter(at) + ": they are counted from 1, and it has " +
               std::to_string(types_.size()));
}

Oid statement::type_for(int at, value_kind kind) const {
  check_parameter(at);
  const auto type = types_[static_cast<std::size_t>(at) - 1];
  if (!column_type::holds(type, kind))
    in_.refuse(parameter(at) + " is of type " + column_type::name_of(type) + ", and gets " +
               column_type::name_of(kind) + ": change the column or the field, or convert it in the statement ($" +
               std::to_string(at) + "::bigint is a parameter of type bigint)");
  return type;
}

}  // namespace freshet::postgresql
