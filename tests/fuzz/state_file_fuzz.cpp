#include <optional>
#include <utility>

#include "freshet/core/byte_stream.hpp"
#include "freshet/state/state_file.hpp"
#include "freshet/testing/simulated_files.hpp"
#include "fuzz/fuzz.hpp"

namespace freshet {
namespace {

const std::string folder = "/c", name = "42-1-7.state", path = folder + "/" + name;
constexpr std::size_t index_length_bytes = 4;

using group_states = std::vector<std::pair<std::uint32_t, std::string>>;

state_file write(file_system& files, const group_states& states, state_file_kind kind, key_group_range groups) {
  state_file_writer writer(files.create(path).value(), name, kind, groups);
  for (const auto& [group, bytes] : states) writer.add(group, bytes).value();
  return writer.finish().value();
}
testing::simulated_files& with_folder(testing::simulated_files& files) {
  return files.create_folder(folder).value(), files;
}
std::string written(const group_states& states, state_file_kind kind, key_group_range groups) {
  testing::simulated_files files;
  write(with_folder(files), states, kind, groups);
  return read_whole(files, path).value();
}

/// The manifest that would list the file, were its index right: so that it is looked at. Its kind and its groups are
/// what the index says, where that can be.
state_file listed_by(std::string_view bytes) {
  state_file listed{name, state_file_kind::full, {0, 128}, bytes.size(), 0, ""};
  if (bytes.size() < index_length_bytes) return listed;
  const std::size_t length = reader(bytes.substr(bytes.size() - index_length_bytes)).raw<std::uint32_t>();
  if (length > bytes.size() - index_length_bytes) return listed;
  const auto index = bytes.substr(bytes.size() - index_length_bytes - length);
  listed.checksum = hash_bytes(index.data(), index.size());
  reader r(index);
  if (r.raw<std::uint8_t>() == 1) listed.kind = state_file_kind::delta;
  const key_group_range groups{r.raw<std::uint32_t>(), r.raw<std::uint32_t>()};
  if (!r.failed() && groups.first <= groups.end) listed.groups = groups;
  return listed;
}

/// All groups; nothing where one is damaged.
std::optional<group_states> read(const state_file_reader& file, std::size_t size) {
  group_states all;
  bool whole = true;
  for (const auto& each : file.extents()) {
    fuzz::check(file.groups().contains(each.group), "a file has its own groups alone");
    fuzz::check(all.empty() || all.back().first < each.group, "a file has each group once");
    const auto bytes = [&] {
      const fuzz::memory_bound bound(4 * size + 4096);
      return file.read(each.group);
    }();
    if (!bytes) fuzz::check_says(bytes.error(), path);
    else
      fuzz::check(bytes->has_value() && (*bytes)->size() == each.size, "a group has as many bytes as the index says");
    whole = whole && bytes;
    all.emplace_back(each.group, bytes ? **bytes : "");
  }
  fuzz::check(bool(file.verify()) == whole, "a file is whole where all its groups are");
  return whole ? std::optional(all) : std::nullopt;
}

void look_at(std::string_view bytes, const state_file& listed) {
  testing::simulated_files files;
  write_whole(with_folder(files), path, bytes).value();
  const auto file = [&] {
    const fuzz::memory_bound bound(64 * bytes.size() + 4096);
    return state_file_reader::open(files, folder, listed);
  }();
  if (!file) return fuzz::check_says(file.error(), path);
  const auto states = read(*file, bytes.size());
  if (!states) return;
  testing::simulated_files others;
  const auto again = write(with_folder(others), *states, file->kind(), file->groups());
  const auto reread = state_file_reader::open(others, folder, again);
  fuzz::check(reread && read(*reread, bytes.size()) == states, "what was read is written, and read again");
}

}  // namespace

std::vector<fuzz::seed> fuzz::seeds() {
  return {{"empty", written({}, state_file_kind::full, {0, 128})},
          {"full", written({{3, "three"}, {0, ""}, {127, std::string(40, 'x')}}, state_file_kind::full, {0, 128})},
          {"delta", written({{15, "of 15"}, {10, "of 10"}, {19, "of 19"}}, state_file_kind::delta, {10, 20})}};
}

}  // namespace freshet

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace freshet;
  const auto input = fuzz::view_of(data, size);
  auto listed = listed_by(input);
  look_at(input, listed);
  ++listed.checksum;
  look_at(input, listed);
  return 0;
}
