// Word counts of two texts.
#include <algorithm>
#include <functional>

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

class text : public shared_data, public ::testing::WithParamInterface<std::string> {};
INSTANTIATE_TEST_SUITE_P(, text, ::testing::Values("tinyshakespeare", "war_of_the_worlds"),
                         [](const auto& name) { return name.param; });

/// The largest counts first, ties by the bytes of the token.
std::vector<word_count> top(std::size_t n, std::vector<word_count> all) {
  const auto before = [](const word_count& a, const word_count& b) {
    return a.value != b.value ? a.value > b.value : a.key < b.key;
  };
  std::sort(all.begin(), all.end(), before);
  all.resize(std::min(all.size(), n));
  return all;
}

TEST_P(text, words_and_tokens_are_counted) {
  collect_sink<word_count> words, found;
  const auto build = [&](std::size_t parallelism) {
    stream_builder builder("word-count");
    const file::line_spout file{data_file("text/" + GetParam() + ".txt"),
                                {.strip_carriage_return = false, .strip_byte_order_mark = false}};
    const bolt_options options{.parallelism = parallelism};
    const auto lines = builder.spout("lines", file).shuffle();
    lines.flat_map("words", ascii_words, options)
        .key_by(std::identity{})
        .count("count words", options)
        .to("words.rows", words, options);
    lines.flat_map("tokens", tokens, options)
        .key_by(std::identity{})
        .combine()
        .count("count tokens", options)
        .to("tokens.rows", found, options);
    return builder.build();
  };
  on_both_engines({.build = build, .may_throw = {"words", "count words", "tokens", "count tokens"}}, [&](delivery how) {
    EXPECT_TRUE(as_promised(how, GetParam() + "__wordcount_ascii", last_rows(words.take()), {.keys = 1}));
    const auto all = last_rows(found.take());
    const auto named = GetParam() + "__wordcount_whitespace_top100";
    // What counts twice may be more frequent then.
    if (how == delivery::exactly_once) EXPECT_TRUE(same_rows(read_answer(named), top(100, all)));
    else EXPECT_TRUE(no_row_missing(read_answer(named), all, {.keys = 1}));
  });
}

}  // namespace
}  // namespace freshet::conformance
