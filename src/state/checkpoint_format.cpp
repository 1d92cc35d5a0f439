#include "state/checkpoint_format.hpp"

#include <charconv>

#include "state/checkpoint_names.hpp"
#include "state/damage.hpp"

namespace freshet {

namespace {

constexpr std::string_view first_line = "Checkpoints of a Freshet topology: see freshet-checkpoint --help\nformat ";

std::string text_of(std::uint32_t version) {
  std::string text = std::string(first_line) + std::to_string(version) + "\nchecksum ";
  return text + in_hex(hash_bytes(text.data(), text.size())) + "\n";
}

}  // namespace

std::string format_text() { return text_of(checkpoint_format); }

result<void> check_format_of(file_system& files, const std::string& folder) {
  const auto path = folder + "/" + std::string(format_file);
  const auto text = read_whole(files, path);
  if (!text && text.error().code == errc::not_found)
    return error{errc::not_found, "\"" + folder + "\" is not a checkpoint directory: it has no file " +
                                      std::string(format_file) + "; name one that a run has made"};
  if (!text) return text.error();
  if (*text == format_text()) return {};
  std::uint32_t version = 0;
  if (text->starts_with(first_line)) {
    const auto* const from = text->data() + first_line.size();
    std::from_chars(from, text->data() + text->size(), version);
    if (*text == text_of(version)) return unknown_format(path, version);
  }
  return damaged(path, "the text of its format, " + std::to_string(checkpoint_format), "another");
}

}  // namespace freshet
