#include "freshet/state/rocksdb_store.hpp"

#include <rocksdb/write_batch.h>

#include <mutex>
#include <utility>

#include "state/scratch_database.hpp"

namespace freshet::rocksdb {

namespace rdb = ::rocksdb;

namespace {

/// Appends a number in the order of its bytes.
void append(std::string& key, std::uint32_t number) {
  for (int shift = 24; shift >= 0; shift -= 8) key.push_back(static_cast<char>(number >> shift & 0xff));
}
rdb::Slice slice(std::string_view bytes) { return {bytes.data(), bytes.size()}; }

/// The database while there are stores in it. Thread safe.
class shared_database {
 public:
  explicit shared_database(options how) : how_(std::move(how)) {}
  const options& how() const { return how_; }
  /// The number of a new store, by which its keys begin.
  std::uint32_t add_store() {
    std::lock_guard lock(mutex_);
    if (!database_) database_ = std::make_unique<scratch_database>(how_);
    ++stores_;
    return next_++;
  }
  void remove_store() noexcept {
    std::lock_guard lock(mutex_);
    if (--stores_ == 0) database_.reset();
  }
  /// REQUIRES: there is a store.
  rdb::DB& get() { return database_->get(); }

 private:
  const options how_;
  std::mutex mutex_;
  std::unique_ptr<scratch_database> database_;
  std::size_t stores_ = 0;
  std::uint32_t next_ = 0;
};

/// The rows of one task: their keys begin with the store's number and the key group's.
class task_store final : public state_store {
 public:
  task_store(std::shared_ptr<shared_database> shared, std::string task)
      : shared_(std::move(shared)), task_(std::move(task)), number_(shared_->add_store()) {
    write_.disableWAL = true;
  }
  ~task_store() override {
    erase_between(key_of(number_), key_of(number_ + 1)).PermitUncheckedError();
    shared_->remove_store();
  }

  bool get(std::uint32_t group, std::string_view key, std::string& value) override {
    const auto status = db().Get({}, db().DefaultColumnFamily(), row_key(group, key), &value);
    if (!status.IsNotFound()) check(status, "be read");
    return status.ok();
  }
  void write(std::span<const change> changes) override {
    rdb::WriteBatch batch;
    for (const auto& c : changes) {
      const auto key = row_key(c.group, c.key);
      check(c.value ? batch.Put(key, slice(*c.value)) : batch.Delete(key), "be written");
    }
    check(db().Write(write_, &batch), "be written");
  }
  void scan(std::uint32_t group, std::string_view from, const visitor& visit) override {
    const auto end = key_of(number_, group, 1);
    const rdb::Slice bound = end;
    rdb::ReadOptions all;
    all.iterate_upper_bound = &bound;
    all.fill_cache = false;  // what is visited once would push out what is read again
    const std::unique_ptr<rdb::Iterator> at(db().NewIterator(all));
    for (at->Seek(row_key(group, from)); at->Valid(); at->Next()) {
      const auto key = at->key().ToStringView().substr(prefix_bytes);
      if (!visit(key, at->value().ToStringView())) return;
    }
    check(at->status(), "be read");
  }
  void drop(std::uint32_t group) override {
    check(erase_between(key_of(number_, group), key_of(number_, group, 1)), "be written");
  }
  std::size_t cache_bytes() const override { return shared_->how().cache_bytes; }

 private:
  static constexpr std::size_t prefix_bytes = 8;

  rdb::DB& db() { return shared_->get(); }
  /// The first key of a group, or behind it.
  static std::string key_of(std::uint32_t number, std::uint32_t group = 0, std::uint32_t behind = 0) {
    std::string key;
    append(key, number);
    append(key, group + behind);
    return key;
  }
  rdb::Slice row_key(std::uint32_t group, std::string_view key) {
    key_.clear();
    append(key_, number_);
    append(key_, group);
    return key_.append(key);
  }
  rdb::Status erase_between(const std::string& from, const std::string& to) {
    return db().DeleteRange(write_, db().DefaultColumnFamily(), from, to);
  }
  void check(const rdb::Status& status, const char* what) const {
    if (status.ok()) return;
    throw state_store_error("the states of " + task_ + " cannot " + what + ": the state store in \"" +
                            shared_->how().dir + "\" says: " + status.ToString());
  }

  const std::shared_ptr<shared_database> shared_;
  const std::string task_;
  const std::uint32_t number_;
  rdb::WriteOptions write_;
  std::string key_;  // its memory is used again
};

class backend final : public state_backend {
 public:
  explicit backend(options how) : shared_(std::make_shared<shared_database>(std::move(how))) {}
  std::unique_ptr<state_store> open(const std::string& task) override {
    return std::make_unique<task_store>(shared_, task);
  }

 private:
  const std::shared_ptr<shared_database> shared_;
};

}  // namespace

std::shared_ptr<state_backend> store(options how) { return std::make_shared<backend>(std::move(how)); }

}  // namespace freshet::rocksdb
