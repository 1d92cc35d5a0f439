#pragma once
#include <algorithm>
#include <cstddef>
#include <iterator>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "freshet/core/codec.hpp"
#include "freshet/core/undo.hpp"

namespace freshet {

/// A list within the state of a key, for many values: it keeps what undoes its changes, where a std::vector is copied
/// before every call that may be repeated, and for every batch. Adding at the end costs O(1), as taking away at the
/// front does; elsewhere O(those behind it). A plain value with a codec. Not thread safe.
///     struct state { freshet::list_state<order> open; };
template <class T>
class list_state {
 public:
  using value_type = T;
  using const_iterator = const T*;

  list_state() = default;
  list_state(const list_state& other) : all_(other.begin(), other.end()) {}
  list_state(list_state&& other) noexcept
      : all_(std::move(other.all_)), first_(std::exchange(other.first_, 0)), log_(std::move(other.log_)) {
    other.all_.clear();
  }
  /// A change like any other: what was there comes back when it is undone.
  list_state& operator=(list_state other) {
    if (log_.is_on()) log_.note(replaced{std::move(all_), first_});
    else log_.take_over(std::move(other.log_));
    all_ = std::move(other.all_);
    first_ = other.first_;
    return *this;
  }
  ~list_state() = default;

  bool empty() const noexcept { return first_ == all_.size(); }
  std::size_t size() const noexcept { return all_.size() - first_; }
  /// As many have room in its memory.
  std::size_t capacity() const noexcept { return all_.capacity(); }
  const T& operator[](std::size_t i) const { return all_[first_ + i]; }
  const T& front() const { return all_[first_]; }
  const T& back() const { return all_.back(); }
  const_iterator begin() const noexcept { return all_.data() + first_; }
  const_iterator end() const noexcept { return all_.data() + all_.size(); }

  void push_back(T value) { insert(size(), std::move(value)); }
  /// Behind `at` others.
  void insert(std::size_t at, T value) {
    static_assert(check_moves_with_marks<T>());
    all_.insert(all_.begin() + offset(first_ + at), std::move(value));
    if (log_.is_on()) log_.note(inserted{at});
  }
  /// An element to be changed. Valid until the list is changed otherwise.
  T& modify(std::size_t at) {
    T& value = all_[first_ + at];
    if (log_.is_on() && !is_noted(at)) log_.note(modified{at, undo_point<T>(value)});
    return value;
  }
  void erase(std::size_t at) { erase(at, at + 1); }
  /// Those from `from` up to, without, `to`.
  void erase(std::size_t from, std::size_t to) {
    if (from == to) return;
    if (log_.is_on()) log_.note(erased{from, taken(from, to)});
    cut(from, to);
  }
  void pop_front() { erase(0, 1); }
  /// REQUIRES: not empty.
  T take_front() {
    T value = log_.is_on() ? front() : std::move(all_[first_]);
    pop_front();
    return value;
  }
  void clear() { erase(0, size()); }

  std::size_t mark() { return log_.mark(); }
  void undo(std::size_t mark) {
    log_.undo(mark, [this](change&& c) { std::visit([this](auto& what) { this->take_back(what); }, c); });
  }
  void keep(std::size_t) {
    log_.keep([this](const auto& all) { forget_marks_within(all); });
  }
  void forget_marks() {
    log_.forget_marks([this](const auto& all) { forget_marks_within(all); });
  }

 private:
  struct inserted {
    std::size_t at;
  };
  struct erased {
    std::size_t at;
    std::vector<T> values;
  };
  struct modified {
    std::size_t at;
    undo_point<T> before;
  };
  struct replaced {
    std::vector<T> all;
    std::size_t first;
  };
  using change = std::variant<inserted, erased, modified, replaced>;

  static std::ptrdiff_t offset(std::size_t n) { return static_cast<std::ptrdiff_t>(n); }
  auto at(std::size_t i) { return all_.begin() + offset(first_ + i); }
  bool is_noted(std::size_t at) {
    const change* last = log_.last();
    const auto* same = last ? std::get_if<modified>(last) : nullptr;
    return same && same->at == at;
  }
  std::vector<T> taken(std::size_t from, std::size_t to) {
    return {std::make_move_iterator(at(from)), std::make_move_iterator(at(to))};
  }
  /// At the front they are only passed over, until they are as many as those that stay.
  void cut(std::size_t from, std::size_t to) {
    if (from != 0) return void(all_.erase(at(from), at(to)));
    if constexpr (std::default_initializable<T>)
      for (auto i = at(0); i != at(to); ++i) *i = T{};  // whatever they hold is let go
    first_ += to;
    if (first_ * 2 < all_.size()) return;
    all_.erase(all_.begin(), at(0));
    first_ = 0;
  }
  void take_back(inserted& c) { cut(c.at, c.at + 1); }
  void take_back(modified& c) { c.before.undo(*at(c.at)); }
  void take_back(erased& c) {
    all_.insert(at(c.at), std::make_move_iterator(c.values.begin()), std::make_move_iterator(c.values.end()));
  }
  void take_back(replaced& c) {
    all_ = std::move(c.all);
    first_ = c.first;
  }
  /// The marks within elements that are still there, which may stand elsewhere now.
  void forget_marks_within([[maybe_unused]] const std::vector<change>& all) {
    if constexpr (has_undoable_part<T>) {
      std::vector<std::size_t> marked;  // in order
      for (const change& c : all) follow(c, marked);
      for (const std::size_t i : marked) undo_point<T>::forget_marks(*at(i));
    }
  }
  static void follow(const change& c, std::vector<std::size_t>& marked) {
    if (auto* m = std::get_if<modified>(&c)) {
      const auto place = std::lower_bound(marked.begin(), marked.end(), m->at);
      if (place == marked.end() || *place != m->at) marked.insert(place, m->at);
    } else if (auto* in = std::get_if<inserted>(&c)) {
      for (auto i = std::lower_bound(marked.begin(), marked.end(), in->at); i != marked.end(); ++i) ++*i;
    } else if (auto* out = std::get_if<erased>(&c)) {
      const auto from = std::lower_bound(marked.begin(), marked.end(), out->at);
      auto rest = marked.erase(from, std::lower_bound(from, marked.end(), out->at + out->values.size()));
      for (; rest != marked.end(); ++rest) *rest -= out->values.size();
    } else {
      marked.clear();
    }
  }

  std::vector<T> all_;
  std::size_t first_ = 0;  // those before it have left
  undo_log<change> log_;
};

template <class T>
requires(durable<T>&& std::default_initializable<T>) struct codec<list_state<T>> {
  static constexpr std::uint32_t version = 1;
  using parts = std::tuple<T>;
  static void write(writer& w, const list_state<T>& list) {
    w.length(list.size());
    for (const T& v : list) write_value(w, v);
  }
  static void read(reader& r, list_state<T>& list, std::uint32_t) {
    list = {};
    for (std::size_t n = r.length(); n != 0 && !r.failed(); --n) {
      T v{};
      read_value(r, v);
      list.push_back(std::move(v));
    }
  }
};

}  // namespace freshet
