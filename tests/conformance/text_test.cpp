// Word counts of two texts.
#include <algorithm>
#include <functional>
#include <map>

#include "conformance/expected_rows.hpp"
#include "conformance/last_rows.hpp"
#include "conformance/on_both_engines.hpp"
#include "conformance/shared_data.hpp"
#include "conformance/words.hpp"
#include "freshet/connect/file/line_spout.hpp"
#include "freshet/connect/memory/collect_sink.hpp"
#include "freshet/stream/stream_builder.hpp"

namespace freshet::conformance {
namespace {

using word_count = keyed<std::string, std::uint64_t>;

class text : public shared_data, public ::testing::WithParamInterface<std::string> {
 protected:
  using splitter = std::vector<std::string> (*)(const std::string&);

  query count_of(splitter split, updates how) const {
    const auto build = [path = data_file("text/" + GetParam() + ".txt"), split, how, this](std::size_t parallelism) {
      stream_builder builder("word-count");
      builder.spout("lines", file::line_spout{path, {.strip_carriage_return = false, .strip_byte_order_mark = false}})
          .shuffle()
          .flat_map("split", split, {.parallelism = parallelism})
          .key_by(std::identity{})
          .count("count", {.parallelism = parallelism, .updates = how})
          .to("rows", counts, {.parallelism = parallelism});
      return builder.build();
    };
    return {.build = build, .may_throw = {"split", "count"}};
  }

  collect_sink<word_count> counts;
};
INSTANTIATE_TEST_SUITE_P(, text, ::testing::Values("tinyshakespeare", "war_of_the_worlds"),
                         [](const auto& name) { return name.param; });

TEST_P(text, words_are_counted) {
  const answer expected = read_answer(GetParam() + "__wordcount_ascii");
  on_both_engines(count_of(ascii_words, updates::every),
                  [&] { EXPECT_TRUE(same_rows(expected, last_rows(counts.take()))); });
}

/// The largest counts first, ties by the bytes of the token.
std::vector<word_count> top(std::size_t n, std::vector<word_count> all) {
  const auto before = [](const word_count& a, const word_count& b) {
    return a.value != b.value ? a.value > b.value : a.key < b.key;
  };
  std::sort(all.begin(), all.end(), before);
  all.resize(std::min(all.size(), n));
  return all;
}

TEST_P(text, the_hundred_most_frequent_tokens) {
  const answer expected = read_answer(GetParam() + "__wordcount_whitespace_top100");
  on_both_engines(count_of(tokens, updates::latest),
                  [&] { EXPECT_TRUE(same_rows(expected, top(100, last_rows(counts.take())))); });
}

TEST_P(text, replays_lose_no_word) {
  const answer expected = read_answer(GetParam() + "__wordcount_ascii");
  with_replays(count_of(ascii_words, updates::every), [&] {
    std::map<std::string, std::uint64_t> counted;
    for (const auto& [word, n] : last_rows(counts.take())) counted[word] = n;
    for (const auto& line : expected.rows) EXPECT_GE(counted[line[0]], std::stoull(line[1])) << line[0];
    EXPECT_EQ(counted.size(), expected.rows.size());
  });
}

}  // namespace
}  // namespace freshet::conformance
