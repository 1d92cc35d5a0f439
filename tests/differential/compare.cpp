#include "differential/compare.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <set>

#include "differential/spouts.hpp"
#include "freshet/core/codec.hpp"

namespace freshet::differential {

namespace {
using messages = std::set<std::uint64_t>;
using total_key = std::pair<std::uint64_t, std::uint64_t>;

/// Sentences, up to a limit: the first few tell, the others only scroll.
class findings {
 public:
  void say(const std::string& sentence) {
    if (++count_ <= most) text_ += "  " + sentence + "\n";
  }
  std::string text() const {
    return count_ > most ? text_ + "  and " + std::to_string(count_ - most) + " more\n" : text_;
  }

 private:
  static constexpr std::size_t most = 12;
  std::size_t count_ = 0;
  std::string text_;
};

std::string words(const plan& p, const row& r) {
  return p.nodes[r.sink].name + " message " + std::to_string(r.value.message) + " digest " +
         std::to_string(r.value.digest);
}
std::string words(const plan& p, const total_key& k) {
  return "the total of " + p.nodes[k.first].name + " for key " + std::to_string(k.second);
}
std::string times(std::size_t n) { return std::to_string(n) + (n == 1 ? " time" : " times"); }

std::map<row, std::pair<std::size_t, std::size_t>> counted(const answer& expected, const record& got) {
  std::map<row, std::pair<std::size_t, std::size_t>> all;
  for (const auto& r : expected.rows) ++all[r].first;
  for (const auto& r : got.rows) ++all[r].second;
  return all;
}

messages poisoned(const plan& p) {
  messages all;
  for (const auto& f : p.faults)
    if (f.times == fault::always) all.insert(f.at.message);
  return all;
}

// --- dead letters ---

std::uint64_t message_of(const dead_letter& letter, findings& found) {
  item first;
  reader bytes{letter.bytes};
  codec<item>::read(bytes, first, 0);
  if (bytes.failed()) found.say("a dead letter of " + letter.node + " lacks its tuple: " + letter.error);
  return first.message;
}

/// Of every poisoned message a letter, unless the nodes skip what they can't digest; of no other.
void check_letters(const plan& p, const record& got, std::size_t most_each, findings& found) {
  messages must = poisoned(p), may;
  for (const auto& f : p.faults) {
    if (f.times != fault::always) continue;
    if (p.nodes[f.node].skips) must.erase(f.at.message);
    else may.insert(f.at.message);
  }
  std::map<std::uint64_t, std::size_t> letters;
  for (const auto& l : got.letters) {
    const auto m = message_of(l, found);
    ++letters[m];
    if (!may.contains(m))
      found.say("message " + std::to_string(m) + " became a dead letter of " + l.node + " after " +
                std::to_string(l.attempts) + " attempts: " + l.error);
  }
  for (auto m : must)
    if (!letters.contains(m)) found.say("poisoned message " + std::to_string(m) + " has no dead letter");
  for (const auto& [m, n] : letters)
    if (n > most_each) found.say("message " + std::to_string(m) + " became a dead letter " + times(n));
}

// --- totals ---

std::map<total_key, std::vector<total>> by_key(const record& got) {
  std::map<total_key, std::vector<total>> all;
  for (const auto& t : got.totals) all[{t.node, t.key}].push_back(t);
  for (auto& [key, totals] : all)
    std::sort(totals.begin(), totals.end(), [](auto& a, auto& b) { return a.count < b.count; });
  return all;
}

bool meets(const messages& a, const messages& b) {
  return std::any_of(a.begin(), a.end(), [&](auto m) { return b.contains(m); });
}

/// Each count once, the last one with the sum of all. `uncertain`: a poisoned message is among them.
void check_total(const std::string& name, const std::vector<total>& got, const total_so_far& expected, bool uncertain,
                 findings& found) {
  for (std::size_t n = 1; n < got.size(); ++n)
    if (got[n].count == got[n - 1].count) return found.say(name + " says twice that it counts " + times(got[n].count));
  const auto last = got.empty() ? total{} : got.back();
  if (uncertain ? last.count > expected.count : last.count != expected.count)
    return found.say(name + " counts " + times(last.count) + " instead of " + times(expected.count));
  if (!uncertain && last.sum != expected.sum) found.say(name + " has a wrong sum");
}

void check_totals(const plan& p, const answer& expected, const record& got, findings& found) {
  const auto bad = poisoned(p);
  auto all = by_key(got);
  for (const auto& [key, s] : expected.totals) check_total(words(p, key), all[key], s, meets(s.messages, bad), found);
  for (const auto& [key, totals] : all)
    if (!expected.totals.contains(key)) found.say(words(p, key) + " should not be");
}

// --- attempts ---

const source* source_of(const plan& p, std::uint64_t message) {
  for (const auto& n : p.nodes)
    if (message >= n.spout.first_message && message < n.spout.first_message + n.spout.messages()) return &n.spout;
  return nullptr;
}

/// Whether a message may have been tried more than once. Spouts that can read again tell; of the others, those met a
/// fault that did, and their neighbours in a bolt that holds several.
bool tried_again(const plan& p, const record& got, std::uint64_t message) {
  const auto* from = source_of(p, message);
  if (!from) return false;
  if (from->replayable) return got.read.contains(message);
  const bool shares = p.has(operation::hold) || p.has(operation::gather) || p.has(trouble::forgets);
  return got.struck.contains(message) || (shares && !got.struck.empty());
}

bool any_tried_again(const plan& p, const record& got, const messages& all) {
  return std::any_of(all.begin(), all.end(), [&](auto m) { return tried_again(p, got, m); });
}

// --- the end of a message ---

/// How many rows were written when a message had all of its own.
std::map<std::uint64_t, std::size_t> completions(const answer& expected, const record& got) {
  constexpr auto never = std::numeric_limits<std::size_t>::max();
  std::map<row, std::size_t> missing;
  std::map<std::uint64_t, std::size_t> open, at;
  for (const auto& r : expected.rows) {
    ++missing[r];
    ++open[r.value.message];
    at[r.value.message] = never;
  }
  for (std::size_t n = 0; n < got.rows.size(); ++n) {
    const auto m = missing.find(got.rows[n]);
    if (m == missing.end() || m->second == 0) continue;
    --m->second;
    if (--open[got.rows[n].value.message] == 0) at[got.rows[n].value.message] = n + 1;
  }
  return at;
}

void check_commits(const plan& p, const record& got, const std::map<std::uint64_t, std::size_t>& complete,
                   findings& found) {
  std::map<std::pair<std::size_t, partition_id>, std::uint64_t> upto;
  for (const auto& c : got.commits) {
    const source& s = p.nodes[c.node].spout;
    auto& before = upto[{c.node, c.upto.partition}];
    if (c.upto.next <= before) found.say(p.nodes[c.node].name + " was told twice, or backwards, of a position");
    before = c.upto.next;
    for (std::uint64_t i = 0; i < s.messages_each && places::of(c.upto.partition, i).next <= c.upto.next; ++i) {
      const auto m = s.first_message + c.upto.partition * s.messages_each + i;
      const auto at = complete.find(m);
      if (at != complete.end() && at->second > c.at)
        found.say("message " + std::to_string(m) + " was committed before it was finished");
    }
  }
  if (p.has_state()) return;
  for (std::size_t n = 0; n < p.nodes.size(); ++n) {
    const source& s = p.nodes[n].spout;
    for (partition_id part = 0; s.replayable && part < s.partitions && p.nodes[n].is == role::spout; ++part)
      if (s.messages_each && upto[{n, part}] != places::of(part, s.messages_each - 1).next)
        found.say(p.nodes[n].name + " was not told that partition " + std::to_string(part) + " is finished");
  }
}

void check_pending(const plan& p, const record& got, const std::map<std::uint64_t, std::size_t>& complete,
                   findings& found) {
  std::map<std::pair<std::size_t, std::size_t>, std::vector<std::size_t>> done;  // by spout and task
  for (const auto& e : got.emissions) {
    auto& earlier = done[{e.node, e.task}];
    const auto open = std::count_if(earlier.begin(), earlier.end(), [&](auto at) { return at > e.at; });
    if (static_cast<std::size_t>(open) >= p.nodes[e.node].spout.max_pending)
      found.say("when message " + std::to_string(e.message) + " was emitted " + std::to_string(open) +
                " before it were not finished");
    const auto at = complete.find(e.message);
    earlier.push_back(at == complete.end() ? 0 : at->second);
  }
}
}  // namespace

std::string exact(const plan& p, const answer& expected, const record& got) {
  findings found;
  const auto bad = poisoned(p);
  for (const auto& [r, n] : counted(expected, got)) {
    const auto [wanted, is] = n;
    if (bad.contains(r.value.message) ? is > wanted : is != wanted)
      found.say(words(p, r) + ": " + times(is) + " instead of " + times(wanted));
  }
  check_totals(p, expected, got, found);
  check_letters(p, got, std::numeric_limits<std::size_t>::max(), found);
  return found.text();
}

std::string nothing_missing(const plan& p, const answer& expected, const record& got) {
  findings found;
  const auto bad = poisoned(p);
  for (const auto& [r, n] : counted(expected, got)) {
    const auto [wanted, is] = n;
    if (wanted == 0) found.say(words(p, r) + " should not be");
    else if (is < wanted && !bad.contains(r.value.message))
      found.say(words(p, r) + ": " + times(is) + " instead of " + times(wanted));
    else if (is > wanted && !tried_again(p, got, r.value.message))
      found.say(words(p, r) + ": " + times(is) + " instead of " + times(wanted) + ", but it was tried only once");
  }
  auto all = by_key(got);
  for (const auto& [key, s] : expected.totals) {
    if (meets(s.messages, bad)) continue;
    if (!any_tried_again(p, got, s.messages)) check_total(words(p, key), all[key], s, false, found);
    else if (all[key].empty() || all[key].back().count < s.count) found.say(words(p, key) + " misses some");
  }
  check_letters(p, got, 1, found);
  return found.text();
}

std::string nothing_twice(const plan& p, const answer& expected, const record& got) {
  findings found;
  for (const auto& [r, n] : counted(expected, got)) {
    const auto [wanted, is] = n;
    if (is > wanted) found.say(words(p, r) + ": " + times(is) + " instead of " + times(wanted));
    if (is < wanted && !got.struck.contains(r.value.message)) found.say(words(p, r) + " is missing");
  }
  return found.text();
}

std::string none_finished_early(const plan& p, const answer& expected, const record& got, bool keeps_max_pending) {
  findings found;
  const auto complete = completions(expected, got);
  check_commits(p, got, complete, found);
  if (keeps_max_pending) check_pending(p, got, complete, found);
  return found.text();
}

std::string counters_agree(const plan& p, const outcome& o) {
  findings found;
  if (o.blocks_lost && o.metrics.recomputed_partitions == 0)
    found.say(std::to_string(o.blocks_lost) + " blocks were lost, and none was computed again");
  for (const auto& n : p.nodes) {
    if (n.is != role::spout) continue;
    const auto m = o.metrics.node(n.name);
    if (m.emitted != n.spout.messages())
      found.say(n.name + " emitted " + std::to_string(m.emitted) + " of " + std::to_string(n.spout.messages()));
    if (m.acked + m.failed != m.emitted || m.pending)
      found.say(n.name + " emitted " + std::to_string(m.emitted) + ", acked " + std::to_string(m.acked) + ", failed " +
                std::to_string(m.failed) + ", pending " + std::to_string(m.pending));
  }
  return found.text();
}

}  // namespace freshet::differential
