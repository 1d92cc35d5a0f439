#include "freshet/connect/file/line_spout.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <map>
#include <random>

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
using probe = spout_probe<line_spout>;

strings lines_of(const line_spout& spout, std::uint32_t wanted = 7) {
  probe p{spout};
  EXPECT_EQ(p.poll_all(wanted), kind::ended);
  return p.values();
}

TEST(line_spout, reads_lines) {
  temporary_folder dir;
  EXPECT_THAT(lines_of(line_spout{dir.write("a", "one\ntwo\n\nfour\n")}), ElementsAre("one", "two", "", "four"));
}

TEST(line_spout, a_last_line_without_line_end_is_a_line) {
  temporary_folder dir;
  EXPECT_THAT(lines_of(line_spout{dir.write("a", "one\ntwo")}), ElementsAre("one", "two"));
}

TEST(line_spout, an_empty_file_has_no_line) {
  temporary_folder dir;
  EXPECT_THAT(lines_of(line_spout{dir.write("a", "")}), IsEmpty());
  EXPECT_THAT(lines_of(line_spout{dir.write("b", "\n")}), ElementsAre(""));
}

TEST(line_spout, takes_carriage_returns_off_line_ends_only) {
  temporary_folder dir;
  const auto path = dir.write("a", "one\r\n\r\nt\rwo\r\r\nlast\r");
  EXPECT_THAT(lines_of(line_spout{path}), ElementsAre("one", "", "t\rwo\r", "last\r"));
  EXPECT_THAT(lines_of(line_spout{path, {.strip_carriage_return = false}}),
              ElementsAre("one\r", "\r", "t\rwo\r\r", "last\r"));
}

TEST(line_spout, leaves_out_a_byte_order_mark_at_the_beginning_only) {
  temporary_folder dir;
  const std::string mark = "\xEF\xBB\xBF";
  EXPECT_THAT(lines_of(line_spout{dir.write("a", mark + "one\n" + mark + "two\n")}), ElementsAre("one", mark + "two"));
  EXPECT_THAT(lines_of(line_spout{dir.write("b", mark)}), IsEmpty());
  EXPECT_THAT(lines_of(line_spout{dir.write("c", mark + "\n")}), ElementsAre(""));
  EXPECT_THAT(lines_of(line_spout{dir.write("d", mark.substr(0, 2))}), ElementsAre(mark.substr(0, 2)));
}

TEST(line_spout, or_keeps_it_on_request) {
  temporary_folder dir;
  const std::string mark = "\xEF\xBB\xBF";
  const line_options bytes{.strip_byte_order_mark = false};
  EXPECT_THAT(lines_of(line_spout{dir.write("a", mark + "one\ntwo"), bytes}), ElementsAre(mark + "one", "two"));
  EXPECT_THAT(lines_of(line_spout{dir.write("b", mark), bytes}), ElementsAre(mark));
}

TEST(line_spout, any_byte_may_be_in_a_line) {
  temporary_folder dir;
  std::string all;
  for (int c = 0; c < 256; ++c)
    if (c != '\n') all += static_cast<char>(c);
  EXPECT_THAT(lines_of(line_spout{dir.write("a", all + "\n" + all)}), ElementsAre(all, all));
}

TEST(line_spout, lines_across_buffers_and_far_longer_than_them) {
  temporary_folder dir;
  std::mt19937 random(1);
  strings lines;
  std::string text;
  for (int i = 0; i < 500; ++i) {
    lines.emplace_back(random() % (i % 50 == 0 ? 5000 : 40), static_cast<char>('a' + i % 26));
    text += lines.back() + (i % 3 ? "\n" : "\r\n");
  }
  const auto path = dir.write("a", text);
  for (std::size_t buffer : {1, 17, 64, 1000, 65536}) {
    const line_options options{.buffer_bytes = buffer};
    EXPECT_EQ(lines_of(line_spout{path, options}), lines) << buffer;
  }
}

TEST(line_spout, a_line_of_exactly_the_bound_is_read_and_one_byte_more_is_an_error) {
  temporary_folder dir;
  const std::string ten(10, 'x');
  const line_options options{.max_line_bytes = 10, .buffer_bytes = 16};
  EXPECT_THAT(lines_of(line_spout{dir.write("a", ten + "\n" + ten), options}), ElementsAre(ten, ten));
  for (const auto& tail : {"y\n", "y", "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\nz\n"}) {
    const auto path = dir.write("b", ten + "\n" + ten + tail);
    probe p{line_spout{path, options}};
    for (int again = 0; again < 2; ++again)
      EXPECT_THAT(error_of([&] { p.poll_all(); }),
                  AllOf(HasSubstr(path), HasSubstr("byte 11"), HasSubstr("max_line_bytes (10)")));
    EXPECT_THAT(p.values(), ElementsAre(ten));
  }
}

TEST(line_spout, a_bound_near_the_largest_number_is_no_bound) {
  temporary_folder dir;
  const std::string huge(1'000'000, 'x');
  const auto path = dir.write("a", huge + "\nsecond\nthird\n");
  for (auto most : {~std::size_t{0}, ~std::size_t{0} - 1, ~std::size_t{0} / 2, std::size_t{1} << 40})
    EXPECT_THAT(lines_of(line_spout{path, {.max_line_bytes = most}}), ElementsAre(huge, "second", "third")) << most;
  EXPECT_THAT(lines_of(line_spout{path, {.max_line_bytes = ~std::size_t{0}, .buffer_bytes = ~std::size_t{0}}}),
              ElementsAre(huge, "second", "third"));
  EXPECT_THAT(lines_of(line_spout{path, {.buffer_bytes = 0}}), ElementsAre(huge, "second", "third"));
}

TEST(line_spout, a_huge_line_within_the_bound) {
  temporary_folder dir;
  const std::string huge(5'000'000, 'h');
  EXPECT_EQ(lines_of(line_spout{dir.write("a", "s\n" + huge + "\ne\n")}), (strings{"s", huge, "e"}));
}

TEST(line_spout, positions_are_bytes_and_name_the_file) {
  temporary_folder dir;
  probe p{line_spout{strings{dir.write("a",
                                       "\xEF\xBB\xBF"
                                       "one\r\ntwo"),
                             dir.write("b", ""), dir.write("c", "three\n")}}};
  p.poll_all();
  ASSERT_EQ(p.messages.size(), 3u);
  EXPECT_EQ(p.messages[0].at, (position{0, 0, 8}));
  EXPECT_EQ(p.messages[1].at, (position{0, 8, 11}));
  EXPECT_EQ(p.messages[2].at, (position{0, line_spout::offset_of(2, 0), line_spout::offset_of(2, 6)}));
  EXPECT_EQ(line_spout::file_of(p.messages[2].at.offset), 2u);
  EXPECT_EQ(line_spout::byte_of(p.messages[2].at.next), 6u);
}

/// Three files in which every kind of line end occurs.
strings sample(const temporary_folder& dir) {
  std::string many;
  for (int i = 0; i < 200; ++i) many += "line " + std::to_string(i) + (i % 2 ? "\r\n" : "\n");
  return {dir.write("1", "\xEF\xBB\xBF" + many), dir.write("2", ""), dir.write("3", "x\n\n\ny")};
}

TEST(line_spout, reads_any_range_again_exactly) {
  temporary_folder dir;
  probe p{line_spout{sample(dir), {.buffer_bytes = 64}}};
  p.poll_all();
  const auto& all = p.messages;
  for (std::size_t from = 0; from < all.size(); from += 13)
    for (std::size_t to = from; to < all.size(); to += 11) {
      // From where the message before ended, as an engine does that counts gaps to what follows them.
      const auto begin = from ? all[from - 1].at.next : 0;
      const auto again = p.read({0, begin, all[to].at.next});
      ASSERT_EQ(again.size(), to - from + 1);
      for (std::size_t i = 0; i < again.size(); ++i) {
        ASSERT_EQ(again[i].at, all[from + i].at);
        ASSERT_EQ(again[i].value, all[from + i].value);
      }
    }
  EXPECT_TRUE(p.read({0, 5, 5}).empty());
}

TEST(line_spout, reading_again_does_not_disturb_polling) {
  temporary_folder dir;
  const auto files = sample(dir);
  const auto expected = lines_of(line_spout{files});
  probe p{line_spout{files}};
  while (p.poll(3) == kind::emitted) {
    const auto& m = p.messages[p.messages.size() / 2];
    EXPECT_EQ(p.read({0, m.at.offset, m.at.next}).at(0).value, m.value);
  }
  EXPECT_EQ(p.values(), expected);
}

TEST(line_spout, goes_on_from_any_position) {
  temporary_folder dir;
  const line_spout spout{sample(dir)};
  probe whole{spout};
  whole.poll_all();
  const auto all = whole.values();
  for (std::size_t i = 0; i < all.size(); i += 17) {
    probe p{spout};
    const auto next = whole.messages[i].at.next;
    p.seek({0, next, next});
    p.poll_all();
    EXPECT_EQ(p.values(), strings(all.begin() + static_cast<std::ptrdiff_t>(i) + 1, all.end()));
  }
}

TEST(line_spout, a_line_is_read_again_as_it_was_when_the_file_has_grown) {
  temporary_folder dir;
  const auto path = dir.write("a", "one\ntw");
  probe p{line_spout{path}};
  p.poll_all();
  dir.write("a", "one\ntwo and more\nthree\n");
  const auto again = p.read({0, p.messages[1].at.offset, p.messages[1].at.next});
  ASSERT_EQ(again.size(), 1u);
  EXPECT_EQ(again[0].value, "tw");
}

TEST(line_spout, a_file_that_was_cut_is_an_error) {
  temporary_folder dir;
  const auto path = dir.write("a", "one\ntwo\nthree\n");
  probe p{line_spout{path}};
  p.poll_all();
  std::filesystem::resize_file(path, 6);
  const auto two = p.messages[1].at, three = p.messages[2].at;
  EXPECT_THAT(error_of([&] { p.read({0, two.offset, two.next}); }), AllOf(HasSubstr(path), HasSubstr("to byte 8")));
  EXPECT_THAT(error_of([&] { p.read({0, three.offset, three.next}); }), AllOf(HasSubstr(path), HasSubstr("was cut")));
  p.seek({0, 100, 100});
  EXPECT_THAT(error_of([&] { p.poll(); }), AllOf(HasSubstr(path), HasSubstr("was cut")));
}

position_range lost_of(probe& p, position_range range) {
  try {
    p.read(range);
  } catch (const range_lost& e) { return e.lost(); }
  return {};
}

TEST(line_spout, lines_of_a_file_that_was_cut_are_lost_up_to_the_next_file) {
  temporary_folder dir;
  probe p{line_spout{strings{dir.write("a", "one\ntwo\nthree\n"), dir.write("b", "four\n")}}};
  p.poll_all();
  const auto b = line_spout::offset_of(1, 0);
  const position_range all{0, 0, line_spout::offset_of(1, 5)};
  for (auto [size, first_lost] : {std::pair{10u, 8u}, {8u, 8u}, {6u, 4u}, {0u, 0u}}) {
    std::filesystem::resize_file(dir / "a", size);
    EXPECT_EQ(lost_of(p, all), (position_range{0, first_lost, b})) << size;
    EXPECT_EQ(lost_of(p, {0, 8, 14}), (position_range{0, 8, b})) << size;
  }
  EXPECT_EQ(p.read({0, b, line_spout::offset_of(1, 5)}).at(0).value, "four");
  std::filesystem::resize_file(dir / "a", 14);  // zeros, in which no line ends
  EXPECT_EQ(lost_of(p, {0, 0, 4}), (position_range{}));
}

TEST(line_spout, what_was_read_before_the_cut_is_not_lost) {
  temporary_folder dir;
  probe p{line_spout{dir.write("a", "one\ntwo\nthree\n")}};
  p.poll_all();
  std::filesystem::resize_file(dir / "a", 9);
  const auto before = p.read({0, 0, 8});
  ASSERT_EQ(before.size(), 2u);
  EXPECT_EQ(before[1].value, "two");
}

TEST(line_spout, a_pattern_is_read_in_the_order_of_names_each_file_once) {
  temporary_folder dir;
  dir.write("log/b.txt", "b\n");
  const auto a = dir.write("log/a.txt", "a\n");
  dir.write("log/C.txt", "C\n");
  dir.write("log/d.other", "d\n");
  std::filesystem::create_directory(dir / "log/folder.txt");
  std::filesystem::create_symlink(a, dir / "log/z-latest.txt");
  EXPECT_THAT(lines_of(line_spout{dir / "log/*.txt"}), ElementsAre("C", "a", "b"));
  EXPECT_THAT(lines_of(line_spout{dir / "log/[ab].*"}), ElementsAre("a", "b"));
  EXPECT_THAT(lines_of(line_spout{dir / "*/?.other"}), ElementsAre("d"));
}

TEST(line_spout, a_list_is_read_as_it_is_given) {
  temporary_folder dir;
  const auto a = dir.write("a", "a\n"), b = dir.write("b", "b\n");
  EXPECT_THAT(lines_of(line_spout{strings{b, a, b}}), ElementsAre("b", "a", "b"));
  EXPECT_THROW(line_spout(strings{}), std::invalid_argument);
}

TEST(line_spout, a_file_may_have_a_patterns_name) {
  temporary_folder dir;
  dir.write("a1", "no\n");
  EXPECT_THAT(lines_of(line_spout{dir.write("a[1]", "yes\n")}), ElementsAre("yes"));
}

TEST(line_spout, more_files_than_are_kept_open) {
  temporary_folder dir;
  strings expected;
  for (int i = 0; i < 400; ++i) {
    const auto name = std::to_string(1000 + i);
    dir.write("f" + name, name + "\n");
    expected.push_back(name);
  }
  probe p{line_spout{dir / "f*"}};
  EXPECT_EQ(p.poll(300), kind::emitted);
  EXPECT_EQ(p.read({0, line_spout::offset_of(299, 0), line_spout::offset_of(299, 5)}).at(0).value, "1299");
  dir.write("new", "something else\n");
  std::filesystem::rename(dir / "new", dir / "f1350");
  EXPECT_THAT(error_of([&] { p.poll_all(); }), AllOf(HasSubstr("f1350"), HasSubstr("another file")));
  EXPECT_EQ(p.values(), strings(expected.begin(), expected.begin() + 350));
  // What was read of a file before it was replaced, or removed, can't be read again.
  for (const char* name : {"f1349", "f1348"}) {
    if (name[4] == '9') dir.write("new", "1349\n"), std::filesystem::rename(dir / "new", dir / name);
    else std::filesystem::remove(dir / name);
    const auto file = static_cast<std::uint64_t>(std::stoi(name + 1) - 1000);
    EXPECT_EQ(lost_of(p, {0, line_spout::offset_of(file, 0), line_spout::offset_of(file, 5)}),
              (position_range{0, line_spout::offset_of(file, 0), line_spout::offset_of(file + 1, 0)}));
  }
}

TEST(line_spout, a_renamed_file_is_still_read) {
  temporary_folder dir;
  probe p{line_spout{strings{dir.write("a", "1\n2\n"), dir.write("b", "3\n")}}};
  p.poll(1);
  std::filesystem::rename(dir / "a", dir / "a.1");
  std::filesystem::remove(dir / "b");
  dir.write("b", "new\n");
  p.poll_all();
  EXPECT_THAT(p.values(), ElementsAre("1", "2", "3"));
  EXPECT_EQ(p.read({0, 0, 2}).at(0).value, "1");
}

TEST(line_spout, only_the_task_with_the_partition_reads) {
  temporary_folder dir;
  const line_spout spout{dir.write("a", "1\n")};
  task_context second;
  second.task = 1;
  second.task_count = 2;
  probe p{spout, second};
  EXPECT_EQ(p.poll(), kind::ended);
  EXPECT_THAT(p.values(), IsEmpty());
}

// --- what cannot be read: an error when the run starts ---

std::string start_error(line_spout spout) {
  topology_builder b{"t"};
  b.sink("s", collect_sink<std::string>{}).input(b.spout("lines", std::move(spout)));
  const auto graph = b.build();
  return error_of([&] { event_executor{{.workers = 1}}.start(graph); });
}

TEST(line_spout, a_missing_file_is_an_error_at_start) {
  temporary_folder dir;
  EXPECT_THAT(start_error(line_spout{dir / "nowhere.txt"}),
              AllOf(HasSubstr("lines"), HasSubstr(dir / "nowhere.txt"), HasSubstr("No such file")));
  EXPECT_THAT(start_error(line_spout{dir / "*.txt"}), AllOf(HasSubstr(dir / "*.txt"), HasSubstr("No such file")));
}

TEST(line_spout, every_file_that_cannot_be_read_is_named) {
  temporary_folder dir;
  EXPECT_THAT(start_error(line_spout{strings{dir / "x", dir.write("a", ""), dir / "y"}}),
              AllOf(HasSubstr(dir / "x"), HasSubstr(dir / "y")));
}

TEST(line_spout, a_folder_is_an_error_at_start) {
  temporary_folder dir;
  EXPECT_THAT(start_error(line_spout{dir / ""}), HasSubstr("it is a directory"));
}

TEST(line_spout, what_is_no_file_is_an_error_at_start) {
  temporary_folder dir;
  ASSERT_EQ(::mkfifo((dir / "pipe").c_str(), 0600), 0);
  EXPECT_THAT(start_error(line_spout{dir / "pipe"}), HasSubstr("not a regular file"));
  EXPECT_THAT(start_error(line_spout{"/dev/null"}), HasSubstr("not a regular file"));
}

TEST(line_spout, an_unreadable_file_is_an_error_at_start) {
  temporary_folder dir;
  const auto path = dir.write("a", "secret\n");
  std::filesystem::permissions(path, std::filesystem::perms::none);
  std::filesystem::permissions(dir / "", std::filesystem::perms::all);
  const auto as_nobody = [&] {
    if (::geteuid() == 0 && ::seteuid(65534) != 0) std::exit(1);  // root may read everything
    std::fputs(start_error(line_spout{path}).c_str(), stderr);
    std::_Exit(0);  // a search for leaks, at exit, would not be allowed to nobody
  };
  EXPECT_EXIT(as_nobody(), testing::ExitedWithCode(0), AllOf(HasSubstr(path), HasSubstr("Permission denied")));
}

TEST(line_spout, a_read_error_names_file_and_byte) {
  // The memory of a process is a regular file whose first page can't be read.
  probe p{line_spout{"/proc/self/mem"}};
  EXPECT_THAT(error_of([&] { p.poll(); }), AllOf(HasSubstr("/proc/self/mem"), HasSubstr("byte 0"), HasSubstr("error")));
}

TEST(line_spout, end_to_end_a_read_error_ends_the_run) {
  topology_builder b{"t"};
  b.sink("s", collect_sink<std::string>{}).input(b.spout("lines", line_spout{"/proc/self/mem"}));
  auto run = event_executor{{.workers = 1, .retry = {.max_attempts = 2, .first = 1ms}, .log = {}}}.start(b.build());
  EXPECT_THAT(error_of([&] { run.wait(); }), AllOf(HasSubstr("lines"), HasSubstr("/proc/self/mem")));
}

/// Fails for every line until it has seen the last one; then it cuts the file.
struct cuts_the_file {
  std::string path;
  std::size_t to;
  bool cut = false;
  std::string process(const std::string& line) {
    if (!cut && line == "the last one") {
      std::filesystem::resize_file(path, to);
      cut = true;
    } else if (cut) {
      return line;
    }
    throw std::runtime_error("not yet");
  }
};

struct cut_run {
  strings lines;
  task_metrics in;
  std::string error;
};
/// 200 lines of ten bytes, of which `kept` bytes remain when they are to be emitted again.
cut_run run_and_cut(bool batched, on_data_loss then, std::size_t kept) {
  temporary_folder dir;
  std::string text;
  for (int i = 0; i < 199; ++i) text += "line " + std::to_string(1000 + i) + "\n";
  const auto path = dir.write("a", text + "the last one\n");
  collect_sink<std::string> got;
  topology_builder b{"t"};
  auto lines = b.spout("lines", line_spout{path}, {.on_data_loss = then});
  auto passed = b.bolt("cuts", [&] { return cuts_the_file{path, kept}; });
  b.sink("got", got).input(batched ? passed.input(lines, shuffle_grouping{}) : passed.input(lines));
  const auto graph = b.build();
  auto run =
      batched
          ? batch_executor{{.workers = 1, .log = {}}}.start(graph)
          : event_executor{{.workers = 1, .retry = {.max_attempts = 10'000, .first = 1ms, .longest = 1ms}, .log = {}}}
                .start(graph);
  cut_run r;
  r.error = error_of([&] { run.wait(); });
  r.lines = got.take();
  std::sort(r.lines.begin(), r.lines.end());
  r.in = run.metrics().node("lines");
  return r;
}

TEST(line_spout, end_to_end_a_file_that_was_cut_ends_the_run) {
  EXPECT_THAT(run_and_cut(false, on_data_loss::stop, 995).error,
              AllOf(HasSubstr("spout \"lines\" task 0"), HasSubstr("partition 0 \"lines\" can no longer be read"),
                    HasSubstr("/a\""), HasSubstr("earliest offset still there is 1099511627776")));
}

TEST(line_spout, end_to_end_or_its_lines_are_skipped) {
  const auto r = run_and_cut(false, on_data_loss::skip, 995);
  EXPECT_EQ(r.error, "no error");
  ASSERT_EQ(r.lines.size(), 99u);
  EXPECT_EQ(r.lines.back(), "line 1098");
  EXPECT_EQ(r.in.lost, 101u);
  EXPECT_EQ(r.in.failed, 101u);
  EXPECT_EQ(r.in.acked, 99u);
}

TEST(line_spout, end_to_end_failed_lines_are_read_again_from_the_file) {
  temporary_folder dir;
  std::string text;
  for (int i = 0; i < 5'000; ++i) text += "line " + std::to_string(i) + (i % 3 ? "\n" : "\r\n");
  text += "the last one";
  const auto path = dir.write("a", text);
  struct fragile {
    std::shared_ptr<std::map<std::string, int>> tries;
    void process(const std::string& line, emitter<std::string>& out) {
      const auto n = ++(*tries)[line];
      if (std::hash<std::string>{}(line) % 17 == 0 && n < 3) throw std::runtime_error("not yet");
      out.emit(line);
    }
  };
  auto tries = std::make_shared<std::map<std::string, int>>();
  collect_sink<std::string> got;
  topology_builder b{"t"};
  auto lines = b.spout("lines", line_spout{path, {.buffer_bytes = 4096}});
  auto passed = b.bolt("fragile", fragile{tries}).input(lines, shuffle_grouping{});
  b.sink("got", got).input(passed);
  auto run = event_executor{{.workers = 2, .retry = {.first = 1ms}}}.start(b.build());
  run.wait();
  auto values = got.take();
  std::sort(values.begin(), values.end());
  auto expected = lines_of(line_spout{path});
  std::sort(expected.begin(), expected.end());
  EXPECT_EQ(values, expected);
  int again = 0;
  for (auto& [line, n] : *tries) again += n - 1;
  EXPECT_GT(again, 100);
  const auto m = run.metrics().node("lines");
  EXPECT_EQ(m.replayed, static_cast<std::uint64_t>(again));
  EXPECT_EQ(m.emitted, 5'001u);
  EXPECT_EQ(m.acked, 5'001u);
}

}  // namespace
}  // namespace freshet::file
