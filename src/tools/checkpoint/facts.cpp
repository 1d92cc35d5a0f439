#include "facts.hpp"

#include <map>

#include "core/escaped_text.hpp"
#include "freshet/core/value_text.hpp"
#include "state/checkpoint_names.hpp"
#include "state/damage.hpp"

namespace freshet::checkpoint_tool {

namespace {

std::string watermark_text(event_time t) {
  return t == beginning_of_time ? "none yet" : t == end_of_time ? "the end of time" : value_text(t);
}

std::string counted(std::uint64_t n, const std::string& what) {
  return std::to_string(n) + " " + what + (n == 1 ? "" : "s");
}
std::string bytes_text(std::uint64_t n) { return counted(n, "byte"); }

/// "epochs 2 to 4, which go on from epoch 1"
std::string range_of(const logged_epochs& log) {
  if (!log.checkpoint) return "no checkpoint that it goes on from, so nothing in it counts";
  const auto base = std::to_string(log.checkpoint->epoch);
  if (log.epochs.empty()) return "no epochs after epoch " + base;
  const auto &first = log.epochs.front().manifest, &newest = log.epochs.back().manifest;
  return (log.epochs.size() == 1 ? "epoch " : "epochs " + std::to_string(first.epoch) + " to ") +
         std::to_string(newest.epoch) + " of " + in_hex(newest.history) + " behind epoch " + base +
         ", the newest made at " + value_text(newest.made_at) +
         (log.newest_is_committed ? " and committed by its sinks" : "");
}

/// Collects the facts of one manifest.
class collector {
 public:
  void header(const checkpoint_manifest& m) {
    add("kind", std::string(to_string(m.kind)) + (m.is_final ? ", the end of the input" : ""));
    add("made at", value_text(m.made_at));
    add("topology", in_text(m.topology));
    add("history", in_hex(m.history));
    if (m.parent)
      add("history began at", "epoch " + std::to_string(m.parent->epoch) + " of " + in_hex(m.parent->history));
    add("hash version", std::to_string(m.hash_version));
  }
  void node(const checkpoint_node& n) {
    const auto name = "node " + in_text(n.name);
    add(name, n.kind + ", parallelism " + std::to_string(n.parallelism) +
                  (n.key_type.empty() ? "" : ", " + std::to_string(n.max_parallelism) + " key groups"));
    if (!n.key_type.empty()) add(name + " key", n.key_type);
    if (!n.state_type.empty())
      add(name + " state", n.state_type + ", codec " + n.codec +
                               (n.codec_version == 0 ? "" : " version " + std::to_string(n.codec_version)));
    std::string types;
    for (const auto& each : n.stream_types) types += (types.empty() ? "" : ", ") + each;
    if (!types.empty()) add(name + " emits", types);
    if (!n.key_type.empty()) add(name + " keys", std::to_string(n.keys));
    for (const auto& file : n.files)
      add(name + " file " + file.name, std::string(to_string(file.kind)) + ", key groups [" +
                                           std::to_string(file.groups.first) + ", " + std::to_string(file.groups.end) +
                                           "), " + bytes_text(file.size) +
                                           (file.store_name.empty() ? "" : ", as " + in_text(file.store_name)));
  }
  void partition(const checkpoint_partition& p) {
    const auto name = "partition " + in_text(p.name) + " of " + in_text(p.node);
    std::string beyond;
    for (const auto& each : p.finished)
      beyond += " [" + std::to_string(each.from) + ", " + std::to_string(each.to) + ")";
    add(name + " position", std::to_string(p.offset) + (p.has_ended ? ", ended" : "") +
                                (beyond.empty() ? "" : ", finished beyond it:" + beyond));
    add(name + " watermark", watermark_text(p.watermark));
    if (!p.saved.empty()) add(name + " saved by the spout", bytes_text(p.saved.size()));
  }
  void watermark(const checkpoint_watermark& w) {
    const auto input = w.input == checkpoint_watermark::all_inputs ? "all inputs" : "input " + std::to_string(w.input);
    add("node " + in_text(w.node) + " " + input + " watermark", watermark_text(w.watermark));
  }
  void token(const sink_token& t) {
    add("node " + in_text(t.node) + " task " + std::to_string(t.task) + " token", bytes_text(t.bytes.size()));
  }
  std::vector<fact> take() { return std::move(facts_); }

 private:
  void add(std::string name, std::string value) { facts_.emplace_back(std::move(name), std::move(value)); }
  std::vector<fact> facts_;
};

}  // namespace

std::vector<fact> facts_of(const checkpoint_manifest& manifest) {
  collector all;
  all.header(manifest);
  for (const auto& each : manifest.nodes) all.node(each);
  for (const auto& each : manifest.partitions) all.partition(each);
  for (const auto& each : manifest.watermarks) all.watermark(each);
  for (const auto& each : manifest.tokens) all.token(each);
  return all.take();
}

std::vector<fact> facts_of(const logged_epochs& log, const logged_epoch& epoch) {
  std::vector<fact> all{{"record", bytes_text(epoch.bytes) + ", behind epoch " + std::to_string(log.checkpoint->epoch) +
                                       ", which has the files of the states"}};
  for (const auto& each : epoch.changes)
    all.emplace_back(
        "node " + in_text(each.node) + " changes",
        bytes_text(each.bytes) + ", with those of the epochs before it in the log " + bytes_text(each.all_bytes));
  return all;
}

std::vector<std::string> lines_of(const logged_epochs& log) {
  auto line = "log: " + range_of(log) + "; " + counted(log.log.next - log.log.first, "record") +
              (log.damage ? " before the damage" : ", " + bytes_text(log.log.bytes));
  for (const auto& each : log.discarded)
    line += (&each == &log.discarded.front() ? "; discarded: " : ", ") + std::to_string(each);
  std::vector<std::string> all{line};
  if (log.log.tail)
    all.push_back("log: the last " + bytes_text(log.log.tail->bytes) + " of \"" + log.log.tail->path +
                  "\", from byte " + std::to_string(log.log.tail->from) +
                  " on, are a record that is not whole: a run is writing it, or ended while it did. This is no damage; "
                  "the next run cuts it off");
  if (log.damage) all.push_back("log: " + log.damage->message);
  return all;
}

std::vector<difference> differences(const checkpoint_manifest& before, const checkpoint_manifest& after) {
  const auto old_facts = facts_of(before), new_facts = facts_of(after);
  const std::map<std::string, std::string> old_by_name(old_facts.begin(), old_facts.end()),
      new_by_name(new_facts.begin(), new_facts.end());
  std::vector<difference> all;
  for (const auto& [name, value] : old_facts)
    if (new_by_name.count(name) == 0) all.push_back({name, value, ""});
  for (const auto& [name, value] : new_facts) {
    const auto old = old_by_name.find(name);
    if (old == old_by_name.end()) all.push_back({name, "", value});
    else if (old->second != value) all.push_back({name, old->second, value});
  }
  return all;
}

sizes sizes_of(const checkpoint_manifest& manifest) {
  sizes sum;
  for (const auto& node : manifest.nodes)
    for (const auto& file : node.files) {
      sum.all += file.size;
      if (epoch_of_state_file(file.name) == manifest.epoch) sum.own += file.size;
    }
  return sum;
}

}  // namespace freshet::checkpoint_tool
