// Word count: the same splitter and the same text for all. By hand: one loop, one flat map. Text: made once, some
// thousand different words with a skewed frequency.
#include <benchmark/benchmark.h>

#include <boost/unordered/unordered_flat_map.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "freshet/base/random.hpp"
#include "freshet/freshet.hpp"

namespace freshet {
namespace {

constexpr std::size_t lines = 200'000, words_a_line = 10;

const std::vector<std::string>& text() {
  static const std::vector<std::string> all = [] {
    random_source random{42};
    std::vector<std::string> made;
    for (std::size_t i = 0; i < lines; ++i) {
      std::string line;
      for (std::size_t w = 0; w < words_a_line; ++w) {
        const auto rank = static_cast<std::uint64_t>(random.exponential(400));
        line += 'w';
        line.append(rank % 7, 'o');
        line += std::to_string(rank);
        if (w + 1 < words_a_line) line += ' ';
      }
      made.push_back(std::move(line));
    }
    return made;
  }();
  return all;
}

template <class F>
void each_word(std::string_view line, F&& f) {
  while (!line.empty()) {
    const auto end = std::min(line.find(' '), line.size());
    if (end) f(line.substr(0, end));
    line.remove_prefix(std::min(end + 1, line.size()));
  }
}

void count(benchmark::State& state) {
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * lines * words_a_line));
}

struct string_hash {
  using is_transparent = void;
  std::size_t operator()(std::string_view s) const { return hash_bytes(s.data(), s.size()); }
};

void words_by_hand(benchmark::State& state) {
  (void)text();
  for (auto _ : state) {
    boost::unordered_flat_map<std::string, std::uint64_t, string_hash, std::equal_to<>> counts;
    std::uint64_t sink = 0;
    for (const auto& line : text())
      each_word(line, [&](std::string_view w) {
        auto at = counts.find(w);
        if (at == counts.end()) at = counts.emplace(w, 0).first;
        sink ^= ++at->second;
      });
    benchmark::DoNotOptimize(sink);
  }
  count(state);
}
BENCHMARK(words_by_hand)->Name("words/hand")->UseRealTime()->Unit(benchmark::kMillisecond);

struct word_count {
  std::string word;
  std::uint64_t count = 0;
};
struct split_words {
  void process(const std::string& line, emitter<std::string>& out) {
    each_word(line, [&](std::string_view w) { out.emplace(w); });
  }
};
struct count_words {
  using state = std::uint64_t;
  void process(const std::string& word, state& n, emitter<word_count>& out) { out.emit({word, ++n}); }
};
struct xor_counts {
  std::uint64_t seen = 0;
  void write(const word_count& c) { seen ^= c.count; }
  void close() { benchmark::DoNotOptimize(seen); }
};

topology word_count_graph() {
  topology_builder b{"words"};
  auto in = b.spout("lines", vector_spout<std::string>{text()});
  auto words = b.bolt("split", split_words{}, {.parallelism = 1}).input(in);
  auto counts = b.bolt("count", count_words{}, {.parallelism = 2}).input(words, key_grouping{std::identity{}});
  (void)b.sink("sink", xor_counts{}, {.parallelism = 2}).input(counts);
  return b.build();
}

void words_event(benchmark::State& state) {
  const auto graph = word_count_graph();
  const event_executor engine{{.guarantee = guarantee::at_least_once}};
  for (auto _ : state) engine.start(graph).wait();
  count(state);
}
BENCHMARK(words_event)->Name("words/event")->UseRealTime()->Unit(benchmark::kMillisecond);

void words_batch(benchmark::State& state) {
  const auto graph = word_count_graph();
  const batch_executor engine{{.interval = std::chrono::milliseconds(10)}};
  for (auto _ : state) engine.start(graph).wait();
  count(state);
}
BENCHMARK(words_batch)->Name("words/batch")->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace freshet
