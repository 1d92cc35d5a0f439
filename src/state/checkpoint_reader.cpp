#include "freshet/state/checkpoint_reader.hpp"

#include <algorithm>
#include <utility>

#include "state/checkpoint_format.hpp"
#include "state/checkpoint_names.hpp"
#include "state/damage.hpp"

namespace freshet {

std::string_view to_string(epoch_state state) noexcept {
  switch (state) {
    case epoch_state::prepared:
      return "prepared";
    case epoch_state::committed:
      return "committed";
    case epoch_state::damaged:
      break;
  }
  return "damaged";
}

namespace {
/// What is wrong with a file of a node. One that is gone is damage, as one whose bytes are wrong.
error wrong_in(const checkpoint_node& node, error why) {
  if (why.code == errc::not_found) why = gone_file(why);
  why.message = "node \"" + node.name + "\": " + why.message;
  return why;
}
}  // namespace

result<node_states> node_states::open(file_system& files, const std::string& folder, const checkpoint_node& node) {
  node_states all;
  for (const auto& listed : node.files) {
    if (listed.kind == state_file_kind::store) continue;
    auto file = state_file_reader::open(files, folder, listed);
    if (!file) return std::move(file).error();
    all.files_.push_back(*std::move(file));
  }
  return all;
}

result<std::vector<state_piece>> node_states::read(std::uint32_t group) const {
  std::vector<state_piece> pieces;
  for (const auto& file : files_) {
    if (!file.groups().contains(group)) continue;
    const bool is_delta = file.kind() == state_file_kind::delta;
    if (!is_delta) pieces.clear();
    auto bytes = file.read(group);
    if (!bytes) return std::move(bytes).error();
    if (*bytes) pieces.push_back({is_delta, **std::move(bytes)});
  }
  return pieces;
}

result<void> checkpoint_reader::check_format() const { return check_format_of(*files_, folder_); }

epoch_status checkpoint_reader::look_at(const std::string& name, epoch_status status) const {
  const auto path = folder_ + "/" + name;
  const auto damage = [&](error why) { status.damage = std::move(why); };
  const auto bytes = read_whole(*files_, path);
  if (!bytes) return damage(bytes.error()), status;
  auto manifest = decode_manifest(*bytes, path);
  if (!manifest) return damage(manifest.error()), status;
  if (manifest->epoch != status.epoch || manifest->kind != status.kind)
    damage(damaged(path,
                   "the manifest of " + std::to_string(status.epoch) + ", a " + std::string(to_string(status.kind)),
                   "that of " + std::to_string(manifest->epoch) + ", a " + std::string(to_string(manifest->kind))));
  for (const auto& node : manifest->nodes)
    for (const auto& file : node.files) {
      if (status.damage) break;
      if (auto intact = check_state_file(*files_, folder_, file); !intact)
        damage(wrong_in(node, std::move(intact).error()));
    }
  status.manifest = *std::move(manifest);
  return status;
}

/// Fails with errc::not_found where an epoch goes while it is looked at.
result<std::vector<epoch_status>> checkpoint_reader::list_epochs() const {
  const auto entries = files_->list(folder_);
  if (!entries) return entries.error();
  std::vector<epoch_status> all;
  for (const auto& entry : *entries) {
    const auto says = parse_manifest_name(entry.name);
    if (!says) continue;
    auto status = look_at(entry.name, {says->epoch, says->kind, says->is_prepared});
    if (status.damage) {
      const auto still_there = files_->exists(folder_ + "/" + entry.name);
      if (!still_there) return still_there.error();
      if (!*still_there) return error{errc::not_found, "epoch " + std::to_string(says->epoch) + " is gone"};
    }
    all.push_back(std::move(status));
  }
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.epoch < b.epoch; });
  return all;
}

result<std::vector<epoch_status>> checkpoint_reader::epochs() const {
  if (auto known = check_format(); !known) return std::move(known).error();
  // A run that commits epochs takes old ones away and renames new ones: what was seen of them then says nothing.
  constexpr int tries = 100;
  for (int i = 1;; ++i) {
    auto all = list_epochs();
    if (all || all.error().code != errc::not_found || i == tries) return all;
  }
}

result<checkpoint_manifest> checkpoint_reader::manifest(std::uint64_t epoch) const {
  const auto all = epochs();
  if (!all) return all.error();
  for (const auto& each : *all)
    if (each.epoch == epoch) return each.damage ? result<checkpoint_manifest>(*each.damage) : *each.manifest;
  return no_such_epoch(folder_, epoch, *all);
}

std::vector<error> checkpoint_reader::verify(const checkpoint_manifest& manifest, bool with_store_files) const {
  std::vector<error> wrong;
  for (const auto& node : manifest.nodes)
    for (const auto& file : node.files) {
      const bool whole = with_store_files || file.kind != state_file_kind::store;
      auto intact = whole ? verify_state_file(*files_, folder_, file) : check_state_file(*files_, folder_, file);
      if (!intact) wrong.push_back(wrong_in(node, std::move(intact).error()));
    }
  return wrong;
}

}  // namespace freshet
