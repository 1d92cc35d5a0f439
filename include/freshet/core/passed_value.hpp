#pragma once
#include <type_traits>
#include <utility>

namespace freshet {

/// A tuple's value as a parameter of `process`, for bolts that pass it on: moved where it is the chain's to move (the
/// producer emitted a temporary), copied where a batch or another reader still has it. Valid during the call.
template <class T>
class passed_value {
 public:
  passed_value(const T& value) : value_(const_cast<T*>(&value)), ours_(false) {}  // never written through
  passed_value(T&& value) : value_(&value), ours_(true) {}
  const T& get() const { return *value_; }
  /// Emits it to `out`. Once, and as the last use.
  template <class Emitter>
  void emit_to(Emitter& out) && {
    if (ours_) out.emit(std::move(*value_));
    else out.emit(std::as_const(*value_));
  }
  /// The value itself. Once, and as the last use.
  T take() && { return ours_ ? T(std::move(*value_)) : T(std::as_const(*value_)); }

 private:
  T* value_;
  bool ours_;
};

}  // namespace freshet
