#include "differential/reference.hpp"

#include <algorithm>
#include <array>

namespace freshet::differential {

std::vector<item> tuples_of(const source& s, std::uint64_t message) {
  const std::uint64_t several = s.replayable && message % 5 == 0 ? 2 + message % 2 : 1;
  std::vector<item> all;
  for (std::uint64_t n = 0; n < several; ++n) all.push_back({message, digest_of(message, n)});
  return all;
}

std::vector<std::size_t> tasks_for(const input& in, const item& i, std::size_t parallelism) {
  switch (in.by) {
    case way::all: {
      std::vector<std::size_t> every(parallelism);
      for (std::size_t t = 0; t < parallelism; ++t) every[t] = t;
      return every;
    }
    case way::custom:
      return {static_cast<std::size_t>(mix64(i.digest) % parallelism)};
    case way::direct:
      return {static_cast<std::size_t>(i.digest % parallelism)};
    default:
      return {0};
  }
}

namespace {
/// The tuples that a spout emits.
std::vector<item> emitted(const source& s, const std::set<std::uint64_t>* only) {
  std::vector<item> all;
  for (auto m = s.first_message; m < s.first_message + s.messages(); ++m)
    if (!only || only->contains(m))
      for (const item& i : tuples_of(s, m)) all.push_back(i);
  return all;
}

void add_to_total(answer& a, std::size_t n, std::uint64_t key, const item& i) {
  total_so_far& t = a.totals[{n, key}];
  ++t.count;
  t.sum += i.digest;
  t.messages.insert(i.message);
}

answer loop(const plan& p, const std::set<std::uint64_t>* only) {
  answer a;
  a.inputs.resize(p.nodes.size());
  std::vector<std::array<std::vector<item>, 2>> out(p.nodes.size());  // by node and port
  for (std::size_t n = 0; n < p.nodes.size(); ++n) {
    const node_plan& node = p.nodes[n];
    if (node.is == role::spout) out[n][0] = emitted(node.spout, only);
    for (std::size_t in = 0; in < node.inputs.size(); ++in)
      for (const item& i : out[node.inputs[in].from][node.inputs[in].port])
        for (std::size_t task : tasks_for(node.inputs[in], i, node.parallelism)) {
          a.inputs[n].push_back(i);
          if (node.is == role::sink) a.rows.push_back({n, i});
          else apply(node, in, task, i, [&](std::size_t port, const item& made) { out[n][port].push_back(made); });
          if (gives_totals(node.does)) add_to_total(a, n, node.does == operation::task_sum ? task : key_of(i), i);
        }
  }
  std::sort(a.rows.begin(), a.rows.end());
  return a;
}
}  // namespace

answer plain_loop(const plan& p) { return loop(p, nullptr); }
answer plain_loop(const plan& p, const std::set<std::uint64_t>& only) { return loop(p, &only); }

}  // namespace freshet::differential
