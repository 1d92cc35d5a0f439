#include "word_count.hpp"

#include <functional>

namespace demo {

freshet::topology word_count_topology(const text& from, const word_table& to) {
  freshet::topology_builder builder("word-count");
  auto lines = builder.spout("lines", freshet::file::line_spout{from.paths});
  auto words = builder.bolt("split", split_words{}).input(lines);
  auto counts =
      builder.bolt("count", count_words{}, {.parallelism = 2}).input(words, freshet::key_grouping{std::identity{}});
  builder.sink("table", to, {.parallelism = 2}).input(counts);
  return builder.build();
}

}  // namespace demo
