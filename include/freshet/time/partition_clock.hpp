#pragma once
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "freshet/core/call_frame.hpp"
#include "freshet/core/codec.hpp"
#include "freshet/core/event_clock.hpp"
#include "freshet/core/watermark_alignment.hpp"
#include "freshet/time/watermark.hpp"
#include "freshet/time/watermark_merge.hpp"

namespace freshet {

/// Among the partitions that a clock is opened with: there is one whose id will be that of the first new one to send.
/// Until then it holds the watermark back like the others.
inline constexpr partition_id some_partition = ~partition_id{0};

/// The half of a spout task's clock that needs no policy: which partitions there are, which of them are idle, and the
/// watermark of all. Not thread safe.
class partition_clock : public event_clock {
 public:
  /// A partition that sends nothing for `idle_timeout` holds nobody back; 0: it does, for as long as it takes. One
  /// that is ahead of the slowest by more than `max_drift` is not wanted; 0: however far that is.
  partition_clock(std::chrono::nanoseconds idle_timeout, event_span max_drift)
      : idle_timeout_(idle_timeout), max_drift_(max_drift) {}

  void open(const std::vector<partition_id>& partitions, time_point now) override;
  event_time watermark() override;
  time_point look(time_point now, bool could_send) override;
  bool is_idle() const override { return merge_.size() == 0 || merge_.is_idle(); }
  void align(std::shared_ptr<watermark_alignment> others, std::size_t task) override;
  bool wants(partition_id partition) override;
  bool wants_any() override;
  bool holds_back() const override;
  bool take_wanted_again() override { return std::exchange(run_.wanted_again, false); }
  void end_partition(partition_id partition) override;
  void replace(event_clock& other) override;

  // --- for tests that say themselves what time it is ---
  /// In place of the time that comes with a message, where none does.
  static constexpr event_time no_time = beginning_of_time;
  /// From here on the time that comes with a message is its tuples' event time, whatever they would say.
  void take_given_times() { takes_given_times_ = true; }
  bool takes_given_times() const { return takes_given_times_; }
  /// The partition's watermark goes on to `to`, as if a tuple had said so.
  void advance(partition_id partition, event_time to) {
    const auto place = place_of(partition);
    note_activity(place);
    advance_place(place, to);
  }

 protected:
  /// The partition's place; a new one if it was not known.
  std::size_t place_of(partition_id id) { return id == last_id_ && last_place_ != none ? last_place_ : find_place(id); }
  void note_activity(std::size_t place) { active_[place] = true; }
  /// The watermark of one partition.
  virtual event_time watermark_at(std::size_t place) const = 0;
  virtual void advance_place(std::size_t place, event_time to) = 0;
  /// There is one more partition.
  virtual void add_partition() = 0;
  /// All but what is about the run.
  void assign_partitions(const partition_clock& from);

 private:
  void refresh();
  void look_at_others();
  bool is_ahead(std::size_t place) const { return !ended_[place] && watermark_at(place) > run_.limit; }
  std::size_t add_place();
  std::size_t find_place(partition_id id);

  std::chrono::nanoseconds idle_timeout_;
  event_span max_drift_;
  struct {
    std::shared_ptr<watermark_alignment> others;  ///< null: nobody waits
    std::size_t task = 0;
    event_time limit = end_of_time;  ///< that wanted partitions have not passed
    bool wanted_again = false;
    std::set<partition_id> ended;  ///< nothing new will come of them, whatever is emitted again
  } run_;
  std::unordered_map<partition_id, std::size_t> places_;
  partition_id last_id_ = 0;
  std::size_t last_place_ = none, unnamed_place_ = none;
  watermark_merge merge_;
  std::vector<bool> active_;  ///< since it was last looked at
  std::vector<bool> ended_;
  std::vector<idle_timer> timers_;
  time_point opened_{};
  bool takes_given_times_ = false;
  static constexpr std::size_t none = ~std::size_t{0};
};

/// A spout task's clock: a watermark for each of its partitions, by the policy.
template <class Policy>
class policy_clock final : public partition_clock {
 public:
  policy_clock(const policy_clock&) = default;
  policy_clock& operator=(const policy_clock&) = delete;
  policy_clock(Policy policy, std::chrono::nanoseconds idle_timeout, event_span max_drift = {})
      : partition_clock(idle_timeout, max_drift), policy_(std::move(policy)) {}

  /// Sees a tuple at `t`, of the message in process, and gives its stamp: the watermark of its partition as it stood
  /// before the message. One that is emitted again has the stamp it had, and the clock doesn't look at it again.
  template <class T>
  event_time stamp(call_frame& frame, event_time t, const T& value) {
    if (frame.call != call_) begin_call(frame);
    if (is_new_) partitions_[place_].watermark.observe(t, value);
    return stamp_;
  }
  event_time stamp_of(const message_source& from) override { return stamp_at(place_of(from.partition), from); }
  void undo_call(std::uint64_t call) override {
    if (call == call_ && before_) partitions_[place_].watermark.restore(std::move(*before_));
    before_.reset();
    call_ = 0;
  }
  void save(partition_id id, writer& w) override {
    const auto& p = partitions_[place_of(id)];
    write_value(w, p.watermark.watermark());
    w.raw<std::uint8_t>(remembers);
    if constexpr (remembers) write_value(w, p.watermark.saved().policy);
  }
  void save_reached(partition_id id, event_time reached, writer& w) override {
    write_value(w, std::min(reached, partitions_[place_of(id)].watermark.watermark()));
    w.raw<std::uint8_t>(false);
  }
  bool load(partition_id id, reader& r) override {
    const auto place = place_of(id);
    auto& watermark = partitions_[place].watermark;
    auto state = watermark.saved();
    read_value(r, state.watermark);
    const bool has_policy = r.raw<std::uint8_t>() != 0;
    if constexpr (remembers)
      if (has_policy) read_value(r, state.policy);
    if (r.failed()) return false;
    watermark.restore(std::move(state));
    note_activity(place);
    return true;
  }
  std::unique_ptr<event_clock> copy() const override { return std::make_unique<policy_clock>(*this); }
  void assign(const event_clock& other) override {
    const auto& from = static_cast<const policy_clock&>(other);
    assign_partitions(from);
    while (partitions_.size() > from.partitions_.size()) partitions_.pop_back();
    for (std::size_t i = 0; i < from.partitions_.size(); ++i) {
      if (i == partitions_.size()) add_partition();
      partitions_[i].watermark.restore(from.partitions_[i].watermark.saved());
      partitions_[i].last_stamp = from.partitions_[i].last_stamp;
    }
    before_.reset();
    call_ = 0;
  }

 private:
  static constexpr bool remembers = durable<typename Policy::state>;
  struct partition {
    partition_watermark<Policy> watermark;
    event_time last_stamp = beginning_of_time;
  };
  event_time watermark_at(std::size_t place) const override { return partitions_[place].watermark.watermark(); }
  void advance_place(std::size_t place, event_time to) override { partitions_[place].watermark.advance(to); }
  void add_partition() override { partitions_.push_back({partition_watermark<Policy>(policy_)}); }
  event_time stamp_at(std::size_t place, const message_source& from) const {
    return from.continues ? partitions_[place].last_stamp : watermark_at(place);
  }
  void begin_call(call_frame& frame) {
    call_ = frame.call;
    before_.reset();
    is_new_ = *frame.own_stamp == not_stamped;
    if (!is_new_) {
      stamp_ = *frame.own_stamp;
      return;
    }
    place_ = place_of(frame.source.partition);
    note_activity(place_);
    partition& p = partitions_[place_];
    if (frame.rollback_state) before_ = p.watermark.saved();
    stamp_ = p.last_stamp = stamp_at(place_, frame.source);
    *frame.own_stamp = stamp_;
  }

  Policy policy_;
  std::vector<partition> partitions_;
  // Of the call that was last.
  std::uint64_t call_ = 0;
  std::size_t place_ = 0;
  bool is_new_ = false;
  event_time stamp_ = beginning_of_time;
  std::optional<typename partition_watermark<Policy>::state> before_;  ///< where the call may be made once more
};

}  // namespace freshet
