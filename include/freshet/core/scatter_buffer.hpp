#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include "freshet/core/outbox.hpp"

namespace freshet {

/// The part of a scatter buffer that needs no type.
class scatter_buffer_base : public any_scatter_buffer {
 public:
  static constexpr std::uint32_t capacity = 64;
  scatter_buffer_base(const std::vector<any_outbox*>& boxes, batch_layout layout, call_frame& frame);
  void scatter() noexcept final;
  void cut_back(std::uint64_t call) noexcept final;

 protected:
  /// Copies `count` tuples to the outbox of `target`.
  virtual void write(std::uint32_t target, const std::uint32_t* rows, std::uint32_t count) = 0;
  void write_columns() {
    roots_[size_] = frame_.anchor;
    times_[size_] = frame_.time;
    stamps_[size_] = frame_.stamp;
  }

  const std::vector<any_outbox*>& boxes_;
  call_frame& frame_;
  const bool has_columns_;
  std::array<std::uint32_t, capacity> targets_;
  std::array<std::uint64_t, capacity> calls_;
  std::array<root, capacity> roots_;
  std::array<event_time, capacity> times_, stamps_;
};

/// Values for which one more copy costs less than the stall it saves: a word count, with strings, took a tenth longer.
template <class T>
inline constexpr bool scatterable = std::is_trivially_copyable_v<T> && sizeof(T) <= 64;

/// Tuples in the order in which a router took them, each with the target chosen for it. They go on to the outboxes
/// target by target, when the buffer is full or as soon as somebody looks into one of the outboxes. Were each tuple
/// written to its outbox at once, the place of each write would depend on the hash before it, and which outbox was
/// written last can't be predicted: 8 to 10 ns a tuple on an AMD EPYC, for two targets.
template <class T>
class scatter_buffer final : public scatter_buffer_base {
  static_assert(scatterable<T>);

 public:
  /// `boxes`: by target; each an outbox<T>.
  scatter_buffer(const std::vector<any_outbox*>& boxes, batch_layout layout, call_frame& frame)
      : scatter_buffer_base(boxes, layout, frame), values_(std::allocator<T>{}.allocate(capacity)) {}
  ~scatter_buffer() override { std::allocator<T>{}.deallocate(values_, capacity); }
  /// Like outbox<T>::append.
  template <class V>
  [[gnu::always_inline]] void append(std::uint32_t target, V&& value) {
    if (has_columns_) {
      if (frame_.anchors) [[unlikely]]
        return append_at_once(target, std::forward<V>(value));
      write_columns();
    }
    if constexpr (std::is_same_v<std::remove_cvref_t<V>, value_words>) write_words<T>(values_ + size_, value);
    else ::new (static_cast<void*>(values_ + size_)) T(std::forward<V>(value));
    targets_[size_] = target;
    calls_[size_] = frame_.call;
    if (++size_ == capacity) [[unlikely]]
      scatter();
  }

 private:
  /// A list of roots is not worth carrying over.
  template <class V>
  [[gnu::noinline, gnu::cold]] void append_at_once(std::uint32_t target, V&& value) {
    scatter();
    box(target).append(std::forward<V>(value));
  }
  void write(std::uint32_t target, const std::uint32_t* rows, std::uint32_t count) override {
    const scattered<T> from{{calls_.data(), roots_.data(), times_.data(), stamps_.data()}, values_};
    box(target).append_rows(from, rows, count);
  }
  outbox<T>& box(std::uint32_t target) { return static_cast<outbox<T>&>(*boxes_[target]); }

  T* const values_;
};

}  // namespace freshet
