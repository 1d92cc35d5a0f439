#include "connect/file/epoch_file_names.hpp"

#include <charconv>
#include <cstddef>

#include "freshet/base/file_system.hpp"

namespace freshet::file {

namespace {

// As many digits as names need to sort: an epoch each millisecond fills these in thirty years.
constexpr std::size_t epoch_digits = 12, task_digits = 4;

std::string padded(std::uint64_t number, std::size_t digits) {
  auto text = std::to_string(number);
  return text.size() < digits ? std::string(digits - text.size(), '0') + text : text;
}
std::string in_hex(std::uint64_t number) {
  char text[16];
  return {text, std::to_chars(text, text + sizeof text, number, 16).ptr};
}

/// Reads a number and the "-" behind it, if it has to be there.
bool take(std::string_view& text, std::uint64_t& number, int base, bool last) {
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (failed != std::errc{}) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  if (last) return text.empty();
  if (text.empty() || text[0] != '-') return false;
  text.remove_prefix(1);
  return true;
}

}  // namespace

std::string epoch_file_names::stem(const epoch_file_key& key) const {
  return prefix_ + "-" + padded(key.epoch.epoch, epoch_digits) + "-" + padded(key.task, task_digits) + "-" +
         in_hex(key.epoch.history);
}

std::string epoch_file_names::unfinished(const epoch_file_key& key) const {
  auto name = std::string(1, '.');  // built by appending: GCC 12 warns of "." + std::string, for nothing (PR 105651)
  return name.append(stem(key)).append(unfinished_suffix);
}

std::optional<epoch_file_key> epoch_file_names::parse_stem(std::string_view text) const {
  if (text.size() <= prefix_.size() || !text.starts_with(prefix_) || text[prefix_.size()] != '-') return {};
  auto rest = text.substr(prefix_.size() + 1);
  epoch_file_key key;
  if (!take(rest, key.epoch.epoch, 10, false) || !take(rest, key.task, 10, false) ||
      !take(rest, key.epoch.history, 16, true))
    return {};
  if (stem(key) != text) return {};  // somebody else's: other digits for the same numbers
  return key;
}

std::optional<epoch_file_key> epoch_file_names::parse_visible(std::string_view name) const {
  if (!name.ends_with(suffix_)) return {};
  return parse_stem(name.substr(0, name.size() - suffix_.size()));
}

std::optional<epoch_file_key> epoch_file_names::parse_unfinished(std::string_view name) const {
  if (!name.starts_with(".") || !name.ends_with(unfinished_suffix) || name.size() <= unfinished_suffix.size())
    return {};
  return parse_stem(name.substr(1, name.size() - 1 - unfinished_suffix.size()));
}

}  // namespace freshet::file
