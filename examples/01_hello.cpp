// Word count: a spout, two bolts, a sink.
//
// Look at: bolts are plain structs whose `process` says what they read and write; `count_words` has state by word,
// which belongs to the engine because its input is grouped by a key; `build()` gives a value that any executor runs.
#include <cstdint>
#include <freshet/freshet.hpp>
#include <functional>
#include <sstream>
#include <string>

struct word_count {
  std::string word;
  std::uint64_t count = 0;
};

struct split_words {
  void process(const std::string& line, freshet::emitter<std::string>& out) {
    std::istringstream words(line);
    for (std::string word; words >> word;) out.emit(word);
  }
};

struct count_words {
  using state = std::uint64_t;
  void process(const std::string& word, state& n, freshet::emitter<word_count>& out) { out.emit({word, ++n}); }
};

int main() {
  freshet::topology_builder builder("hello");
  auto lines = builder.spout(
      "lines", freshet::vector_spout<std::string>{{"to be or not to be", "that is the question", "to be is to do"}});
  auto words = builder.bolt("split", split_words{}).input(lines);
  auto counts =
      builder.bolt("count", count_words{}, {.parallelism = 2}).input(words, freshet::key_grouping{std::identity{}});
  auto print = [](const word_count& w) { return w.word + ' ' + std::to_string(w.count); };
  builder.sink("print", freshet::console_sink{print}).input(counts, freshet::global_grouping{});

  auto run = freshet::event_executor{}.start(builder.build());
  const freshet::drain_on_signals guard{run};  // Ctrl-C: what was read is finished
  run.wait();
}
