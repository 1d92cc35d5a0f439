#pragma once
#include <rocksdb/options.h>

#include <cstdint>
#include <memory>
#include <string>

#include "freshet/base/file_system.hpp"
#include "freshet/state/rocksdb_store.hpp"

namespace freshet::rocksdb {

/// The directory of a state store: empty at first, and of what is ours at the end. Nobody else has it meanwhile.
class store_directory {
 public:
  /// Throws state_store_error.
  explicit store_directory(std::string dir);
  store_directory(const store_directory&) = delete;
  store_directory& operator=(const store_directory&) = delete;
  ~store_directory();
  /// A folder there, which is not made yet; each has its number.
  std::string folder(std::uint64_t number) const;

 private:
  void claim();
  void clear() noexcept;

  const std::string dir_;
  bool is_made_ = false;
  std::unique_ptr<file_lock> lock_;
};

/// How the databases of a store work, which share the memory that they may take.
::rocksdb::Options database_options(const options& how);

}  // namespace freshet::rocksdb
