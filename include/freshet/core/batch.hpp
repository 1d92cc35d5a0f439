#pragma once
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <memory>
#include <new>
#include <type_traits>
#include <vector>

#include "freshet/base/event_time.hpp"
#include "freshet/base/hash.hpp"
#include "freshet/base/type_name.hpp"
#include "freshet/core/codec.hpp"
#include "freshet/core/event_clock.hpp"
#include "freshet/core/root.hpp"
#include "freshet/core/tuple_origin.hpp"
#include "freshet/core/value_bytes.hpp"
#include "freshet/core/value_words.hpp"

namespace freshet {

class any_batch;

/// The messages of a tuple that is anchored on more than one. A message listed twice counts twice.
using root_list = std::vector<root>;

/// Which columns the batches of a run carry beside their values, and how many tuples they hold.
struct batch_layout {
  std::uint32_t capacity = 256;
  bool roots = false;    ///< the run has a ledger
  bool times = false;    ///< the topology uses event time: event times and stamps
  bool origins = false;  ///< a bolt wants tuples of one event time in one order
  bool sources = false;  ///< where each message comes from, for what a spout's clock has yet to see
};

/// What the engines know of a stream's type: the row of functions that stands for `T` where `T` is erased.
struct stream_type {
  std::string_view name;                                                    ///< as the compiler spells it
  const void* id;                                                           ///< equal for equal types
  any_batch* (*make)(batch_layout);                                         ///< a new, empty batch
  void (*append)(const any_batch& from, std::size_t index, any_batch& to);  ///< copies one tuple with its columns
  std::uint64_t (*checksum)(const any_batch&);                  ///< over the values; null: see `has_checksum`
  void (*write)(writer&, const any_batch&, std::size_t index);  ///< null: the type has no codec
  void (*read)(reader&, any_batch&);                            ///< null: no codec, or no default constructor
  /// Memory that the tuples [from, to) own outside the batch, estimated from a few of them; null: none that can be
  /// seen.
  std::size_t (*owned_bytes)(const any_batch&, std::size_t from, std::size_t to);
};

/// Marks that travel in a stream behind the tuples of the batch that carries them, first in first out.
struct batch_marks {
  event_time watermark = beginning_of_time;  ///< beginning_of_time: none
  std::uint64_t barrier = 0;                 ///< 0: none; else the epoch
  bool idle = false;                         ///< the producer sends nothing for a while: leave it out of the watermark
  bool flush = false;                        ///< bolts that hold tuples back should let them go
  bool end = false;                          ///< nothing follows
  bool any() const { return watermark != beginning_of_time || barrier != 0 || idle || flush || end; }
};

/// Tuples side by side: values (in `batch<T>`) and columns. The one point where types are erased.
/// Not thread safe: one task fills it, then one task at a time reads it. A batch that several tasks read at once
/// (`share`) is immutable until the last has released it.
class any_batch {
 public:
  any_batch(const stream_type& type, batch_layout layout);
  any_batch(const any_batch&) = delete;
  any_batch& operator=(const any_batch&) = delete;
  virtual ~any_batch();

  const stream_type& type() const { return *type_; }
  std::size_t size() const { return size_; }
  std::size_t capacity() const { return capacity_; }
  bool full() const { return size_ == capacity_; }
  bool has_roots() const { return roots_ != nullptr; }
  bool has_times() const { return times_ != nullptr; }
  /// The columns, `capacity()` long; null: the batch has none.
  root* roots() const { return roots_; }
  event_time* times() const { return times_; }
  event_time* stamps() const { return stamps_; }
  root root_of(std::size_t i) const { return roots_ ? roots_[i] : root{}; }
  event_time time_of(std::size_t i) const { return times_ ? times_[i] : event_time{}; }
  event_time stamp_of(std::size_t i) const { return stamps_ ? stamps_[i] : beginning_of_time; }
  tuple_origin* origins() const { return origins_; }
  message_source* sources() const { return sources_; }
  /// REQUIRES: root_of(i).is_several()
  const root_list& roots_of(std::size_t i) const;
  std::size_t several_size() const;

  void set_root(std::size_t i, root r) {
    if (roots_) roots_[i] = r;
  }
  void set_time(std::size_t i, event_time time, event_time stamp) {
    if (times_) {
      times_[i] = time;
      stamps_[i] = stamp;
    }
  }
  void set_columns(std::size_t i, root r, event_time time, event_time stamp) {
    if (roots_) roots_[i] = r;
    set_time(i, time, stamp);
  }
  /// For an outbox, which constructs values in place. REQUIRES: the first `size` values exist.
  void set_size(std::uint32_t size) { size_ = size; }
  /// Gives tuple `i` a list of roots.
  void set_roots(std::size_t i, const root_list& all);
  /// Gives the last tuple the columns of tuple `i` of `from`, as far as both have them.
  void copy_columns(const any_batch& from, std::size_t i);

  /// Destroys the tuples from `size` on.
  void truncate(std::size_t size);
  /// Empty again: no tuples, no marks.
  void clear() {
    truncate(0);
    marks = {};
  }
  /// Bytes held, without what the values own elsewhere.
  virtual std::size_t bytes() const = 0;
  /// Bytes held, with an estimate of what the values own elsewhere.
  std::size_t held_bytes() const { return bytes() + (type_->owned_bytes ? type_->owned_bytes(*this, 0, size_) : 0); }

  /// REQUIRES: nobody else can reach the batch yet. `readers` tasks will each call `release` once.
  void share(std::uint32_t readers) { readers_.store(readers, std::memory_order_relaxed); }
  /// While true the values are read only. acquire: a reader that finds itself alone may then change them.
  bool shared() const { return readers_.load(std::memory_order_acquire) > 1; }
  /// True for the last reader, which then owns the batch. acq_rel: the owner sees all reads finished before it writes.
  bool release() { return !shared_once() || readers_.fetch_sub(1, std::memory_order_acq_rel) == 1; }

  batch_marks marks;
  std::chrono::steady_clock::time_point sent{};  ///< when it left the producing task, or its block was complete
  any_batch* next = nullptr;                     ///< the list it is in; belongs to whoever owns the batch

 protected:
  bool shared_once() const { return readers_.load(std::memory_order_relaxed) != 0; }
  /// Destroys the values from `from` on. The destructor of a batch calls it, too.
  virtual void destroy_values(std::size_t from) noexcept = 0;

  const stream_type* type_;
  std::uint32_t size_ = 0;
  const std::uint32_t capacity_;
  // Owned. Plain pointers, as each kind of a smart one would have to be compiled by everybody who includes this.
  root* roots_ = nullptr;
  event_time *times_ = nullptr, *stamps_ = nullptr;
  tuple_origin* origins_ = nullptr;
  message_source* sources_ = nullptr;
  std::vector<root_list> several_;
  std::atomic<std::uint32_t> readers_{0};
};

/// What the engines know of the type `T`: its name, and how to make, copy and write batches of it. One object a type.
template <class T>
const stream_type& stream_type_of();

/// A batch of `T`.
template <class T>
class batch final : public any_batch {
 public:
  explicit batch(batch_layout layout)
      : any_batch(stream_type_of<T>(), layout), values_(std::allocator<T>{}.allocate(layout.capacity)) {}
  ~batch() override {
    batch::destroy_values(0);
    std::allocator<T>{}.deallocate(values_, capacity_);
  }
  T& value(std::size_t i) { return values_[i]; }
  /// Room for `capacity()` values, of which `size()` exist.
  T* data() { return values_; }
  const T& value(std::size_t i) const { return values_[i]; }

  /// Appends a tuple. REQUIRES: !full(). A constructor that throws leaves the batch as it was.
  template <class... Args>
  void append(root r, event_time time, event_time stamp, Args&&... args) {
    ::new (static_cast<void*>(values_ + size_)) T(std::forward<Args>(args)...);
    end_append(r, time, stamp);
  }
  void append(root r, event_time time, event_time stamp, value_words words) requires passed_in_words<T> {
    write_words<T>(values_ + size_, words);
    end_append(r, time, stamp);
  }
  std::size_t bytes() const override { return sizeof(*this) + capacity_ * sizeof(T); }

 private:
  void end_append(root r, event_time time, event_time stamp) {
    set_columns(size_, r, time, stamp);
    ++size_;
  }
  void destroy_values(std::size_t from) noexcept override {
    if constexpr (!std::is_trivially_destructible_v<T>)
      for (std::size_t i = from; i < size_; ++i) values_[i].~T();
  }

  T* values_;
};

/// True when a change in the memory of a value can be noticed: its bytes are all there is of it, or it has a codec.
template <class T>
inline constexpr bool has_checksum = std::is_trivially_copyable_v<T> || durable<T>;

/// A checksum of a batch's values, to notice memory or storage that changed: over the bytes of trivially copyable
/// values, over the encoding of others.
template <class T>
requires has_checksum<T> std::uint64_t batch_checksum(const batch<T>& b) {
  if constexpr (std::is_trivially_copyable_v<T>) {
    return b.size() ? hash_bytes(&b.value(0), b.size() * sizeof(T)) : 0;
  } else {
    writer w;
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < b.size(); ++i) {
      w.clear();
      codec<T>::write(w, b.value(i));
      sum = mix64(sum ^ hash_bytes(w.data().data(), w.data().size()));
    }
    return sum;
  }
}

/// What the tuples [from, to) own outside the batch, from at most 16 of them: a cost that doesn't grow with the batch.
template <class T>
std::size_t batch_owned_bytes(const batch<T>& b, std::size_t from, std::size_t to) {
  const std::size_t step = std::max<std::size_t>(1, (to - from) / 16);
  std::size_t sum = 0, looked_at = 0;
  for (std::size_t i = from; i < to; i += step, ++looked_at) sum += detail::owned_bytes(b.value(i));
  return looked_at ? sum / looked_at * (to - from) : 0;
}

template <class T>
const stream_type& stream_type_of() {
  static constexpr char id = 0;
  static constexpr stream_type type = [] {
    stream_type t{};
    t.name = type_name<T>();
    t.id = &id;
    t.make = [](batch_layout layout) -> any_batch* { return new batch<T>(layout); };
    t.append = [](const any_batch& from, std::size_t i, any_batch& to) {
      auto& out = static_cast<batch<T>&>(to);
      out.append({}, {}, {}, static_cast<const batch<T>&>(from).value(i));
      out.copy_columns(from, i);
    };
    if constexpr (has_checksum<T>)
      t.checksum = [](const any_batch& b) { return batch_checksum(static_cast<const batch<T>&>(b)); };
    if constexpr (owns_memory<T>)
      t.owned_bytes = [](const any_batch& b, std::size_t from, std::size_t to) {
        return batch_owned_bytes(static_cast<const batch<T>&>(b), from, to);
      };
    if constexpr (durable<T>) {
      t.write = [](writer& w, const any_batch& b, std::size_t i) {
        codec<T>::write(w, static_cast<const batch<T>&>(b).value(i));
      };
      if constexpr (std::default_initializable<T>)
        t.read = [](reader& r, any_batch& b) {
          T v{};
          codec<T>::read(r, v, codec_version<T>);
          static_cast<batch<T>&>(b).append({}, {}, {}, std::move(v));
        };
    }
    return t;
  }();
  return type;
}

}  // namespace freshet
