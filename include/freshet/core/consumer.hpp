#pragma once
#include <memory>
#include <utility>
#include <vector>

namespace freshet {

/// Where the next tuple of a stream of `T` goes: a chained bolt, a router or several of them. One virtual call a tuple
/// and hop; what else there is to know (anchor, times) stands in the chain's `call_frame`.
class any_consumer {
 public:
  virtual ~any_consumer();
};

template <class T>
class consumer : public any_consumer {
 public:
  virtual void take(T&& value) = 0;
  virtual void take(const T& value) = 0;
};

/// The consumer of an output that nobody reads.
template <class T>
class discard final : public consumer<T> {
 public:
  void take(T&&) override {}
  void take(const T&) override {}
};

/// One output read by several: all but the last get a copy.
template <class T>
class fan_out final : public consumer<T> {
 public:
  explicit fan_out(std::vector<consumer<T>*> all) : all_(std::move(all)) {}
  void take(T&& value) override {
    for (std::size_t i = 0; i + 1 < all_.size(); ++i) all_[i]->take(std::as_const(value));
    all_.back()->take(std::move(value));
  }
  void take(const T& value) override {
    for (auto* c : all_) c->take(value);
  }

 private:
  std::vector<consumer<T>*> all_;
};

/// One output of one task. Engines wire it before the task opens; until then tuples are discarded.
class any_outlet {
 public:
  virtual ~any_outlet();
  /// REQUIRES: every consumer is a `consumer<T>` of the outlet's type.
  virtual void connect(const std::vector<any_consumer*>& all) = 0;
};

template <class T>
class outlet final : public any_outlet {
 public:
  void connect(const std::vector<any_consumer*>& all) override {
    std::vector<consumer<T>*> typed;
    for (auto* c : all) typed.push_back(static_cast<consumer<T>*>(c));
    if (typed.empty()) target_ = &nobody_;
    else if (typed.size() == 1) target_ = typed[0];
    else {
      several_ = std::make_unique<fan_out<T>>(std::move(typed));
      target_ = several_.get();
    }
  }
  consumer<T>& target() { return *target_; }

 private:
  discard<T> nobody_;
  consumer<T>* target_ = &nobody_;
  std::unique_ptr<fan_out<T>> several_;
};
template <>
class outlet<void> final : public any_outlet {
 public:
  void connect(const std::vector<any_consumer*>&) override {}
};

}  // namespace freshet
