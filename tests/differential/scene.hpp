#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "differential/elsewhere.hpp"
#include "differential/reference.hpp"
#include "freshet/core/dead_letter.hpp"
#include "freshet/core/position.hpp"

namespace freshet::differential {

/// What was seen of a run, in one order: `at` says how many rows were there before.
struct record {
  struct commit {
    std::size_t node = 0;
    position upto;
    std::size_t at = 0;
  };
  struct emission {
    std::size_t node = 0, task = 0;
    std::uint64_t message = 0;
    std::size_t at = 0;
  };
  std::vector<row> rows;
  std::vector<total> totals;
  std::vector<dead_letter> letters;
  std::vector<commit> commits;
  std::vector<emission> emissions;    ///< each message once
  std::multiset<std::uint64_t> read;  ///< messages that a spout was asked to emit again
  std::set<std::uint64_t> struck;     ///< messages that met a fault
};

/// Which faults a run is to meet.
struct mischief {
  bool throws = true;       ///< calls
  bool tokens = true;       ///< dropped, failed, forgotten
  bool below_holds = true;  ///< in a chain below a bolt that holds: the call of that bolt fails, tokens and all
};

/// What the spouts, bolts and sinks of one run share: the faults that they are to meet, the record of what happened,
/// and the other thread. Thread safe.
class scene {
 public:
  scene(const plan& p, mischief allowed);

  const plan& topology_plan() const { return plan_; }
  const node_plan& node(std::size_t n) const { return plan_.nodes[n]; }
  elsewhere& other_thread() { return elsewhere_; }

  /// What a call for `i` at `node` meets now, at its beginning or at its end: throws or sleeps here; the rest is said.
  std::optional<trouble> meet(std::size_t node, const item& i, bool late);
  /// True as often as the spout's polls, or reads, are to fail.
  bool poll_fails(std::size_t node);
  bool read_fails(std::size_t node);

  void wrote(std::size_t sink, const item& i);
  void wrote(const total& t);
  void wrote(const dead_letter& l);
  void committed(std::size_t node, const position& upto);
  void emitted(std::size_t node, std::size_t task, std::uint64_t message);
  void asked_again(std::uint64_t message);

  record take_record();

 private:
  bool allowed(const fault& f) const;
  bool below_a_hold(std::size_t node) const;

  const plan plan_;
  const mischief allowed_;
  std::mutex mutex_;  // guards the next five
  std::map<std::pair<std::size_t, item>, fault> faults_;
  std::vector<std::uint32_t> failing_polls_, failing_reads_;
  random_source random_;
  record record_;
  elsewhere elsewhere_;
};

/// What a fault throws.
class struck : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace freshet::differential
