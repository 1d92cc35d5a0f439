#pragma once
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "freshet/state/checkpoint_directory.hpp"
#include "freshet/testing/simulated_files.hpp"

namespace freshet {

/// The value, or a failed test that says why there is none.
template <class T>
T must(result<T> r) {
  if (!r) ADD_FAILURE() << to_string(r.error());
  return std::move(r).value();
}
inline void must(const result<void>& r) { EXPECT_TRUE(r) << to_string(r.error()); }

/// What it says where it fails; "no error" otherwise.
template <class T>
std::string why_not(const result<T>& r) {
  return r ? "no error" : r.error().message;
}

using group_states = std::map<std::uint32_t, std::string>;

/// Adds a file with these groups, of 0 to 127.
inline state_file add_file(checkpoint_writer& writer, state_file_kind kind, const group_states& states) {
  const auto file = must(writer.add_states(kind, {0, 128}));
  for (const auto& [group, bytes] : states) must(file->add(group, bytes));
  return must(file->finish());
}

/// The manifest of a topology with one node that has state.
inline checkpoint_manifest manifest_of(epoch_id at, std::vector<state_file> files,
                                       checkpoint_kind kind = checkpoint_kind::checkpoint) {
  checkpoint_manifest m;
  m.history = at.history;
  m.epoch = at.epoch;
  m.kind = kind;
  m.topology = "word-count";
  checkpoint_node count;
  count.name = "count";
  count.kind = "bolt";
  count.parallelism = 2;
  count.max_parallelism = 128;
  count.files = std::move(files);
  m.nodes.push_back(std::move(count));
  return m;
}

/// A manifest with something in every field.
inline checkpoint_manifest full_manifest() {
  auto m = manifest_of({7, 42},
                       {{"40-1-1.state", state_file_kind::full, {0, 64}, 1000, 0xabcdef, ""},
                        {"42-1-2.state", state_file_kind::delta, {0, 64}, 100, 0x123456, ""},
                        {"42-1-3.store", state_file_kind::store, {64, 128}, 5000, 99, "000017.sst"}},
                       checkpoint_kind::savepoint);
  m.parent = epoch_id{3, 39};
  m.is_final = true;
  m.made_at = event_time(std::chrono::milliseconds(1'700'000'000'000));
  auto& count = m.nodes.front();
  count.key_type = "std::string";
  count.state_type = "std::uint64_t";
  count.stream_types = {"word_count", "late_tuple<word_count>"};
  count.codec = "std::uint64_t";
  count.codec_version = 3;
  count.keys = 1000;
  m.partitions = {
      {"lines", "a.txt", 100, {{120, 130}, {150, 151}}, event_time(std::chrono::milliseconds(5)), "clock", false},
      {"lines", "b.txt", 7, {}, end_of_time, "", true}};
  m.watermarks = {{"count", 0, event_time(std::chrono::milliseconds(4))},
                  {"count", 1, beginning_of_time},
                  {"count", checkpoint_watermark::all_inputs, beginning_of_time}};
  m.tokens = {{"files", 0, std::string("\0\1", 2)}, {"files", 1, ""}};
  return m;
}

/// Writes and prepares an epoch whose node lists `older` files and a new one.
inline result<state_file> prepare_epoch(checkpoint_directory& directory, epoch_id at, const group_states& states,
                                        std::vector<state_file> older = {},
                                        checkpoint_kind kind = checkpoint_kind::checkpoint) {
  auto writer = directory.begin(at.epoch);
  if (!writer) return std::move(writer).error();
  auto file = (*writer)->add_states(older.empty() ? state_file_kind::full : state_file_kind::delta, {0, 128});
  if (!file) return std::move(file).error();
  for (const auto& [group, bytes] : states)
    if (auto done = (*file)->add(group, bytes); !done) return std::move(done).error();
  auto listed = (*file)->finish();
  if (!listed) return listed;
  older.push_back(*listed);
  if (auto done = directory.prepare(*writer, manifest_of(at, std::move(older), kind)); !done)
    return std::move(done).error();
  return listed;
}

/// The same, committed.
inline result<state_file> commit_epoch(checkpoint_directory& directory, epoch_id at, const group_states& states,
                                       std::vector<state_file> older = {},
                                       checkpoint_kind kind = checkpoint_kind::checkpoint) {
  auto listed = prepare_epoch(directory, at, states, std::move(older), kind);
  if (!listed) return listed;
  if (auto done = directory.commit(at.epoch); !done) return std::move(done).error();
  return listed;
}

/// All pieces of a group of the node "count" in a row.
inline result<std::string> read_states(const checkpoint_reader& reader, const checkpoint_manifest& manifest,
                                       std::uint32_t group) {
  const auto states = reader.states(manifest.nodes.front());
  if (!states) return states.error();
  const auto pieces = states->read(group);
  if (!pieces) return pieces.error();
  std::string all;
  for (const auto& each : *pieces) all += (each.is_delta ? "+" : "") + each.bytes;
  return all;
}

/// The names in a folder, but FORMAT and LOCK.
inline std::vector<std::string> names_in(file_system& files, const std::string& folder) {
  std::vector<std::string> names;
  for (const auto& each : must(files.list(folder)))
    if (each.name != "FORMAT" && each.name != "LOCK") names.push_back(each.name);
  return names;
}

/// "1 committed, 2 prepared"
inline std::string list_of(const checkpoint_reader& reader) {
  std::string text;
  for (const auto& each : must(reader.epochs()))
    text += (text.empty() ? "" : ", ") + std::to_string(each.epoch) + " " + std::string(to_string(each.state()));
  return text;
}

inline void replace_file(file_system& files, const std::string& path, std::string_view bytes) {
  must(write_whole(files, path, bytes));
}

/// Calls `check(what)` with a file as it is not: missing, cut at every length, longer, and with each byte changed. Puts
/// it back at the end.
template <class Check>
void damage_every_way(file_system& files, const std::string& path, Check check) {
  const std::string intact = must(read_whole(files, path));
  must(files.remove(path));
  check("missing");
  for (std::size_t size = 0; size < intact.size(); ++size) {
    replace_file(files, path, std::string_view(intact).substr(0, size));
    check("cut at " + std::to_string(size));
  }
  replace_file(files, path, intact + '\0');
  check("longer");
  for (std::size_t i = 0; i < intact.size(); ++i) {
    auto changed = intact;
    changed[i] = static_cast<char>(changed[i] ^ (1 << (i % 8)));
    replace_file(files, path, changed);
    check("changed at " + std::to_string(i));
  }
  replace_file(files, path, intact);
}

/// A directory in simulated files.
class checkpoint_directories : public ::testing::Test {
 protected:
  checkpoint_directories() { reopen(); }
  void reopen(checkpoint_options options = {}) {
    directory_.reset();
    directory_ = must(checkpoint_directory::open(files_, "/data/c", options));
  }
  std::string list() const { return list_of(directory_->reader()); }
  std::vector<std::string> names() { return names_in(files_, "/data/c"); }

  testing::simulated_files files_;
  std::unique_ptr<checkpoint_directory> directory_;
};

}  // namespace freshet
