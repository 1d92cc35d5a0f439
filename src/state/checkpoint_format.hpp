#pragma once
#include <string>

#include "freshet/base/file_system.hpp"

namespace freshet {

/// The text of the file FORMAT: people read it, too.
std::string format_text();
/// Whether the folder has the file FORMAT, and it says what this version knows.
result<void> check_format_of(file_system& files, const std::string& folder);

}  // namespace freshet
