#pragma once
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <utility>

#include "connect/kafka/connection.hpp"
#include "freshet/core/position.hpp"

namespace freshet::kafka {

/// A partition of a topic, from when a task has it until it goes. One that comes back has another id: what was read of
/// it before and what is read of it then are told apart.
struct source {
  std::string topic;
  std::int32_t partition = 0;
  partition_id id = 0;
  std::int64_t low = 0, end = 0;  ///< as they were when it came
  std::int64_t next = 0;          ///< to be emitted
  std::int64_t emitted = -1;      ///< behind what was emitted; -1: nothing was
  std::int64_t committed = -1;    ///< told to the group, whether it has heard of it or not; -1: nothing
  bool at_end = false;            ///< bounded, and all that is there has come
  bool over = false;              ///< and was emitted
  bool paused = false;            ///< the client fetches nothing of it
  bool leaves = false;            ///< the group takes it away, and waits
  bool gone = false;
  bool loss_told = false;
  std::deque<message_ptr> aside{};  ///< came, but not wanted yet

  /// Records that wait because their partition isn't wanted: as many as a fetch of small ones gives. Beyond that the
  /// client fetches no more of it; and to do so again takes it a moment, so not at once.
  static constexpr std::size_t most_aside = 2000;

  bool is_full() const { return aside.size() >= most_aside; }
  bool is_finished() const { return emitted < 0 || committed >= emitted; }
  std::string name() const { return topic + "/" + std::to_string(partition); }
};

/// The partitions of a task, also those that went.
class source_list {
 public:
  source& add(std::string topic, std::int32_t partition, partition_id id) {
    all_.push_back({std::move(topic), partition, id});
    source& s = all_.back();
    by_id_[id] = &s;
    by_place_[{s.topic, partition}] = &s;
    return s;
  }
  source* by_id(partition_id id) const {
    const auto at = by_id_.find(id);
    return at == by_id_.end() ? nullptr : at->second;
  }
  /// Null: none, or it is gone.
  source* at(const char* topic, std::int32_t partition) const {
    if (last_ && last_->partition == partition && last_->topic == topic) return last_;
    const auto at = by_place_.find({topic, partition});
    return at == by_place_.end() ? nullptr : last_ = at->second;
  }
  void remove(source& s) {
    s.gone = true;
    forget_aside(s);
    if (last_ == &s) last_ = nullptr;
    if (const auto at = by_place_.find({s.topic, s.partition}); at != by_place_.end() && at->second == &s)
      by_place_.erase(at);
  }
  std::deque<source>& all() { return all_; }

  void set_aside(source& s, message_ptr m) {
    s.aside.push_back(std::move(m));
    ++asides_;
  }
  /// The oldest. REQUIRES: there is one.
  message_ptr take_aside(source& s) {
    auto m = std::move(s.aside.front());
    s.aside.pop_front();
    --asides_;
    return m;
  }
  void forget_aside(source& s) {
    asides_ -= s.aside.size();
    s.aside.clear();
  }
  bool has_asides() const { return asides_ > 0; }

 private:
  std::deque<source> all_;  // stays where it is
  std::map<partition_id, source*> by_id_;
  std::map<std::pair<std::string, std::int32_t>, source*, std::less<>> by_place_;
  mutable source* last_ = nullptr;
  std::size_t asides_ = 0;  // of all
};

}  // namespace freshet::kafka
