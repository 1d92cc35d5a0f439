// What a user's first program costs to compile; see cmake/compile_time.cmake. Never run.
#include <cstdint>
#include <cstdio>
#include <functional>
#include <sstream>
#include <string>

#include "freshet/connect/memory/vector_spout.hpp"
#include "freshet/core/topology_builder.hpp"
#include "freshet/event/event_executor.hpp"

struct word_count {
  std::string word;
  std::uint64_t count = 0;
};
struct split_words {
  void process(const std::string& line, freshet::emitter<std::string>& out) {
    std::istringstream words{line};
    for (std::string w; words >> w;) out.emit(w);
  }
};
struct count_words {
  using state = std::uint64_t;
  void process(const std::string& word, state& n, freshet::emitter<word_count>& out) { out.emit({word, ++n}); }
};

int main() {
  using namespace freshet;
  topology_builder builder{"word-count"};
  auto lines =
      builder.spout("lines", vector_spout<std::string>{{"to be or not to be", "that is the question", "to be"}});
  auto words = builder.bolt("split", split_words{}, {.parallelism = 2}).input(lines, shuffle_grouping{});
  auto counts = builder.bolt("count", count_words{}, {.parallelism = 4}).input(words, key_grouping{std::identity{}});
  (void)builder.sink("print", [](const word_count& c) { std::printf("%s %lu\n", c.word.c_str(), c.count); })
      .input(counts, global_grouping{});
  topology graph = builder.build();
  event_executor live{{.guarantee = guarantee::at_least_once}};
  live.start(graph).wait();
}
