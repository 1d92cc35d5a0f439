#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "freshet/base/error.hpp"

namespace freshet {

/// A store has failed: the sentence says which, where, and what the system said. What it throws once it may throw again
/// for every call that follows; the run ends with it.
class state_store_error : public fatal_error {
 public:
  using fatal_error::fatal_error;
};

/// A file of a store's snapshot.
struct store_file {
  std::string name{};  ///< what the store calls it
  std::string path{};  ///< where it lies
  std::uint64_t size = 0;
  bool is_immutable = false;  ///< the store has never had, nor will have, other bytes under that name
};

/// The rows of a store as they were at one moment, in files that don't change and are there as long as it lives.
class store_snapshot {
 public:
  virtual ~store_snapshot();
  /// The `id` of its store.
  virtual const std::string& store() const = 0;
  virtual const std::vector<store_file>& files() const = 0;
};

/// What somebody who opens a snapshot must know beside its files.
struct snapshot_rows {
  bool have_times = false;            ///< of last use
  std::vector<std::uint64_t> counts;  ///< by key group, without those that say nothing any more
};

/// Where the states of one task's keys are kept that memory has no room for: rows of bytes, by key group. Equal keys
/// must be written as the same bytes. All calls may throw state_store_error. Used by one thread at a time.
class state_store {
 public:
  virtual ~state_store();
  /// A row to be written, or erased where it has no value.
  struct change {
    std::uint32_t group = 0;
    std::string_view key;
    std::optional<std::string_view> value;
  };
  /// Called with a row, whose bytes are gone when it returns. False: no more.
  using visitor = std::function<bool(std::string_view key, std::string_view value)>;

  /// Replaces `value` by that of the row. False: there is none.
  virtual bool get(std::uint32_t group, std::string_view key, std::string& value) = 0;
  /// Makes changes in their order: all of them or, where it throws, none.
  virtual void write(std::span<const change> changes) = 0;
  /// Visits the rows of a group in the order of their bytes, those with keys before `from` left out.
  virtual void scan(std::uint32_t group, std::string_view from, const visitor& visit) = 0;
  /// Erases all rows of a group.
  virtual void drop(std::uint32_t group) = 0;
  /// About how much memory the states may take that are not only in the store.
  virtual std::size_t cache_bytes() const = 0;

  /// Makes a snapshot of the rows. May take long, so it is called by a thread of its own, while the one of the store
  /// goes on to `get` and to `scan`. Only where the backend `has_snapshots`. Where it throws there is no checkpoint for
  /// this time, with a warning, and the run goes on.
  virtual std::shared_ptr<const store_snapshot> snapshot();
  /// No other store has it, nor one of another run.
  virtual std::string id() const { return {}; }
};

/// Opens stores, one for each task that keeps state by key: what an executor's option `store` takes. Thread safe.
class state_backend {
 public:
  virtual ~state_backend();
  /// An empty store for a task, which is named in errors like this: "count" task 2. May throw state_store_error.
  virtual std::unique_ptr<state_store> open(const std::string& task) = 0;
  /// Its stores make snapshots, so that a checkpoint need not have the rows once more.
  virtual bool has_snapshots() const { return false; }
  /// A store with the rows of a snapshot, whose files stay as they are. May throw state_store_error.
  virtual std::unique_ptr<state_store> open_snapshot(const std::string& task, const std::vector<store_file>& snapshot);
};

}  // namespace freshet
