#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "freshet/base/error.hpp"

namespace freshet {

/// A store has failed: the sentence says which, where, and what the system said. What it throws once it may throw again
/// for every call that follows; the run ends with it.
class state_store_error : public fatal_error {
 public:
  using fatal_error::fatal_error;
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
};

/// Opens stores, one for each task that keeps state by key: what an executor's option `store` takes. Thread safe.
class state_backend {
 public:
  virtual ~state_backend();
  /// An empty store for a task, which is named in errors like this: "count" task 2. May throw state_store_error.
  virtual std::unique_ptr<state_store> open(const std::string& task) = 0;
};

}  // namespace freshet
