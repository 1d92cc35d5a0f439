#pragma once
#include <cstdint>

#include "freshet/core/keyed_timers.hpp"
#include "freshet/core/state_slot.hpp"

namespace freshet {

/// State by key with the timers of the keys: one thing to undo, save and move. Not thread safe.
template <class K, class S>
class timed_state final : public any_state {
 public:
  explicit timed_state(std::uint32_t groups) : states(groups), timers(groups) {}

  std::size_t rows() const override { return states.rows(); }
  std::size_t bytes() const override { return states.bytes() + timers.bytes(); }
  void begin() override {
    states.begin();
    timers.begin();
  }
  void commit() override {
    states.commit();
    timers.commit();
  }
  void rollback() override {
    states.rollback();
    timers.rollback();
  }
  std::size_t touched() const override { return states.touched(); }
  bool is_durable() const override { return states.is_durable(); }
  void save(std::uint32_t group, writer& w) const override {
    if constexpr (durable<K> && durable<S>) {
      states.save(group, w);
      timers.save(group, w);
    }
  }
  bool load(std::uint32_t group, reader& r) override {
    if constexpr (durable<K> && durable<S> && std::default_initializable<K>)
      return states.load(group, r) && timers.load(group, r);
    else return false;
  }
  void drop(std::uint32_t group) override {
    states.drop(group);
    timers.drop(group);
  }

  keyed_state<K, S> states;
  keyed_timers<K> timers;
};

}  // namespace freshet
