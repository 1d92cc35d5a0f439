#pragma once
#include <chrono>
#include <string>
#include <vector>

#include "freshet/core/topology.hpp"

namespace freshet {

/// Collects the sentences about one executor's options.
class option_check {
 public:
  /// `options` names the struct: "event_options".
  explicit option_check(std::string options) : options_(std::move(options)) {}
  void say(std::string sentence) { wrong_.push_back(std::move(sentence)); }
  /// `event_options::max_batch is 0: <rest>`
  void about(const std::string& option, const std::string& value, const std::string& rest);
  void at_least_0(const std::string& option, std::chrono::nanoseconds value, const std::string& way_out);
  void from_1_to(const std::string& option, std::size_t value, std::size_t most, const std::string& why);
  /// What both executors' options have in common.
  template <class Options>
  void common(const Options& o, const topology& graph) {
    if (o.workers > most_workers) about("workers", std::to_string(o.workers), "at most 1024");
    if (!o.clock) about("clock", "null", "leave it out for the system's");
    at_least_0("message_timeout", o.message_timeout, "0 or nanoseconds::max() for no limit");
    at_least_0("drain_timeout", o.drain_timeout, "nanoseconds::max() for no limit");
    at_least_0("stop_timeout", o.stop_timeout, "nanoseconds::max() for no limit");
    at_least_0("stall_limit", o.stall_limit, "0 for no stall detector");
    if (o.pin) workers_can_be_pinned(o.workers);
    if (o.store) states_can_be_stored(graph);
  }
  std::vector<std::string> all() && { return std::move(wrong_); }

 private:
  void workers_can_be_pinned(std::size_t workers);
  void states_can_be_stored(const topology& graph);

  static constexpr std::size_t most_workers = 1024;
  const std::string options_;
  std::vector<std::string> wrong_;
};

}  // namespace freshet
