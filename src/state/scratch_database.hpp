#pragma once
#include <rocksdb/db.h>
#include <rocksdb/options.h>

#include <filesystem>
#include <memory>
#include <string>

#include "freshet/state/rocksdb_store.hpp"

namespace freshet::rocksdb {

/// A RocksDB in a directory, empty at first and removed at the end. Thread safe.
class scratch_database {
 public:
  /// Throws state_store_error.
  explicit scratch_database(const options& how);
  scratch_database(const scratch_database&) = delete;
  scratch_database& operator=(const scratch_database&) = delete;
  ~scratch_database();

  ::rocksdb::DB& get() { return *db_; }
  const std::string& dir() const { return dir_; }

 private:
  void claim_directory();
  void leave_directory() noexcept;

  const std::string dir_;
  const ::rocksdb::Options options_;
  bool made_directory_ = false;
  std::unique_ptr<::rocksdb::DB> db_;
};

}  // namespace freshet::rocksdb
