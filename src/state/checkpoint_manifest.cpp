#include "freshet/state/checkpoint_manifest.hpp"

#include <algorithm>
#include <utility>

#include "freshet/core/codec.hpp"
#include "state/checkpoint_names.hpp"
#include "state/damage.hpp"

namespace freshet {

namespace {

// magic, format version, length of the values; the values; a checksum of all before it
constexpr std::string_view manifest_magic = "freshetM";
constexpr std::size_t head_bytes = 8 + 4 + 8, checksum_bytes = 8;

/// Why values that were read as they were written still can't be a manifest; empty: they can.
std::string mistake_in(const checkpoint_manifest& m) {
  if (m.kind > checkpoint_kind::savepoint) return "kind " + std::to_string(static_cast<int>(m.kind));
  for (const auto& node : m.nodes)
    for (const auto& file : node.files) {
      if (file.kind > state_file_kind::store)
        return "a state file of kind " + std::to_string(static_cast<int>(file.kind));
      if (!epoch_of_state_file(file.name)) return "a state file \"" + file.name + "\"";
      if (file.groups.first > file.groups.end) return "key groups in \"" + file.name + "\" that end before they begin";
    }
  return {};
}

}  // namespace

std::string_view to_string(checkpoint_kind kind) noexcept {
  return kind == checkpoint_kind::savepoint ? "savepoint" : "checkpoint";
}

std::string_view to_string(state_file_kind kind) noexcept {
  switch (kind) {
    case state_file_kind::full:
      return "full";
    case state_file_kind::delta:
      return "delta";
    case state_file_kind::store:
      break;
  }
  return "store";
}

void update(checkpoint_partition& known, checkpoint_partition newer) {
  if (newer.saved.empty()) newer.saved = std::move(known.saved);
  known = std::move(newer);
}

std::string encode(const checkpoint_manifest& manifest) {
  writer values;
  write_value(values, manifest);
  writer all;
  all.append(manifest_magic);
  all.raw(checkpoint_format);
  all.raw(static_cast<std::uint64_t>(values.size()));
  all.append(values.data());
  all.raw(hash_bytes(all.data().data(), all.size()));
  return all.take();
}

result<checkpoint_manifest> decode_manifest(std::string_view bytes, const std::string& where) {
  if (bytes.size() < head_bytes + checksum_bytes)
    return damaged(where, "at least " + std::to_string(head_bytes + checksum_bytes) + " bytes of a manifest",
                   std::to_string(bytes.size()));
  reader head(bytes);
  if (head.take(manifest_magic.size()) != manifest_magic)
    return damaged(where, "a manifest of a checkpoint", "other bytes at its beginning");
  const auto version = head.raw<std::uint32_t>();
  const auto length = head.raw<std::uint64_t>();
  if (length != bytes.size() - head_bytes - checksum_bytes)
    return damaged(where, std::to_string(length) + " bytes of values",
                   std::to_string(bytes.size() - head_bytes - checksum_bytes));
  const auto body = head.take(static_cast<std::size_t>(length));
  const auto expected = head.raw<std::uint64_t>();
  const auto found = hash_bytes(bytes.data(), bytes.size() - checksum_bytes);
  if (expected != found) return wrong_checksum(where, "a manifest", expected, found);
  if (version != checkpoint_format) return unknown_format(where, version);

  reader values(body);
  checkpoint_manifest manifest;
  read_value(values, manifest);
  if (values.failed() || values.left() != 0)
    return damaged(where, "the values of a manifest", "others, whose checksum is right");
  if (const auto mistake = mistake_in(manifest); !mistake.empty())
    return damaged(where, "the values of a manifest", mistake);
  return manifest;
}

}  // namespace freshet
