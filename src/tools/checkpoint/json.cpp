#include "json.hpp"

#include "core/escaped_text.hpp"
#include "facts.hpp"
#include "state/damage.hpp"

namespace freshet::checkpoint_tool {

namespace {

std::string number(std::uint64_t n) { return std::to_string(n); }
std::string number(event_time t) { return std::to_string(t.time_since_epoch().count()); }
std::string truth(bool b) { return b ? "true" : "false"; }
std::string text(std::string_view t) { return in_json(t); }

std::string json_of(const state_file& f) {
  return json_object({{"name", text(f.name)},
                      {"kind", text(to_string(f.kind))},
                      {"first_group", number(f.groups.first)},
                      {"end_group", number(f.groups.end)},
                      {"bytes", number(f.size)},
                      {"checksum", text(in_hex(f.checksum))},
                      {"store_name", text(f.store_name)}});
}

std::string json_of(const checkpoint_node& n) {
  return json_object({{"name", text(n.name)},
                      {"kind", text(n.kind)},
                      {"parallelism", number(n.parallelism)},
                      {"max_parallelism", number(n.max_parallelism)},
                      {"key", text(n.key_type)},
                      {"state", text(n.state_type)},
                      {"emits", json_array(n.stream_types, text)},
                      {"codec", text(n.codec)},
                      {"codec_version", number(n.codec_version)},
                      {"keys", number(n.keys)},
                      {"files", json_array(n.files, [](const auto& f) { return json_of(f); })}});
}

std::string json_of(const checkpoint_partition& p) {
  const auto interval = [](const auto& i) { return json_object({{"from", number(i.from)}, {"to", number(i.to)}}); };
  return json_object({{"node", text(p.node)},
                      {"partition", text(p.name)},
                      {"offset", number(p.offset)},
                      {"finished", json_array(p.finished, interval)},
                      {"watermark_ms", number(p.watermark)},
                      {"clock_bytes", number(p.clock.size())},
                      {"ended", truth(p.has_ended)},
                      {"saved_bytes", number(p.saved.size())}});
}

std::string json_of(const checkpoint_watermark& w) {
  const auto input = w.input == checkpoint_watermark::all_inputs ? "null" : number(w.input);
  return json_object({{"node", text(w.node)}, {"input", input}, {"watermark_ms", number(w.watermark)}});
}

std::string json_of(const sink_token& t) {
  return json_object({{"node", text(t.node)}, {"task", number(t.task)}, {"bytes", number(t.bytes.size())}});
}

std::string json_of(const std::optional<epoch_id>& p) {
  return p ? json_object({{"history", text(in_hex(p->history))}, {"epoch", number(p->epoch)}}) : "null";
}

/// Overloads can't be passed.
constexpr auto as_json = [](const auto& each) { return json_of(each); };

}  // namespace

std::string json_object(std::initializer_list<std::pair<std::string_view, std::string>> members) {
  std::string all;
  for (const auto& [name, value] : members) all += (all.empty() ? "" : ", ") + in_json(name) + ": " + value;
  return "{" + all + "}";
}

std::string json_of(const checkpoint_manifest& m, const std::string& log) {
  return json_object({{"epoch", number(m.epoch)},
                      {"kind", text(to_string(m.kind))},
                      {"history", text(in_hex(m.history))},
                      {"parent", json_of(m.parent)},
                      {"final", truth(m.is_final)},
                      {"made_at_ms", number(m.made_at)},
                      {"topology", text(m.topology)},
                      {"hash_version", number(m.hash_version)},
                      {"nodes", json_array(m.nodes, as_json)},
                      {"partitions", json_array(m.partitions, as_json)},
                      {"watermarks", json_array(m.watermarks, as_json)},
                      {"tokens", json_array(m.tokens, as_json)},
                      {"log", log}});
}

std::string json_of(const logged_epochs& log, const logged_epoch& epoch) {
  const auto change = [](const node_change& c) {
    return json_object({{"node", text(c.node)}, {"bytes", number(c.bytes)}, {"all_bytes", number(c.all_bytes)}});
  };
  return json_object({{"after", number(log.checkpoint->epoch)},
                      {"newest", truth(!log.damage && &epoch == &log.epochs.back())},
                      {"committed", truth(log.is_committed(epoch.manifest.epoch))},
                      {"record_bytes", number(epoch.bytes)},
                      {"changes", json_array(epoch.changes, change)}});
}

std::string json_of(const epoch_status& s) {
  const auto size = s.manifest ? sizes_of(*s.manifest) : sizes{};
  return json_object({{"epoch", number(s.epoch)},
                      {"kind", text(to_string(s.kind))},
                      {"state", text(to_string(s.state()))},
                      {"made_at_ms", s.manifest ? number(s.manifest->made_at) : "null"},
                      {"history", s.manifest ? text(in_hex(s.manifest->history)) : "null"},
                      {"bytes", number(size.all)},
                      {"new_bytes", number(size.own)},
                      {"damage", s.damage ? text(s.damage->message) : "null"}});
}

std::string json_of(const std::optional<logged_epochs>& log) {
  if (!log) return "null";
  const auto* const first = log->epochs.empty() ? nullptr : &log->epochs.front().manifest;
  const auto* const newest = log->epochs.empty() ? nullptr : &log->epochs.back().manifest;
  return json_object({{"after", log->checkpoint ? number(log->checkpoint->epoch) : "null"},
                      {"first_epoch", first ? number(first->epoch) : "null"},
                      {"newest_epoch", newest ? number(newest->epoch) : "null"},
                      {"made_at_ms", newest ? number(newest->made_at) : "null"},
                      {"history", newest ? text(in_hex(newest->history)) : "null"},
                      {"newest_is_committed", truth(log->newest_is_committed)},
                      {"discarded", json_array(log->discarded, [](std::uint64_t each) { return number(each); })},
                      {"records", number(log->log.next - log->log.first)},
                      {"bytes", number(log->log.bytes)},
                      {"torn_bytes", number(log->log.tail ? log->log.tail->bytes : 0)},
                      {"damage", log->damage ? text(log->damage->message) : "null"}});
}

}  // namespace freshet::checkpoint_tool
