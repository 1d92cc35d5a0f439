#pragma once
#include <memory>
#include <string>
#include <vector>

#include "freshet/core/consumer.hpp"
#include "freshet/core/grouping.hpp"
#include "freshet/core/scatter_buffer.hpp"

namespace freshet {

/// Where a router stands in the run.
struct route {
  std::uint32_t consumer = 0;  ///< the reading node: failures of key functions and groupings are its own
  std::uint32_t producer_task = 0, producer_tasks = 1;
  std::uint32_t targets = 1;  ///< tasks of the reading node
  std::uint32_t key_groups = 128;
  std::vector<std::uint32_t> local = {};  ///< targets on the producer's worker, for local_or_shuffle
  batch_layout layout = {};
};

/// Divides one output of one producing task among the tasks of one reading node; the engine's view.
class any_router {
 public:
  explicit any_router(const route& r);
  virtual ~any_router();
  virtual any_consumer& entry() = 0;
  const route& where() const { return route_; }
  /// One a target, or a single one when `broadcast()`: its batches go to every target.
  const std::vector<any_outbox*>& outboxes() const { return outboxes_; }
  virtual bool broadcast() const { return false; }
  /// Forgets counters that decide targets, so that an attempt of a task routes as the attempt before it.
  virtual void restart(std::uint64_t seed) = 0;

 protected:
  /// Takes an outbox, which the frame is told of.
  void add(any_outbox* box, call_frame& frame);

  const route route_;
  std::vector<any_outbox*> outboxes_;  ///< owned
};

/// Thrown text for a custom grouping that names a task which doesn't exist.
[[noreturn]] void throw_no_such_task(std::size_t chosen, std::size_t targets);

namespace detail {
/// Picks the task for a value. One class a grouping; `restart` makes the choice a function of what follows it.
template <class G, class T>
struct target_choice {
  explicit target_choice(const G&, const route&) {}
  void restart(std::uint64_t) {}
  std::uint32_t operator()(const T&) { return 0; }  // global
};
/// Even by construction: each tuple goes to the next task.
struct round_robin {
  std::uint32_t next, count;
  explicit round_robin(const route& r) : next(r.producer_task % r.targets), count(r.targets) {}
  void restart(std::uint64_t seed) { next = static_cast<std::uint32_t>(seed % count); }
  std::uint32_t step() {
    const auto at = next;
    if (++next == count) next = 0;
    return at;
  }
};
template <class T>
struct target_choice<shuffle_grouping, T> : round_robin {
  target_choice(const shuffle_grouping&, const route& r) : round_robin(r) {}
  std::uint32_t operator()(const T&) { return step(); }
};
template <class T>
struct target_choice<local_or_shuffle_grouping, T> : round_robin {
  std::vector<std::uint32_t> local;
  target_choice(const local_or_shuffle_grouping&, const route& r) : round_robin(r), local(r.local) {
    if (!local.empty()) {
      count = static_cast<std::uint32_t>(local.size());
      next %= count;
    }
  }
  std::uint32_t operator()(const T&) {
    const auto at = step();
    return local.empty() ? at : local[at];
  }
};
/// Task i to task i where the parallelism is equal, else shuffle.
template <class T>
struct target_choice<forward_grouping, T> : round_robin {
  bool equal;
  target_choice(const forward_grouping&, const route& r) : round_robin(r), equal(r.producer_tasks == r.targets) {}
  void restart(std::uint64_t seed) {
    if (!equal) round_robin::restart(seed);
  }
  std::uint32_t operator()(const T&) { return equal ? next : step(); }
};
/// key -> group -> task, by tables made once.
struct group_table {
  std::uint32_t groups;
  std::vector<std::uint32_t> task;
  explicit group_table(const route& r);
  std::uint32_t of(std::uint64_t hash) const { return task[key_group_of(hash, groups)]; }
};
template <class F, class T>
struct target_choice<key_grouping<F>, T> : group_table {
  using key_type = typename decltype(key_type_of<F, T>())::type;
  F key;
  target_choice(const key_grouping<F>& g, const route& r) : group_table(r), key(g.key) {}
  void restart(std::uint64_t) {}
  std::uint32_t operator()(const T& v) { return of(stable_hash<key_type>::of(std::invoke(key, v))); }
};
/// The less loaded of a key's two tasks, by what this producer has sent them ("the power of two choices", Nasir et
/// al., ICDE 2015).
template <class F, class T>
struct target_choice<partial_key_grouping<F>, T> : group_table {
  using key_type = typename decltype(key_type_of<F, T>())::type;
  F key;
  std::vector<std::uint64_t> sent;
  target_choice(const partial_key_grouping<F>& g, const route& r) : group_table(r), key(g.key), sent(r.targets) {}
  void restart(std::uint64_t) { std::fill(sent.begin(), sent.end(), 0); }
  std::uint32_t operator()(const T& v) {
    const auto hash = stable_hash<key_type>::of(std::invoke(key, v));
    const auto a = of(hash), b = of(mix64(hash ^ 0x9e3779b97f4a7c15ull));
    const auto at = sent[b] < sent[a] ? b : a;
    ++sent[at];
    return at;
  }
};
template <class F, class T>
struct target_choice<custom_grouping<F>, T> {
  F choose;
  std::size_t targets;
  target_choice(const custom_grouping<F>& g, const route& r) : choose(g.choose), targets(r.targets) {}
  void restart(std::uint64_t) {}
  std::uint32_t operator()(const T& v) {
    const auto at = static_cast<std::size_t>(std::invoke(choose, v, targets));
    if (at >= targets) [[unlikely]]
      throw_no_such_task(at, targets);
    return static_cast<std::uint32_t>(at);
  }
};
template <class F, class T>
struct target_choice<direct_grouping<F>, T> {
  F task;
  std::size_t targets;
  target_choice(const direct_grouping<F>& g, const route& r) : task(g.task), targets(r.targets) {}
  void restart(std::uint64_t) {}
  std::uint32_t operator()(const T& v) {
    const auto at = static_cast<std::size_t>(std::invoke(task, v));
    if (at >= targets) [[unlikely]]
      throw_no_such_task(at, targets);
    return static_cast<std::uint32_t>(at);
  }
};
}  // namespace detail

/// Typed router: the choice, the copy and the columns are inlined into one virtual call a tuple.
template <class T, class G>
class router final : public consumer_by<T, router<T, G>>, public any_router {
  static constexpr bool to_all = std::is_same_v<G, all_grouping>;
  /// Where the target depends on the value: the other groupings have nothing to look at it with.
  static constexpr bool scatters = !std::is_empty_v<G> && scatterable<T>;

 public:
  router(const G& grouping, const route& r, call_frame& frame)
      : any_router(r), choose_(grouping, route_), frame_(&frame) {
    const std::size_t n = to_all ? 1 : route_.targets;
    for (std::size_t i = 0; i < n; ++i) add(new outbox<T>(route_.layout, frame), frame);
    if constexpr (scatters)
      if (n > 1 && !route_.layout.origins) buffer_.reset(new scatter_buffer<T>(outboxes_, route_.layout, frame));
    if (n == 1) only_ = &box(0);
    if constexpr (std::is_same_v<G, forward_grouping>)
      if (choose_.equal) only_ = &box(choose_.next);
  }
  any_consumer& entry() override { return *this; }
  bool broadcast() const override { return to_all; }
  void restart(std::uint64_t seed) override { choose_.restart(seed); }

  /// A call that has failed already may write on: all of it is cut back.
  template <class V>
  [[gnu::always_inline]] void put(V&& value) {
    frame_->children += deliveries_;
    try {
      const auto target = choose_(std::as_const(value));
      if constexpr (scatters)
        if (buffer_) return buffer_->append(target, std::forward<V>(value));
      box(target).append(std::forward<V>(value));
    } catch (...) { frame_->fail_from_exception(route_.consumer); }
  }
  [[gnu::always_inline]] void put_words(value_words words) requires passed_in_words<T> {
    frame_->children += deliveries_;
    std::uint32_t target = 0;
    try {
      target = choose_(from_words<T>(words));
      if constexpr (scatters)
        if (buffer_) return buffer_->append(target, words);
    } catch (...) { return frame_->fail_from_exception(route_.consumer); }
    if (outbox<T>& to = box(target); !to.try_append(words)) append_slowly(to, words);
  }

 private:
  outbox<T>& box(std::uint32_t target) { return only_ ? *only_ : static_cast<outbox<T>&>(*outboxes_[target]); }
  [[gnu::noinline, gnu::cold]] void append_slowly(outbox<T>& to, value_words words) noexcept {
    try {
      to.append(words);
    } catch (...) { frame_->fail_from_exception(route_.consumer); }
  }

  detail::target_choice<G, T> choose_;
  call_frame* frame_;
  const std::int32_t deliveries_ = to_all ? static_cast<std::int32_t>(route_.targets) : 1;
  std::unique_ptr<std::conditional_t<scatters, scatter_buffer<T>, any_scatter_buffer>> buffer_;
  outbox<T>* only_ = nullptr;  // where everything goes, if to one place: found without waiting for a hash
};

}  // namespace freshet
