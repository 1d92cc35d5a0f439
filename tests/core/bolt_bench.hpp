#pragma once
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "freshet/connect/memory/vector_spout.hpp"
#include "freshet/core/topology_builder.hpp"

// Runs core's operators without any engine.
namespace freshet::samples {

/// A host that writes down what it is told.
class fake_host : public task_host {
 public:
  /// A token that notes in its host how it ended.
  class token final : public held_state {
   public:
    token(fake_host& host, call_frame& f) : held_state(f), host_(host), number_(host.tokens++) {}
    void ack() noexcept override { end("acked"); }
    void fail(error why) noexcept override { end("failed: " + why.message); }
    void revoke() noexcept override { end("revoked"); }
    bool live() const noexcept override { return !ended_; }

   private:
    void end(const std::string& how) noexcept {
      if (!std::exchange(ended_, true)) host_.ends[number_] = how;
    }
    fake_host& host_;
    const int number_;
    bool ended_ = false;
  };
  void settle(std::uint32_t slot, std::int32_t delta) noexcept override { live[slot] += delta; }
  verdict failed(call_frame& frame, const any_batch&, std::size_t index) override {
    failures.emplace_back(index, frame.failure.error.message);
    return answer;
  }
  std::shared_ptr<held_state> hold(call_frame& frame, std::uint32_t node) override {
    holders.push_back(node);
    auto made = std::make_shared<token>(*this, frame);
    frame.holds.push_back(made);
    frame.flags.deferred = true;
    return made;
  }

  verdict answer = verdict::next;
  std::map<std::uint32_t, std::int32_t> live;  ///< by slot
  std::vector<std::pair<std::size_t, std::string>> failures;
  std::map<int, std::string> ends;  ///< of tokens, by number
  int tokens = 0;
  std::vector<std::uint32_t> holders;  ///< nodes that took them
};

/// Keeps what it takes, and tells copies from moves.
template <class T>
class keeping final : public consumer_by<T, keeping<T>> {
 public:
  template <class V>
  void put(V&& value) {
    moved += std::is_rvalue_reference_v<V&&>;
    values.push_back(std::forward<V>(value));
  }
  std::vector<T> values;
  int moved = 0;
};

/// One task of a bolt (or sink) with one input, its main output read by `out`.
template <class In, class Out>
class bolt_bench {
 public:
  template <class F, class G = forward_grouping>
  explicit bolt_bench(F bolt, G grouping = {}, bolt_options options = {}) : graph_(wire(bolt, grouping, options)) {
    const node& n = graph_.nodes()[1];
    frame.host = &host;
    op = n.tasks->make();
    if (n.make_state) op->state = n.make_state(n.options);
    op->attach(1, frame);
    input_ = n.inputs[0].binding->bind(*op);
    if constexpr (!std::is_void_v<Out>) op->outlet_at(0).connect({&out});
    op->open(context);
  }
  /// Reads `values` as one batch, each under a message of slot `index + 1` when `rooted`.
  read_result read(const std::vector<In>& values, bool rooted = false) {
    batch<In> rows({.capacity = static_cast<std::uint32_t>(values.size() + 1), .roots = rooted});
    for (std::uint32_t i = 0; i < values.size(); ++i) rows.append(root{i + 1, i}, {}, {}, values[i]);
    return input_->read(rows, 0);
  }
  consumer<In>& entry() { return static_cast<consumer<In>&>(input_->entry()); }

  fake_host host;
  call_frame frame;
  keeping<std::conditional_t<std::is_void_v<Out>, int, Out>> out;
  task_context context;
  std::unique_ptr<task_operator> op;

 private:
  template <class F, class G>
  static topology wire(F& bolt, G& grouping, const bolt_options& options) {
    topology_builder b{"bench"};
    const auto in = b.spout("in", vector_spout<In>{{}});
    (void)b.bolt("bolt", bolt, options).input(in, grouping);
    return b.build();
  }
  topology graph_;
  std::unique_ptr<any_reader> input_;
};

}  // namespace freshet::samples
