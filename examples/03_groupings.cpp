// Who gets which tuple: the same twelve words go to three tasks, once by each grouping.
//
// Look at the table: one row a grouping, one column a task. Under `key` a word is always in the same column, under
// `partial_key` in one of two; `all` copies; `global` chooses task 0; a custom grouping is a function of yours.
#include <array>
#include <cstdio>
#include <freshet/freshet.hpp>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

constexpr std::size_t tasks = 3;

// What one task saw.
struct seen {
  std::string grouping;
  std::size_t task = 0;
  std::string word;
};

// Says of every word that it came to this task.
struct witness {
  void process(const std::string& word, const freshet::task_context& me, freshet::emitter<seen>& out) {
    out.emit({me.node, me.task, word});
  }
};

int main() {
  const std::vector<std::string> text = {"apple", "pear",  "plum", "apple", "fig",   "apple",
                                         "pear",  "apple", "date", "plum",  "apple", "apple"};
  freshet::topology_builder builder("groupings");
  auto words = builder.spout("words", freshet::vector_spout{text});
  std::map<std::string, std::array<std::vector<std::string>, tasks>> table;
  freshet::callback_sink<seen> note{[&](const seen& s) { table[s.grouping][s.task].push_back(s.word); }};

  const auto watch = [&](std::string name, auto grouping) {
    auto witnesses = builder.bolt(name, witness{}, {.parallelism = tasks}).input(words, std::move(grouping));
    builder.sink("note " + name, note).input(witnesses, freshet::global_grouping{});
  };
  watch("shuffle", freshet::shuffle_grouping{});         // evenly, task after task
  watch("key", freshet::key_grouping{std::identity{}});  // by a hash of the word
  watch("partial_key",
        freshet::partial_key_grouping{std::identity{}});  // one of two tasks: for keys that are too frequent
  watch("all", freshet::all_grouping{});                  // every task gets every word
  watch("global", freshet::global_grouping{});            // task 0 gets all
  watch("custom", freshet::custom_grouping{[](const std::string& w, std::size_t n) { return w.size() % n; }});

  auto run = freshet::event_executor{}.start(builder.build());
  const freshet::drain_on_signals guard{run};  // Ctrl-C: what was read is finished
  run.wait();

  for (const auto& [grouping, columns] : table) {
    std::printf("%-12s", grouping.c_str());
    for (const auto& column : columns) std::printf(" %3zu", column.size());
    for (const auto& column : columns) {
      std::map<std::string, int> counts;
      for (const auto& word : column) ++counts[word];
      std::printf("  |");
      for (const auto& [word, n] : counts) std::printf(" %s:%d", word.c_str(), n);
    }
    std::printf("\n");
  }
}
