#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "base/error_of.hpp"
#include "connect/spout_probe.hpp"
#include "connect/temporary_folder.hpp"
#include "freshet/connect/file/csv_spout.hpp"
#include "freshet/connect/file/json_spout.hpp"
#include "freshet/connect/file/line_spout.hpp"
#include "freshet/state/epoch_log_reader.hpp"
#include "runtime/checkpoint_scene.hpp"

// Runs that go on over files that are not those of the run before.
namespace freshet::file {
namespace {

using namespace checkpoint_tests;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using kind = poll_status::kind;
using strings = std::vector<std::string>;

// --- the spouts by themselves ---

/// What a checkpoint has of a partition.
struct kept_position {
  std::string saved;
  std::uint64_t offset = 0;
};
template <class S>
struct kept_spout : spout_probe<S> {
  /// At the beginning.
  explicit kept_spout(S spout) : spout_probe<S>(std::move(spout), {}, true) { this->load({}); }
  /// Where another was; losses are accepted, and put into `lost`.
  kept_spout(S spout, const kept_position& from) : spout_probe<S>(std::move(spout), {}, true) {
    this->load(from.saved);
    go_to(from.offset);
  }
  void go_to(std::uint64_t offset) {
    try {
      return this->seek({0, offset, offset});
    } catch (const range_lost& gone) {
      lost.push_back(gone.what());
      if (gone.lost().from <= offset) offset = gone.earliest();
    }
    go_to(offset);
  }
  /// Reads so many, and is gone.
  kept_position after(std::uint32_t count) {
    this->poll(count);
    return {this->save(), this->messages.back().at.next};
  }
  strings lost;
};
using kept_lines = kept_spout<line_spout>;

strings rest(const line_spout& spout, const kept_position& from) {
  kept_lines p{spout, from};
  EXPECT_EQ(p.poll_all(), kind::ended);
  EXPECT_THAT(p.lost, IsEmpty());
  return p.values();
}

TEST(changed_files, are_told_once_a_run) {
  temporary_folder dir;
  dir.write("a", "1\n2\n3\n");
  kept_lines p{line_spout{dir / "*"}};
  const auto first = p.after(1);
  EXPECT_THAT(first.saved, HasSubstr(dir / "a"));
  p.poll(1);
  EXPECT_EQ(p.save(), "");
  kept_lines again{line_spout{dir / "*"}, first};
  EXPECT_EQ(again.after(1).saved, first.saved);
}

TEST(changed_files, one_in_front_is_read_last) {
  temporary_folder dir;
  dir.write("b", "1\n2\n3\n");
  dir.write("c", "4\n");
  const auto from = kept_lines{line_spout{dir / "*"}}.after(2);
  dir.write("a", "5\n");
  dir.write("bb", "6\n");
  EXPECT_THAT(rest(line_spout{dir / "*"}, from), ElementsAre("3", "4", "5", "6"));
}

TEST(changed_files, a_list_in_another_order_is_read_in_that_of_before) {
  temporary_folder dir;
  const auto a = dir.write("a", "1\n2\n"), b = dir.write("b", "3\n"), c = dir.write("c", "4\n");
  const auto from = kept_lines{line_spout{strings{a, b}}}.after(1);
  EXPECT_THAT(rest(line_spout{strings{c, b, a}}, from), ElementsAre("2", "3", "4"));
}

TEST(changed_files, one_that_was_read_may_be_gone_for_ever) {
  temporary_folder dir;
  const strings list{dir.write("a", "1\n"), dir.write("b", "2\n3\n")};
  for (const auto& spout : {line_spout{dir / "*"}, line_spout{list}}) {
    dir.write("a", "1\n");
    const auto first = kept_lines{spout}.after(2);
    std::filesystem::remove(dir / "a");
    // And in the run after it, whose list of files is that of the second.
    kept_lines second{spout, first};
    const auto then = second.after(1);
    EXPECT_THAT(second.values(), ElementsAre("3"));
    EXPECT_THAT(rest(spout, then), IsEmpty());
    dir.write("a", "4\n");
    EXPECT_THAT(rest(spout, then), ElementsAre("4"));
  }
}

TEST(changed_files, all_may_be_gone_that_were_read) {
  temporary_folder dir;
  dir.write("a", "1\n");
  const auto from = kept_lines{line_spout{dir / "*"}}.after(1);
  std::filesystem::remove(dir / "a");
  EXPECT_THAT(rest(line_spout{dir / "*"}, from), IsEmpty());
  dir.write("b", "2\n");
  EXPECT_THAT(rest(line_spout{dir / "*"}, from), ElementsAre("2"));
}

TEST(changed_files, rotated_ones_are_read_on_by_their_new_names) {
  temporary_folder dir;
  dir.write("app.log", "3\n4\n5\n");
  dir.write("app.log.1", "1\n2\n");
  const line_spout spout{strings{dir / "app.log.1", dir / "app.log"}};
  const auto from = kept_lines{spout}.after(4);
  std::filesystem::rename(dir / "app.log.1", dir / "app.log.2");
  std::filesystem::rename(dir / "app.log", dir / "app.log.1");
  dir.write("app.log", "6\n");
  EXPECT_THAT(rest(line_spout{dir / "app.log*"}, from), ElementsAre("5", "6"));
}

TEST(changed_files, what_was_written_to_the_one_being_read_is_read) {
  temporary_folder dir;
  dir.write("a", "1\n2\n");
  for (const std::uint32_t read : {1u, 2u}) {
    const auto from = kept_lines{line_spout{dir.write("a", "1\n2\n")}}.after(read);
    dir.write("a", "1\n2\n3\n");
    EXPECT_EQ(rest(line_spout{dir / "a"}, from), (read == 1 ? strings{"2", "3"} : strings{"3"}));
  }
}

/// Three files, of which the second is read in part, and what becomes of the second.
struct loss {
  std::function<void(const temporary_folder&)> change;
  std::string why;
  strings read;
};
TEST(changed_files, the_one_being_read_is_lost_when_it_is_not_what_it_was) {
  for (const auto& [change, why, read] :
       {loss{[](auto& dir) { std::filesystem::remove(dir / "b"); }, "is gone", {"5"}},
        loss{[](auto& dir) {
               dir.write("new", "7\n8\n9\n");
               std::filesystem::rename(dir / "new", dir / "b");
             },
             "is another file now",
             {"5", "7", "8", "9"}},
        loss{[](auto& dir) { std::filesystem::resize_file(dir / "b", 1); }, "it was cut", {"5", "2"}},
        loss{[](auto& dir) { dir.write("b", "7\n8\n9\n"); }, "was written anew", {"5", "7", "8", "9"}}}) {
    temporary_folder dir;
    dir.write("a", "1\n");
    dir.write("b", "2\n3\n4\n");
    dir.write("c", "5\n");
    const auto from = kept_lines{line_spout{dir / "*"}}.after(3);
    change(dir);
    kept_lines p{line_spout{dir / "*"}, from};
    EXPECT_EQ(p.poll_all(), kind::ended);
    EXPECT_THAT(p.lost, ElementsAre(AllOf(HasSubstr(dir / "b"), HasSubstr(why), HasSubstr("to byte 4"))));
    EXPECT_THAT(p.values(), ElementsAreArray(read)) << why;
    // Positions go on, and what they say can be read again.
    for (const auto& m : p.messages) {
      const auto again = p.read({0, m.at.offset, m.at.next});
      ASSERT_EQ(again.size(), 1u);
      EXPECT_EQ(again[0].value, m.value);
    }
    EXPECT_EQ(p.read({0, from.offset, p.messages.back().at.next}).size(), p.messages.size());
  }
}

TEST(changed_files, those_that_were_not_read_yet_are_lost_too) {
  temporary_folder dir;
  for (int i = 1; i <= 6; ++i) dir.write(std::to_string(i), std::to_string(i) + "\n" + std::to_string(i) + "'\n");
  const auto from = kept_lines{line_spout{dir / "*"}}.after(1);
  for (const auto* gone : {"1", "2", "4", "5"}) std::filesystem::remove(dir / gone);
  kept_lines p{line_spout{dir / "*"}, from};
  p.poll_all();
  EXPECT_THAT(p.lost, ElementsAre(AllOf(HasSubstr(dir / "1"), HasSubstr(dir / "2")),
                                  AllOf(HasSubstr(dir / "4"), HasSubstr(dir / "5"))));
  EXPECT_THAT(p.values(), ElementsAre("3", "3'", "6", "6'"));
}

TEST(changed_files, what_a_list_names_no_longer_is_left_out) {
  temporary_folder dir;
  const auto a = dir.write("a", "1\n2\n"), b = dir.write("b", "3\n"), c = dir.write("c", "4\n");
  const auto from = kept_lines{line_spout{strings{a, b, c}}}.after(1);
  EXPECT_THAT(rest(line_spout{strings{a, c}}, from), ElementsAre("2", "4"));
  EXPECT_THAT(rest(line_spout{strings{c}}, from), ElementsAre("4"));
}

TEST(changed_files, a_new_one_that_is_missing_is_an_error_at_start) {
  temporary_folder dir;
  const auto a = dir.write("a", "1\n2\n");
  const auto from = kept_lines{line_spout{a}}.after(1);
  EXPECT_THAT(error_of([&] { kept_lines{line_spout{strings{a, dir / "b"}}, from}; }), HasSubstr(dir / "b"));
  EXPECT_THAT(error_of([&] { kept_lines{line_spout{dir / "x*"}}; }), HasSubstr("No such file"));
}

TEST(changed_files, are_counted_anew_where_nothing_of_them_was_kept) {
  temporary_folder dir;
  const auto a = dir.write("a", "1\n2\n"), b = dir.write("b", "3\n");
  const auto offset = kept_lines{line_spout{strings{a, b}}}.after(1).offset;
  EXPECT_THAT(rest(line_spout{strings{a, b}}, {"", offset}), ElementsAre("2", "3"));
}

TEST(changed_files, as_many_as_there_are) {
  temporary_folder dir;
  strings expected;
  for (int i = 0; i < 700; ++i) dir.write("f" + std::to_string(1000 + i), std::to_string(1000 + i) + "\n");
  const auto from = kept_lines{line_spout{dir / "f*"}}.after(300);
  for (int i = 0; i < 250; ++i) std::filesystem::remove(dir / ("f" + std::to_string(1000 + i)));
  for (int i = 250; i < 700; i += 2)
    std::filesystem::rename(dir / ("f" + std::to_string(1000 + i)), dir / ("f" + std::to_string(1000 + i) + ".old"));
  for (int i = 300; i < 700; ++i) expected.push_back(std::to_string(1000 + i));
  for (int i = 0; i < 50; ++i)
    dir.write("f0" + std::to_string(100 + i), expected.emplace_back(std::to_string(i)) + "\n");
  kept_lines p{line_spout{dir / "f*"}, from};
  const auto then = p.after(1);
  EXPECT_LT(then.saved.size(), from.saved.size());  // those that are gone
  p.poll_all();
  EXPECT_EQ(p.values(), expected);
}

TEST(changed_files, what_is_kept_may_be_of_something_else) {
  temporary_folder dir;
  EXPECT_THAT(error_of([&] {
                kept_lines{line_spout{dir.write("a", "1\n")}, {"something else", 2}};
              }),
              HasSubstr("allow_dropped_state"));
}

struct reading_of {
  int id;
  std::string text;
  static constexpr std::string_view field_names[] = {"id", "text"};
};

TEST(changed_files, of_csv_have_their_own_headers) {
  temporary_folder dir;
  dir.write("b", "id,text\n1,x\n2,x\n");
  dir.write("c", "text,id\nx,3\n");
  const csv_spout<reading_of> spout{dir / "*", {.header = true}};
  const auto from = kept_spout{spout}.after(1);
  dir.write("a", "text,id\nx,4\n");
  std::filesystem::rename(dir / "b", dir / "z");
  kept_spout p{spout, from};
  p.poll_all();
  strings got;
  for (const auto& m : p.messages) got.push_back(std::to_string(m.value.id) + m.value.text);
  EXPECT_THAT(got, ElementsAre("2x", "3x", "4x"));
  EXPECT_THAT(p.rejected, IsEmpty());
}

TEST(changed_files, of_csv_whose_header_is_gone_with_the_rest) {
  temporary_folder dir;
  dir.write("a", "id,text\n1,x\n2,x\n");
  dir.write("b", "text,id\nx,3\n");
  const csv_spout<reading_of> spout{dir / "*", {.header = true}};
  const auto from = kept_spout{spout}.after(1);
  std::filesystem::remove(dir / "a");
  kept_spout p{spout, from};
  p.poll_all();
  EXPECT_EQ(p.lost.size(), 1u);
  ASSERT_EQ(p.messages.size(), 1u);
  EXPECT_EQ(p.messages[0].value.id, 3);
}

TEST(changed_files, of_json) {
  temporary_folder dir;
  dir.write("b", "{\"id\": 1, \"text\": \"x\"}\n{\"id\": 2, \"text\": \"x\"}\n");
  const json_spout<reading_of> spout{dir / "*"};
  const auto from = kept_spout{spout}.after(1);
  dir.write("a", "{\"id\": 3, \"text\": \"x\"}\n");
  kept_spout p{spout, from};
  p.poll_all();
  ASSERT_EQ(p.messages.size(), 2u);
  EXPECT_EQ(p.messages[0].value.id, 2);
  EXPECT_EQ(p.messages[1].value.id, 3);
}

// --- runs ---

/// Lines, as `paced_numbers` are numbers.
class paced_lines {
 public:
  paced_lines(std::shared_ptr<outside> world, line_spout lines) : world_(std::move(world)), lines_(std::move(lines)) {}
  strings partitions() const { return lines_.partitions(); }
  void open(const task_context& context) { lines_.open(context); }
  void close() { lines_.close(); }
  poll_status poll(spout_emitter<std::string>& out) {
    if (waits_ && world_->one_poll_an_epoch) return poll_status::idle_until(std::chrono::steady_clock::now() + 20us);
    waits_ = true;
    return lines_.poll(out);
  }
  void read(const position_range& range, spout_emitter<std::string>& out) { lines_.read(range, out); }
  void seek(const position& p) { lines_.seek(p); }
  void commit(const position&) { waits_ = false; }
  std::string save(partition_id p) { return lines_.save(p); }
  void load(partition_id p, std::string_view saved) { lines_.load(p, saved); }

 private:
  std::shared_ptr<outside> world_;
  line_spout lines_;
  bool waits_ = false;
};
static_assert(saving_spout<paced_lines> && saving_spout<line_spout> && !saving_spout<paced_numbers>);

std::string lines_of(int from, int to) {
  std::string text;
  for (; from < to; ++from) text += std::to_string(from) + "\n";
  return text;
}
std::vector<row> rows_of(int from, int to) {
  std::vector<row> all;
  for (; from < to; ++from) all.push_back({from, 0});
  return all;
}

template <class First, class Then>
struct engines {
  using first = First;
  using then = Then;
};
/// Runs over app.log and app.log.1, which a sink ends at one of its calls, and others that go on when the files have
/// changed.
template <class Engines>
class runs_over_files : public ::testing::Test {
 protected:
  static topology graph(const std::shared_ptr<outside>& world, const line_spout& lines, on_data_loss then) {
    topology_builder builder{"lines"};
    spout_options options;
    options.on_data_loss = then;
    options.max_batch = 5;
    auto source = builder.spout("lines", paced_lines{world, lines}, options);
    auto rows = builder.bolt("rows",
                             [](const std::string& line) {
                               return row{std::stoi(line), 0};
                             })
                    .input(source, shuffle_grouping{});
    builder.sink("out", checkpoint_tests::epoch_sink{world}).input(rows, shuffle_grouping{});
    return builder.build();
  }
  /// False: there are not so many calls before the run has come to its end.
  bool crash_at(std::uint64_t call) {
    files = std::make_unique<simulated_files>();
    world = std::make_shared<outside>();
    world->one_poll_an_epoch = Engines::first::has_epochs_by_time;
    world->crash_at = call;
    world->crash = [this] { files->power_off(); };
    dir.write("app.log", lines_of(0, 30));
    dir.write("app.log.1", lines_of(100, 120));
    (void)error_of([&] { Engines::first::in(*files).start(graph(world, both, on_data_loss::stop)).wait(); });
    random_source random(call);
    files->crash(random);
    return world->calls > call && !has_ended();
  }
  bool has_ended() const {
    const auto kept = read_epochs(*files, "/kept");
    if (!kept) return false;
    const auto is_last = [](const auto& each) { return each.manifest && each.manifest->is_final; };
    return std::any_of(kept->checkpoints.begin(), kept->checkpoints.end(), is_last) ||
           (kept->log && !kept->log->epochs.empty() && kept->log->epochs.back().manifest.is_final);
  }
  std::vector<row> go_on(on_data_loss then = on_data_loss::stop) {
    world->crash_at = ~std::uint64_t{0};
    world->one_poll_an_epoch = false;
    Engines::then::in(*files).start(graph(world, both, then)).wait();
    return sorted(world->visible);
  }
  bool has_read(int line) const {
    return std::find(world->visible.begin(), world->visible.end(), row{line, 0}) != world->visible.end();
  }
  /// Of the files that were there.
  static std::vector<row> old_rows() {
    auto all = rows_of(0, 30);
    const auto more = rows_of(100, 120);
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  static std::vector<row> with(std::vector<row> rows, int from, int to) {
    const auto more = rows_of(from, to);
    rows.insert(rows.end(), more.begin(), more.end());
    return sorted(rows);
  }
  void TearDown() override { EXPECT_GT(crashes, 10); }

  temporary_folder dir;
  const line_spout both{dir / "app*"};
  std::unique_ptr<simulated_files> files;
  std::shared_ptr<outside> world;
  int crashes = 0;
};
using all_engines = ::testing::Types<engines<batches, batches>, engines<events, events>, engines<batches, events>,
                                     engines<events, batches>>;
TYPED_TEST_SUITE(runs_over_files, all_engines);

TYPED_TEST(runs_over_files, go_on_where_one_was_added_in_front) {
  for (; this->crash_at(static_cast<std::uint64_t>(this->crashes)); ++this->crashes) {
    const bool has_begun = this->has_read(0);
    this->dir.write("app.0", lines_of(200, 210));
    EXPECT_EQ(this->go_on(), this->with(this->old_rows(), 200, 210)) << this->crashes;
    // Behind all that was there, unless the run before has kept nothing.
    if (has_begun) { EXPECT_GE(this->world->visible.back().first, 200) << this->crashes; }
    std::filesystem::remove(this->dir / "app.0");
  }
}

TYPED_TEST(runs_over_files, go_on_where_one_was_removed) {
  int removed = 0;
  for (; this->crash_at(static_cast<std::uint64_t>(this->crashes)); ++this->crashes) {
    if (this->has_read(100) && ++removed) std::filesystem::remove(this->dir / "app.log");
    EXPECT_EQ(this->go_on(), this->old_rows()) << this->crashes;
  }
  EXPECT_GT(removed, 3);
}

TYPED_TEST(runs_over_files, go_on_where_they_were_rotated) {
  for (; this->crash_at(static_cast<std::uint64_t>(this->crashes)); ++this->crashes) {
    std::filesystem::rename(this->dir / "app.log.1", this->dir / "app.log.2");
    std::filesystem::rename(this->dir / "app.log", this->dir / "app.log.1");
    this->dir.write("app.log", lines_of(200, 210));
    EXPECT_EQ(this->go_on(), this->with(this->old_rows(), 200, 210)) << this->crashes;
    std::filesystem::remove(this->dir / "app.log.2");
  }
}

/// The file being read is another one, or shorter: an error that names it, or what is left of it is skipped.
TYPED_TEST(runs_over_files, say_what_is_lost) {
  int lost = 0;
  for (; this->crash_at(static_cast<std::uint64_t>(this->crashes)); ++this->crashes) {
    const bool replaced = this->crashes % 2;
    if (!this->has_read(0) || this->has_read(15)) continue;  // only what was read in part is lost
    ++lost;
    if (replaced) {
      this->dir.write("new", lines_of(200, 210));
      std::filesystem::rename(this->dir / "new", this->dir / "app.log");
    } else {
      std::filesystem::resize_file(this->dir / "app.log", 0);
    }
    EXPECT_THAT(error_of([&] { this->go_on(); }),
                AllOf(HasSubstr("spout \"lines\""), HasSubstr(this->dir / "app.log"),
                      HasSubstr(replaced ? "is another file now" : "it was cut"), HasSubstr("on_data_loss")));
    this->go_on(on_data_loss::skip);
    const auto& all = this->world->visible;
    const auto first_behind = std::find_if(all.begin(), all.end(), [](const row& r) { return r.first >= 100; });
    const auto read = static_cast<int>(first_behind - all.begin());
    EXPECT_GT(read, 0);
    EXPECT_LT(read, 30);
    EXPECT_EQ(std::vector<row>(all.begin(), first_behind), rows_of(0, read));
    EXPECT_EQ(std::vector<row>(first_behind, all.end()),
              replaced ? this->with(rows_of(100, 120), 200, 210) : rows_of(100, 120));
  }
  EXPECT_GT(lost, 0);
}

/// Each epoch says where it is, and only the first which files there are.
TYPED_TEST(runs_over_files, keep_the_list_once) {
  std::size_t most = 0;
  for (; this->crash_at(static_cast<std::uint64_t>(this->crashes)); ++this->crashes) {
    const auto all = read_epochs(*this->files, "/kept");
    if (!all || !all->log) continue;
    std::size_t with_a_list = 0, positions = 0;
    for (const auto& epoch : all->log->epochs)
      for (const auto& p : epoch.manifest.partitions) {
        ++positions;
        with_a_list += !p.saved.empty();
      }
    EXPECT_LE(with_a_list, 1u);
    most = std::max(most, positions);
    if (positions == 0) continue;
    const auto whole = all->log->manifest(all->log->epochs.back().manifest.epoch);
    ASSERT_EQ(whole.partitions.size(), 1u);
    EXPECT_THAT(whole.partitions[0].saved, HasSubstr("app.log.1"));
  }
  EXPECT_GT(most, 1u);
}

TEST(files_of_a_run, that_has_ended_may_be_gone) {
  temporary_folder dir;
  simulated_files files;
  auto world = std::make_shared<outside>();
  topology_builder builder{"lines"};
  auto source = builder.spout("lines", line_spout{dir.write("a", lines_of(0, 10))});
  auto rows = builder.bolt("rows", [](const std::string& line) { return row{std::stoi(line), 0}; }).input(source);
  builder.sink("out", checkpoint_tests::epoch_sink{world}).input(rows);
  const auto graph = builder.build();
  batches::in(files).start(graph).wait();
  std::filesystem::remove(dir / "a");
  batches::in(files).start(graph).wait();
  events::in(files).start(graph).wait();
  EXPECT_EQ(world->visible.size(), 10u);
}

}  // namespace
}  // namespace freshet::file
