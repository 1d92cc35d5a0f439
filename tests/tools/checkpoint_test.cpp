#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>

#include "connect/temporary_folder.hpp"
#include "freshet/state/epoch_log.hpp"
#include "state/checkpoint_scene.hpp"

namespace freshet {

namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class checkpoint_tool : public ::testing::Test {
 protected:
  checkpoint_tool() {
    static_cast<void>(must(epoch_log::open(system_files(), dir())));  // as each run has begun: with a log
    directory_ = must(checkpoint_directory::open(system_files(), dir()));
    for (std::uint64_t epoch = 1; epoch <= 2; ++epoch) {
      const auto writer = must(directory_->begin(epoch));
      auto manifest = full_manifest();
      manifest.epoch = epoch;
      manifest.kind = epoch == 1 ? checkpoint_kind::savepoint : checkpoint_kind::checkpoint;
      manifest.nodes[0].keys = 10 * epoch;
      manifest.nodes[0].files = older_;
      manifest.nodes[0].files.push_back(add_file(*writer, state_file_kind::full, {{0, "zero"}, {9, "nine"}}));
      older_ = manifest.nodes[0].files;
      manifest.partitions[0].offset = 100 * epoch;
      must(directory_->prepare(writer, manifest));
      must(directory_->commit(epoch));
    }
  }
  std::string dir() const { return folder_ / "c"; }

  struct outcome {
    int status;
    std::string text;
  };
  /// Runs the tool; gives what it prints, errors among it.
  outcome run(const std::string& arguments) const {
    std::FILE* const pipe = ::popen((FRESHET_CHECKPOINT " " + arguments + " 2>&1").c_str(), "r");
    std::string text;
    char piece[4096];
    for (std::size_t n; (n = std::fread(piece, 1, sizeof piece, pipe)) != 0;) text.append(piece, n);
    const int ended = ::pclose(pipe);
    return {WIFEXITED(ended) ? WEXITSTATUS(ended) : -1, text};
  }

  temporary_folder folder_;
  std::unique_ptr<checkpoint_directory> directory_;
  std::vector<state_file> older_;
};

TEST_F(checkpoint_tool, lists_epochs_and_says_who_is_using_them) {
  const auto [status, text] = run("list " + dir());
  EXPECT_EQ(status, 0);
  EXPECT_THAT(text, HasSubstr("in use by process " + std::to_string(::getpid()) + ": it is only read"));
  EXPECT_THAT(text, HasSubstr("1  savepoint   committed  2023-11-14T22:13:20.000Z  0000000000000007"));
  EXPECT_THAT(text, HasSubstr("2  checkpoint  committed"));
  const auto json = run("list --json " + dir());
  EXPECT_EQ(json.status, 0);
  EXPECT_THAT(json.text, HasSubstr("{\"epoch\": 1, \"kind\": \"savepoint\", \"state\": \"committed\""));
}

TEST_F(checkpoint_tool, knows_that_a_process_is_gone) {
  directory_.reset();
  EXPECT_THAT(run("list " + dir()).text, Not(HasSubstr("in use"))) << "it has ended its run, and is still there";
  folder_.write("c/LOCK", "999999999\n");
  EXPECT_THAT(run("list " + dir()).text, Not(HasSubstr("in use")));
}

TEST_F(checkpoint_tool, shows_what_an_epoch_says) {
  const auto [status, text] = run("show " + dir() + " 1");
  EXPECT_EQ(status, 0);
  for (const std::string part :
       {"epoch 1: committed", "savepoint, the end of the input", "epoch 39 of 0000000000000003", "\"word-count\"",
        "bolt, parallelism 2, 128 key groups", "std::uint64_t, codec std::uint64_t version 3", "word_count, late_tuple",
        "node \"count\" keys ", "full, key groups [0, 128)", "partition \"a.txt\" of \"lines\" position",
        "100, finished beyond it: [120, 130) [150, 151)", "7, ended", "the end of time", "none yet",
        "node \"count\" input 1 watermark", "node \"count\" all inputs watermark", "node \"files\" task 0 token",
        "2 bytes"})
    EXPECT_THAT(text, HasSubstr(part));
  EXPECT_THAT(run("show " + dir()).text, HasSubstr("epoch 2: committed"));
  EXPECT_THAT(run("show --json " + dir() + " 2").text,
              AllOf(HasSubstr("\"epoch\": 2"),
                    HasSubstr("\"partition\": \"a.txt\", \"offset\": 200, \"finished\": [{\"from\": "
                              "120, \"to\": 130}"),
                    HasSubstr("{\"node\": \"count\", \"input\": null, \"watermark_ms\": "),
                    HasSubstr("\"parent\": {\"history\": \"0000000000000003\", \"epoch\": 39}")));
}

TEST_F(checkpoint_tool, verifies_every_byte) {
  EXPECT_EQ(run("verify " + dir()).text.substr(run("verify " + dir()).text.find("epoch 1")),
            "epoch 1: intact\nepoch 2: intact\nlog: intact\nlog: no epochs after epoch 2; 0 records, 32 bytes\n");
  auto bytes = temporary_folder::read(dir() + "/" + older_[1].name);
  bytes[14] = static_cast<char>(bytes[14] ^ 1);
  folder_.write("c/" + older_[1].name, bytes);
  const auto [status, text] = run("verify " + dir());
  EXPECT_EQ(status, 1);
  EXPECT_THAT(text, AllOf(HasSubstr("epoch 1: intact"), HasSubstr("epoch 2: node \"count\": \""),
                          HasSubstr(older_[1].name + "\" is damaged: expected key group 0 with the checksum")));
  EXPECT_EQ(run("verify " + dir() + " 1").status, 0);
  const auto json = run("verify --json " + dir());
  EXPECT_EQ(json.status, 1);
  EXPECT_THAT(json.text, HasSubstr("[{\"epoch\": 1, \"errors\": []}, {\"epoch\": 2, \"errors\": [\"node"));
}

TEST_F(checkpoint_tool, names_damage_wherever_it_looks) {
  folder_.write("c/2.checkpoint", "rubbish");
  const auto [status, text] = run("list " + dir());
  EXPECT_EQ(status, 1);
  EXPECT_THAT(text, AllOf(HasSubstr("2  checkpoint  damaged"), HasSubstr("c/2.checkpoint\" is damaged: expected")));
  for (const std::string what : {"show ", "verify ", "show --json "}) {
    EXPECT_EQ(run(what + dir() + " 2").status, 1) << what;
    EXPECT_THAT(run(what + dir() + " 2").text, HasSubstr("c/2.checkpoint\" is damaged")) << what;
  }
  EXPECT_EQ(run("diff " + dir() + " 1 2").status, 1);
}

TEST_F(checkpoint_tool, takes_a_file_that_is_gone_for_damage) {
  std::filesystem::remove(dir() + "/" + older_[1].name);
  for (const std::string& what :
       {"list " + dir(), "show " + dir() + " 2", "verify " + dir() + " 2", "diff " + dir() + " 1 2"}) {
    const auto [status, text] = run(what);
    EXPECT_EQ(status, 1) << what;
    EXPECT_THAT(text, AllOf(HasSubstr("node \"count\": cannot open \""),
                            HasSubstr("put it back from a copy, or go on from an epoch that is intact")))
        << what;
  }
}

TEST_F(checkpoint_tool, says_what_differs) {
  const auto [status, text] = run("diff " + dir() + " 1 2");
  EXPECT_EQ(status, 0);
  EXPECT_THAT(
      text,
      AllOf(HasSubstr("  node \"count\" keys: 10 -> 20\n"), HasSubstr("+ node \"count\" file 2-2-1.state: full"),
            HasSubstr("position: 100, finished beyond it: [120, 130) [150, 151) -> 200"), Not(HasSubstr("topology"))));
  EXPECT_THAT(run("diff " + dir() + " 2 1").text, HasSubstr("- node \"count\" file 2-2-1.state: full"));
  EXPECT_THAT(run("diff --json " + dir() + " 1 2").text,
              HasSubstr("{\"what\": \"node \\\"count\\\" keys\", \"before\": \"10\", \"after\": \"20\"}"));
  EXPECT_EQ(run("diff " + dir() + " 1 1").text, "");
}

TEST_F(checkpoint_tool, deletes_what_nobody_uses) {
  EXPECT_EQ(run("delete " + dir() + " 1").status, 2);
  EXPECT_THAT(run("delete " + dir() + " 1").text,
              HasSubstr("LOCK\" is locked by process " + std::to_string(::getpid()) + ", which uses this folder"));
  directory_.reset();
  EXPECT_THAT(run("delete " + dir() + " 2").text, HasSubstr("is the newest and cannot be removed"));
  const auto [status, text] = run("delete " + dir() + " 1");
  EXPECT_EQ(status, 0);
  EXPECT_EQ(text, "epoch 1 is deleted\n");
  EXPECT_THAT(run("show " + dir() + " 1").text, HasSubstr("has no epoch 1; it has 2"));
  EXPECT_EQ(run("verify " + dir()).status, 0);  // the files of epoch 1 that epoch 2 lists are there
}

TEST_F(checkpoint_tool, says_what_it_cannot_do) {
  const auto refuses = [&](const std::string& arguments, const std::string& why) {
    const auto [status, text] = run(arguments);
    EXPECT_EQ(status, 2) << arguments;
    EXPECT_THAT(text, HasSubstr(why));
  };
  refuses("", "A subcommand is required");
  refuses("list", "DIR is required");
  refuses("delete " + dir(), "EPOCH is required");
  refuses("show " + dir() + " newest", "Could not convert: EPOCH");
  refuses("show " + dir() + " 7", "has no epoch 7; it has 1, 2");
  refuses("verify " + dir() + " 7", "has no epoch 7; it has 1, 2");
  refuses("list " + (folder_ / "nowhere"), "is not a checkpoint directory: it has no file FORMAT");
  refuses("delete " + (folder_ / "nowhere") + " 1", "is not a checkpoint directory");
  EXPECT_FALSE(must(system_files().exists(folder_ / "nowhere")));
  EXPECT_EQ(run("--help").status, 0);
  EXPECT_THAT(run("--help").text, AllOf(HasSubstr("Exit status: 0 all is well; 1"), HasSubstr("delete"),
                                        HasSubstr("the log of the epochs")));
  EXPECT_EQ(run("list " + dir() + " >/dev/full").status, 2);
}

// --- epochs that only the log has ---

/// Behind epoch 2 of the directory the log has 3 and 4, and a run holds both.
class checkpoint_tool_log : public checkpoint_tool {
 protected:
  checkpoint_tool_log() {
    directory_.reset();
    log_ = must(epoch_log::open(system_files(), dir(), {}));
    history_ = must(log_->newest()).history;
    for (const std::uint64_t epoch : {3, 4}) append(epoch);
  }
  void append(std::uint64_t epoch) {
    epoch_record r;
    r.manifest.history = history_;
    r.manifest.epoch = epoch;
    r.manifest.made_at = event_time(std::chrono::milliseconds(1'700'000'000'000 + static_cast<std::int64_t>(epoch)));
    r.manifest.partitions.push_back({"lines", "a.txt", 100 * epoch, {}, {}, {}, {}});
    r.manifest.watermarks.push_back({"count", 0, event_time(std::chrono::milliseconds(epoch))});
    r.manifest.tokens.push_back({"files", 0, std::string(epoch, 't')});
    r.after = epoch - 1;
    r.changes.push_back({"count", std::string(10 * epoch, 'x')});
    must(log_->append(r));
  }
  std::string segment() const { return "c/log/00000000000000000000.log"; }
  std::string bytes() const { return temporary_folder::read(dir() + "/log/00000000000000000000.log"); }

  std::unique_ptr<epoch_log> log_;
  std::uint64_t history_ = 0;
};

TEST_F(checkpoint_tool_log, lists_the_range_of_the_log) {
  const auto before = bytes();
  const auto [status, text] = run("list " + dir());
  EXPECT_EQ(status, 0);
  EXPECT_THAT(text, HasSubstr("in use by process " + std::to_string(::getpid())));
  EXPECT_THAT(text, HasSubstr("\nlog: epochs 3 to 4 of 0000000000000007 behind epoch 2, the newest made at "
                              "2023-11-14T22:13:20.004Z; 2 records, " +
                              std::to_string(before.size()) + " bytes\n"));
  EXPECT_THAT(
      run("list --json " + dir()).text,
      HasSubstr("\"log\": {\"after\": 2, \"first_epoch\": 3, \"newest_epoch\": 4, \"made_at_ms\": 1700000000004, "
                "\"history\": \"0000000000000007\", \"newest_is_committed\": false, \"discarded\": [], \"records\": 2, "
                "\"bytes\": " +
                std::to_string(before.size()) + ", \"torn_bytes\": 0, \"damage\": null}"));
  EXPECT_EQ(bytes(), before);
}

TEST_F(checkpoint_tool_log, says_what_was_discarded_and_what_has_no_epochs) {
  epoch_record gone;
  gone.manifest.history = history_;
  gone.manifest.epoch = 4;
  gone.is_discarded = true;
  must(log_->append(gone));
  EXPECT_THAT(run("list " + dir()).text, AllOf(HasSubstr("log: epoch 3 of "), HasSubstr("; discarded: 4\n")));
  EXPECT_THAT(run("list --json " + dir()).text, HasSubstr("\"discarded\": [4]"));
  EXPECT_THAT(run("show " + dir()).text, HasSubstr("epoch 3: in the log"));
  EXPECT_THAT(run("show " + dir() + " 4").text,
              HasSubstr("has no epoch 4; it has 1, 2, and in its log 3; it was discarded"));
  EXPECT_EQ(run("show " + dir() + " 4").status, 2);
  must(log_->checkpoint(manifest_of({history_, 3}, {}), [](auto&, auto&) { return result<void>(); }));
  EXPECT_THAT(run("list " + dir()).text, HasSubstr("log: no epochs after epoch 3; 3 records"));
}

TEST_F(checkpoint_tool_log, shows_the_merged_manifest) {
  const auto [status, text] = run("show " + dir());
  EXPECT_EQ(status, 0);
  for (const std::string part :
       {"epoch 4: in the log, the newest: its sinks may still have to commit it", "kind ", "\"word-count\"",
        "node \"count\" keys ", "partition \"a.txt\" of \"lines\" position", "400\n", "7, ended",
        "node \"files\" task 0 token", "4 bytes", "behind epoch 2, which has the files of the states",
        "node \"count\" changes", "40 bytes, with those of the epochs before it in the log 70 bytes"})
    EXPECT_THAT(text, HasSubstr(part));
  EXPECT_THAT(run("show " + dir() + " 3").text, AllOf(HasSubstr("epoch 3: in the log, committed"), HasSubstr("300\n")));
  EXPECT_THAT(run("show " + dir() + " 2").text, AllOf(HasSubstr("epoch 2: committed"), Not(HasSubstr(" changes"))));
  EXPECT_THAT(run("show --json " + dir()).text,
              AllOf(HasSubstr("{\"epoch\": 4, \"kind\": \"checkpoint\""),
                    HasSubstr("\"log\": {\"after\": 2, \"newest\": true, \"committed\": false, \"record_bytes\": "),
                    HasSubstr("\"changes\": [{\"node\": \"count\", \"bytes\": 40, \"all_bytes\": 70}]}}")));
  EXPECT_THAT(run("show --json " + dir() + " 2").text, HasSubstr("\"log\": null}"));
}

TEST_F(checkpoint_tool_log, shows_what_sinks_have_committed) {
  must(log_->append(commit_record(must(log_->newest()).manifest().value())));
  EXPECT_THAT(run("list " + dir()).text, HasSubstr(".004Z and committed by its sinks; 3 records, "));
  EXPECT_THAT(run("show " + dir()).text, HasSubstr("epoch 4: in the log, committed\n"));
  EXPECT_THAT(run("show --json " + dir()).text, HasSubstr("\"newest\": true, \"committed\": true, "));
  EXPECT_THAT(run("list --json " + dir()).text, HasSubstr("\"newest_is_committed\": true, "));
  EXPECT_EQ(run("verify " + dir()).status, 0);
}

TEST_F(checkpoint_tool_log, finds_differences_between_log_and_directory) {
  EXPECT_THAT(run("diff " + dir() + " 3 4").text,
              AllOf(HasSubstr("partition \"a.txt\" of \"lines\" position: 300 -> 400\n"),
                    HasSubstr("node \"files\" task 0 token: 3 bytes -> 4 bytes\n"), Not(HasSubstr("keys"))));
  EXPECT_THAT(run("diff " + dir() + " 1 4").text, HasSubstr("node \"count\" keys: 10 -> 20\n"));
  EXPECT_EQ(run("diff " + dir() + " 2 9").status, 2);
  EXPECT_THAT(run("diff " + dir() + " 2 9").text, HasSubstr("has no epoch 9; it has 1, 2, and in its log 3 to 4"));
}

TEST_F(checkpoint_tool_log, verifies_every_record) {
  const auto whole = run("verify " + dir());
  EXPECT_EQ(whole.status, 0);
  EXPECT_THAT(whole.text, AllOf(HasSubstr("epoch 2: intact\nlog: intact\nlog: epochs 3 to 4")));
  EXPECT_THAT(run("verify " + dir() + " 1").text, Not(HasSubstr("log")));
  EXPECT_THAT(run("verify " + dir() + " 3").text,
              AllOf(HasSubstr("epoch 2: intact\nlog: intact"), Not(HasSubstr("epoch 1"))));
  EXPECT_THAT(run("verify --json " + dir()).text,
              HasSubstr("{\"epoch\": null, \"errors\": [], \"log\": {\"after\": 2"));

  auto damaged = bytes();
  damaged[60] = static_cast<char>(damaged[60] ^ 1);
  folder_.write(segment(), damaged);
  const auto [status, text] = run("verify " + dir());
  EXPECT_EQ(status, 1);
  EXPECT_THAT(text, AllOf(HasSubstr("log: no epochs after epoch 2; 0 records before the damage"),
                          HasSubstr(segment() + "\" is damaged at byte 32, where record 0 should be"),
                          HasSubstr("Bring the directory back from a copy. Allowed when_damaged::use_older, the run "
                                    "goes on from epoch 2, in a new history")));
  EXPECT_EQ(run("list " + dir()).status, 1);
  EXPECT_THAT(run("list " + dir()).text, HasSubstr("is damaged at byte 32"));
  EXPECT_EQ(run("show " + dir()).status, 1);
  EXPECT_THAT(run("show " + dir()).text, AllOf(HasSubstr("epoch 2: committed"), HasSubstr("is damaged at byte 32")));
  EXPECT_EQ(run("show " + dir() + " 2").status, 0);
  EXPECT_EQ(run("verify --json " + dir()).status, 1);
  EXPECT_THAT(run("list --json " + dir()).text, HasSubstr("\"damage\": \"\\\""));
  EXPECT_EQ(bytes(), damaged);
}

TEST_F(checkpoint_tool_log, misses_a_log_that_is_gone) {
  log_.reset();
  must(remove_all(system_files(), dir() + "/log"));
  for (const std::string what : {"verify ", "list ", "show "}) {
    const auto [status, text] = run(what + dir());
    EXPECT_EQ(status, 1) << what;
    EXPECT_THAT(text, HasSubstr("c/log\" has no records, and not even an empty file for them")) << what;
  }
  EXPECT_EQ(run("show " + dir() + " 2").status, 0);
}

TEST_F(checkpoint_tool_log, names_an_epoch_that_is_missing) {
  append(7);  // behind 6
  const auto [status, text] = run("verify " + dir());
  EXPECT_EQ(status, 1);
  EXPECT_THAT(text, HasSubstr("is damaged: expected epoch 7 after epoch 4, found after epoch 6"));
  EXPECT_THAT(run("show " + dir()).text, HasSubstr("epoch 4: in the log, the last before the damage"));
  EXPECT_EQ(run("show " + dir() + " 4").status, 0);
}

TEST_F(checkpoint_tool_log, a_record_written_in_part_is_no_damage) {
  const auto torn = bytes().substr(0, bytes().size() - 5);
  folder_.write(segment(), torn);
  for (const std::string what : {"list ", "verify "}) {
    const auto [status, text] = run(what + dir());
    EXPECT_EQ(status, 0) << text;
    EXPECT_THAT(text,
                AllOf(HasSubstr("log: epoch 3 of "), HasSubstr("are a record that is not whole: a run is writing it"),
                      HasSubstr("This is no damage")));
  }
  EXPECT_EQ(run("show " + dir()).status, 0);
  EXPECT_THAT(run("list --json " + dir()).text, Not(HasSubstr("\"torn_bytes\": 0")));
  EXPECT_EQ(bytes(), torn);
}

TEST_F(checkpoint_tool_log, a_log_without_a_checkpoint_counts_for_nothing) {
  must(system_files().remove(dir() + "/1.savepoint"));
  must(system_files().remove(dir() + "/2.checkpoint"));
  EXPECT_THAT(run("list " + dir()).text,
              HasSubstr("log: no checkpoint that it goes on from, so nothing in it counts; 2 "));
  EXPECT_THAT(run("show " + dir()).text, HasSubstr("has no epoch"));
  EXPECT_EQ(run("verify " + dir()).status, 0);
}

}  // namespace

}  // namespace freshet
