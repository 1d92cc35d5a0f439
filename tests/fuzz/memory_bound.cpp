#include <cstdio>
#include <cstdlib>
#include <limits>
#include <new>

#include "fuzz/fuzz.hpp"

// libFuzzer brings its own operator new, and a bound of its own (-malloc_limit_mb).
#if defined(FRESHET_LIBFUZZER)

namespace freshet::fuzz {
memory_bound::memory_bound(std::size_t) noexcept {}
memory_bound::~memory_bound() = default;
}  // namespace freshet::fuzz

#else

#if __has_include(<malloc.h>)
#include <malloc.h>
#define FRESHET_KNOWS_BLOCKS 1
#else
#define FRESHET_KNOWS_BLOCKS 0
#endif

namespace {

constexpr std::size_t no_limit = std::numeric_limits<std::size_t>::max();
/// Bytes of the blocks that the thread has taken and not given back; it may give back what another has taken, so this
/// wraps, and differences count.
thread_local std::size_t held = 0;
thread_local std::size_t held_at_first = 0, limit = no_limit;

std::size_t size_of([[maybe_unused]] void* block) noexcept {
#if FRESHET_KNOWS_BLOCKS
  return ::malloc_usable_size(block);
#else
  return 0;
#endif
}

/// Without the heap: it is asked for too much of it.
void refuse(std::size_t size) {
  std::fprintf(stderr, "fuzz: memory: %zu bytes more, where %zu are held of at most %zu\n", size, held - held_at_first,
               limit);
  std::abort();
}

void* take(std::size_t size) {
  const auto more = held - held_at_first;
  const bool shrunk = more > no_limit / 2;  // gave back what was there before
  if (limit != no_limit && !shrunk && (size > limit || more > limit - size)) refuse(size);
  void* const block = std::malloc(size ? size : 1);
  if (!block) throw std::bad_alloc();
  held += size_of(block);
  return block;
}

void give_back(void* block) noexcept {
  if (!block) return;
  held -= size_of(block);
  std::free(block);
}

}  // namespace

void* operator new(std::size_t size) { return take(size); }
void* operator new[](std::size_t size) { return take(size); }
// These two as well: a sanitizer has its own, whose blocks are not ours.
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  try {
    return take(size);
  } catch (const std::bad_alloc&) { return nullptr; }
}
void* operator new[](std::size_t size, const std::nothrow_t& nothrow) noexcept { return operator new(size, nothrow); }
void operator delete(void* block) noexcept { give_back(block); }
void operator delete[](void* block) noexcept { give_back(block); }
void operator delete(void* block, std::size_t) noexcept { give_back(block); }
void operator delete[](void* block, std::size_t) noexcept { give_back(block); }

namespace freshet::fuzz {

memory_bound::memory_bound(std::size_t bytes) noexcept {
  held_at_first = held;
  limit = bytes;
}
memory_bound::~memory_bound() { limit = no_limit; }

}  // namespace freshet::fuzz

#endif
