#pragma once
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "freshet/state/checkpoint_reader.hpp"

namespace freshet::checkpoint_tool {

/// Something that a manifest says, for people: "node "count" keys", "1000".
using fact = std::pair<std::string, std::string>;

/// All that it says, in an order to be read in. No two have the same name.
std::vector<fact> facts_of(const checkpoint_manifest& manifest);

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
