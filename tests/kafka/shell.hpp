#pragma once
#include <string>

namespace freshet::kafka {

/// As one word of a shell's command.
std::string quoted(const std::string& word);

/// What `sh -c command` prints. Throws a runtime_error with all that it has printed when its status isn't 0; a
/// not_installed for status 3, as of `broker/start`.
std::string run_shell(const std::string& command);

}  // namespace freshet::kafka
