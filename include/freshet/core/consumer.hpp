#pragma once
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "freshet/core/value_words.hpp"

namespace freshet {

/// Where the next tuple of a stream of `T` goes: a chained bolt, a router or several of them. One virtual call a tuple
/// and hop; what else there is to know (anchor, times) stands in the chain's `call_frame`.
class any_consumer {
 public:
  virtual ~any_consumer();
};

/// Never throws: what goes wrong behind it is noted in the frame.
template <class T>
class consumer : public any_consumer {
 public:
  virtual void take(T&& value) noexcept = 0;
  virtual void take(const T& value) noexcept = 0;
};
template <class T>
requires passed_in_words<T>
class consumer<T> : public any_consumer {
 public:
  void take(const T& value) noexcept { take(to_words(value)); }
  void take(value_words w) noexcept { take_words(w.first, w.second); }

 protected:
  virtual void take_words(std::uint64_t first, std::uint64_t second) noexcept = 0;
};

/// Implements `consumer<T>` by the template `void put(V&&)` of `Self`, however values are passed. `Self` may have
/// `put_words(value_words)` besides, to be spared a value it only stores.
template <class T, class Self>
class consumer_by : public consumer<T> {
 public:
  void take(T&& value) noexcept final { static_cast<Self*>(this)->put(std::move(value)); }
  void take(const T& value) noexcept final { static_cast<Self*>(this)->put(value); }
};
template <class T, class Self>
requires passed_in_words<T>
class consumer_by<T, Self> : public consumer<T> {
 private:
  void take_words(std::uint64_t first, std::uint64_t second) noexcept final {
    auto& self = *static_cast<Self*>(this);
    if constexpr (requires { self.put_words(value_words{}); }) self.put_words({first, second});
    else self.put(from_words<T>({first, second}));
  }
};

/// The consumer of an output that nobody reads.
template <class T>
class discard final : public consumer_by<T, discard<T>> {
 public:
  template <class V>
  void put(V&&) {}
};

/// One output read by several: all but the last get a copy. Every one of them is a `consumer<T>`.
template <class T>
class fan_out final : public consumer_by<T, fan_out<T>> {
 public:
  /// `all` must outlive it. REQUIRES: count > 0
  void lead_to(any_consumer* const* all, std::size_t count) {
    all_ = all;
    last_ = count - 1;
  }
  template <class V>
  void put(V&& value) {
    for (std::size_t i = 0; i < last_; ++i) one(i).take(std::as_const(value));
    one(last_).take(std::forward<V>(value));
  }

 private:
  consumer<T>& one(std::size_t i) const { return static_cast<consumer<T>&>(*all_[i]); }
  any_consumer* const* all_ = nullptr;
  std::size_t last_ = 0;
};

/// One output of one task. Engines wire it before the task opens; until then tuples are discarded.
class any_outlet {
 public:
  any_outlet();
  any_outlet(const any_outlet&) = delete;
  any_outlet& operator=(const any_outlet&) = delete;
  virtual ~any_outlet();
  /// REQUIRES: every consumer is a `consumer<T>` of the outlet's type.
  void connect(const std::vector<any_consumer*>& all);

 protected:
  /// Where tuples go from here on. `all` is valid until the next call.
  virtual void lead_to(any_consumer* const* all, std::size_t count) = 0;

 private:
  std::vector<any_consumer*> all_;
};

/// The output of a stream of `T`: `target()` is what an emitter writes to.
template <class T>
class outlet final : public any_outlet {
 public:
  consumer<T>& target() { return *target_; }

 private:
  void lead_to(any_consumer* const* all, std::size_t count) override {
    if (count == 0) return target_ = &nobody_, void();
    several_.lead_to(all, count);
    target_ = count == 1 ? static_cast<consumer<T>*>(all[0]) : &several_;
  }
  discard<T> nobody_;
  fan_out<T> several_;
  consumer<T>* target_ = &nobody_;
};
template <>
class outlet<void> final : public any_outlet {
 private:
  void lead_to(any_consumer* const*, std::size_t) override {}
};

}  // namespace freshet
