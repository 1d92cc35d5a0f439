#include <gtest/gtest.h>

#include <map>
#include <set>

#include "freshet/base/random.hpp"
#include "freshet/time/session_set.hpp"
#include "freshet/time/sliced_aggregate.hpp"
#include "freshet/time/watermark.hpp"
#include "freshet/time/watermark_merge.hpp"

// What stamps are for: the content of every window and the set of late tuples follow from the order inside each
// partition alone. Partitions send their tuples in all kinds of schedules, reordered and replayed on the way; an
// operator of hopping windows and one of sessions see them, and the watermark of what is finished. All schedules must
// agree.
namespace freshet {
namespace {

constexpr event_time at(std::int64_t ms) { return event_time(event_span(ms)); }

struct row {
  std::size_t partition, ordinal;
  int key;
  event_time time, stamp;
};
using ids = std::multiset<std::pair<std::size_t, std::size_t>>;  // partition and ordinal of each tuple
using closed_windows = std::map<std::pair<int, window>, ids>;

struct answers {
  closed_windows hopping, sessions;
  ids late_for_hopping, late_for_sessions;
  bool operator==(const answers&) const = default;
};

struct scene {
  explicit scene(std::uint64_t seed) {
    random_source random(seed);
    const auto size = 1 + random.below(12);
    windows = {event_span(size), event_span(1 + random.below(size)), event_span(random.below(5))};
    gap = {event_span(random.below(7))};
    lateness = event_span(random.chance(0.6) ? 0 : random.below(6));
    bounds.bound = event_span(random.below(6));
    partitions.resize(1 + random.below(3));
    for (std::size_t p = 0; p < partitions.size(); ++p) {
      partition_watermark follow{bounds};
      const auto pace = 1 + random.below(3), spread = random.below(20);
      const auto n = 5 + random.below(55);
      for (std::size_t i = 0; i < n; ++i) {
        const auto t = at(static_cast<std::int64_t>(i * pace) - static_cast<std::int64_t>(random.below(spread + 1)));
        partitions[p].push_back({p, i, static_cast<int>(random.below(3)), t, follow.observe(t)});
      }
    }
  }
  hopping windows;
  sessions gap;
  event_span lateness{};
  bounded_out_of_orderness bounds;
  std::vector<std::vector<row>> partitions;
};

/// One schedule: who sends when, what overtakes what, which messages fail and are sent again.
class schedule {
 public:
  schedule(const scene& s, std::uint64_t seed, bool failing)
      : scene_(s), random_(seed), failing_(failing), merge_(s.partitions.size()), sent_(s.partitions.size()) {
    for (const auto& p : s.partitions) done_.emplace_back(p.size());
    finished_.resize(s.partitions.size());
  }
  answers run() {
    while (left() || !under_way_.empty()) {
      const auto what = random_.below(3);
      if (what == 0) send();
      else if (what == 1 && !under_way_.empty()) deliver();
      else report(random_.below(sent_.size()));
    }
    close(end_of_time);
    return std::move(answers_);
  }

 private:
  bool left() const {
    for (std::size_t p = 0; p < sent_.size(); ++p)
      if (sent_[p] < scene_.partitions[p].size()) return true;
    return false;
  }
  void send() {
    const auto p = random_.below(sent_.size());
    if (sent_[p] < scene_.partitions[p].size() && sent_[p] - finished_[p] < 8)
      under_way_.push_back(scene_.partitions[p][sent_[p]++]);
  }
  void deliver() {
    auto i = random_.below(under_way_.size());
    if (!failing_)  // in the partition's order
      for (std::size_t j = 0; j < i; ++j)
        if (under_way_[j].partition == under_way_[i].partition) i = j;
    const row r = under_way_[i];
    under_way_.erase(under_way_.begin() + static_cast<std::ptrdiff_t>(i));
    if (failing_ && random_.chance(0.2)) return under_way_.push_back(r);  // failed before us, and is replayed
    add(r);
    done_[r.partition][r.ordinal] = true;
    auto& finished = finished_[r.partition];
    while (finished < done_[r.partition].size() && done_[r.partition][finished]) ++finished;
  }
  /// The watermark that a partition lets go: the stamp of the first message that isn't finished.
  void report(std::size_t p) {
    if (finished_[p] == scene_.partitions[p].size()) merge_.advance(p, end_of_time);
    else merge_.advance(p, scene_.partitions[p][finished_[p]].stamp);
    close(merge_.watermark());
  }
  void add(const row& r) {
    const std::pair id(r.partition, r.ordinal);
    const auto put = [&](ids& all) { all.insert(id); };
    const auto none = [] { return ids(); };
    const auto into = hopping_[r.key].add(scene_.windows, r.time, scene_.lateness, r.stamp, none, put);
    ASSERT_NE(into, added_to::closed) << "a window closed under a tuple that is not late";
    if (into == added_to::none) answers_.late_for_hopping.insert(id);
    if (is_late(r.time, scene_.lateness, r.stamp)) {
      answers_.late_for_sessions.insert(id);
    } else {
      put(sessions_[r.key].join(scene_.gap, r.time, none, unite).value);
    }
  }
  static void unite(ids& a, const ids& b) { a.insert(b.begin(), b.end()); }
  void close(event_time watermark) {
    for (auto& [key, all] : hopping_) {
      for (auto next = all.next(scene_.windows); next && is_closed(*next, scene_.lateness, watermark);
           next = all.next(scene_.windows)) {
        const bool is_first = answers_.hopping.emplace(std::pair(key, *next), all.close(scene_.windows, unite)).second;
        ASSERT_TRUE(is_first) << "a window closed twice";
      }
    }
    for (auto& [key, all] : sessions_)
      all.take_closed(scene_.gap, scene_.lateness, watermark, [&, k = key](const session<ids>& s) {
        unite(answers_.sessions[{k, {s.first, s.last}}], s.value);
      });
  }

  const scene& scene_;
  random_source random_;
  const bool failing_;
  watermark_merge merge_;
  std::vector<std::size_t> sent_, finished_;
  std::vector<std::vector<bool>> done_;
  std::vector<row> under_way_;
  std::map<int, sliced_aggregate<ids>> hopping_;
  std::map<int, session_set<ids>> sessions_;
  answers answers_;
};

TEST(stamps, windows_and_late_tuples_follow_from_the_order_in_each_partition_alone) {
  std::size_t late = 0, windows = 0;
  for (std::uint64_t seed = 0; seed < 150; ++seed) {
    const scene s(seed);
    const answers expected = schedule(s, 0, false).run();
    late += expected.late_for_hopping.size() + expected.late_for_sessions.size();
    windows += expected.hopping.size() + expected.sessions.size();
    for (std::uint64_t other = 1; other < 12; ++other) {
      ASSERT_EQ(schedule(s, other, other % 2 == 1).run(), expected) << "scene " << seed << ", schedule " << other;
      if (HasFatalFailure()) return;
    }
  }
  EXPECT_GT(late, 100u);  // else it proves nothing
  EXPECT_GT(windows, 1000u);
}

}  // namespace
}  // namespace freshet
