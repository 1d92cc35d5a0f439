// The five most frequent words of a text after each 5000 lines, although words are counted by several tasks at once. At
// the low level, as it is the number of lines that says when, and no window goes by those of another node.
#include <algorithm>
#include <map>
#include <utility>

#include "conformance/expected_rows.hpp"
#include "conformance/on_both_engines.hpp"
#include "conformance/shared_data.hpp"
#include "conformance/words.hpp"
#include "freshet/connect/file/line_spout.hpp"
#include "freshet/connect/memory/collect_sink.hpp"
#include "freshet/core/topology_builder.hpp"

namespace freshet::conformance {
namespace {

constexpr std::int64_t lines_in_block = 5'000;

struct word {
  std::string text;
  std::int64_t block = 0;
};
struct block_size {
  std::int64_t block = 0, words = 0;
};
struct ended : side_output<block_size, "ended"> {};

/// Splits lines into words that know their block of lines, and says at its end how many they were.
struct split {
  struct state {
    std::int64_t lines = 0, words = 0;
  };
  void process(const std::string& line, state& s, emitter<word, ended>& out) const {
    const auto block = s.lines / lines_in_block;
    for (auto& text : ascii_words(line)) {
      out.emit({std::move(text), block});
      ++s.words;
    }
    if (++s.lines % lines_in_block == 0) out.emit<ended>({block, std::exchange(s.words, 0)});
  }
};

struct counted {
  std::string text;
  std::int64_t count = 0, block = 0;
};
struct count {
  using state = std::int64_t;
  counted process(const word& w, state& n) const { return {w.text, ++n, w.block}; }
};

struct top_row {
  std::int64_t after_line = 0, rank = 0;
  std::string text;
  std::int64_t count = 0;
};
/// Gives the top five of a block when it and all before it are complete. Counts only grow: who is among the five then
/// was among them before, or is among the five of the block itself.
struct rank {
  using best_five = std::vector<counted>;
  struct block {
    std::int64_t words = -1, seen = 0;  ///< -1: not known yet
    best_five best;
  };
  struct state {
    std::int64_t next = 0;
    best_five best;
    std::map<std::int64_t, block> open;
  };
  using output = emitter<top_row>;

  void on_count(const counted& c, state& s, output& out) const {
    auto& b = s.open[c.block];
    ++b.seen;
    put(b.best, c);
    finish_blocks(s, out);
  }
  void on_end(const block_size& size, state& s, output& out) const {
    s.open[size.block].words = size.words;
    finish_blocks(s, out);
  }

 private:
  static void put(best_five& best, const counted& next) {
    const auto before = [](const counted& a, const counted& b) {
      return a.count != b.count ? a.count > b.count : a.text < b.text;
    };
    std::erase_if(best, [&](const counted& each) { return each.text == next.text; });
    best.insert(std::lower_bound(best.begin(), best.end(), next, before), next);
    if (best.size() > 5) best.pop_back();
  }
  static void finish_blocks(state& s, output& out) {
    for (auto b = s.open.begin(); b != s.open.end() && b->first == s.next && b->second.seen == b->second.words;
         b = s.open.erase(b)) {
      for (const auto& each : b->second.best) put(s.best, each);
      ++s.next;
      for (std::size_t i = 0; i < s.best.size(); ++i)
        out.emit({s.next * lines_in_block, static_cast<std::int64_t>(i) + 1, s.best[i].text, s.best[i].count});
    }
  }
};

class running_top : public shared_data, public ::testing::WithParamInterface<std::string> {};
INSTANTIATE_TEST_SUITE_P(, running_top, ::testing::Values("tinyshakespeare", "war_of_the_worlds"),
                         [](const auto& name) { return name.param; });

TEST_P(running_top, five_after_each_5000_lines) {
  collect_sink<top_row> rows;
  const auto build = [&](std::size_t parallelism) {
    topology_builder builder("running top");
    auto lines = builder.spout("lines", file::line_spout{data_file("text/" + GetParam() + ".txt")});
    auto words = builder.bolt("split", split{}).input(lines, global_grouping{});
    auto counts = builder.bolt("count", count{}, {.parallelism = parallelism}).input(words, key_grouping{&word::text});
    auto ranks = builder.bolt("rank", rank{})
                     .input<&rank::on_count>(counts, global_grouping{})
                     .input<&rank::on_end>(words.side<ended>(), global_grouping{});
    builder.sink("rows", rows).input(ranks);
    return builder.build();
  };
  const answer expected = read_answer(GetParam() + "__running_top5_every_5000_lines");
  // Lines are counted in the order in which they come, each once.
  on_both_engines({.build = build, .may_throw = {"split", "count", "rank"}, .may_be_replayed = false},
                  [&](delivery) { EXPECT_TRUE(same_rows(expected, rows.take())); });
}

}  // namespace
}  // namespace freshet::conformance
