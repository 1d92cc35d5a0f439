#pragma once
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "freshet/core/state_store.hpp"

namespace freshet::testing {

/// A store in memory, which does what a store has to do and nothing else.
class memory_store final : public state_store {
 public:
  struct contents {
    std::map<std::uint32_t, std::map<std::string, std::string, std::less<>>> groups;
    std::size_t reads = 0, writes = 0;
    bool breaks = false;  ///< all calls throw
    std::size_t rows() const {
      std::size_t n = 0;
      for (const auto& [group, rows] : groups) n += rows.size();
      return n;
    }
  };
  /// `in` outlives it.
  memory_store(contents& in, std::size_t cache_bytes) : in_(in), cache_bytes_(cache_bytes) {}

  bool get(std::uint32_t group, std::string_view key, std::string& value) override {
    work();
    ++in_.reads;
    const auto& rows = in_.groups[group];
    const auto found = rows.find(key);
    if (found == rows.end()) return false;
    value = found->second;
    return true;
  }
  void write(std::span<const change> changes) override {
    work();
    for (const auto& c : changes) {
      ++in_.writes;
      auto& rows = in_.groups[c.group];
      if (c.value) rows[std::string(c.key)] = *c.value;
      else rows.erase(std::string(c.key));
    }
  }
  void scan(std::uint32_t group, std::string_view from, const visitor& visit) override {
    work();
    const auto rows = in_.groups[group];  // whoever visits may write
    for (auto at = rows.lower_bound(from); at != rows.end(); ++at)
      if (!visit(at->first, at->second)) return;
  }
  void drop(std::uint32_t group) override {
    work();
    in_.groups.erase(group);
  }
  std::size_t cache_bytes() const override { return cache_bytes_; }

  /// Its snapshot, which has no files.
  struct copy final : store_snapshot {
    contents rows{};
    std::string of{};
    std::vector<store_file> none{};
    const std::string& store() const override { return of; }
    const std::vector<store_file>& files() const override { return none; }
  };
  std::shared_ptr<const store_snapshot> snapshot() override {
    work();
    auto made = std::make_shared<copy>();
    made->rows = in_;
    return made;
  }

 private:
  void work() const {
    if (in_.breaks) throw state_store_error("the disk is full");
  }
  contents& in_;
  const std::size_t cache_bytes_;
};

/// Stores in memory for the tasks of a run, by the names of the tasks. Outlives the run.
class memory_backend final : public state_backend {
 public:
  explicit memory_backend(std::size_t cache_bytes) : cache_bytes_(cache_bytes) {}
  std::unique_ptr<state_store> open(const std::string& task) override {
    return std::make_unique<memory_store>(stores[task], cache_bytes_);
  }
  std::map<std::string, memory_store::contents> stores;

 private:
  const std::size_t cache_bytes_;
};

}  // namespace freshet::testing
