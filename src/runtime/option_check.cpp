#include "runtime/option_check.hpp"

#include <algorithm>
#include <thread>

#include "freshet/base/type_name.hpp"
#include "freshet/runtime/worker_pool.hpp"

namespace freshet {

namespace {
/// In the largest unit that loses nothing.
std::string in_words(std::chrono::nanoseconds span) {
  const auto ns = span.count();
  if (ns % 1'000'000'000 == 0) return std::to_string(ns / 1'000'000'000) + " s";
  if (ns % 1'000'000 == 0) return std::to_string(ns / 1'000'000) + " ms";
  return std::to_string(ns) + " ns";
}
}  // namespace

void option_check::about(const std::string& option, const std::string& value, const std::string& rest) {
  say(options_ + "::" + option + " is " + value + ": " + rest);
}

void option_check::at_least_0(const std::string& option, std::chrono::nanoseconds value, const std::string& way_out) {
  if (value < std::chrono::nanoseconds{}) about(option, in_words(value), "a time cannot be negative; " + way_out);
}

void option_check::from_1_to(const std::string& option, std::size_t value, std::size_t most, const std::string& why) {
  if (value == 0 || value > most) about(option, std::to_string(value), "it must be 1 to " + std::to_string(most) + why);
}

void option_check::workers_can_be_pinned(std::size_t workers) {
  const auto processors = usable_processors().size();
  if (workers == 0) workers = std::max(1u, std::thread::hardware_concurrency());
  if (processors == 0) about("pin", "true", "this system can't pin threads; leave it out");
  else if (workers > processors)
    about("pin", "true",
          "there are " + std::to_string(workers) + " workers, and the process may run on " +
              std::to_string(processors) + " processors: take no more workers than that, or leave it out");
}

void option_check::states_can_be_stored(const topology& graph) {
  for (const auto& n : graph.nodes()) {
    if (n.key_type.empty() || n.make_state(n.options)->can_be_stored()) continue;
    say(options_ + "::store is set, but bolt \"" + n.name + "\" keeps a " + readable_type_name(n.state_type) +
        " for each " + readable_type_name(n.key_type) +
        ", and these can't be written to it: give both types a codec (fields, freshet_fields or a freshet::codec) and "
        "the key a default constructor, or leave the store out");
  }
}

}  // namespace freshet
