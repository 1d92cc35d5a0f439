#pragma once
#include <string>
#include <vector>

namespace freshet::conformance {

/// Runs of ASCII letters, in lower case; all other bytes separate.
std::vector<std::string> ascii_words(const std::string& line);
/// What stands between ASCII white space, byte by byte.
std::vector<std::string> tokens(const std::string& line);

}  // namespace freshet::conformance
