#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "differential/time/timed_rows.hpp"
#include "freshet/base/ids.hpp"
#include "freshet/core/task_context.hpp"

namespace freshet::differential {

/// A sink whose rows count with their epoch, for runs that may end at any moment: what it has prepared and committed is
/// known to all of its tasks, also to those of later runs. `to_row` makes a row of what it is given.
template <class In, class Row, class F>
class rows_by_epoch {
 public:
  using token = std::string;
  rows_by_epoch(gathered<Row> into, F to_row) : into_(std::move(into)), to_row_(std::move(to_row)) {}

  void open(const task_context& context) { task_ = context.task; }
  void begin(const epoch_id& id) {
    name_ = std::to_string(id.history) + " " + std::to_string(id.epoch) + " " + std::to_string(task_);
    rows_.clear();
  }
  void write(const In& value) { rows_.push_back(to_row_(value)); }
  token prepare() {
    std::lock_guard lock(all_->mutex);
    all_->prepared[name_] = rows_;
    return name_;
  }
  void commit(const token& name) {
    std::lock_guard lock(all_->mutex);
    if (!all_->committed.insert(name).second) return;
    for (const auto& r : all_->prepared.at(name)) into_(r);
  }
  void abort() { rows_.clear(); }

 private:
  struct known {
    std::mutex mutex;
    std::map<std::string, std::vector<Row>> prepared;
    std::set<std::string> committed;
  };
  gathered<Row> into_;
  F to_row_;
  std::shared_ptr<known> all_ = std::make_shared<known>();
  std::size_t task_ = 0;
  std::string name_;
  std::vector<Row> rows_;
};

/// Gathers what a stream gives, at once or with its epochs.
template <class In, class Stream, class Row, class F>
void gather(Stream rows, const std::string& name, bool by_epoch, const gathered<Row>& into, F to_row) {
  if (by_epoch) rows.to(name, rows_by_epoch<In, Row, F>(into, to_row));
  else rows.to(name, [into, to_row](const In& value) { into(to_row(value)); });
}

}  // namespace freshet::differential
