#pragma once
#include <chrono>
#include <optional>

namespace freshet::kafka {

/// When a group is told all that is finished: once there is something new; again soon, where nobody has taken it; and
/// now and then although nothing has changed, as brokers forget what they haven't been told for long (by default 7
/// days, `offsets.retention.minutes`), also of a topic where nothing happens.
///
/// Used by one thread at a time.
class commit_plan {
 public:
  using time_point = std::chrono::steady_clock::time_point;
  /// From a failure to the next try.
  static constexpr std::chrono::seconds pause{1};
  /// At least daily, which is the shortest retention that makes sense.
  static constexpr std::chrono::hours unchanged{12};

  explicit commit_plan(time_point now) : told_(now) {}

  void has_news() { has_news_ = true; }
  /// There is news, or what failed, whether it may be told just now or not.
  bool waits() const { return has_news_; }
  bool is_due(time_point now) const {
    return has_news_ ? !failed_ || now - *failed_ >= pause : now - told_ >= unchanged;
  }
  void told(time_point now) {
    has_news_ = false;
    failed_.reset();
    told_ = now;
  }
  /// What was told is not there.
  void failed(time_point now) {
    has_news_ = true;
    failed_ = now;
  }

 private:
  bool has_news_ = false;
  time_point told_;
  std::optional<time_point> failed_{};
};

}  // namespace freshet::kafka
