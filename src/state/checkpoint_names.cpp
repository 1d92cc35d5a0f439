#include "state/checkpoint_names.hpp"

#include <charconv>

#include "freshet/base/file_system.hpp"

namespace freshet {

namespace {

constexpr std::string_view prepared_end = ".prepared", state_end = ".state", store_end = ".store";

/// Takes a number off the front, as `std::to_string` writes it: each has one name only.
std::optional<std::uint64_t> take_number(std::string_view& text) {
  std::uint64_t number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed != std::errc{}) return {};
  const auto digits = static_cast<std::size_t>(end - text.data());
  if (text.front() == '0' && digits > 1) return {};
  text.remove_prefix(digits);
  return number;
}

bool take_end(std::string_view& text, std::string_view end) {
  if (!text.ends_with(end)) return false;
  text.remove_suffix(end.size());
  return true;
}

bool take_dash(std::string_view& text) {
  if (!text.starts_with('-')) return false;
  text.remove_prefix(1);
  return true;
}

}  // namespace

std::string name_of(const manifest_name& manifest) {
  return std::to_string(manifest.epoch) + "." + std::string(to_string(manifest.kind)) +
         std::string(manifest.is_prepared ? prepared_end : "");
}

std::string name_of_state_file(std::uint64_t epoch, std::uint64_t attempt, std::uint64_t number, state_file_kind kind) {
  return std::to_string(epoch) + "-" + std::to_string(attempt) + "-" + std::to_string(number) +
         std::string(kind == state_file_kind::store ? store_end : state_end);
}

std::optional<manifest_name> parse_manifest_name(std::string_view name) {
  manifest_name says;
  says.is_prepared = take_end(name, prepared_end);
  const auto epoch = take_number(name);
  if (!epoch) return {};
  says.epoch = *epoch;
  for (const auto kind : {checkpoint_kind::checkpoint, checkpoint_kind::savepoint}) {
    says.kind = kind;
    if (name.starts_with('.') && name.substr(1) == to_string(kind)) return says;
  }
  return {};
}

std::optional<std::uint64_t> epoch_of_state_file(std::string_view name) {
  if (!take_end(name, state_end) && !take_end(name, store_end)) return {};
  const auto epoch = take_number(name);
  if (!epoch || !take_dash(name) || !take_number(name) || !take_dash(name) || !take_number(name) || !name.empty())
    return {};
  return epoch;
}

std::vector<std::string> names_of_files(const checkpoint_manifest& manifest) {
  std::vector<std::string> all;
  for (const auto& node : manifest.nodes)
    for (const auto& file : node.files) all.push_back(file.name);
  return all;
}

bool is_unfinished(std::string_view name) {
  return take_end(name, unfinished_suffix) &&
         (name == format_file || parse_manifest_name(name) || epoch_of_state_file(name));
}

}  // namespace freshet
