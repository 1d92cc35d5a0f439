#include "freshet/stream/pattern.hpp"

#include <numeric>

#include "stream/join_scene.hpp"

namespace freshet::joins {
namespace {

/// Tuples of one key, ten milliseconds apart, which are what the letters say.
struct letter {
  char what = 0;
  event_time when{};
};
const auto a = [](const letter& l) { return l.what == 'a'; };
const auto b = [](const letter& l) { return l.what == 'b'; };
const auto c = [](const letter& l) { return l.what == 'c'; };

std::vector<std::string> matches_in(const std::string& letters, const pattern<letter>& p) {
  std::vector<std::string> words;
  for (auto by : engines) {
    std::vector<letter> all;
    for (std::size_t i = 0; i < letters.size(); ++i)
      if (letters[i] != ' ') all.push_back({letters[i], at(static_cast<std::int64_t>(i) * 10)});
    stream_builder builder{"letters"};
    collect_sink<std::string> got;
    builder.spout("letters", vector_spout<letter>{all})
        .event_time(&letter::when, ascending{})
        .key_by([](const letter&) { return 0; })
        .ordered()
        .pattern("matches", p)
        .map("words",
             [](const matched<letter>& m) {
               std::string word;
               for (const auto& l : m.tuples) word += l.what;
               return word + "@" + std::to_string(m.ended.time_since_epoch().count());
             })
        .to("got", got);
    way{.by = by}.run(builder.build());
    const auto in_this = got.take();
    if (by == engines[0]) words = in_this;
    EXPECT_EQ(in_this, words) << way{.by = by}.text();
  }
  return words;
}
using words = std::vector<std::string>;

TEST(pattern, one_tuple_is_a_match) { EXPECT_EQ(matches_in("abaa", pattern{a}), (words{"a@0", "a@20", "a@30"})); }

TEST(pattern, next_is_the_very_next) {
  EXPECT_EQ(matches_in("acbab", pattern{a}.next(b)), words{"ab@40"});
  EXPECT_EQ(matches_in("aab", pattern{a}.next(b)), words{"ab@20"});
}

TEST(pattern, followed_by_lets_others_pass) {
  EXPECT_EQ(matches_in("acbb", pattern{a}.followed_by(b).within(ms(100))), words{"ab@20"});
}

TEST(pattern, within_includes_its_end) {
  EXPECT_EQ(matches_in("acb", pattern{a}.followed_by(b).within(ms(20))), words{"ab@20"});
  EXPECT_EQ(matches_in("acb", pattern{a}.followed_by(b).within(ms(19))), words{});
}

TEST(pattern, matches_overlap_only_where_that_is_asked_for) {
  const auto p = pattern{a}.followed_by(b).within(ms(100));
  EXPECT_EQ(matches_in("aab", p), words{"ab@20"});
  EXPECT_EQ(matches_in("aab", p.after(after_match::no_skip)), (words{"ab@20", "ab@20"}));
  EXPECT_EQ(matches_in("aaa", pattern{a}.next(a)), words{"aa@10"});
  EXPECT_EQ(matches_in("aaa", pattern{a}.next(a).after(after_match::no_skip)), (words{"aa@10", "aa@20"}));
}

TEST(pattern, times_repeats_a_step_as_it_was_reached) {
  EXPECT_EQ(matches_in("abcbab", pattern{a}.followed_by(b).times(2).within(ms(100))), words{"abb@30"});
  EXPECT_EQ(matches_in("abcbabb", pattern{a}.next(b).times(2)), words{"abb@60"});
  EXPECT_EQ(matches_in("acaa", pattern{a}.times(3).within(ms(100))), words{"aaa@30"});
}

TEST(pattern, absence_ends_what_it_is_in) {
  const auto p = pattern{a}.not_followed_by(c).followed_by(b).within(ms(100));
  EXPECT_EQ(matches_in("acb ab", p), words{"ab@50"});
  EXPECT_EQ(matches_in("abc", p), words{"ab@10"});
}

TEST(pattern, absence_at_the_end_is_settled_by_time) {
  const auto p = pattern{a}.not_followed_by(b).within(ms(20));
  EXPECT_EQ(matches_in("a b", p), words{}) << "the end is included";
  EXPECT_EQ(matches_in("a  b", p), words{"a@20"});
  EXPECT_EQ(matches_in("a", p), words{"a@20"}) << "the input's end is the end of time";
  EXPECT_EQ(matches_in("aa   b", p), (words{"a@20", "a@30"})) << "the first match ends with the first a";
}

TEST(pattern, a_condition_sees_the_tuples_before) {
  const auto same = [](const letter& l, std::span<const letter> so_far) { return l.what == so_far[0].what; };
  EXPECT_EQ(matches_in("abcab", pattern<letter>{[](const letter&) { return true; }}.followed_by(same).within(ms(100))),
            words{"aa@30"});
}

TEST(pattern, what_makes_no_sense_is_refused) {
  const auto mistakes = [](const pattern<letter>& p) {
    const auto all = mistakes_of_pattern(p.steps(), p.within());
    return std::accumulate(all.begin(), all.end(), std::string{});
  };
  EXPECT_EQ(mistakes(pattern{a}.next(b).times(2)), "");
  EXPECT_EQ(mistakes(pattern{a}.not_followed_by(b).within(ms(1))), "");
  for (const auto& p : {pattern{a}.followed_by(b), pattern{a}.times(2), pattern{a}.not_followed_by(b)})
    EXPECT_EQ(mistakes(p), "has a pattern that may wait for ever for its next tuple: say how long, with within(...)");
  EXPECT_NE(mistakes(pattern{a}.next(b).times(0)).find("wants step 2 of its pattern 0 times"), std::string::npos);
  EXPECT_NE(mistakes(pattern{a}.not_followed_by(b).times(2).within(ms(1))).find("to be absent 2 times"),
            std::string::npos);
  EXPECT_NE(mistakes(pattern{a}.not_followed_by(c).next(b).within(ms(1))).find("nothing can be between"),
            std::string::npos);
  EXPECT_NE(mistakes(pattern{a}.next(b).within(ms(-1))).find("a negative time: -1 ms"), std::string::npos);
}

TEST(pattern, mistakes_are_found_by_build) {
  stream_builder builder{"letters"};
  builder.spout("letters", vector_spout<letter>{{}})
      .event_time(&letter::when, ascending{})
      .key_by(&letter::what)
      .ordered()
      .pattern("matches", pattern{a}.followed_by(b))
      .to("got", [](const matched<letter>&) {});
  EXPECT_THROW(builder.build(), topology_error);
}

}  // namespace
}  // namespace freshet::joins
