#pragma once
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "freshet/testing/simulated_files.hpp"

namespace freshet::testing {

inline std::unique_ptr<append_file> create(file_system& files, const std::string& path, std::string_view bytes = "") {
  auto file = files.create(path).value();
  file->append(bytes).value();
  return file;
}
inline std::string text(file_system& files, const std::string& path) {
  const auto bytes = read_whole(files, path);
  return bytes ? *bytes : "(" + std::string(to_string(bytes.error().code)) + ")";
}
/// Everything that `look` sees after a crash of what `act` has done, by many seeds.
template <class Act, class Look>
std::set<std::string> after_crashes(Act act, Look look) {
  std::set<std::string> seen;
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    simulated_files files;
    act(files);
    random_source random(seed);
    files.crash(random);
    seen.insert(look(files));
  }
  return seen;
}
using outcomes = std::set<std::string>;
inline constexpr auto look_at_a = [](simulated_files& files) { return text(files, "a"); };

}  // namespace freshet::testing
