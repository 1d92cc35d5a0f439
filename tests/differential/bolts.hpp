#pragma once
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "differential/scene.hpp"
#include "freshet/core/bolt.hpp"
#include "freshet/stream/async_reply.hpp"

// The operators of the low level, one class for those that look alike to an engine. Each first meets the faults that
// the plan has for its tuple, and does in between what `apply` says.
namespace freshet::differential {

/// Where a bolt stands.
struct place {
  std::shared_ptr<scene> at;
  std::size_t node = 0;

  const node_plan& plan() const { return at->node(node); }
  std::optional<trouble> begin(const item& i) const { return at->meet(node, i, false); }
  std::optional<trouble> end(const item& i) const { return at->meet(node, i, true); }
  /// What the node makes of `i`, where that is one tuple.
  item made(const item& i, std::size_t in = 0, std::size_t task = 0) const {
    item only;
    apply(plan(), in, task, i, [&](std::size_t, const item& made) { only = made; });
    return only;
  }
};

struct to_side : side_output<item, "side"> {};
struct totals : side_output<total, "totals"> {};

/// map, filter, flat_map, task_mark
struct plain_bolt {
  place here;
  void process(const item& i, const task_context& context, emitter<item>& out) {
    (void)here.begin(i);
    apply(here.plan(), 0, context.task, i, [&](std::size_t, const item& made) { out.emit(made); });
    (void)here.end(i);
  }
};

struct split_in_two {
  place here;
  void process(const item& i, emitter<item, to_side>& out) {
    (void)here.begin(i);
    apply(here.plan(), 0, 0, i, [&](std::size_t port, const item& made) {
      if (port == 0) out.emit(made);
      else out.emit<to_side>(made);
    });
    (void)here.end(i);
  }
};

struct join_two {
  using output = emitter<item>;
  place here;
  void on_left(const item& i, output& out) { pass(0, i, out); }
  void on_right(const item& i, output& out) { pass(1, i, out); }
  void pass(std::size_t in, const item& i, output& out) {
    (void)here.begin(i);
    out.emit(here.made(i, in));
    (void)here.end(i);
  }
};

/// key_sum, task_sum: the state is all that is remembered.
struct adds_up {
  struct state {
    std::uint64_t count = 0, sum = 0;
  };
  place here;
  void process(const item& i, state& s, const task_context& context, emitter<item, totals>& out) {
    (void)here.begin(i);
    ++s.count;
    s.sum += i.digest;
    out.emit(here.made(i));
    const auto key = here.plan().does == operation::key_sum ? key_of(i) : context.task;
    out.emit<totals>({here.node, key, s.count, s.sum});
    (void)here.end(i);
  }
};

/// hold, gather
struct holds_back {
  place here;
  std::vector<std::pair<item, held_tuple>> waiting = {};

  void process(const item& i, emitter<item>& out) {
    const auto met = here.begin(i);
    auto token = out.hold();
    if (met == trouble::fails) return token.fail("failed by the plan");
    if (met == trouble::drops) return;
    if (met == trouble::forgets) return keep(std::move(token));
    waiting.emplace_back(i, std::move(token));
    if (waiting.size() >= here.plan().keeps) {
      release(out);
      (void)here.end(i);
    } else {
      end_without(i);
    }
  }
  void flush(emitter<item>& out) { release(out); }

 private:
  void keep(held_tuple token) {
    here.at->other_thread().at_last([t = std::move(token)]() mutable { t.ack(); });
  }
  /// A bolt that throws must not remember the tuple: it comes again.
  void end_without(const item& i) {
    try {
      (void)here.end(i);
    } catch (...) {
      waiting.pop_back();
      throw;
    }
  }
  void release(emitter<item>& out) {
    auto all = std::exchange(waiting, {});
    if (here.plan().does == operation::hold) {
      for (auto& [i, token] : all) {
        out.emit(here.made(i), token);
        token.ack();
      }
      return;
    }
    // What has timed out or was taken back comes again with its message.
    std::erase_if(all, [](const auto& each) { return !each.second.state()->live(); });
    std::vector<held_tuple> tokens;
    for (auto& each : all) tokens.push_back(std::move(each.second));
    for (const auto& each : all) out.emit(here.made(each.first), tokens);
    for (auto& token : tokens) token.ack();
  }
};

struct hands_over {
  place here;
  void process(const item& i, emitter<item>& out) {
    const auto met = here.begin(i);
    out.emit(here.made(i));
    auto& other = here.at->other_thread();
    auto token = out.hold();
    if (met == trouble::forgets) other.at_last([t = std::move(token)]() mutable { t.ack(); });
    else
      other.soon([t = std::move(token), met]() mutable {
        if (met == trouble::fails) t.fail("failed by the plan");
        else if (met != trouble::drops) t.ack();
      });
    (void)here.end(i);
  }
};

/// The function of map_async.
struct asks_elsewhere {
  place here;
  void operator()(const item& i, async_reply<item> reply) const {
    const auto met = here.begin(i);
    auto& other = here.at->other_thread();
    if (met == trouble::forgets) return other.at_last([r = std::move(reply)]() mutable { r.fail("too late"); });
    other.soon([r = std::move(reply), met, made = here.made(i)]() mutable {
      if (met == trouble::fails) r.fail("failed by the plan");
      else if (met != trouble::drops) r(made);
    });
  }
};

/// An aggregate of the fluent level.
struct adding {
  using accumulator = adds_up::state;
  void add(accumulator& to, const item& i) const {
    ++to.count;
    to.sum += i.digest;
  }
  void merge(accumulator& into, const accumulator& from) const {
    into.count += from.count;
    into.sum += from.sum;
  }
};

struct item_sink {
  place here;
  void write(const item& i) {
    (void)here.begin(i);
    here.at->wrote(here.node, i);
  }
};

}  // namespace freshet::differential
