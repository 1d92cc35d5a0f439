#pragma once
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "freshet/state/epoch_log_reader.hpp"

namespace freshet::checkpoint_tool {

/// {"name": value, ...} of values that are JSON already.
std::string json_object(std::initializer_list<std::pair<std::string_view, std::string>> members);
/// [...] of what `f` makes of the elements.
template <class Range, class F>
std::string json_array(const Range& range, F f) {
  std::string text;
  for (const auto& each : range) text += (text.empty() ? "" : ", ") + f(each);
  return "[" + text + "]";
}

/// Everything a manifest says. Tokens and clocks as their numbers of bytes, histories as text of 16 hexadecimal digits,
/// times as milliseconds. The "input" of a watermark is null where that is of all inputs. Of an epoch that only the log
/// has, `log` says more; null of others.
std::string json_of(const checkpoint_manifest& manifest, const std::string& log = "null");
/// That: "after", the epoch of the checkpoint that has its state files; "newest", whose sinks may still have to commit
/// it; "record_bytes"; "changes" by node, of the epoch ("bytes") and of all from the checkpoint on ("all_bytes").
std::string json_of(const logged_epochs& log, const logged_epoch& epoch);
/// What `list` shows of an epoch.
std::string json_of(const epoch_status& status);
/// The same of the log: null where there is none. "first_epoch" and "newest_epoch" of those behind "after"; how many
/// "records", some of which "after" may have; "torn_bytes" at the end, of a record that is not whole; "damage".
std::string json_of(const std::optional<logged_epochs>& log);

}  // namespace freshet::checkpoint_tool
