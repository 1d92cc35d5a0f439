#include "state/scratch_database.hpp"

#include <rocksdb/cache.h>
#include <rocksdb/convenience.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>
#include <rocksdb/write_buffer_manager.h>

#include <algorithm>
#include <fstream>
#include <system_error>

namespace freshet::rocksdb {

namespace fs = std::filesystem;
namespace rdb = ::rocksdb;

namespace {
/// By this file a directory is known to be ours, also when the run before was killed.
constexpr const char* marker = "freshet-state-store";

[[noreturn]] void refuse(const std::string& dir, const std::string& why) {
  throw state_store_error("the state store cannot use \"" + dir + "\": " + why);
}

rdb::CompressionType compression() {
  const auto all = rdb::GetSupportedCompressions();
  const auto has = [&](rdb::CompressionType t) { return std::find(all.begin(), all.end(), t) != all.end(); };
  return has(rdb::kLZ4Compression)      ? rdb::kLZ4Compression
         : has(rdb::kSnappyCompression) ? rdb::kSnappyCompression
                                        : rdb::kNoCompression;
}

/// For rows that are mostly looked up one by one, often in vain, and that nobody needs after a crash.
rdb::Options options_for(const options& how) {
  rdb::BlockBasedTableOptions table;
  table.block_cache = rdb::NewLRUCache(how.memory_bytes);
  table.filter_policy.reset(
      rdb::NewBloomFilterPolicy(10));          // bits a key: 1 % of the keys that aren't there are read for
  table.cache_index_and_filter_blocks = true;  // within the bound on memory
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  rdb::Options o;
  o.table_factory.reset(rdb::NewBlockBasedTableFactory(table));
  // Counted in the cache, so that both together have one bound.
  o.write_buffer_manager = std::make_shared<rdb::WriteBufferManager>(how.memory_bytes / 2, table.block_cache);
  o.write_buffer_size = std::clamp<std::size_t>(how.memory_bytes / 4, 64u << 10, 64u << 20);
  o.compression = compression();
  o.level_compaction_dynamic_level_bytes = true;  // a tenth of the space for rows that were replaced
  o.max_open_files = 256;                         // of the 1024 that a process has by default
  o.create_if_missing = o.error_if_exists = true;
  o.avoid_flush_during_shutdown = true;
  o.info_log_level = rdb::WARN_LEVEL;
  o.keep_log_file_num = 1;
  return o;
}
}  // namespace

scratch_database::scratch_database(const options& how) : dir_(how.dir), options_(options_for(how)) {
  claim_directory();
  rdb::DB* opened = nullptr;
  const auto status = rdb::DB::Open(options_, dir_, &opened);
  if (!status.ok()) {
    leave_directory();
    refuse(dir_, status.ToString());
  }
  db_.reset(opened);
}

scratch_database::~scratch_database() {
  db_.reset();
  leave_directory();
}

void scratch_database::claim_directory() {
  if (dir_.empty()) throw state_store_error("rocksdb::options::dir is empty: name a directory for the state store");
  std::error_code failed;
  made_directory_ = fs::create_directories(dir_, failed);
  if (failed) refuse(dir_, "it cannot be created: " + failed.message());
  const auto mine = fs::path(dir_) / marker;
  if (fs::exists(mine, failed)) {
    const auto status = rdb::DestroyDB(dir_, options_);
    if (!status.ok())
      refuse(dir_, "a run is using it; give each process a directory of its own (" + status.ToString() + ")");
  } else if (!fs::is_empty(dir_, failed) || failed) {
    refuse(dir_, failed ? failed.message() : "it holds other files; name a directory that is empty or not there yet");
  }
  std::ofstream file(mine);
  if (!(file << "States of a running Freshet topology. These files are removed when it ends.\n").flush())
    refuse(dir_, "no file can be written there");
}

void scratch_database::leave_directory() noexcept {
  std::error_code ignored;
  rdb::DestroyDB(dir_, options_).PermitUncheckedError();
  fs::remove(fs::path(dir_) / marker, ignored);
  if (made_directory_) fs::remove(dir_, ignored);
}

}  // namespace freshet::rocksdb
