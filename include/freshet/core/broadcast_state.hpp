#pragma once
#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>

#include "freshet/core/grouping.hpp"
#include "freshet/core/state_slot.hpp"

namespace freshet {

/// A bolt with state that is the same in each of its tasks: rules, reference data, a table that all of them look into.
///     struct check {
///       using broadcast = rules;
///       using output = emitter<alert>;
///       void process(const order&, const rules&, output&);     // behind any grouping, with state of a key or without
///       void on_rule(const rule& changed, rules&);             // behind all_grouping: each task does the same
///     };
///     builder.bolt("check", check{})
///         .input(orders, key_grouping{&order::user})
///         .input<&check::on_rule>(changes, all_grouping{});
/// A change takes part in what the engine does when something fails, as state does. Which tuples see it already depends
/// on when it comes; where that must not be, join with a table (`join_table`).
template <class B>
concept has_broadcast = requires {
  typename B::broadcast;
};
/// The broadcast state of a bolt; `no_key` where it has none.
template <class B>
struct broadcast_of {
  using type = no_key;
};
template <has_broadcast B>
struct broadcast_of<B> {
  using type = typename B::broadcast;
};
template <class B>
using broadcast_of_t = typename broadcast_of<B>::type;

/// What a task keeps beside its copy of broadcast state.
class broadcast_holder : public any_state {
 public:
  explicit broadcast_holder(std::unique_ptr<any_state> own) : own_(std::move(own)) {}
  /// Null: nothing.
  any_state* own() { return own_.get(); }

 protected:
  std::unique_ptr<any_state> own_;
};

/// One task's copy of broadcast state `X`, and its other state. Not thread safe.
template <class X>
class with_broadcast final : public broadcast_holder {
 public:
  using broadcast_holder::broadcast_holder;
  single_state<X>& shared() { return shared_; }

  std::size_t rows() const override { return own_ ? own_->rows() : 0; }
  std::size_t bytes() const override { return shared_.bytes() + (own_ ? own_->bytes() : 0); }
  void begin() override {
    shared_.begin();
    if (own_) own_->begin();
  }
  void commit() override {
    shared_.commit();
    if (own_) own_->commit();
  }
  void rollback() override {
    shared_.rollback();
    if (own_) own_->rollback();
  }
  void note() override {
    shared_.note();
    if (own_) own_->note();
  }
  std::size_t touched() const override { return shared_.touched() + (own_ ? own_->touched() : 0); }
  void expire(event_time now, std::size_t slots) override {
    if (own_) own_->expire(now, slots);
  }
  void keep_in(std::unique_ptr<state_store> store) override {
    if (own_) own_->keep_in(std::move(store));
  }
  void keep_in(std::unique_ptr<state_store> store, const snapshot_rows& rows) override {
    if (own_) own_->keep_in(std::move(store), rows);
  }
  bool has_times() const override { return own_ && own_->has_times(); }
  bool can_be_stored() const override { return !own_ || own_->can_be_stored(); }
  void evict() override {
    if (own_) own_->evict();
  }
  std::uint64_t expired() const override { return own_ ? own_->expired() : 0; }
  bool is_durable() const override { return shared_.is_durable() && (!own_ || own_->is_durable()); }
  void save(std::uint32_t group, writer& w) const override {
    if (own_) own_->save(group, w);
  }
  bool load(std::uint32_t group, reader& r) override { return !own_ || own_->load(group, r); }
  std::optional<state_snapshot> snapshot() override { return own_ ? own_->snapshot() : std::nullopt; }
  void save_beside_snapshot(std::uint32_t group, writer& w) const override {
    if (own_) own_->save_beside_snapshot(group, w);
  }
  bool load_beside_snapshot(std::uint32_t group, reader& r) override {
    return !own_ || own_->load_beside_snapshot(group, r);
  }
  bool load_rows(std::uint32_t group, reader& r) override { return own_ && own_->load_rows(group, r); }
  void save_changes(writer& w) const override {
    shared_.save_changes(w);
    if (own_) own_->save_changes(w);
  }
  using any_state::freeze;
  void freeze(std::optional<key_group_range> all, bool as_snapshot) override {
    shared_.freeze(all);
    if (own_) own_->freeze(all, as_snapshot);
  }
  bool write_frozen(std::size_t keys) override { return !own_ || own_->write_frozen(keys); }
  bool has_frozen_changes() const override { return !own_ || own_->has_frozen_changes(); }
  std::string take_frozen_changes() override {
    return shared_.take_frozen_changes() + (own_ ? own_->take_frozen_changes() : std::string());
  }
  frozen_state take_frozen() override {
    auto of_all = shared_.take_frozen();
    auto mine = own_ ? own_->take_frozen() : frozen_state{{}, std::vector<std::string>(of_all.groups.size()), {}, {}};
    mine.changes.insert(0, of_all.changes);
    if (!of_all.groups.empty()) mine.shared = std::move(of_all.groups[0]);
    return mine;
  }
  bool load_changes(key_group_range mine, reader& r) override {
    return shared_.load_changes(mine, r) && (!own_ || own_->load_changes(mine, r));
  }
  bool has_shared() const override { return true; }
  void save_shared(writer& w) const override { shared_.save(0, w); }
  bool load_shared(reader& r) override { return shared_.load(0, r); }
  void drop(std::uint32_t group) override {
    if (own_) own_->drop(group);
  }
  void add_layout(state_layout& to) const override {
    if constexpr (durable<X>) freshet::add_layout<X>(to.shared);
    if (own_) own_->add_layout(to);
  }

 private:
  single_state<X> shared_;
};

namespace detail {
/// What a bolt's task keeps, with `own` in it: state by key, or null.
template <class B>
std::unique_ptr<any_state> beside_broadcast(std::unique_ptr<any_state> own) {
  if constexpr (has_broadcast<B>)
    return std::unique_ptr<any_state>(new with_broadcast<typename B::broadcast>(std::move(own)));
  else return own;
}
/// The `own` of `beside_broadcast`.
template <class B>
any_state& own_state(any_state& kept) {
  if constexpr (has_broadcast<B>) return *static_cast<with_broadcast<typename B::broadcast>&>(kept).own();
  else return kept;
}
}  // namespace detail

}  // namespace freshet
