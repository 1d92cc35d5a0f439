#pragma once
#if defined(__GLIBC__)
#include <pthread.h>

#include <cstddef>

namespace freshet {

/// While it lives, a new thread asks for so much memory for its stack: more than there is makes the system refuse it.
class stack_size {
 public:
  explicit stack_size(std::size_t bytes) {
    pthread_getattr_default_np(&before_);
    pthread_attr_t now;
    pthread_attr_init(&now);
    pthread_attr_setstacksize(&now, bytes);
    pthread_setattr_default_np(&now);
    pthread_attr_destroy(&now);
  }
  stack_size(const stack_size&) = delete;
  stack_size& operator=(const stack_size&) = delete;
  ~stack_size() {
    pthread_setattr_default_np(&before_);
    pthread_attr_destroy(&before_);
  }

 private:
  pthread_attr_t before_{};
};

}  // namespace freshet
#endif
