#pragma once
#include <cstddef>
#include <unordered_map>
#include <vector>

#include "freshet/core/stable_hash.hpp"
#include "freshet/stream/keyed.hpp"

namespace freshet::conformance {

/// An aggregate gives a row whenever a key's value has changed; the last of each key is the answer.
template <class K, class V>
std::vector<keyed<K, V>> last_rows(const std::vector<keyed<K, V>>& all) {
  const auto hash = [](const K& key) { return static_cast<std::size_t>(stable_hash<K>::of(key)); };
  std::unordered_map<K, const V*, decltype(hash)> last(0, hash);
  for (const auto& [key, value] : all) last.insert_or_assign(key, &value);
  std::vector<keyed<K, V>> rows;
  for (const auto& [key, value] : last) rows.push_back({key, *value});
  return rows;
}

}  // namespace freshet::conformance
