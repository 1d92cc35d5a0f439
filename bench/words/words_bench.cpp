// Word count: the same splitter and the same text for all. By hand: one loop, one flat map. Text: made once, some
// thousand different words with a skewed frequency.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <boost/unordered/unordered_flat_map.hpp>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "freshet/base/random.hpp"
#include "freshet/freshet.hpp"
#include "size.hpp"

namespace freshet {
namespace {

constexpr std::size_t lines = enough(200'000), words_a_line = 10;

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

using counts_by_word = boost::unordered_flat_map<std::string, std::uint64_t, string_hash, std::equal_to<>>;

/// One loop, one flat map. Gives what the sink makes of the rows.
std::uint64_t count_by_hand(counts_by_word& counts) {
  std::uint64_t sink = 0;
  for (const auto& line : text())
    each_word(line, [&](std::string_view w) {
      auto at = counts.find(w);
      if (at == counts.end()) at = counts.emplace(w, 0).first;
      sink ^= ++at->second;
    });
  return sink;
}

void words_by_hand(benchmark::State& state) {
  (void)text();
  for (auto _ : state) {
    counts_by_word counts;
    auto sink = count_by_hand(counts);
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

template <class Sink>
topology word_count_graph(Sink sink) {
  topology_builder b{"words"};
  auto in = b.spout("lines", vector_spout<std::string>{text()});
  auto words = b.bolt("split", split_words{}, {.parallelism = 1}).input(in);
  auto counts = b.bolt("count", count_words{}, {.parallelism = 2}).input(words, key_grouping{std::identity{}});
  (void)b.sink("sink", std::move(sink), {.parallelism = 2}).input(counts);
  return b.build();
}

/// Once, before it is measured: the greatest count of each word is the last.
template <class Engine>
bool counts_as_by_hand(const Engine& engine) {
  counts_by_word last, by_hand;
  std::mutex mutex;
  const auto keep = [&](const word_count& c) {
    std::lock_guard lock(mutex);
    auto& known = last[c.word];
    known = std::max(known, c.count);
  };
  engine.start(word_count_graph(keep)).wait();
  count_by_hand(by_hand);
  return last == by_hand;
}

template <class Engine>
void words_on(benchmark::State& state, const Engine& engine) {
  static const bool right = counts_as_by_hand(engine);
  if (!right) return state.SkipWithError("the counts are not those of the hand loop");
  const auto graph = word_count_graph(xor_counts{});
  std::uint64_t counted = 0;
  for (auto _ : state) {
    auto run = engine.start(graph);
    run.wait();
    counted += run.metrics().node("sink").executed;
  }
  if (counted != state.iterations() * lines * words_a_line) return state.SkipWithError("words are missing");
  count(state);
}

void words_event(benchmark::State& state) { words_on(state, event_executor{{.guarantee = guarantee::at_least_once}}); }
BENCHMARK(words_event)->Name("words/event")->UseRealTime()->Unit(benchmark::kMillisecond);

void words_batch(benchmark::State& state) {
  words_on(state, batch_executor{{.interval = std::chrono::milliseconds(10)}});
}
BENCHMARK(words_batch)->Name("words/batch")->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace freshet
