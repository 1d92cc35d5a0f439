#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "freshet/base/hash.hpp"

namespace freshet::file {

/// A checksum of bytes that come piece by piece, however they are cut: `hash_bytes` over blocks, one into the next. The
/// tokens of epoch_file keep it, so it never changes.
class byte_sum {
 public:
  static constexpr std::size_t block = std::size_t{64} << 10;

  void add(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto fits = std::min(bytes.size(), block - rest_.size());
      rest_.append(bytes.substr(0, fits));
      bytes.remove_prefix(fits);
      if (rest_.size() < block) return;
      sum_ = with_rest();
      rest_.clear();
    }
  }
  std::uint64_t value() const { return rest_.empty() ? sum_ : with_rest(); }

 private:
  std::uint64_t with_rest() const { return mix64(sum_ ^ hash_bytes(rest_.data(), rest_.size())); }

  std::uint64_t sum_ = 0;
  std::string rest_;
};

}  // namespace freshet::file
