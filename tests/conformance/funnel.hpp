#pragma once
#include <cstdint>
#include <functional>
#include <iterator>
#include <optional>
#include <string>
#include <utility>

#include "freshet/connect/memory/collect_sink.hpp"
#include "freshet/stream/stream_builder.hpp"

// otto__funnel: how many items of a session got from a click to the cart, and from there to an order.
namespace freshet::conformance {

struct shop_step {
  std::int64_t session = 0, item = 0;
  std::string type;
};
inline std::pair<std::int64_t, std::int64_t> session_and_item(const shop_step& s) { return {s.session, s.item}; }

/// How far a session has come with an item; says each stage when it is reached.
struct follow {
  using state = std::uint64_t;
  std::optional<std::string> process(const shop_step& s, state& reached) const {
    static constexpr std::pair<const char*, const char*> steps[] = {
        {"clicks", "click"}, {"carts", "click_cart"}, {"orders", "click_cart_order"}};
    if (reached == std::size(steps) || s.type != steps[reached].first) return std::nullopt;
    return steps[reached++].second;
  }
};

/// Counts the stages that `steps` reach into `rows`.
inline void count_stages(const stream<shop_step>& steps, std::size_t parallelism,
                         const collect_sink<keyed<std::string, std::uint64_t>>& rows) {
  steps.key_by(session_and_item)
      .process("follow", follow{}, {.parallelism = parallelism})
      .key_by(std::identity{})
      .count("count", {.parallelism = parallelism})
      .to("rows", rows, {.parallelism = parallelism});
}

}  // namespace freshet::conformance
