#include "freshet/connect/file/json_spout.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "connect/spout_probe.hpp"
#include "connect/temporary_folder.hpp"
#include "freshet/freshet.hpp"

namespace freshet::file {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using kind = poll_status::kind;
using strings = std::vector<std::string>;

template <class T>
struct outcome {
  std::vector<T> values;
  strings errors, bytes;
};
template <class T>
outcome<T> all_of(const json_spout<T>& spout) {
  spout_probe<json_spout<T>> p{spout};
  EXPECT_EQ(p.poll_all(7), kind::ended);
  outcome<T> o{p.values(), {}, {}};
  for (auto& r : p.rejected) {
    o.errors.push_back(r.why.message);
    o.bytes.push_back(r.bytes);
  }
  return o;
}

struct order {
  static constexpr std::string_view field_names[] = {"id", "city", "price"};
  std::int64_t id = 0;
  std::string city;
  std::optional<double> price;
  friend bool operator==(const order&, const order&) = default;
};
void PrintTo(const order& o, std::ostream* to) { *to << o.id << '|' << o.city << '|' << o.price.value_or(-1); }

TEST(json_spout, members_by_the_names_of_the_struct) {
  temporary_folder dir;
  const auto path = dir.write("a", R"({"id":1,"city":"Oslo","price":2.5}
{"price":null,"other":{"id":[7,{"id":8}]},"city":"a\"\u00e9","id":2}
 
{ "id" : "3" , "city" : "" })");
  const auto got = all_of(json_spout<order>{path});
  EXPECT_THAT(got.errors, IsEmpty());
  EXPECT_THAT(got.values, ElementsAre(order{1, "Oslo", 2.5}, order{2, "a\"\xC3\xA9", {}}, order{3, "", {}}));
}

struct plain {
  int a = 0;
  std::optional<bool> b;
  friend bool operator==(const plain&, const plain&) = default;
};

TEST(json_spout, or_by_those_of_the_options) {
  temporary_folder dir;
  const auto path = dir.write("a", R"({"x":1,"y":true})");
  EXPECT_THAT(all_of(json_spout<plain>{path, {.fields = {"x", "y"}}}).values, ElementsAre(plain{1, true}));
}

TEST(json_spout, arrays_by_order_need_no_names) {
  temporary_folder dir;
  const auto path = dir.write("a", "[1,true]\n[2]\n[3,null]\n[]\n[4,true,5]\n{\"a\":1}\n[5,6]\n");
  const auto got = all_of(json_spout<plain>{path});
  EXPECT_THAT(got.values, ElementsAre(plain{1, true}, plain{2, {}}, plain{3, {}}));
  const auto in = "\"" + path + "\" line ";
  EXPECT_THAT(
      got.errors,
      ElementsAre(in + "4, column 3, \"[0]\": expected an integer from -2147483648 to 2147483647, but there is none",
                  in + "5, column 9: expected an array of 2, not of more",
                  in + "6, column 1: expected an array, as " + readable_type_name<plain>() +
                      " has no field_names, not {\"a\":1}",
                  in + "7, column 4, \"[1]\": expected true or false, not 6"));
}

enum class colour { red, green };
bool freshet_from_text(std::string_view text, colour& c) {
  if (text == "boom") throw std::runtime_error("no such paint");
  c = text == "green" ? colour::green : colour::red;
  return text == "green" || text == "red";
}
struct place {
  static constexpr std::string_view field_names[] = {"lat", "lon"};
  double lat = 0, lon = 0;
};
struct everything {
  static constexpr std::string_view field_names[] = {"paint", "at", "tags", "place", "path", "letter"};
  colour paint{};
  event_time at{};
  std::vector<std::string> tags;
  std::optional<place> where;
  std::vector<place> path;
  char letter = ' ';
};

TEST(json_spout, structs_lists_times_and_enumerations) {
  temporary_folder dir;
  const auto path = dir.write("a", R"({"paint":"green","at":"1970-01-01T00:00:01Z","tags":["a","b"],"letter":"x",)"
                                   R"("place":{"lon":1,"lat":2,"alt":3},"path":[[1,2],{"lat":3,"lon":4}]})");
  const auto got = all_of(json_spout<everything>{path});
  ASSERT_THAT(got.errors, IsEmpty());
  const auto& e = got.values.at(0);
  EXPECT_EQ(e.paint, colour::green);
  EXPECT_EQ(e.at, event_time{1s});
  EXPECT_THAT(e.tags, ElementsAre("a", "b"));
  EXPECT_EQ(e.where.value().lat, 2);
  ASSERT_EQ(e.path.size(), 2u);
  EXPECT_EQ(e.path[1].lon, 4);
}

TEST(json_spout, times_as_numbers) {
  temporary_folder dir;
  struct moment {
    event_time at{};
  };
  const auto path = dir.write("a", "[1659304800025]\n[\"1659304800025\"]\n[\"2022-07-31\"]\n");
  const auto got = all_of(json_spout<moment>{path, {.times = {"%Q"}}});
  ASSERT_EQ(got.values.size(), 2u);
  for (const auto& m : got.values) EXPECT_EQ(m.at, event_time{1659304800025ms});
  EXPECT_THAT(got.errors,
              ElementsAre(HasSubstr("line 3, column 2, \"[0]\": expected a time (%Q), not \"2022-07-31\"")));
}

TEST(json_spout, an_error_names_file_line_column_member_and_value) {
  temporary_folder dir;
  const auto path = dir.write("a", R"({"id":1.5,"city":"a"}
{"id":1,"city":17}
{"id":1,"city":null}
{"city":"a"}
{"id":1,"city":"a"
{"id":1,"city":"a"} x
"text"
{"id":true,"city":"a"}
)");
  const auto got = all_of(json_spout<order>{path});
  EXPECT_THAT(got.values, IsEmpty());
  const auto in = "\"" + path + "\" line ";
  const std::string integer = "expected an integer from -9223372036854775808 to 9223372036854775807, ";
  EXPECT_THAT(got.errors, ElementsAre(in + "1, column 7, \"id\": " + integer + "not 1.5",
                                      in + "2, column 16, \"city\": expected text, not 17",
                                      in + "3, column 16, \"city\": expected text, not null",
                                      in + "4, column 13, \"id\": " + integer + "but there is none",
                                      in + "5, column 19: expected \",\" or \"}\", not the end of the line",
                                      in + "6, column 21: expected the end of the line, not \"x\"",
                                      in + "7, column 1: expected an object, not \"text\"",
                                      in + "8, column 7, \"id\": " + integer + "not true"));
  EXPECT_EQ(got.bytes[5], R"({"id":1,"city":"a"} x)");
}

TEST(json_spout, and_where_in_nested_values_it_is) {
  temporary_folder dir;
  const std::string begin = R"({"paint":"red","at":"1970-01-01","letter":"x","tags":)";
  const auto path = dir.write("a", begin + R"(["a",1],"path":[]})" + "\n" +                            //
                                       begin + R"([],"path":[{"lat":1,"lon":1},{"lat":1}]})" + "\n" +  //
                                       begin + R"([],"path":[],"place":{"lat":"north","lon":1}})" + "\n" + begin +
                                       R"({},"path":[]})" + "\n" + R"({"paint":"boom"})");
  EXPECT_THAT(
      all_of(json_spout<everything>{path}).errors,
      ElementsAre(HasSubstr("line 1, column 59, \"tags[1]\": expected text, not 1"),
                  HasSubstr("\"path[1].lon\": expected a number, but there is none"),
                  HasSubstr("\"place.lat\": expected a number, not \"north\""),
                  HasSubstr("\"tags\": expected an array, not {}"), HasSubstr("colour (no such paint), not \"boom\"")));
}

TEST(json_spout, a_line_that_is_too_long_is_malformed_and_its_beginning_is_kept) {
  temporary_folder dir;
  const auto path = dir.write("a", "[1]\n[2,\"" + std::string(50'000, 'x') + "\"]\n[3]\n");
  const auto got = all_of(json_spout<plain>{path, {.max_line_bytes = 20, .buffer_bytes = 16}});
  EXPECT_THAT(got.values, ElementsAre(plain{1, {}}, plain{3, {}}));
  EXPECT_THAT(got.errors, ElementsAre(HasSubstr("line 2: the line is longer than max_line_bytes (20)")));
  EXPECT_THAT(got.bytes, ElementsAre("[2,\"" + std::string(16, 'x')));
}

TEST(json_spout, names_that_do_not_fit_the_struct_are_refused) {
  EXPECT_THROW((json_spout<order>{"a", {.fields = {"id"}}}), std::invalid_argument);
  EXPECT_THROW((json_spout<order>{strings{}}), std::invalid_argument);
}

TEST(json_spout, reads_any_range_again_exactly_and_goes_on_from_any_position) {
  temporary_folder dir;
  std::string text;
  for (int i = 0; i < 120; ++i)
    text += (i % 9 == 0 ? "\n" : "") + (i % 7 == 0 ? std::string("oops") : "[" + std::to_string(i) + "]") +
            (i % 2 ? "\n" : "\r\n");
  const json_spout<plain> spout{strings{dir.write("1", text), dir.write("2", ""), dir.write("3", "\xEF\xBB\xBF[7]")},
                                {.buffer_bytes = 32}};
  spout_probe<json_spout<plain>> p{spout};
  p.poll_all();
  const auto all = p.messages;
  for (std::size_t from = 0; from < all.size(); from += 7)
    for (std::size_t to = from; to < all.size(); to += 9) {
      const auto again = p.read({0, from ? all[from - 1].at.next : 0, all[to].at.next});
      ASSERT_EQ(again.size(), to - from + 1);
      for (std::size_t i = 0; i < again.size(); ++i) ASSERT_EQ(again[i].value, all[from + i].value);
    }
  for (std::size_t i = 0; i < all.size(); i += 13) {
    spout_probe<json_spout<plain>> later{spout};
    later.seek({0, all[i].at.next, all[i].at.next});
    later.poll_all();
    EXPECT_EQ(later.messages.size(), all.size() - i - 1);
  }
}

/// Damaged lines: each is a value or rejected, whole.
TEST(json_spout, damaged_text_is_read_to_its_end) {
  temporary_folder dir;
  for (unsigned seed = 0; seed < 300; ++seed) {
    std::mt19937 random(seed);
    std::string file;
    std::size_t lines = 0;
    for (auto n = random() % 40; n > 0; --n, ++lines) {
      std::string line = R"({"id":12,"city":"x","price":[1e3]})";
      for (auto k = random() % 4; k > 0; --k) line[random() % line.size()] = "{}[],:\"\\1e-\xEF x"[random() % 14];
      file += line + "\n";
    }
    const auto got = all_of(json_spout<order>{dir.write("a", file)});
    EXPECT_EQ(got.values.size() + got.errors.size(), lines) << "seed " << seed;
  }
}

enum class engine { event, batch, available_now };
class json_engines : public testing::TestWithParam<engine> {
 protected:
  topology_run start(const topology& graph) const {
    if (GetParam() == engine::event) return event_executor{{.workers = 2, .log = {}}}.start(graph);
    const auto trigger = GetParam() == engine::batch ? batch_trigger::interval : batch_trigger::available_now;
    return batch_executor{{.trigger = trigger, .interval = 1ms, .rows_per_batch = 70, .workers = 2, .log = {}}}.start(
        graph);
  }
};
INSTANTIATE_TEST_SUITE_P(engines, json_engines, testing::Values(engine::event, engine::batch, engine::available_now));

TEST_P(json_engines, malformed_lines_are_dead_letters_and_reading_goes_on) {
  temporary_folder dir;
  std::string text;
  for (int i = 0; i < 1000; ++i)
    text += i % 10 == 3 ? "{\"id\":oops}\n" : "{\"id\":" + std::to_string(i) + ",\"city\":\"x\"}\n";
  collect_sink<order> got;
  collect_sink<dead_letter> letters;
  topology_builder b{"t"};
  b.sink("got", got).input(b.spout("orders", json_spout<order>{dir.write("a", text)}));
  b.sink("letters", letters).input(b.dead_letters());
  auto run = start(b.build());
  run.wait();
  EXPECT_EQ(got.take().size(), 900u);
  const auto all = letters.take();
  ASSERT_EQ(all.size(), 100u);
  for (const auto& l : all) EXPECT_EQ(l.bytes, "{\"id\":oops}");
  EXPECT_EQ(run.metrics().node("orders").failed, 100u);
}

}  // namespace
}  // namespace freshet::file
