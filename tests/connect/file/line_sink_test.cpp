#include "freshet/connect/file/line_sink.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <thread>

#include "base/error_of.hpp"
#include "connect/temporary_folder.hpp"
#include "freshet/freshet.hpp"

namespace freshet::file {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;

template <class S>
topology writing(S sink, std::vector<std::string> lines, std::size_t tasks = 1) {
  topology_builder b{"t"};
  b.sink("out", std::move(sink), {.parallelism = tasks})
      .input(b.spout("lines", vector_spout<std::string>{std::move(lines)}), shuffle_grouping{});
  return b.build();
}
void run(const topology& graph) {
  event_executor{{.workers = 1, .retry = {.first = 1ms}, .log = {}}}.start(graph).wait();
}

/// What `start` throws, on both engines; nothing is ever read.
template <class Make>
void expect_no_start(Make make, const testing::Matcher<std::string>& error) {
  EXPECT_THAT(error_of([&] { (void)event_executor{{.workers = 1, .log = {}}}.start(make()); }), error);
  EXPECT_THAT(error_of([&] { (void)batch_executor{{.workers = 1, .log = {}}}.start(make()); }), error);
}

TEST(line_sink, writes_a_line_a_tuple) {
  temporary_folder dir;
  run(writing(line_sink{dir / "out"}, {"one", "", "three"}));
  EXPECT_EQ(dir.read(dir / "out"), "one\n\nthree\n");
}

TEST(line_sink, begins_the_file_anew_or_appends) {
  temporary_folder dir;
  const auto path = dir.write("out", "before\n");
  run(writing(line_sink{path, {.append = true}}, {"one"}));
  EXPECT_EQ(dir.read(path), "before\none\n");
  run(writing(line_sink{path}, {"two"}));
  EXPECT_EQ(dir.read(path), "two\n");
}

/// Runs a topology on both engines; gives the error.
template <class Make>
std::vector<std::string> errors_on_both(Make make) {
  return {error_of([&] { run(make()); }),
          error_of([&] { batch_executor{{.workers = 1, .log = {}}}.start(make()).wait(); })};
}

TEST(line_sink, a_start_that_fails_leaves_the_file_as_it_was) {
  temporary_folder dir;
  const auto path = dir.write("results", "of yesterday\n");
  const auto errors = errors_on_both([&] {
    topology_builder b{"t"};
    b.sink("out", line_sink{path}).input(b.spout("lines", line_spout{dir / "missing"}), shuffle_grouping{});
    return b.build();
  });
  EXPECT_THAT(errors, testing::Each(HasSubstr("missing")));
  EXPECT_EQ(dir.read(path), "of yesterday\n");
}

TEST(line_sink, a_run_without_rows_leaves_an_empty_file) {
  temporary_folder dir;
  const auto path = dir.write("results", "of yesterday\n");
  run(writing(line_sink{path}, {}));
  EXPECT_EQ(dir.read(path), "");
  dir.write("results", "of yesterday\n");
  batch_executor{{.workers = 1, .log = {}}}.start(writing(line_sink{path}, {})).wait();
  EXPECT_EQ(dir.read(path), "");
  run(writing(line_sink{dir / "new"}, {}));
  EXPECT_TRUE(std::filesystem::exists(dir / "new"));
  dir.write("results", "of yesterday\n");
  run(writing(line_sink{path, {.append = true}}, {}));
  EXPECT_EQ(dir.read(path), "of yesterday\n");
}

TEST(line_sink, a_run_does_not_write_over_its_input) {
  temporary_folder dir;
  const auto path = dir.write("in", "one\ntwo\n");
  std::filesystem::create_hard_link(path, dir / "link");
  for (const auto& out : {path, dir / "link"})
    for (bool append : {false, true})
      for (bool chained : {false, true}) {
        const auto errors = errors_on_both([&, append, chained] {
          topology_builder b{"t"};
          auto sink = b.sink("out", line_sink{out, {.append = append}});
          auto lines = b.spout("lines", line_spout{path});
          if (chained) sink.input(lines);
          else sink.input(lines, shuffle_grouping{});
          return b.build();
        });
        EXPECT_THAT(errors, testing::Each(
                                AllOf(HasSubstr("read and written by the same run"), HasSubstr(path), HasSubstr(out))));
        EXPECT_EQ(dir.read(path), "one\ntwo\n");
      }
}

TEST(line_sink, two_of_a_run_do_not_write_over_each_other) {
  temporary_folder dir;
  const auto to_both = [&](output_options options) {
    topology_builder b{"t"};
    auto lines = b.spout("lines", vector_spout<std::string>{{"one"}});
    b.sink("a", line_sink{dir / "out", options}).input(lines);
    b.sink("b", line_sink{dir / "out", options}).input(lines);
    return b.build();
  };
  EXPECT_THAT(error_of([&] { run(to_both({})); }), AllOf(HasSubstr("two sinks"), HasSubstr(dir / "out")));
  run(to_both({.append = true}));
  EXPECT_EQ(dir.read(dir / "out"), "one\none\n");
  run(writing(line_sink{dir / "out"}, {"again"}));  // the claims of the runs before are gone
  EXPECT_EQ(dir.read(dir / "out"), "again\n");
}

TEST(line_sink, an_output_may_be_the_next_runs_input) {
  temporary_folder dir;
  run(writing(line_sink{dir / "a"}, {"one", "two"}));
  topology_builder b{"t"};
  b.sink("out", line_sink{dir / "b"}).input(b.spout("lines", line_spout{dir / "a"}));
  run(b.build());
  EXPECT_EQ(dir.read(dir / "b"), "one\ntwo\n");
}

TEST(line_sink, takes_any_size_of_buffer) {
  temporary_folder dir;
  for (auto bytes : {std::size_t{0}, std::size_t{1}, ~std::size_t{0}}) {
    run(writing(line_sink{dir / "out", {.buffer_bytes = bytes}}, {"one", "two"}));
    EXPECT_EQ(dir.read(dir / "out"), "one\ntwo\n");
  }
}

TEST(line_sink, takes_a_format) {
  temporary_folder dir;
  run(writing(line_sink{dir / "a", [](const std::string& s) { return "<" + s + ">"; }}, {"one"}));
  EXPECT_EQ(dir.read(dir / "a"), "<one>\n");
  run(writing(line_sink{dir / "a", [](std::string& to, const std::string& s) { to += s + s; }, {.append = true}},
              {"x"}));
  EXPECT_EQ(dir.read(dir / "a"), "<one>\nxx\n");
}

TEST(line_sink, each_task_has_its_file) {
  temporary_folder dir;
  std::vector<std::string> lines;
  for (int i = 0; i < 1'000; ++i) lines.push_back(std::to_string(i));
  run(writing(line_sink{dir / "part-{task}.txt", {.buffer_bytes = 100}}, lines, 3));
  std::vector<std::string> got;
  for (int t = 0; t < 3; ++t) {
    std::istringstream part(dir.read(dir / ("part-" + std::to_string(t) + ".txt")));
    for (std::string line; std::getline(part, line);) got.push_back(line);
  }
  std::sort(got.begin(), got.end());
  std::sort(lines.begin(), lines.end());
  EXPECT_EQ(got, lines);
  expect_no_start([&] { return writing(line_sink{dir / "one.txt"}, lines, 3); },
                  AllOf(HasSubstr("one.txt"), HasSubstr("3 tasks"), HasSubstr("{task}")));
}

TEST(line_sink, a_path_that_cannot_be_written_is_an_error_at_start) {
  temporary_folder dir;
  expect_no_start([&] { return writing(line_sink{dir / "no/such/out"}, {"x"}); },
                  AllOf(HasSubstr("out"), HasSubstr(dir / "no/such/out"), HasSubstr("No such file")));
  expect_no_start([&] { return writing(line_sink{dir / ""}, {"x"}); }, HasSubstr("directory"));
  run(writing(line_sink{dir / "no/such/out", {.create_folders = true}}, {"x"}));
  EXPECT_EQ(dir.read(dir / "no/such/out"), "x\n");
  expect_no_start(
      [&] {
        return writing(line_sink{dir / "no/such/out/x", {.create_folders = true}}, {"x"});
      },
      AllOf(HasSubstr("create the folder"), HasSubstr("out/x")));
}

TEST(line_sink, a_full_disk_fails_the_run_at_the_latest_when_the_file_is_closed) {
  EXPECT_THAT(error_of([] {
                run(writing(line_sink{"/dev/full"}, {"one", "two"}));
              }),
              AllOf(HasSubstr("\"out\""), HasSubstr("/dev/full"), HasSubstr("No space left")));
}

TEST(line_sink, a_full_disk_fails_the_tuples_that_find_it) {
  topology_builder b{"t"};
  b.sink("out", line_sink{"/dev/full", {.buffer_bytes = 0}}, {.on_failure = on_failure::stop})
      .input(b.spout("lines", vector_spout<std::string>{{"one"}}));
  const auto graph = b.build();
  EXPECT_THAT(error_of([&] { run(graph); }), AllOf(HasSubstr("/dev/full"), HasSubstr("No space left")));
}

TEST(line_sink, a_tuple_that_could_not_be_written_is_not_in_the_file_twice) {
  temporary_folder dir;
  // A limit on the size of files takes the place of a disk that is full for a while.
  struct limited {
    limited() {
      std::signal(SIGXFSZ, SIG_IGN);
      ::getrlimit(RLIMIT_FSIZE, &before);
      set(10);
    }
    ~limited() { set(before.rlim_cur); }
    void set(rlim_t bytes) {
      auto now = before;
      now.rlim_cur = bytes;
      ::setrlimit(RLIMIT_FSIZE, &now);
    }
    struct rlimit before {};
  } limit;
  output_file out(dir / "out", {.buffer_bytes = 0});
  const auto add = [&](std::string_view line) {
    const auto before = out.buffer().size();
    out.buffer() += line;
    out.added(before);
  };
  add("12345678\n");
  EXPECT_THAT(error_of([&] { add("a\n"); }), HasSubstr("File too large"));  // one byte of it is in the file
  EXPECT_EQ(out.buffer(), "\n");
  EXPECT_THAT(error_of([&] { add("b\n"); }), HasSubstr("File too large"));
  EXPECT_EQ(out.buffer(), "\n");
  limit.set(limit.before.rlim_cur);
  add("b\n");
  out.close();
  EXPECT_EQ(dir.read(dir / "out"), "12345678\na\nb\n");
}

TEST(line_sink, lines_of_a_slow_stream_are_in_the_file_soon) {
  temporary_folder dir;
  push_spout<std::string> lines;
  topology_builder b{"t"};
  b.sink("out", line_sink{dir / "out"}, {.tick = 1ms}).input(b.spout("lines", lines));
  auto live = event_executor{{.workers = 1}}.start(b.build());
  EXPECT_TRUE(lines.push("one"));
  while (dir.read(dir / "out") != "one\n") std::this_thread::sleep_for(1ms);
  lines.close();
  live.wait();
}

TEST(line_sink, a_replayed_tuple_is_written_once_when_its_first_call_failed) {
  temporary_folder dir;
  auto calls = std::make_shared<int>(0);
  run(writing(line_sink{dir / "out",
                        [calls](std::string& to, const std::string& s) {
                          to += s;
                          if (++*calls == 2) throw std::runtime_error("half written");
                        }},
              {"one", "two", "three"}));
  std::istringstream all(dir.read(dir / "out"));
  std::vector<std::string> got;
  for (std::string line; std::getline(all, line);) got.push_back(line);
  EXPECT_THAT(got, testing::UnorderedElementsAre("one", "two", "three"));
}

TEST(line_sink, copies_a_file_line_by_line) {
  temporary_folder dir;
  std::string text;
  for (int i = 0; i < 50'000; ++i)
    text += "line " + std::to_string(i) + std::string(static_cast<std::size_t>(i) % 60, '.') + "\n";
  const auto in = dir.write("in", text);
  topology_builder b{"copy"};
  b.sink("out", line_sink{dir / "out", {.sync = true}}).input(b.spout("in", line_spout{in}));
  run(b.build());
  EXPECT_EQ(dir.read(dir / "out"), text);
}

TEST(path_of_task, puts_the_number_in) {
  EXPECT_EQ(path_of_task("a/{task}/b-{task}", 12, 20), "a/12/b-12");
  EXPECT_EQ(path_of_task("a", 0, 1), "a");
  EXPECT_THROW(path_of_task("a", 0, 2), std::invalid_argument);
}

}  // namespace
}  // namespace freshet::file
