#include "freshet/state/rocksdb_store.hpp"

#include <rocksdb/db.h>
#include <rocksdb/utilities/checkpoint.h>
#include <rocksdb/write_batch.h>

#include <filesystem>
#include <mutex>
#include <system_error>
#include <utility>

#include "state/store_directory.hpp"

namespace freshet::rocksdb {

namespace fs = std::filesystem;
namespace rdb = ::rocksdb;

namespace {

/// Appends a number in the order of its bytes.
void append(std::string& key, std::uint32_t number) {
  for (int shift = 24; shift >= 0; shift -= 8) key.push_back(static_cast<char>(number >> shift & 0xff));
}
rdb::Slice slice(std::string_view bytes) { return {bytes.data(), bytes.size()}; }
/// RocksDB numbers these files, writes each once, and never gives a number twice.
bool is_table(const std::string& name) { return fs::path(name).extension() == ".sst"; }

/// What the stores of a backend share while there are any: the memory, and the directory. Thread safe.
class shared_store {
 public:
  explicit shared_store(options how) : how_(std::move(how)), database_(database_options(how_)) {}
  const options& how() const { return how_; }
  const rdb::Options& database() const { return database_; }
  /// A new name in the directory, for somebody who `leave`s it. Throws state_store_error.
  std::string enter() {
    std::lock_guard lock(mutex_);
    if (!dir_) dir_ = std::make_unique<store_directory>(how_.dir);
    ++inside_;
    return dir_->folder(++last_);
  }
  void leave(const std::string& folder) noexcept {
    std::error_code ignored;
    fs::remove_all(folder, ignored);
    std::lock_guard lock(mutex_);
    if (--inside_ == 0) dir_.reset();
  }

 private:
  const options how_;
  const rdb::Options database_;
  std::mutex mutex_;
  std::unique_ptr<store_directory> dir_;
  std::size_t inside_ = 0;
  std::uint64_t last_ = 0;
};

/// A folder in the directory, that goes with it.
class scratch_folder {
 public:
  explicit scratch_folder(std::shared_ptr<shared_store> in) : in_(std::move(in)), path_(in_->enter()) {}
  scratch_folder(const scratch_folder&) = delete;
  scratch_folder& operator=(const scratch_folder&) = delete;
  ~scratch_folder() { in_->leave(path_); }
  const std::string& path() const { return path_; }

 private:
  const std::shared_ptr<shared_store> in_;
  const std::string path_;
};

/// Files of a checkpoint of a database, which is in a folder of its own.
class database_snapshot final : public store_snapshot {
 public:
  database_snapshot(const std::shared_ptr<shared_store>& in, std::string store)
      : folder_(in), store_(std::move(store)) {}
  const std::string& store() const override { return store_; }
  const std::vector<store_file>& files() const override { return files_; }
  const std::string& folder() const { return folder_.path(); }
  /// REQUIRES: the checkpoint is made.
  void list_files() {
    for (const auto& each : fs::directory_iterator(folder())) {
      const auto name = each.path().filename().string();
      if (name.starts_with("OPTIONS")) continue;  // they are those of whoever opens it
      files_.push_back({name, each.path().string(), each.file_size(), is_table(name)});
    }
  }

 private:
  const scratch_folder folder_;
  const std::string store_;
  std::vector<store_file> files_;
};

/// The rows of one task, in a database of its own: their keys begin with that of the key group.
class task_store final : public state_store {
 public:
  /// `snapshot`: null: it begins empty.
  task_store(std::shared_ptr<shared_store> shared, std::string task, const std::vector<store_file>* snapshot)
      : shared_(std::move(shared)), folder_(shared_), task_(std::move(task)) {
    write_.disableWAL = true;
    if (snapshot) place(*snapshot);
    if (snapshot && !snapshot->empty()) checkpoints_ = fs::path(snapshot->front().path).parent_path().string();
    rdb::DB* opened = nullptr;
    check(rdb::DB::Open(shared_->database(), folder_.path(), &opened), "be opened");
    db_.reset(opened);
    check(db_->GetDbIdentity(id_), "be opened");
  }

  bool get(std::uint32_t group, std::string_view key, std::string& value) override {
    const auto status = db_->Get({}, db_->DefaultColumnFamily(), row_key(group, key), &value);
    if (!status.IsNotFound()) check(status, "be read");
    return status.ok();
  }
  void write(std::span<const change> changes) override {
    rdb::WriteBatch batch;
    for (const auto& c : changes) {
      const auto key = row_key(c.group, c.key);
      check(c.value ? batch.Put(key, slice(*c.value)) : batch.Delete(key), "be written");
    }
    check(db_->Write(write_, &batch), "be written");
  }
  void scan(std::uint32_t group, std::string_view from, const visitor& visit) override {
    const auto end = key_of(group + 1);
    const rdb::Slice bound = end;
    rdb::ReadOptions all;
    all.iterate_upper_bound = &bound;
    all.fill_cache = false;  // what is visited once would push out what is read again
    const std::unique_ptr<rdb::Iterator> at(db_->NewIterator(all));
    for (at->Seek(row_key(group, from)); at->Valid(); at->Next()) {
      const auto key = at->key().ToStringView().substr(prefix_bytes);
      if (!visit(key, at->value().ToStringView())) return;
    }
    check(at->status(), "be read");
  }
  void drop(std::uint32_t group) override {
    check(db_->DeleteRange(write_, db_->DefaultColumnFamily(), key_of(group), key_of(group + 1)), "be written");
  }
  std::size_t cache_bytes() const override { return shared_->how().cache_bytes; }

  std::shared_ptr<const store_snapshot> snapshot() override {
    auto made = std::make_shared<database_snapshot>(shared_, id_);
    rdb::Checkpoint* checkpoint = nullptr;
    check(rdb::Checkpoint::Create(db_.get(), &checkpoint), "be put into a checkpoint");
    const std::unique_ptr<rdb::Checkpoint> owner(checkpoint);
    check(checkpoint->CreateCheckpoint(made->folder()), "be put into a checkpoint");
    made->list_files();
    return made;
  }
  std::string id() const override { return id_; }

 private:
  static constexpr std::size_t prefix_bytes = 4;

  /// Tables by a second name, as nobody changes them; others are copied.
  void place(const std::vector<store_file>& snapshot) {
    std::error_code failed;
    fs::create_directory(folder_.path(), failed);
    for (const auto& f : snapshot) {
      const auto here = folder_.path() + "/" + f.name;
      if (!failed && is_table(f.name)) fs::create_hard_link(f.path, here, failed);
      if (failed || !is_table(f.name)) fs::copy_file(f.path, here, failed);  // also where it is another device
      if (failed)
        throw state_store_error("the states of " + task_ + " cannot be opened: \"" + f.path +
                                "\" cannot be copied to \"" + here + "\": " + failed.message());
    }
  }
  /// The first key of a group, or behind all.
  static std::string key_of(std::uint32_t group) {
    std::string key;
    append(key, group);
    return key;
  }
  rdb::Slice row_key(std::uint32_t group, std::string_view key) {
    key_.clear();
    append(key_, group);
    return key_.append(key);
  }
  void check(const rdb::Status& status, const char* what) const {
    if (status.ok()) return;
    throw state_store_error("the states of " + task_ + " cannot " + what + ": the state store in \"" +
                            shared_->how().dir + "\" says: " + status.ToString() +
                            (status.IsCorruption() ? way_out() : ""));
  }
  /// Damage is mostly that of a file which is also in the checkpoints, and not only here, where it goes with the run.
  std::string way_out() const {
    if (checkpoints_.empty()) return "";
    return ". It began with files of the checkpoints in \"" + checkpoints_ +
           "\": freshet-checkpoint verify says which of them are damaged, and checkpoints.resume_from goes on from one "
           "that is not, or from a savepoint";
  }

  const std::shared_ptr<shared_store> shared_;
  const scratch_folder folder_;
  const std::string task_;
  std::string checkpoints_;  // the folder of those whose files it began with; empty: it began empty
  rdb::WriteOptions write_;
  std::unique_ptr<rdb::DB> db_;
  std::string id_;
  std::string key_;  // its memory is used again
};

class backend final : public state_backend {
 public:
  explicit backend(options how) : shared_(std::make_shared<shared_store>(std::move(how))) {}
  std::unique_ptr<state_store> open(const std::string& task) override {
    return std::make_unique<task_store>(shared_, task, nullptr);
  }
  bool has_snapshots() const override { return true; }
  std::unique_ptr<state_store> open_snapshot(const std::string& task,
                                             const std::vector<store_file>& snapshot) override {
    return std::make_unique<task_store>(shared_, task, &snapshot);
  }

 private:
  const std::shared_ptr<shared_store> shared_;
};

}  // namespace

std::shared_ptr<state_backend> store(options how) { return std::make_shared<backend>(std::move(how)); }

}  // namespace freshet::rocksdb
