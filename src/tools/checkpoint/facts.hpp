#pragma once
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "freshet/state/epoch_log_reader.hpp"

namespace freshet::checkpoint_tool {

/// Something that a manifest says, for people: "node "count" keys", "1000".
using fact = std::pair<std::string, std::string>;

/// All that it says, in an order to be read in. No two have the same name.
std::vector<fact> facts_of(const checkpoint_manifest& manifest);

/// What the log says of one of its epochs besides: its record, and the changes by node.
std::vector<fact> facts_of(const logged_epochs& log, const logged_epoch& epoch);

/// Which epochs the log has, in a line; then what is to be said of its end.
std::vector<std::string> lines_of(const logged_epochs& log);

/// A fact that is not the same in two manifests; one that only one of them has is empty in the other.
struct difference {
  std::string name, before, after;
};
std::vector<difference> differences(const checkpoint_manifest& before, const checkpoint_manifest& after);

/// Bytes of the files that an epoch lists, and of those that it has written itself.
struct sizes {
  std::uint64_t all = 0, own = 0;
};
sizes sizes_of(const checkpoint_manifest& manifest);

}  // namespace freshet::checkpoint_tool
