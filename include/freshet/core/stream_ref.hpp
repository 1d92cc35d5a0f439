#pragma once
#include <concepts>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "freshet/core/topology.hpp"

namespace freshet {

/// The graph a builder and the handles it gave out write to. Handles stay valid when the builder is gone.
struct builder_state {
  std::string name;
  std::vector<node> nodes;
  std::vector<std::string> mistakes;  ///< those of no node
};
/// Shared by the builder and all handles it gave out.
using builder_ref = std::shared_ptr<builder_state>;

/// Names a stream of `T` in a topology under construction, or the union of several. Cheap to copy.
template <class T>
class stream_ref {
 public:
  using value_type = T;
  stream_ref(builder_ref builder, std::vector<stream_end> ends)
      : builder_(std::move(builder)), ends_(std::move(ends)) {}
  const builder_ref& builder_state() const { return builder_; }
  const std::vector<stream_end>& ends() const { return ends_; }

 protected:
  node& self() const { return builder_->nodes[ends_[0].node]; }
  builder_ref builder_;
  std::vector<stream_end> ends_;
};

/// The union of streams of one type: a bolt that reads it reads all of them through one input.
template <class T, class... More>
stream_ref<T> merge(const stream_ref<T>& first, const More&... more) {
  constexpr bool same_type = (std::derived_from<More, stream_ref<T>> && ...);
  static_assert(same_type, "merge needs streams of one type: map them to a common type first (see T and More above)");
  auto ends = first.ends();
  if constexpr (same_type) {
    const auto add = [&](const stream_ref<T>& s) {
      if (s.builder_state() == first.builder_state()) ends.insert(ends.end(), s.ends().begin(), s.ends().end());
      else first.builder_state()->mistakes.push_back("a merge reads a stream of another builder");
    };
    (add(more), ...);
  }
  return {first.builder_state(), std::move(ends)};
}

}  // namespace freshet
