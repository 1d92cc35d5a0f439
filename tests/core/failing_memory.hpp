#pragma once
#include <cstddef>
#include <cstdlib>
#include <new>

// Replaces operator new of the whole program: include it in one of its files only.
#define FRESHET_MEMORY_FAILS 1
// Clang's sanitizers bring their own, which can't be replaced.
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#undef FRESHET_MEMORY_FAILS
#define FRESHET_MEMORY_FAILS 0
#endif
#endif

namespace freshet::samples {

constexpr bool memory_can_fail = FRESHET_MEMORY_FAILS == 1;

/// Of the calling thread: this one of its next allocations throws; 0: none does.
inline thread_local std::size_t fails_at = 0;

/// While it lives, the n-th allocation of this thread throws std::bad_alloc.
class failing_memory {
 public:
  explicit failing_memory(std::size_t n) { fails_at = n; }
  failing_memory(const failing_memory&) = delete;
  failing_memory& operator=(const failing_memory&) = delete;
  ~failing_memory() { fails_at = 0; }
};

}  // namespace freshet::samples

#if FRESHET_MEMORY_FAILS
// Not inlined: GCC would see `new` given back by `free`, and warn.
[[gnu::noinline]] void* operator new(std::size_t size) {
  auto& n = freshet::samples::fails_at;
  if (n != 0 && --n == 0) throw std::bad_alloc();
  if (void* p = std::malloc(size != 0 ? size : 1)) return p;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* p) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete(void* p, std::size_t) noexcept { std::free(p); }
#endif
