#pragma once
#include <functional>
#include <string>

#include "differential/operators/operator_scene.hpp"
#include "freshet/stream/stream_builder.hpp"

// Stages as nodes of a topology. All streams are of one type, so that every operator is compiled once.
namespace freshet::differential::operators {

using row_stream = stream<timed_row>;
using late_stream = stream<late_tuple<timed_row>>;

/// Where a stage stands: how its nodes are called, and what becomes of what is late for it, by its outputs from 0.
struct place {
  std::string name;
  std::function<void(std::uint32_t, const late_stream&)> late;
};
row_stream wire_join(const stage&, const row_stream& left, const row_stream& right, const place&);
row_stream wire_in_order(const stage&, const row_stream&, const place&);
row_stream wire_by_key(const stage&, const row_stream& left, const row_stream& right, const place&);
row_stream wire_more(const stage&, const row_stream&, const place&);
/// Behind rows in order.
row_stream wire_remembering(const stage&, const row_stream&, const place&);

/// Results as the next operator reads them, in the task that gives them.
row_stream finished(const row_stream&, const stage&, const std::string& name);

/// What is made of a window of any kind.
template <class K, class V>
std::int64_t told_by(const windowed<K, V>& w, std::int64_t value) {
  return mixed(mixed(mixed(w.key, value), w.pane), w.is_final);
}

}  // namespace freshet::differential::operators
