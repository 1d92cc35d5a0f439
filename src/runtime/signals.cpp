#include "freshet/runtime/signals.hpp"

#include <semaphore.h>
#include <signal.h>

#include <atomic>
#include <cerrno>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <utility>

namespace freshet {

namespace {

constexpr int watched[] = {SIGINT, SIGTERM};

/// What a signal handler may touch must be there without being asked for; signals are the process's anyway. Nothing of
/// it is ever destroyed, so a handler that runs late harms nobody.
struct inbox {
  std::atomic<bool> taken{false};
  std::atomic<int> received{0};
  sem_t bell{};  // sem_post is the one wake-up that POSIX allows in a handler without a file descriptor
};
inbox& the_inbox() {
  static inbox box;
  return box;
}
// Read by the handler in place of a function-local static, whose first use would lock.
std::atomic<inbox*> open_inbox{nullptr};
static_assert(std::atomic<int>::is_always_lock_free && std::atomic<inbox*>::is_always_lock_free);

void on_signal(int number) {
  const int saved = errno;
  int none = 0;
  // relaxed: the number is all that is handed over; sem_post orders it before the watcher's sem_wait.
  if (auto* box = open_inbox.load(std::memory_order_relaxed)) {
    if (box->received.compare_exchange_strong(none, number, std::memory_order_relaxed)) {
      ::sem_post(&box->bell);
    } else {
      ::signal(number, SIG_DFL);
      ::raise(number);  // delivered as soon as this handler returns
    }
  }
  errno = saved;
}

}  // namespace

struct drain_on_signals::watch {
  explicit watch(std::function<void()> f) : ask(std::move(f)) {}

  std::function<void()> ask;
  std::atomic<bool> leaving{false};
  struct sigaction before[std::size(watched)];
  std::thread thread;
};

drain_on_signals::drain_on_signals(topology_run& run) : drain_on_signals([&run] { run.request_shutdown(); }) {}

drain_on_signals::drain_on_signals(std::function<void()> ask) : watch_(std::make_unique<watch>(std::move(ask))) {
  inbox& box = the_inbox();
  if (box.taken.exchange(true)) throw std::logic_error("drain_on_signals: there is one already in this process");
  box.received = 0;
  if (::sem_init(&box.bell, 0, 0) != 0) {
    box.taken = false;
    throw std::system_error(errno, std::generic_category(), "drain_on_signals");
  }
  // The watcher takes no signals itself: the threads that are there get them, as before.
  sigset_t all, mine;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &mine);
  try {
    watch_->thread = std::thread([w = watch_.get(), &box] {
      while (::sem_wait(&box.bell) != 0 && errno == EINTR) {}
      if (w->leaving.load(std::memory_order_relaxed) == false) w->ask();
    });
  } catch (...) {
    ::pthread_sigmask(SIG_SETMASK, &mine, nullptr);
    box.taken = false;
    throw;
  }
  open_inbox = &box;
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  ::sigemptyset(&action.sa_mask);
  for (std::size_t i = 0; i < std::size(watched); ++i) ::sigaction(watched[i], &action, &watch_->before[i]);
  ::pthread_sigmask(SIG_SETMASK, &mine, nullptr);
}

drain_on_signals::~drain_on_signals() {
  inbox& box = the_inbox();
  for (std::size_t i = 0; i < std::size(watched); ++i) ::sigaction(watched[i], &watch_->before[i], nullptr);
  watch_->leaving.store(true, std::memory_order_relaxed);
  ::sem_post(&box.bell);
  watch_->thread.join();
  open_inbox = nullptr;
  // The semaphore stays: a handler may be running yet.
  box.taken = false;
}

int drain_on_signals::signal() const noexcept { return the_inbox().received.load(std::memory_order_relaxed); }

}  // namespace freshet
