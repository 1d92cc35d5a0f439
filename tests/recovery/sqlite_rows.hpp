#pragma once
#include <sqlite3.h>

#include <stdexcept>
#include <string>
#include <vector>

namespace freshet::recovery {

/// What a query gives, each row's columns with blanks between.
inline std::vector<std::string> rows_of(const std::string& path, const std::string& query) {
  sqlite3* db = nullptr;
  if (sqlite3_open(path.c_str(), &db) != SQLITE_OK) throw std::runtime_error("cannot open " + path);
  std::vector<std::string> rows;
  const auto add = [](void* into, int columns, char** values, char**) {
    std::string row;
    for (int i = 0; i < columns; ++i) row += (i ? " " : "") + std::string(values[i] ? values[i] : "null");
    static_cast<std::vector<std::string>*>(into)->push_back(row);
    return 0;
  };
  const int code = sqlite3_exec(db, query.c_str(), add, &rows, nullptr);
  const std::string said = sqlite3_errmsg(db);
  sqlite3_close(db);
  if (code != SQLITE_OK) throw std::runtime_error(query + ": " + said);
  return rows;
}

}  // namespace freshet::recovery
