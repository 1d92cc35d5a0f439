#pragma once
#include <string>
#include <utility>

#include "freshet/stream/stream.hpp"

namespace freshet {

/// A topology_builder whose spouts start fluent streams:
///     stream_builder builder{"word-count"};
///     builder.spout("lines", lines).flat_map("split", split).key_by(std::identity{}).count("count").to("print",
///     print); topology graph = builder.build();
class stream_builder : public topology_builder {
 public:
  using topology_builder::topology_builder;

  /// Adds a spout, as topology_builder does, and gives its messages as a stream.
  template <class F>
  auto spout(std::string name, F spout, spout_options options = {}) {
    using S = detail::made_by_t<F>;
    if constexpr (spout_class<S>)
      return stream<spout_output_t<S>>(topology_builder::spout(std::move(name), std::move(spout), options));
    else topology_builder::spout(std::move(name), std::move(spout), options);
  }
  /// What failed for good, from every node whose policy is `on_failure::dead_letter`.
  stream<dead_letter> dead_letters() const { return stream<dead_letter>(topology_builder::dead_letters()); }
};

}  // namespace freshet
