#include "state/damage.hpp"

#include "base/record_segment.hpp"

namespace freshet {

namespace {
constexpr const char* what_to_do = "; put it back from a copy, or go on from an epoch that is intact";
}

error damaged(const std::string& path, std::string_view expected, std::string_view found) {
  return {errc::data_loss, "\"" + path + "\" is damaged: expected " + std::string(expected) + ", found " +
                               std::string(found) + what_to_do};
}

error wrong_size(const std::string& path, std::uint64_t expected, std::uint64_t found) {
  return damaged(path, std::to_string(expected) + " bytes", std::to_string(found) + " bytes");
}

error wrong_checksum(const std::string& path, std::string_view of_what, std::uint64_t expected, std::uint64_t found) {
  return damaged(path, std::string(of_what) + " with the checksum " + in_hex(expected), in_hex(found));
}

error gone_file(const error& why) { return {errc::data_loss, why.message + what_to_do}; }

error unknown_format(const std::string& path, std::uint32_t version) {
  return {errc::unsupported, "\"" + path + "\" has format " + std::to_string(version) +
                                 "; this version of Freshet knows formats up to " + std::to_string(checkpoint_format) +
                                 ": use the version that wrote it, or a newer one"};
}

error no_such_epoch(const std::string& folder, std::uint64_t epoch, const std::vector<epoch_status>& all) {
  std::string there;
  for (const auto& each : all) there += (there.empty() ? "" : ", ") + std::to_string(each.epoch);
  return {errc::not_found,
          "\"" + folder + "\" has no epoch " + std::to_string(epoch) + "; it has " + (there.empty() ? "none" : there)};
}

error gone_log(const std::string& path) {
  return {errc::data_loss, "\"" + path +
                               "\" has no records, and not even an empty file for them: somebody has taken away the "
                               "log of the epochs behind the newest checkpoint"};
}

std::string behind_damage(std::uint64_t from) {
  return "the run goes on from epoch " + std::to_string(from) +
         ", in a new history: what was read in the epochs behind it is read again, and their rows come again, also to "
         "sinks that have them; what a source can't give again is lost (see on_data_loss)";
}

error damaged_log(const error& why, std::uint64_t from) {
  return {errc::data_loss, without_way_out(why.message) +
                               ". Nothing was changed. Bring the directory back from a copy. Allowed "
                               "when_damaged::use_older, " +
                               behind_damage(from)};
}

std::string in_hex(std::uint64_t number) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text(16, '0');
  for (auto at = text.rbegin(); at != text.rend(); ++at, number >>= 4) *at = digits[number & 15];
  return text;
}

}  // namespace freshet
