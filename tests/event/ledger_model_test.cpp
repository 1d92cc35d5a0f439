// Every interleaving of a small tuple tree with failures and replays, as a model of the ledger's protocol. The sound
// order (post a failure, then count the tuple off) must keep every promise; the other order must be caught losing a
// message, which shows that the model can see a loss.
//
// Two messages a and b share a slot. a goes to two tasks (broadcast, either copy may fail), b is passed on one to one.
// A bolt may hold two tuples and emit one that is anchored to both, which may fail too: a copy of a and what became of
// b, so a tuple has several roots; or the two copies of a, so that its branches join again and it is listed twice.
// A replay gets a free slot of its own, and may fail again.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <deque>
#include <set>
#include <string>
#include <tuple>
#include <vector>

namespace {

enum class order { post_then_count, count_then_post };
enum class gathers { nothing, two_messages, branches_of_one };

struct tuple_state {
  char name;  // 'a': a itself, '1' and '2': its copies, 'b', 'c': b passed on
  int attempt, slot, index;
  auto operator<=>(const tuple_state&) const = default;
};
/// Anchored to two tuples' messages. Counts and letters of the two are steps of their own.
struct joint_state {
  tuple_state of[2];
  int step = 0;  // 0: live; 1: counted off once, well; 2 to 4: so many minus one of a failure's four steps are done
  auto operator<=>(const joint_state&) const = default;
  /// The count of message k is not taken yet.
  bool counts(int k, order o) const {
    if (step < 2) return step == 0 || k == 1;
    const int counted = o == order::post_then_count ? step - 3 : step - 1;
    return k >= counted;
  }
};
struct letter {
  int slot, index;
  auto operator<=>(const letter&) const = default;
};
struct slot_state {
  int count = 0;
  bool open = false;
  std::vector<char> messages;
  std::set<int> failed;
  auto operator<=>(const slot_state&) const = default;
};
struct state {
  std::array<slot_state, 3> slots;
  std::set<tuple_state> live;
  std::set<tuple_state> between;  // one of the failing consumer's two steps is done
  std::set<joint_state> joints;
  std::multiset<letter> mail;
  std::set<char> done, retry;
  std::array<int, 2> attempts{};  // of a and b
  auto operator<=>(const state&) const = default;
};

class model {
 public:
  /// `failing`: so many attempts of a message may fail.
  model(order o, int failing, gathers what) : order_(o), failing_(failing), gathers_(what) {}

  std::set<std::string> run() {
    state start;
    start.slots[0] = {2, true, {'a', 'b'}, {}};
    start.live = {{'a', 0, 0, 0}, {'b', 0, 0, 1}};
    add(start);
    while (!queue_.empty()) {
      const state s = queue_.front();
      queue_.pop_front();
      const auto before = steps_;
      tuples(s);
      failing(s);
      if (gathers_ != gathers::nothing) gather(s);
      joints(s);
      spout(s);
      if (steps_ == before && s.done != std::set<char>{'a', 'b'}) bad_.insert("stuck");
    }
    return bad_;
  }
  std::size_t states() const { return seen_.size(); }

 private:
  void add(const state& s) {
    for (const auto& slot : s.slots)
      if (slot.count < 0) bad_.insert("negative count");
    if (seen_.insert(s).second) queue_.push_back(s);
  }
  void next(const state& s) {
    ++steps_;
    add(s);
  }

  /// A consumer finishes a tuple: emits its children and counts (children - 1), or starts to fail.
  void tuples(const state& s) {
    for (const auto& t : s.live) {
      state n = s;
      n.live.erase(t);
      if (t.name == 'a') {
        n.live.insert({'1', t.attempt, t.slot, t.index});
        n.live.insert({'2', t.attempt, t.slot, t.index});
        n.slots[t.slot].count += 1;
        next(n);
      } else if (t.name == 'b') {
        n.live.insert({'c', t.attempt, t.slot, t.index});
        next(n);
      } else {
        state ok = n;
        ok.slots[t.slot].count -= 1;
        next(ok);
        if (t.attempt < failing_ && t.name != 'c') {  // first step of a failure
          if (order_ == order::post_then_count) n.mail.insert({t.slot, t.index});
          else n.slots[t.slot].count -= 1;
          n.between.insert(t);
          next(n);
        }
      }
    }
  }
  void failing(const state& s) {
    for (const auto& t : s.between) {
      state n = s;
      n.between.erase(t);
      if (order_ == order::post_then_count) n.slots[t.slot].count -= 1;
      else n.mail.insert({t.slot, t.index});
      next(n);
    }
  }
  /// A bolt that holds both, of whatever attempts, lets them go in one tuple: counted before the tokens are acked, so
  /// the counts stay.
  void gather(const state& s) {
    for (const auto& a : s.live)
      for (const auto& b : s.live) {
        if (a.name != (gathers_ == gathers::two_messages ? '2' : '1')) continue;
        if (b.name != (gathers_ == gathers::two_messages ? 'c' : '2')) continue;
        state n = s;
        n.live.erase(a);
        n.live.erase(b);
        n.joints.insert({{a, b}, 0});
        next(n);
      }
  }
  void joints(const state& s) {
    for (const auto& j : s.joints) {
      if (j.step == 0) count_off(s, j, 0, 1);
      if (j.step == 1) count_off(s, j, 1, done);
      if (j.step == 0 && j.of[0].attempt < failing_ && j.of[1].attempt < failing_) fail_step(s, j, 0);
      if (j.step >= 2) fail_step(s, j, j.step - 1);
    }
  }
  static constexpr int done = -1;
  state with(const state& s, const joint_state& j, int step) {
    state n = s;
    n.joints.erase(j);
    if (step != done) n.joints.insert({{j.of[0], j.of[1]}, step});
    return n;
  }
  void count_off(const state& s, const joint_state& j, int k, int step) {
    state n = with(s, j, step);
    n.slots[static_cast<std::size_t>(j.of[k].slot)].count -= 1;
    next(n);
  }
  /// Step 0 to 3 of a failure: both letters, then both counts; or the other way round.
  void fail_step(const state& s, const joint_state& j, int step) {
    const int to = step == 3 ? done : step + 2, k = step % 2;
    if ((step < 2) != (order_ == order::post_then_count)) return count_off(s, j, k, to);
    state n = with(s, j, to);
    n.mail.insert({j.of[k].slot, j.of[k].index});
    next(n);
  }
  /// Empties the mailbox; the second failure of an attempt is ignored.
  bool drain(state& n) {
    for (const auto& l : n.mail) {
      auto& slot = n.slots[l.slot];
      if (!slot.open || l.index >= static_cast<int>(slot.messages.size())) {  // or given to another message since
        bad_.insert("failure for a slot that was given back");
        return false;
      }
      if (slot.failed.insert(l.index).second) n.retry.insert(slot.messages[l.index]);
    }
    n.mail.clear();
    return true;
  }
  void spout(const state& s) {
    if (!s.mail.empty()) {
      state n = s;
      if (drain(n)) next(n);
    }
    for (int i = 0; i < 3; ++i)
      if (s.slots[i].open && s.slots[i].count == 0) finish(s, i);
    for (char m : s.retry) replay(s, m);
  }
  void finish(const state& s, int i) {
    state n = s;
    if (!drain(n)) return;
    for (const auto& t : s.live)
      if (t.slot == i) bad_.insert("finished with live tuples");
    for (const auto& t : s.between)
      if (t.slot == i) bad_.insert("finished although a failure is on its way");
    for (const auto& j : s.joints)
      for (int k : {0, 1})
        if (j.of[k].slot == i && (j.counts(k, order_) || order_ == order::count_then_post))
          bad_.insert(j.step < 2 ? "finished with live tuples" : "finished although a failure is on its way");
    auto& slot = n.slots[i];
    for (int k = 0; k < static_cast<int>(slot.messages.size()); ++k)
      if (!slot.failed.contains(k)) n.done.insert(slot.messages[k]);
    slot = {};
    next(n);
  }
  void replay(const state& s, char m) {
    for (int i = 0; i < 3; ++i) {
      if (s.slots[i].open) continue;
      state n = s;
      n.retry.erase(m);
      const int attempt = ++n.attempts[m == 'a' ? 0 : 1];
      n.slots[i] = {1, true, {m}, {}};
      n.live.insert({m, attempt, i, 0});
      next(n);
      return;
    }
  }

  const order order_;
  const int failing_;
  const gathers gathers_;
  std::set<state> seen_;
  std::deque<state> queue_;
  std::size_t steps_ = 0;
  std::set<std::string> bad_;
};

constexpr gathers all_gathers[] = {gathers::nothing, gathers::two_messages, gathers::branches_of_one};

TEST(ledger_model, posting_before_counting_keeps_every_promise) {
  for (int failing : {1, 2})
    for (auto what : all_gathers) {
      model m(order::post_then_count, failing, what);
      EXPECT_EQ(m.run(), std::set<std::string>{})
          << failing << " attempts may fail, gathering " << static_cast<int>(what);
      EXPECT_GT(m.states(), 100u);
    }
}

TEST(ledger_model, counting_before_posting_loses_messages_and_the_model_sees_it) {
  for (auto what : all_gathers) {
    model m(order::count_then_post, 1, what);
    EXPECT_TRUE(m.run().contains("finished although a failure is on its way"));
  }
}

}  // namespace
