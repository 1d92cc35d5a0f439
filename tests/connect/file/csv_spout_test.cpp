#include "freshet/connect/file/csv_spout.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <thread>

#include "base/error_of.hpp"
#include "connect/spout_probe.hpp"
#include "connect/temporary_folder.hpp"
#include "freshet/freshet.hpp"

namespace freshet::file {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using kind = poll_status::kind;
using strings = std::vector<std::string>;

struct order {
  std::int64_t id = 0;
  std::string city;
  std::optional<double> price;
  friend bool operator==(const order&, const order&) = default;
};
void PrintTo(const order& o, std::ostream* to) {
  *to << o.id << '|' << o.city << '|' << (o.price ? std::to_string(*o.price) : "none");
}

/// What a spout of files gave, and what it rejected.
template <class T>
struct outcome {
  std::vector<T> values;
  strings errors, bytes;
};
template <class T>
outcome<T> all_of(const csv_spout<T>& spout, std::uint32_t wanted = 7) {
  spout_probe<csv_spout<T>> p{spout};
  EXPECT_EQ(p.poll_all(wanted), kind::ended);
  outcome<T> o{p.values(), {}, {}};
  for (auto& r : p.rejected) {
    o.errors.push_back(r.why.message);
    o.bytes.push_back(r.bytes);
  }
  return o;
}

TEST(csv_spout, fields_by_their_order) {
  temporary_folder dir;
  const auto got = all_of(csv_spout<order>{dir.write("a", "1,Oslo,2.5\n2,Rome,\n3,,-1e3\n")});
  EXPECT_THAT(got.values, ElementsAre(order{1, "Oslo", 2.5}, order{2, "Rome", {}}, order{3, "", -1000}));
  EXPECT_THAT(got.errors, IsEmpty());
}

TEST(csv_spout, a_header_can_be_left_out) {
  temporary_folder dir;
  EXPECT_THAT(all_of(csv_spout<order>{dir.write("a", "id,city,price\n1,Oslo,2.5\n"), {.header = true}}).values,
              ElementsAre(order{1, "Oslo", 2.5}));
}

TEST(csv_spout, fields_by_the_names_of_the_header) {
  temporary_folder dir;
  const auto path = dir.write("a", "price,what,id,\"the \"\"city\"\"\"\n2.5,x,1,Oslo\n,y,2,Rome\n");
  EXPECT_THAT(all_of(csv_spout<order>{path, {.columns = {"id", "the \"city\"", "price"}}}).values,
              ElementsAre(order{1, "Oslo", 2.5}, order{2, "Rome", {}}));
}

TEST(csv_spout, each_file_has_its_own_header) {
  temporary_folder dir;
  dir.write("1", "id,city,price\n1,Oslo,2.5\n");
  dir.write("2", "");
  dir.write("3", "\n\ncity,id\nRome,2\n");
  EXPECT_THAT(all_of(csv_spout<order>{dir / "*", {.columns = {"id", "city", "price"}}}).values,
              ElementsAre(order{1, "Oslo", 2.5}, order{2, "Rome", {}}));
}

struct named_order {
  static constexpr std::string_view field_names[] = {"nr", "town"};
  std::int64_t id = 0;
  std::string city;
};

TEST(csv_spout, a_struct_may_name_its_fields) {
  temporary_folder dir;
  const auto path = dir.write("a", "town,nr\nOslo,1\n");
  const auto got = all_of(csv_spout<named_order>{path}).values;
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(got[0].id, 1);
  EXPECT_EQ(got[0].city, "Oslo");
  EXPECT_EQ(all_of(csv_spout<named_order>{path, {.columns = {2, 1}, .header = true}}).values.at(0).id, 1);
}

class secret {
 public:
  int value() const { return value_; }

 private:
  friend auto freshet_fields(secret& s) { return std::tie(s.value_); }
  int value_ = 0;
};

TEST(csv_spout, a_class_with_private_members_through_its_freshet_fields) {
  temporary_folder dir;
  EXPECT_EQ(all_of(csv_spout<secret>{dir.write("a", "7\n")}).values.at(0).value(), 7);
}

TEST(csv_spout, columns_by_number) {
  temporary_folder dir;
  const auto path = dir.write("a", "x,1,y,Oslo,2.5,z\nx,2,y,Rome,3.5\nx,3\n");
  const auto got = all_of(csv_spout<order>{path, {.columns = {2, 4, 5}}});
  EXPECT_THAT(got.values, ElementsAre(order{1, "Oslo", 2.5}, order{2, "Rome", 3.5}, order{3, "", {}}));
}

TEST(csv_spout, quotes_hold_separators_line_ends_and_quotes) {
  temporary_folder dir;
  const auto path = dir.write("a",
                              "1,\"a,b\",1\n"
                              "2,\"a\nb\",2\r\n"
                              "3,\"a\r\n\r\n\"\"b\"\"\",3\r\n"
                              "4,\"\"\"\",4\n"
                              "\"5\",\"\",\"5\"\n"
                              "6,5\" pipe,6\n"
                              "7,\"last\n\",7");
  const auto got = all_of(csv_spout<order>{path});
  EXPECT_THAT(got.errors, IsEmpty());
  EXPECT_THAT(got.values,
              ElementsAre(order{1, "a,b", 1}, order{2, "a\nb", 2}, order{3, "a\r\n\r\n\"b\"", 3}, order{4, "\"", 4},
                          order{5, "", 5}, order{6, "5\" pipe", 6}, order{7, "last\n", 7}));
}

TEST(csv_spout, other_separators_and_quotes) {
  temporary_folder dir;
  EXPECT_THAT(all_of(csv_spout<order>{dir.write("a", "1\tOs,lo\t2\n"), {.separator = '\t'}}).values,
              ElementsAre(order{1, "Os,lo", 2}));
  EXPECT_THAT(all_of(csv_spout<order>{dir.write("b", "1;'Os;''lo';2\n"), {.separator = ';', .quote = '\''}}).values,
              ElementsAre(order{1, "Os;'lo", 2}));
}

TEST(csv_spout, comments_and_lines_without_text_are_left_out) {
  temporary_folder dir;
  const auto path = dir.write("a", "# orders\nid,city,price\n\n1,a,\n#2,\"b,\n\r\n3,#c,\n");
  EXPECT_THAT(all_of(csv_spout<order>{path, {.columns = {"id", "city", "price"}, .comment = '#'}}).values,
              ElementsAre(order{1, "a", {}}, order{3, "#c", {}}));
}

TEST(csv_spout, a_file_that_gets_its_header_too_late_is_no_silent_loss) {
  temporary_folder dir;
  spout_probe<csv_spout<order>> p{csv_spout<order>{dir.write("a", ""), {.columns = {"id", "city", "price"}}}};
  dir.write("a", "id,city\n1,Oslo\n");
  p.poll_all();
  EXPECT_THAT(p.messages, IsEmpty());
  ASSERT_EQ(p.rejected.size(), 2u);
  EXPECT_THAT(p.rejected[0].why.message, HasSubstr("line 1: the file had no header when the run started"));
}

TEST(csv_spout, a_byte_order_mark_is_no_part_of_the_first_name) {
  temporary_folder dir;
  const auto path = dir.write("a", "\xEF\xBB\xBF\"id\",city\r\n1,a\r\n");
  EXPECT_THAT(all_of(csv_spout<order>{path, {.columns = {"id", "city", "price"}}}).values,
              ElementsAre(order{1, "a", {}}));
}

TEST(csv_spout, texts_that_mean_nothing) {
  temporary_folder dir;
  const auto got =
      all_of(csv_spout<order>{dir.write("a", "1,NA,NA\n2,\"NA\",\\N\nNA,x,1\n"), {.nulls = {"NA", "\\N"}}});
  EXPECT_THAT(got.values, ElementsAre(order{1, "", {}}, order{2, "NA", {}}));
  EXPECT_THAT(got.errors, ElementsAre(HasSubstr("line 3, column 1: expected an integer from")));
}

struct optional_text {
  int id = 0;
  std::optional<std::string> text;
};

TEST(csv_spout, a_quoted_field_without_text_is_a_text) {
  temporary_folder dir;
  const auto got = all_of(csv_spout<optional_text>{dir.write("a", "1,\n2,\"\"\n")}).values;
  ASSERT_EQ(got.size(), 2u);
  EXPECT_EQ(got[0].text, std::nullopt);
  EXPECT_EQ(got[1].text, "");
}

enum class colour { red, green };
bool freshet_from_text(std::string_view text, colour& c) {
  if (text == "boom") throw std::runtime_error("no such paint");
  c = text == "green" ? colour::green : colour::red;
  return text == "green" || text == "red";
}
enum class level : std::uint8_t {};
struct everything {
  bool flag = false;
  std::int8_t small = 0;
  std::uint64_t large = 0;
  float f = 0;
  char letter = 0;
  level number{};
  colour paint{};
  event_time at{};
  std::optional<std::chrono::sys_days> day;
};

TEST(csv_spout, every_kind_of_field) {
  temporary_folder dir;
  const auto got = all_of(csv_spout<everything>{
      dir.write("a", "Yes, -128 ,18446744073709551615,+1.5,x,7,green,2015-09-12T00:46:58.771Z,2020-02-29\n")});
  ASSERT_THAT(got.errors, IsEmpty());
  const auto& e = got.values.at(0);
  EXPECT_TRUE(e.flag);
  EXPECT_EQ(e.small, -128);
  EXPECT_EQ(e.large, ~std::uint64_t{0});
  EXPECT_EQ(e.f, 1.5f);
  EXPECT_EQ(e.letter, 'x');
  EXPECT_EQ(e.number, level{7});
  EXPECT_EQ(e.paint, colour::green);
  EXPECT_EQ(e.at, event_time{1442018818771ms});
  EXPECT_EQ(e.day, std::chrono::sys_days{std::chrono::year{2020} / 2 / 29});
}

TEST(csv_spout, a_field_error_names_file_line_column_and_value) {
  temporary_folder dir;
  const std::string good = "true,1,1,1,x,1,red,2020-01-01,\n";
  const auto path = dir.write("a", good +
                                       "maybe,1,1,1,x,1,red,2020-01-01,\n"
                                       "true,128,1,1,x,1,red,2020-01-01,\n"
                                       "true,1,-1,1,x,1,red,2020-01-01,\n"
                                       "true,1,1,\"1\n,5x\",x,1,red,2020-01-01,\n"
                                       "true,1,1,1,xy,1,red,2020-01-01,\n"
                                       "true,1,1,1,x,256,red,2020-01-01,\n"
                                       "true,1,1,1,x,1,blue,2020-01-01,\n"
                                       "true,1,1,1,x,1,boom,2020-01-01,\n"
                                       "true,1,1,1,x,1,red,2020-02-30,\n"
                                       "true,1,1,1,x,1,red,2020-01-01,tomorrow\n"
                                       "true,,1,1,x,1,red,2020-01-01,\n" +
                                       good);
  const auto got = all_of(csv_spout<everything>{path});
  const auto at = [&](int line, int column, const std::string& rest) {
    return "\"" + path + "\" line " + std::to_string(line) + ", column " + std::to_string(column) + ": expected " +
           rest;
  };
  EXPECT_EQ(got.values.size(), 2u);
  ASSERT_EQ(got.errors.size(), 11u);
  EXPECT_EQ(got.errors[0], at(2, 1, "true or false, not \"maybe\""));
  EXPECT_EQ(got.errors[1], at(3, 2, "an integer from -128 to 127, not \"128\""));
  EXPECT_EQ(got.errors[2], at(4, 3, "an integer from 0 to 18446744073709551615, not \"-1\""));
  EXPECT_EQ(got.errors[3], at(5, 4, "a number, not \"1\\n,5x\""));
  EXPECT_EQ(got.errors[4], at(7, 5, "one character, not \"xy\""));
  EXPECT_THAT(got.errors[5], AllOf(HasSubstr("line 8, column 6: expected the number of a "), HasSubstr("not \"256\"")));
  EXPECT_THAT(got.errors[6], AllOf(HasSubstr("line 9, column 7: expected a "), HasSubstr("colour, not \"blue\"")));
  EXPECT_THAT(got.errors[7], HasSubstr("not \"boom\" (no such paint)"));
  EXPECT_EQ(got.errors[8], at(11, 8, "a time (ISO 8601), not \"2020-02-30\""));
  EXPECT_EQ(got.errors[9], at(12, 9, "a time (ISO 8601), not \"tomorrow\""));
  EXPECT_EQ(got.errors[10], at(13, 2, "an integer from -128 to 127, not an empty field"));
  EXPECT_EQ(got.bytes[3], "true,1,1,\"1\n,5x\",x,1,red,2020-01-01,");
}

TEST(csv_spout, the_column_has_the_name_of_the_header_and_a_long_value_is_shortened) {
  temporary_folder dir;
  const auto path = dir.write("a", "city,id\nOslo,\"" + std::string(300, 'x') + "\"\n");
  const auto got = all_of(csv_spout<order>{path, {.columns = {"id", "city", "price"}}});
  EXPECT_THAT(got.errors, ElementsAre(AllOf(HasSubstr("\"" + path + "\" line 2, column 2 \"id\": expected an integer"),
                                            HasSubstr("not \"" + std::string(100, 'x') + "\"... (300 bytes)"))));
}

TEST(csv_spout, a_row_with_another_number_of_columns_is_malformed) {
  temporary_folder dir;
  const auto path = dir.write("a", "1,Oslo\n1,Os,lo,2\n1,Oslo,2\n");
  EXPECT_THAT(all_of(csv_spout<order>{path}).errors,
              ElementsAre(HasSubstr("line 1: expected 3 columns, as freshet::file::order has, not 2"),
                          HasSubstr("line 2: expected 3 columns")));
  const auto named = dir.write("b", "id,city\n1\n");
  EXPECT_THAT(all_of(csv_spout<order>{named, {.columns = {"id", "city", "price"}}}).errors,
              ElementsAre(HasSubstr("line 2: expected 2 columns, as the header has, not 1")));
  EXPECT_THAT(all_of(csv_spout<order>{path, {.ragged = true}}).values,
              ElementsAre(order{1, "Oslo", {}}, order{1, "Oslo", 2}));  // "Os,lo" has text for a price
}

TEST(csv_spout, a_missing_column_is_an_error_of_a_field_that_needs_it) {
  temporary_folder dir;
  EXPECT_THAT(all_of(csv_spout<order>{dir.write("a", "x,y\n"), {.columns = {3, 1, 2}}}).errors,
              ElementsAre(HasSubstr("line 1, column 3: expected an integer from -9223372036854775808 to "
                                    "9223372036854775807, but the row has 2 columns")));
}

TEST(csv_spout, text_behind_a_closing_quote_is_malformed) {
  temporary_folder dir;
  EXPECT_THAT(all_of(csv_spout<order>{dir.write("a", "1,\"Os\"lo,2\n2,x,\n")}).errors,
              ElementsAre(HasSubstr("line 1, column 2: expected a separator behind the closing quote, not \"l\"")));
}

TEST(csv_spout, a_quote_that_is_not_closed_damages_its_own_line_only) {
  temporary_folder dir;
  const auto path = dir.write("a", "1,a,\n2,\"b,\n3,c,\n4,d,\n");
  const auto got = all_of(csv_spout<order>{path});
  EXPECT_THAT(got.values, ElementsAre(order{1, "a", {}}, order{3, "c", {}}, order{4, "d", {}}));
  EXPECT_THAT(got.errors,
              ElementsAre(HasSubstr("line 2, column 2: the quote isn't closed before the end of the file")));
  EXPECT_THAT(got.bytes, ElementsAre("2,\"b,"));
  EXPECT_THAT(all_of(csv_spout<order>{path, {.max_row_bytes = 10}}).errors,
              ElementsAre(HasSubstr("the quote isn't closed within max_row_bytes (10)")));
}

TEST(csv_spout, a_row_that_is_too_long_is_malformed_and_its_beginning_is_kept) {
  temporary_folder dir;
  for (const std::size_t buffer : {16u, 64u, 100'000u}) {
    const auto path = dir.write("a", "1,a,\n2," + std::string(50'000, 'x') + ",\n3,c,\n4," + std::string(50'000, 'y'));
    const auto got = all_of(csv_spout<order>{path, {.max_row_bytes = 100, .buffer_bytes = buffer}});
    EXPECT_THAT(got.values, ElementsAre(order{1, "a", {}}, order{3, "c", {}}));
    EXPECT_THAT(got.errors, ElementsAre(HasSubstr("line 2: the row is longer than max_row_bytes (100)"),
                                        HasSubstr("line 4: the row is longer")));
    EXPECT_THAT(got.bytes, ElementsAre("2," + std::string(98, 'x'), "4," + std::string(98, 'y')));
  }
}

TEST(csv_spout, a_field_of_megabytes_within_the_bound) {
  temporary_folder dir;
  const std::string huge(3'000'000, '\n');
  const auto path = dir.write("a", "1,\"" + huge + "\",\n2,b,\n");
  EXPECT_EQ(all_of(csv_spout<order>{path, {.max_row_bytes = 4 << 20}}).values.at(0).city, huge);
  EXPECT_EQ(all_of(csv_spout<order>{path, {.max_row_bytes = ~std::size_t{0}}}).values.at(0).city, huge);
}

// --- times ---

struct moment {
  event_time at{};
};
TEST(csv_spout, custom_time_formats) {
  temporary_folder dir;
  const auto path = dir.write("a", "[12/Sep/2015:02:46:58 +0200]\n1442018818\n2015-09-12T00:46:58Z\n12.9.15 00:46\n");
  const auto got = all_of(csv_spout<moment>{path, {.times = {"[%d/%b/%Y:%T %z]", std::string(iso_8601), "%s"}}});
  ASSERT_EQ(got.values.size(), 3u);
  for (const auto& m : got.values) EXPECT_EQ(m.at, event_time{1442018818s});
  EXPECT_THAT(got.errors,
              ElementsAre(HasSubstr("line 4, column 1: expected a time ([%d/%b/%Y:%T %z] or ISO 8601 or %s), "
                                    "not \"12.9.15 00:46\"")));
}

// --- options and headers that can't be ---

TEST(csv_spout, options_that_do_not_fit_the_struct_are_refused) {
  using spout = csv_spout<order>;
  const auto refused = [](csv_options o) { return error_of([&] { spout{"a", o}; }); };
  EXPECT_THAT(refused({.columns = {"id", "city"}}), HasSubstr("2 columns are given for 3 fields"));
  EXPECT_THAT(refused({.columns = {"id", 2, 3}}), HasSubstr("by name or by number"));
  EXPECT_THAT(refused({.columns = {"id", "", "x"}}), HasSubstr("a column's name is empty"));
  EXPECT_THAT(refused({.separator = '"'}), HasSubstr("two characters"));
  EXPECT_THAT(error_of([] { csv_column{0}; }), HasSubstr("numbered from 1, not 0"));
  EXPECT_THAT(error_of([] { spout{strings{}}; }), HasSubstr("empty list"));
}

std::string start_error(const csv_spout<order>& spout) {
  topology_builder b{"t"};
  b.sink("s", collect_sink<order>{}).input(b.spout("orders", spout));
  const auto graph = b.build();
  return error_of([&] { event_executor{{.workers = 1}}.start(graph); });
}

TEST(csv_spout, a_header_without_a_column_is_an_error_at_start) {
  temporary_folder dir;
  const csv_options named{.columns = {"id", "city", "price"}};
  const auto path = dir.write("a", "id,town\n");
  EXPECT_THAT(start_error(csv_spout<order>{path, named}),
              AllOf(HasSubstr("orders"),
                    HasSubstr("\"" + path + "\" has no column \"city\"; its columns are \"id\", \"town\"")));
  EXPECT_THAT(start_error(csv_spout<order>{dir.write("b", "id,city,city\n"), named}),
              HasSubstr("two columns have the name \"city\""));
  EXPECT_THAT(start_error(csv_spout<order>{dir.write("c", "id,\"city\n"), named}),
              HasSubstr("the header of \"" + (dir / "c") + "\" line 1, column 2: the quote isn't closed"));
  EXPECT_THAT(start_error(csv_spout<order>{dir.write("d", "id,city\n"), {.header = true}}), HasSubstr("the header of"));
  EXPECT_THAT(start_error(csv_spout<order>{dir / "nowhere", named}), HasSubstr("No such file"));
}

// --- reading again ---

/// Files with everything in them that makes rows more than lines.
strings sample(const temporary_folder& dir) {
  std::string many = "\xEF\xBB\xBFid,city,price\r\n";
  for (int i = 0; i < 150; ++i) {
    many += std::to_string(i) + (i % 5 == 0 ? ",\"a\nb\r\n\"\"c\"\"\"," : ",x,") + (i % 7 == 0 ? "oops" : "1");
    many += i % 2 ? "\r\n" : "\n";
    if (i % 11 == 0) many += "\n";
    if (i % 31 == 0) many += "9,\"stray,1\n";
  }
  return {dir.write("1", many), dir.write("2", "id,city,price\n"), dir.write("3", "price,id,city\n1,2,\"\n\"")};
}
const csv_options by_names{.columns = {"id", "city", "price"}, .max_row_bytes = 60, .buffer_bytes = 64};

TEST(csv_spout, reads_any_range_again_exactly) {
  temporary_folder dir;
  using probe = spout_probe<csv_spout<order>>;
  probe p{csv_spout<order>{sample(dir), by_names}};
  p.poll_all();
  const auto all = p.messages;
  const auto rejected = std::exchange(p.rejected, {});
  EXPECT_GT(rejected.size(), 20u);
  for (std::size_t from = 0; from < all.size(); from += 9)
    for (std::size_t to = from; to < all.size(); to += 11) {
      const auto begin = from ? all[from - 1].at.next : 0;
      const auto again = p.read({0, begin, all[to].at.next});
      ASSERT_EQ(again.size(), to - from + 1);
      for (std::size_t i = 0; i < again.size(); ++i) {
        ASSERT_EQ(again[i].at, all[from + i].at);
        ASSERT_EQ(again[i].value, all[from + i].value);
      }
    }
  p.rejected.clear();
  for (const auto& r : rejected) {
    EXPECT_TRUE(p.read({0, r.at.offset, r.at.next}).empty());
    ASSERT_EQ(p.rejected.size(), 1u);
    EXPECT_EQ(p.rejected[0].at, r.at);
    EXPECT_EQ(p.rejected[0].bytes, r.bytes);
    // How far a quote was looked for depends on the range.
    const bool open = r.why.message.find("isn't closed") != std::string::npos;
    EXPECT_TRUE(open || p.rejected[0].why == r.why) << p.rejected[0].why.message;
    p.rejected.clear();
  }
}

TEST(csv_spout, goes_on_from_any_position_and_still_counts_lines) {
  temporary_folder dir;
  const csv_spout<order> spout{sample(dir), by_names};
  spout_probe<csv_spout<order>> whole{spout};
  whole.poll_all();
  for (std::size_t i = 0; i < whole.messages.size(); i += 13) {
    spout_probe<csv_spout<order>> p{spout};
    const auto next = whole.messages[i].at.next;
    p.seek({0, next, next});
    p.poll_all();
    ASSERT_EQ(p.messages.size(), whole.messages.size() - i - 1);
    ASSERT_LE(p.rejected.size(), whole.rejected.size());
    const auto skipped = whole.rejected.size() - p.rejected.size();
    for (std::size_t k = 0; k < p.rejected.size(); ++k) EXPECT_EQ(p.rejected[k].why, whole.rejected[skipped + k].why);
  }
}

TEST(csv_spout, rows_of_a_file_that_was_cut_are_lost) {
  temporary_folder dir;
  const auto path = dir.write("a", "1,\"a\nb\",1\n2,\"c\nd\",2\n");
  spout_probe<csv_spout<order>> p{csv_spout<order>{path}};
  p.poll_all();
  ASSERT_EQ(p.messages.size(), 2u);
  for (const std::size_t size : {18u, 14u, 12u, 10u}) {
    std::filesystem::resize_file(path, size);
    position_range lost;
    try {
      p.read({0, 0, 20});
    } catch (const range_lost& e) { lost = e.lost(); }
    EXPECT_EQ(lost, (position_range{0, 10, line_spout::offset_of(1, 0)})) << size;
    EXPECT_THAT(p.rejected, IsEmpty()) << size;
  }
}

// --- random text ---

/// Any fields, written as RFC 4180 says, come back as they were.
TEST(csv_spout, what_is_quoted_and_written_comes_back) {
  struct three {
    std::string a, b;
    std::optional<std::string> c;
    bool operator==(const three&) const = default;
  };
  temporary_folder dir;
  for (unsigned seed = 0; seed < 300; ++seed) {
    std::mt19937 random(seed);
    const auto text = [&] {
      std::string t;
      for (auto n = random() % 8; n > 0; --n) t += ",\"\n\r;xyz\t \0"[random() % 11];
      return t;
    };
    const auto quoted = [&](const std::string& t) {
      std::string q = "\"";
      for (const char c : t) q += c == '"' ? std::string("\"\"") : std::string(1, c);
      return q + '"';
    };
    const auto written = [&](const std::string& t) {
      const bool must = t.find_first_of(",\"\n\r") != std::string::npos || t.empty();
      return must || random() % 3 == 0 ? quoted(t) : t;
    };
    std::vector<three> rows(random() % 30);
    std::string file;
    for (auto& r : rows) {
      r = {text(), text(), random() % 2 ? std::optional(text()) : std::nullopt};
      file += written(r.a) + ',' + written(r.b) + ',' + (r.c ? written(*r.c) : "") + (random() % 2 ? "\n" : "\r\n");
    }
    if (random() % 3 == 0 && file.ends_with('\n')) file.resize(file.size() - (file.ends_with("\r\n") ? 2 : 1));
    const csv_options o{.buffer_bytes = 16 + random() % 100};
    const auto got = all_of(csv_spout<three>{dir.write("a", file), o});
    ASSERT_EQ(got.values, rows) << "seed " << seed << "\n" << file;
    ASSERT_THAT(got.errors, IsEmpty()) << "seed " << seed;
  }
}

/// Damaged files: every line end is reached, every byte is in a value or in a rejected row, and reading again agrees.
TEST(csv_spout, damaged_text_is_read_to_its_end) {
  temporary_folder dir;
  for (unsigned seed = 0; seed < 300; ++seed) {
    std::mt19937 random(seed);
    std::string file;
    for (auto n = random() % 400; n > 0; --n) file += "1,\"\n\"\r,a2.\xEF#"[random() % 13];
    const csv_options o{.max_row_bytes = 8 + random() % 100, .buffer_bytes = 16};
    spout_probe<csv_spout<order>> p{csv_spout<order>{dir.write("a", file), o}};
    ASSERT_EQ(p.poll_all(), kind::ended);
    std::map<std::uint64_t, std::uint64_t> extents;
    for (const auto& m : p.messages) extents[m.at.offset] = m.at.next;
    for (const auto& r : p.rejected) extents[r.at.offset] = r.at.next;
    ASSERT_EQ(extents.size(), p.messages.size() + p.rejected.size());
    std::uint64_t at = 0;
    for (const auto& [from, to] : extents) {
      ASSERT_LE(at, from);
      for (; at < from; ++at) ASSERT_TRUE(file[at] == '\n' || file[at] == '\r') << "seed " << seed << " byte " << at;
      at = to;
    }
    const auto messages = p.messages.size(), rejected = p.rejected.size();
    EXPECT_EQ(p.read({0, 0, file.size()}).size(), messages) << "seed " << seed;
    EXPECT_EQ(p.rejected.size(), 2 * rejected) << "seed " << seed;
  }
}

// --- under the engines ---

enum class engine { event, event_best_effort, event_exactly_once, batch, batch_skip, available_now };
class csv_engines : public testing::TestWithParam<engine> {
 protected:
  topology_run start(const topology& graph) const {
    switch (GetParam()) {
      case engine::event:
        return event_executor{{.workers = 2, .retry = {.first = 1ms}, .log = {}}}.start(graph);
      case engine::event_best_effort:
        return event_executor{{.guarantee = guarantee::best_effort, .workers = 2, .log = {}}}.start(graph);
      case engine::event_exactly_once:
        return event_executor{{.guarantee = guarantee::exactly_once, .workers = 2, .log = {}}}.start(graph);
      case engine::available_now:
        return batch_executor{{.trigger = batch_trigger::available_now, .workers = 2, .log = {}}}.start(graph);
      default:
        return batch_executor{{.interval = 1ms, .workers = 2, .log = {}}}.start(graph);
    }
  }
  spout_options options() const {
    return {.max_batch = 16,
            .on_data_loss = GetParam() == engine::batch_skip ? on_data_loss::skip : on_data_loss::stop};
  }
};
std::string name_of(const testing::TestParamInfo<engine>& tested) {
  switch (tested.param) {
    case engine::event:
      return "event";
    case engine::event_best_effort:
      return "event_best_effort";
    case engine::event_exactly_once:
      return "event_exactly_once";
    case engine::batch:
      return "batch";
    case engine::available_now:
      return "available_now";
    default:
      return "batch_skip";
  }
}
INSTANTIATE_TEST_SUITE_P(engines, csv_engines,
                         testing::Values(engine::event, engine::event_best_effort, engine::event_exactly_once,
                                         engine::batch, engine::batch_skip, engine::available_now),
                         name_of);

std::string some_malformed(int rows) {
  std::string text;
  for (int i = 0; i < rows; ++i) text += std::to_string(i) + (i % 10 == 3 ? ",x,bad\n" : ",\"a\nb\",1\n");
  return text;
}

TEST_P(csv_engines, malformed_rows_are_dead_letters_and_reading_goes_on) {
  temporary_folder dir;
  const auto path = dir.write("a", some_malformed(2000));
  collect_sink<order> got;
  collect_sink<dead_letter> letters;
  topology_builder b{"t"};
  b.sink("got", got).input(b.spout("orders", csv_spout<order>{path}, options()));
  b.sink("letters", letters).input(b.dead_letters());
  auto run = start(b.build());
  run.wait();
  const auto values = got.take();
  EXPECT_EQ(values.size(), 1800u);
  EXPECT_TRUE(std::all_of(values.begin(), values.end(), [](const order& o) { return o.id % 10 != 3; }));
  auto all = letters.take();
  ASSERT_EQ(all.size(), 200u);
  std::sort(all.begin(), all.end(), [](auto& x, auto& y) { return x.positions < y.positions; });
  EXPECT_EQ(all[1].node, "orders");
  EXPECT_EQ(all[1].error, "\"" + path + "\" line 26, column 3: expected a number, not \"bad\"");
  EXPECT_EQ(all[1].attempts, 1u);
  EXPECT_EQ(all[1].type, "");
  EXPECT_EQ(all[1].bytes, "13,x,bad");
  ASSERT_EQ(all[1].positions.size(), 1u);
  EXPECT_EQ(all[1].positions[0].next - all[1].positions[0].offset, 9u);
  const auto m = run.metrics().node("orders");
  EXPECT_EQ(m.emitted, 2000u);
  EXPECT_EQ(m.acked, 1800u);
  EXPECT_EQ(m.failed, 200u);
  EXPECT_EQ(m.dead_lettered, 200u);
}

TEST_P(csv_engines, rows_that_fail_later_are_read_again_beside_malformed_ones) {
  if (GetParam() == engine::event_best_effort) return;
  temporary_folder dir;
  const auto path = dir.write("a", some_malformed(500));
  collect_sink<order> got;
  collect_sink<dead_letter> letters;
  auto failed = std::make_shared<std::map<std::int64_t, int>>();
  topology_builder b{"t"};
  auto checked = b.bolt("check", [failed](const order& o) {
                    if (o.id % 10 == 4 && (*failed)[o.id]++ == 0) throw std::runtime_error("once");
                    return o;
                  }).input(b.spout("orders", csv_spout<order>{path}, options()));
  b.sink("got", got).input(checked, global_grouping{});
  b.sink("letters", letters).input(b.dead_letters());
  start(b.build()).wait();
  EXPECT_EQ(got.take().size(), 450u);
  EXPECT_EQ(letters.take().size(), 50u);
  EXPECT_EQ(failed->size(), 50u);
}

TEST_P(csv_engines, letters_that_nobody_reads_are_kept) {
  temporary_folder dir;
  topology_builder b{"t"};
  b.sink("got", collect_sink<order>{}).input(b.spout("orders", csv_spout<order>{dir.write("a", "1,a,1\nx,b,1\n")}));
  auto run = start(b.build());
  run.wait();
  const auto letters = run.status().unread_dead_letters;
  ASSERT_EQ(letters.size(), 1u);
  EXPECT_EQ(letters[0].bytes, "x,b,1");
}

TEST_P(csv_engines, a_file_of_malformed_rows_only) {
  temporary_folder dir;
  collect_sink<dead_letter> letters;
  topology_builder b{"t"};
  b.sink("got", collect_sink<order>{})
      .input(b.spout("orders", csv_spout<order>{dir.write("a", "x,,\ny,,\n")}, options()));
  b.sink("letters", letters).input(b.dead_letters());
  start(b.build()).wait();
  EXPECT_EQ(letters.take().size(), 2u);
}

TEST_P(csv_engines, on_failure_decides) {
  temporary_folder dir;
  const auto path = dir.write("a", "1,a,1\nx,b,1\n3,c,1\n");
  for (const auto policy : {on_failure::skip, on_failure::stop}) {
    collect_sink<order> got;
    topology_builder b{"t"};
    auto how = options();
    how.on_failure = policy;
    b.sink("got", got).input(b.spout("orders", csv_spout<order>{path}, how));
    auto run = start(b.build());
    const auto error = error_of([&] { run.wait(); });
    if (policy == on_failure::skip) {
      EXPECT_EQ(error, "no error");
      EXPECT_EQ(got.take().size(), 2u);
      EXPECT_EQ(run.metrics().node("orders").skipped, 1u);
    } else {
      EXPECT_THAT(error, AllOf(HasSubstr("orders"), HasSubstr("line 2, column 1: expected an integer")));
    }
  }
}

}  // namespace
}  // namespace freshet::file
