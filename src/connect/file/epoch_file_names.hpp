#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "freshet/base/ids.hpp"

namespace freshet::file {

/// What the name of an epoch's file says.
struct epoch_file_key {
  epoch_id epoch{};
  std::uint64_t task = 0;
  friend bool operator==(const epoch_file_key&, const epoch_file_key&) = default;
};

/// What the files of epochs are called:
///     part-000000000042-0003-9f86d081884c7d65.txt           visible: prefix, epoch, task, history in hex, suffix
///     .part-000000000042-0003-9f86d081884c7d65.unfinished   the same while nobody should see it
///     .part.lock                                            held by the run that writes
/// Names that sort say epochs in their order. No name belongs to two prefixes, though "part" is the beginning of
/// "part-2": behind the prefix are exactly three numbers, written as they are here.
class epoch_file_names {
 public:
  epoch_file_names(std::string prefix, std::string suffix) : prefix_(std::move(prefix)), suffix_(std::move(suffix)) {}

  std::string visible(const epoch_file_key& key) const { return stem(key) + suffix_; }
  std::string unfinished(const epoch_file_key& key) const;
  std::string lock() const { return "." + prefix_ + ".lock"; }

  /// Nothing where it is not such a name, or that of another prefix.
  std::optional<epoch_file_key> parse_visible(std::string_view name) const;
  std::optional<epoch_file_key> parse_unfinished(std::string_view name) const;

 private:
  std::string stem(const epoch_file_key& key) const;
  std::optional<epoch_file_key> parse_stem(std::string_view text) const;

  std::string prefix_, suffix_;
};

}  // namespace freshet::file
