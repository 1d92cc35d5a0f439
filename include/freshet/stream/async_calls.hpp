#pragma once
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "freshet/core/held_tuple.hpp"

namespace freshet {

/// Where a call of `map_async` stands: free -> asked -> replied -> free; or asked -> gone -> free.
enum class async_stage : std::uint8_t {
  free,
  asked,    ///< the function was called
  replied,  ///< the result waits for its turn
  gone,     ///< failed; waits in the line for its turn to leave it
};

/// The calls under way in one task of `map_async`, each in a place of its own, and the line in which their results go
/// out. Not thread safe.
/// Invariant: a place is either free or held by one call; the line links places that are not free.
template <class U>
class async_calls {
 public:
  struct call {
    async_stage is = async_stage::free;
    std::uint64_t serial = 0;
    held_tuple held;
    std::optional<U> value;
    std::chrono::steady_clock::time_point deadline;

   private:
    friend class async_calls;
    std::uint32_t next_ = 0;  // in the line
  };

  void open(std::size_t capacity) {
    calls_.resize(std::max<std::size_t>(capacity, 1));
    for (auto n = calls_.size(); n-- > 0;) free_.push_back(static_cast<std::uint32_t>(n));
  }
  bool has_room() const { return !free_.empty(); }
  std::uint32_t size() const { return static_cast<std::uint32_t>(calls_.size()); }
  call& operator[](std::uint32_t place) { return calls_[place]; }

  /// There is room, but for engines that don't ask `ready` before each tuple.
  std::uint32_t take_place() {
    if (free_.empty()) {
      calls_.emplace_back();
      return size() - 1;
    }
    const auto place = free_.back();
    free_.pop_back();
    return place;
  }
  void give_back(std::uint32_t place) {
    call& c = calls_[place];
    c.is = async_stage::free;
    c.value.reset();
    free_.push_back(place);
  }

  void join_line(std::uint32_t place) {
    calls_[place].next_ = end;
    (first_ == end ? first_ : calls_[last_].next_) = place;
    last_ = place;
  }
  /// REQUIRES: the line isn't empty.
  call& first() { return calls_[first_]; }
  /// The first of the line can leave it.
  bool can_go_on() const {
    if (first_ == end) return false;
    const auto is = calls_[first_].is;
    return is == async_stage::replied || is == async_stage::gone;
  }
  /// The first of the line gives its place back.
  void leave_line() {
    const auto place = first_;
    first_ = calls_[place].next_;
    give_back(place);
  }

 private:
  static constexpr std::uint32_t end = 0xffff'ffff;
  std::vector<call> calls_;
  std::vector<std::uint32_t> free_;
  std::uint32_t first_ = end, last_ = end;
};

}  // namespace freshet
