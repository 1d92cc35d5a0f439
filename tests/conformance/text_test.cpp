// Word counts of two texts.
#include <algorithm>
#include <cctype>
#include <functional>

#include "conformance/expected_rows.hpp"
#include "conformance/last_rows.hpp"
#include "conformance/on_both_engines.hpp"
#include "conformance/shared_data.hpp"
#include "freshet/connect/file/line_spout.hpp"
#include "freshet/connect/memory/collect_sink.hpp"
#include "freshet/stream/stream_builder.hpp"

namespace freshet::conformance {
namespace {

using word_count = keyed<std::string, std::uint64_t>;

/// Emits the runs of bytes for which `belongs`.
template <class F>
void split(const std::string& line, F belongs, emitter<std::string>& out) {
  for (auto from = line.begin(); from != line.end();) {
    from = std::find_if(from, line.end(), belongs);
    const auto to = std::find_if_not(from, line.end(), belongs);
    if (from != to) out.emit(std::string(from, to));
    from = to;
  }
}
/// Runs of ASCII letters, in lower case.
void ascii_words(const std::string& line, emitter<std::string>& out) {
  const auto lower = [](unsigned char c) { return static_cast<char>(c < 0x80 ? std::tolower(c) : ' '); };
  std::string folded = line;
  std::transform(folded.begin(), folded.end(), folded.begin(), lower);
  split(
      folded, [](char c) { return c >= 'a' && c <= 'z'; }, out);
}
/// What stands between ASCII white space.
void tokens(const std::string& line, emitter<std::string>& out) {
  split(
      line, [](char c) { return c != ' ' && (c < '\t' || c > '\r'); }, out);
}

class text : public shared_data, public ::testing::WithParamInterface<std::string> {
 protected:
  using splitter = void (*)(const std::string&, emitter<std::string>&);

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
