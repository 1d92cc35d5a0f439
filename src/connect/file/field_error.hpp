#pragma once
#include <string>
#include <string_view>

namespace freshet::file {

/// The text in quotes, as it is.
std::string in_quotes(std::string_view text);
/// A value from a file, for a message: in quotes, its first 100 bytes, with escapes for what would break a line of a
/// log.
std::string shown(std::string_view text);

}  // namespace freshet::file
