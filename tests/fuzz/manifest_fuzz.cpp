#include "freshet/core/byte_stream.hpp"
#include "freshet/state/checkpoint_manifest.hpp"
#include "fuzz/fuzz.hpp"

namespace freshet {
namespace {

const std::string path = "/c/42.checkpoint";

checkpoint_manifest small() { return {}; }

checkpoint_manifest large() {
  checkpoint_manifest m;
  m.history = 77;
  m.parent = epoch_id{76, 40};
  m.epoch = 42;
  m.kind = checkpoint_kind::savepoint;
  m.is_final = true;
  m.topology = "word count";
  m.nodes.push_back({"words",
                     "bolt",
                     2,
                     128,
                     "std::string",
                     "std::uint64_t",
                     false,
                     {"word"},
                     "u64",
                     1,
                     3,
                     {{"42-1-7.state", state_file_kind::full, {0, 64}, 200, 11, ""},
                      {"42-1-8.store", state_file_kind::store, {64, 128}, 300, 12, "000001.sst"}}});
  m.nodes.push_back({"lines", "spout", 1, 1, "", "", false, {"line", "rest"}, "", 0, 0, {}});
  m.partitions.push_back({"lines", "rows", 10, {{12, 14}, {20, 21}}, event_time{}, "clock", true});
  m.watermarks.push_back({"words", 1, end_of_time});
  m.tokens.push_back({"out", 1, "token"});
  return m;
}

result<checkpoint_manifest> decoded(std::string_view bytes) {
  const fuzz::memory_bound bound(64 * bytes.size() + 4096);
  return decode_manifest(bytes, path);
}

/// With the length and the checksum that belong to what is there, so that the values are looked at.
std::string sealed(std::string_view bytes) {
  constexpr std::size_t before_length = 12, before_values = 20, checksum_bytes = 8;
  std::string all(bytes);
  if (all.size() < before_values + checksum_bytes) return all;
  writer w;
  w.append(bytes.substr(0, before_length));
  w.raw(static_cast<std::uint64_t>(bytes.size() - before_values - checksum_bytes));
  w.append(bytes.substr(before_values, bytes.size() - before_values - checksum_bytes));
  w.raw(hash_bytes(w.data().data(), w.size()));
  return w.take();
}

void look_at(std::string_view bytes) {
  const auto manifest = decoded(bytes);
  if (!manifest) return fuzz::check_says(manifest.error(), '"' + path + '"');
  fuzz::check(encode(*manifest) == bytes, "a manifest that is read is written with the same bytes");
  for (const auto& node : manifest->nodes)
    for (const auto& file : node.files)
      fuzz::check(file.name.find('/') == std::string::npos, "a state file lies in the folder of its manifest");
}

}  // namespace

std::vector<fuzz::seed> fuzz::seeds() { return {{"small", encode(small())}, {"large", encode(large())}}; }

}  // namespace freshet

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto input = freshet::fuzz::view_of(data, size);
  freshet::look_at(input);
  freshet::look_at(freshet::sealed(input));
  return 0;
}
