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

/// The part of a stream_ref that needs no type. Copied out of line: compiled once, and not for every stream.
class any_stream_ref {
 public:
  any_stream_ref(const builder_ref& builder, std::vector<stream_end> ends);
  any_stream_ref(const builder_ref& builder, stream_end one);
  any_stream_ref(const any_stream_ref&);
  any_stream_ref(any_stream_ref&&) noexcept;
  any_stream_ref& operator=(const any_stream_ref&);
  any_stream_ref& operator=(any_stream_ref&&) noexcept;
  ~any_stream_ref();

  const builder_ref& builder_state() const { return builder_; }
  const std::vector<stream_end>& ends() const { return ends_; }
  /// Both are of one builder.
  bool is_beside(const any_stream_ref& other) const;
  /// The node whose stream it is, the first of several. REQUIRES: not the dead letters.
  node& producer() const;

 protected:
  builder_ref builder_;
  std::vector<stream_end> ends_;
};

/// Names a stream of `T` in a topology under construction, or the union of several. Cheap to copy.
template <class T>
class stream_ref : public any_stream_ref {
 public:
  using value_type = T;
  using any_stream_ref::any_stream_ref;
};

/// The union of streams of one type: a bolt that reads it reads all of them through one input.
template <class T, class... More>
stream_ref<T> merge(const stream_ref<T>& first, const More&... more) {
  constexpr bool same_type = (std::derived_from<More, stream_ref<T>> && ...);
  static_assert(same_type, "merge needs streams of one type: map them to a common type first (see T and More above)");
  auto ends = first.ends();
  if constexpr (same_type) {
    const auto add = [&](const stream_ref<T>& s) {
      if (s.is_beside(first)) ends.insert(ends.end(), s.ends().begin(), s.ends().end());
      else first.builder_state()->mistakes.push_back("a merge reads a stream of another builder");
    };
    (add(more), ...);
  }
  return {first.builder_state(), std::move(ends)};
}

}  // namespace freshet
