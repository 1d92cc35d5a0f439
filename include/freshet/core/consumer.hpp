#pragma once
#include <cstdint>
#include <memory>
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
  explicit fan_out(const std::vector<any_consumer*>& all) : all_(all) {}
  template <class V>
  void put(V&& value) {
    for (std::size_t i = 0; i + 1 < all_.size(); ++i) one(i).take(std::as_const(value));
    one(all_.size() - 1).take(std::forward<V>(value));
  }

 private:
  consumer<T>& one(std::size_t i) const { return static_cast<consumer<T>&>(*all_[i]); }
  std::vector<any_consumer*> all_;
};

/// One output of one task. Engines wire it before the task opens; until then tuples are discarded.
class any_outlet {
 public:
  virtual ~any_outlet();
  /// REQUIRES: every consumer is a `consumer<T>` of the outlet's type.
  virtual void connect(const std::vector<any_consumer*>& all) = 0;
};

/// The output of a stream of `T`: `target()` is what an emitter writes to.
template <class T>
class outlet final : public any_outlet {
 public:
  void connect(const std::vector<any_consumer*>& all) override {
    if (all.empty()) return target_ = &nobody_, void();
    if (all.size() > 1) several_.reset(new fan_out<T>(all));
    target_ = static_cast<consumer<T>*>(several_ ? several_.get() : all[0]);
  }
  consumer<T>& target() { return *target_; }

 private:
  discard<T> nobody_;
  consumer<T>* target_ = &nobody_;
  std::unique_ptr<any_consumer> several_;
};
template <>
class outlet<void> final : public any_outlet {
 public:
  void connect(const std::vector<any_consumer*>&) override {}
};

}  // namespace freshet
