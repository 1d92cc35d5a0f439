#pragma once
#include <compare>
#include <cstdint>

namespace freshet {

/// A number that is one kind of name and no other: a node can't be passed where a task is asked for.
template <class Tag>
struct strong_id {
  std::uint32_t value = 0;

  friend constexpr auto operator<=>(strong_id, strong_id) = default;
};

/// A spout or bolt of a topology, counted from 0 in the order of declaration.
using node_id = strong_id<struct node_tag>;
/// A parallel instance of a node, counted from 0 within it.
using task_id = strong_id<struct task_tag>;

/// A partition of a spout, counted from 0 in the order in which the spout named them. A plain number: it indexes
/// arrays, and positions carry it to files and to users.
using partition_id = std::uint32_t;

/// An epoch of a history. A history is a row of epochs of which each goes on from the one before, under a random
/// number; what goes on from any epoch but the newest is another history, so that sinks, which key what they have
/// committed by both numbers, never take an epoch for one they know.
struct epoch_id {
  std::uint64_t history = 0;  ///< 0: of a run that keeps no checkpoints
  std::uint64_t epoch = 0;
  friend bool operator==(const epoch_id&, const epoch_id&) = default;
};

}  // namespace freshet
