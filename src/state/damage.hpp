#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "freshet/state/checkpoint_reader.hpp"

namespace freshet {

/// What is written of a file of a checkpoint whose bytes can't be those that were written.
error damaged(const std::string& path, std::string_view expected, std::string_view found);
/// The same of numbers: "expected 200 bytes, found 199 bytes".
error wrong_size(const std::string& path, std::uint64_t expected, std::uint64_t found);
error wrong_checksum(const std::string& path, std::string_view of_what, std::uint64_t expected, std::uint64_t found);
/// That of a file which is gone: `why` says that it is.
error gone_file(const error& why);
/// A format this version can't read.
error unknown_format(const std::string& path, std::uint32_t version);

/// An epoch that nobody has written, with those that are there.
error no_such_epoch(const std::string& folder, std::uint64_t epoch, const std::vector<epoch_status>& all);

/// The log of the epochs is not there, and was.
error gone_log(const std::string& path);
/// What follows when a damaged log is passed over: "the run goes on from epoch 7 ...", which is the newest in front of
/// the damage that sinks have surely committed.
std::string behind_damage(std::uint64_t from);
/// Why a damaged log is refused, and what can be done.
error damaged_log(const error& why, std::uint64_t from);

/// 16 digits.
std::string in_hex(std::uint64_t number);

}  // namespace freshet
