#include "freshet/core/layout.hpp"

#include <algorithm>
#include <utility>

namespace freshet {

namespace {
constexpr std::string_view before_key = " by ", before_shared = " with ";

std::string join(const std::vector<std::string>& words) {
  std::string all;
  for (const auto& w : words) all += (all.empty() ? "" : " ") + w;
  return all;
}
}  // namespace

layout_text::layout_text(const older_types& older) : older_(older), open_(1) {}

std::string layout_text::text() const { return join(open_.front().parts); }

bool layout_text::is_older(const void* type) {
  migratable_.push_back(type);
  return older_.contains(type);
}

void layout_text::number(char kind, std::size_t bytes) { word(kind + std::to_string(8 * bytes)); }
void layout_text::word(std::string text) { open_.back().parts.push_back(std::move(text)); }
void layout_text::unit(std::intmax_t numerator, std::intmax_t denominator) {
  std::string text = std::to_string(numerator);
  if (denominator != 1) text.append("/").append(std::to_string(denominator));
  word(text + "s");
}

bool layout_text::begin(std::string_view name, const void* type) {
  const auto within = std::find_if(open_.begin(), open_.end(), [&](const auto& o) { return o.type == type; });
  if (within != open_.end()) {
    if (within->label == 0) within->label = ++labels_;
    word(std::string("^").append(std::to_string(within->label)));
    return false;
  }
  open_.push_back({name, type});
  return true;
}

void layout_text::end() {
  auto done = std::move(open_.back());
  open_.pop_back();
  auto& around = open_.back();
  const bool is_spliced = done.name.empty() && done.label == 0 && open_.size() > 1 && around.name.empty();
  if (!is_spliced) return word(joined(done));
  for (auto& p : done.parts) around.parts.push_back(std::move(p));
}

std::string layout_text::joined(const open_type& all) {
  const auto label = all.label == 0 ? std::string() : std::to_string(all.label) + ":";
  const auto parts = join(all.parts);
  if (!all.name.empty()) return label + std::string(all.name) + (parts.empty() ? "" : "<" + parts + ">");
  return label + (all.parts.size() == 1 ? parts : "{" + parts + "}");
}

state_layout::state_layout(const older_types& older) : state(older), key(older), shared(older) {}

std::string state_layout::text() const {
  auto all = state.text();
  if (has_timers) all += " and timers";
  if (const auto k = key.text(); !k.empty()) all += std::string(before_key) + k;
  if (const auto s = shared.text(); !s.empty()) all += std::string(before_shared) + s;
  return all;
}

std::vector<const void*> state_layout::migratable_types() const {
  auto all = state.migratable_types();
  const auto& more = shared.migratable_types();
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

std::string_view key_in_layout(std::string_view text) {
  const auto at = text.find(before_key);
  if (at == text.npos) return {};
  const auto key = text.substr(at + before_key.size());
  return key.substr(0, key.find(before_shared));
}

}  // namespace freshet
