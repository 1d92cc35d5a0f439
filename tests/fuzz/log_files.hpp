#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "freshet/testing/simulated_files.hpp"

namespace freshet::fuzz {

/// An input as files of a record_log: what stands before the first head, and the segments, each from its head to the
/// next.
struct log_files {
  std::string_view before{};
  std::vector<std::string> segments{};
};
log_files split(std::string_view input);
/// With the checksums that belong to what is there, so that it is looked at: of the head, and of each record that fits.
std::string sealed(std::string segment);
/// Puts them in a folder, named by what their heads say. False: two say the same, or what no log gets to.
bool put(file_system& files, const std::string& folder, const std::vector<std::string>& segments);
/// The bytes of a file.
std::string content_of(file_system& files, const std::string& path);

/// A segment of records, all safe but the last.
std::string segment_of(std::uint64_t first, const std::vector<std::string>& records);

}  // namespace freshet::fuzz
