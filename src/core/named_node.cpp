#include "core/named_node.hpp"

#include <stdexcept>
#include <string>

namespace freshet {

const node& node_called(const topology& graph, std::string_view name) {
  const auto& nodes = graph.nodes();
  if (const auto at = graph.find(name); at != nodes.size()) return nodes[at];
  std::string names;
  for (const auto& n : nodes) names += (names.empty() ? "\"" : ", \"") + n.name + "\"";
  throw std::invalid_argument("topology \"" + graph.name() + "\" has no node \"" + std::string(name) + "\": it has " +
                              names);
}

std::string titled(const node& n) { return std::string(to_string(n.kind)) + " \"" + n.name + "\""; }

}  // namespace freshet
