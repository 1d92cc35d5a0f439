#include "state/store_directory.hpp"

#include <rocksdb/cache.h>
#include <rocksdb/convenience.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>
#include <rocksdb/write_buffer_manager.h>

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

namespace freshet::rocksdb {

namespace fs = std::filesystem;
namespace rdb = ::rocksdb;

namespace {
/// By this file, whose lock a run has, a directory is known to be ours, also when the run before was killed.
constexpr const char* marker = "freshet-state-store";
/// By this beginning our folders are known from what others have put beside them: a journal, say.
constexpr std::string_view folder_name = "states-";

bool is_ours(const fs::path& path) {
  const auto name = path.filename().string();
  return name == marker || name.starts_with(folder_name);
}

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
}  // namespace

/// For rows that are mostly looked up one by one, often in vain. After a crash nobody needs those that are in no
/// snapshot.
rdb::Options database_options(const options& how) {
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
  o.max_open_files = 64;                          // a task, of the 1024 that a process has by default
  o.create_if_missing = true;
  o.avoid_flush_during_shutdown = true;
  o.info_log_level = rdb::WARN_LEVEL;
  o.keep_log_file_num = 1;
  return o;
}

store_directory::store_directory(std::string dir) : dir_(std::move(dir)) { claim(); }

store_directory::~store_directory() {
  clear();
  lock_.reset();
  std::error_code ignored;
  if (is_made_) fs::remove(dir_, ignored);
}

std::string store_directory::folder(std::uint64_t number) const {
  return dir_ + "/" + std::string(folder_name) + std::to_string(number);
}

void store_directory::claim() {
  if (dir_.empty()) throw state_store_error("rocksdb::options::dir is empty: name a directory for the state store");
  std::error_code failed;
  is_made_ = fs::create_directories(dir_, failed);
  if (failed) refuse(dir_, "it cannot be created: " + failed.message());
  const auto mine = fs::path(dir_) / marker;
  for (const auto& there : fs::directory_iterator(dir_, failed))
    if (!is_ours(there.path()))
      refuse(dir_, "it holds other files, such as \"" + there.path().filename().string() +
                       "\"; name a directory that is empty or not there yet");
  if (failed) refuse(dir_, failed.message());
  auto lock = system_files().lock(mine);
  if (!lock && lock.error().code == errc::invalid_argument)
    refuse(dir_, "a run is using it; give each process a directory of its own (" + lock.error().message + ")");
  if (!lock) refuse(dir_, "no file can be written there: " + lock.error().message);
  lock_ = *std::move(lock);
  for (const auto& left : fs::directory_iterator(dir_, failed))  // by a run that was killed
    if (is_ours(left.path()) && left.path() != mine) fs::remove_all(left.path(), failed);
  if (failed) refuse(dir_, "what another run has left there cannot be removed: " + failed.message());
}

void store_directory::clear() noexcept {
  std::error_code ignored;
  for (const auto& left : fs::directory_iterator(dir_, ignored))
    if (is_ours(left.path())) fs::remove_all(left.path(), ignored);
}

}  // namespace freshet::rocksdb
