#include "runtime/ways_back.hpp"

#include <set>
#include <utility>
#include <vector>

namespace freshet {

/// Breadth first: each way is one met before and a type more, of those that are met on it.
ways_back find_way_back(const any_state& state, std::string_view was) {
  std::vector<older_types> ways{{}};
  std::set<older_types> known{{}};
  for (std::size_t i = 0; i < ways.size(); ++i) {
    const auto older = ways[i];
    state_layout layout(older);
    state.add_layout(layout);
    if (!older.empty() && layout.text() == was) return {older, false};
    for (const auto* type : layout.migratable_types()) {
      auto with = older;
      if (!with.contains(type)) with.add(type);
      if (known.insert(with).second) ways.push_back(std::move(with));
    }
    if (ways.size() > ways_back::most) return {{}, true};
  }
  return {};
}

}  // namespace freshet
