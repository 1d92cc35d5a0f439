#include "freshet/runtime/worker_pool.hpp"

#include <algorithm>
#include <system_error>
#include <utility>

#include "freshet/base/assert.hpp"

#ifdef __linux__
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace freshet {

tasklet::~tasklet() = default;

namespace {
constexpr int spin_rounds = 200;  // some 10 us: about what a futex wake costs the sleeper

void pause_processor() noexcept {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#endif
}
}  // namespace

#ifdef __linux__
// steady_clock is CLOCK_MONOTONIC, which FUTEX_WAIT_BITSET takes as an absolute time.
void parker::park(tasklet::time_point until) noexcept {
  while (state_.load(std::memory_order_acquire) == 1) {
    const bool timed = until != tasklet::time_point::max();
    const auto ns = std::max<std::int64_t>(0, until.time_since_epoch().count());
    timespec at{ns / 1'000'000'000, ns % 1'000'000'000};
    const auto result = syscall(SYS_futex, reinterpret_cast<std::uint32_t*>(&state_), FUTEX_WAIT_BITSET_PRIVATE, 1,
                                timed ? &at : nullptr, nullptr, FUTEX_BITSET_MATCH_ANY);
    if (result == -1 && errno == ETIMEDOUT) break;
  }
  state_.store(0, std::memory_order_relaxed);
}
void parker::wake() noexcept {
  // exchange: of several wakers one pays for the system call. release: the sleeper sees what was published.
  if (state_.exchange(0, std::memory_order_acq_rel) == 1)
    syscall(SYS_futex, reinterpret_cast<std::uint32_t*>(&state_), FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
}
#else
// Without futexes: short sleeps. Correct, and slower to wake.
void parker::park(tasklet::time_point until) noexcept {
  while (state_.load(std::memory_order_acquire) == 1 && std::chrono::steady_clock::now() < until)
    std::this_thread::sleep_for(std::chrono::microseconds(50));
  state_.store(0, std::memory_order_relaxed);
}
void parker::wake() noexcept { state_.store(0, std::memory_order_release); }
#endif

#ifdef __linux__
std::vector<std::size_t> usable_processors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<std::size_t> all;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return all;
  for (std::size_t p = 0; p < CPU_SETSIZE; ++p)
    if (CPU_ISSET(p, &set)) all.push_back(p);
  return all;
}

/// One that was taken away since the pool was made is none to wait for: the thread runs where it may.
void worker_pool::pin_to(std::size_t processor) const noexcept {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(processor, &set);
  pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}
#else
std::vector<std::size_t> usable_processors() { return {}; }
void worker_pool::pin_to(std::size_t) const noexcept {}
#endif

// The processors are looked up here, as a worker may be started by a thread that is pinned itself.
worker_pool::worker_pool(worker_pool_options options, const clock& time)
    : options_(options), time_(time), processors_(options.pin ? usable_processors() : std::vector<std::size_t>{}) {
  const std::size_t hardware = std::max(1u, std::thread::hardware_concurrency());
  if (options_.workers == 0) options_.workers = hardware;
  may_spin_ = options_.idle == idle::spin || (options_.idle == idle::adaptive && options_.workers < hardware);
  FRESHET_ASSERT(!options_.pin || options_.workers <= processors_.size(), "each pinned worker has a processor",
                 options_.workers, processors_.size());
  for (std::size_t i = 0; i < options_.workers; ++i) seats_.add();
}

worker_pool::~worker_pool() { join(); }

void worker_pool::seat_list::add() {
  const auto i = size_.load(std::memory_order_relaxed);
  if (std::has_single_bit(i + 1))
    blocks_[static_cast<std::size_t>(std::bit_width(i + 1)) - 1] = std::make_unique<seat[]>(i + 1);
  size_.store(i + 1, std::memory_order_release);
}

void worker_pool::add(std::size_t worker, tasklet& t, std::string label) {
  FRESHET_ASSERT((!started_ || by_hand_ || held_) && worker < seats_.size(),
                 "tasklets are added before the pool starts, or while it is held", worker);
  seats_[worker].entries.push_back({&t, std::move(label)});
}

std::size_t worker_pool::add_worker() {
  auto i = options_.workers;
  while (i < seats_.size() && seats_[i].is_taken) ++i;
  if (i == seats_.size()) seats_.add();
  if (held_) start_worker(i);
  seats_[i].is_taken = true;
  return i;
}

std::size_t worker_pool::add_alone(tasklet& t, std::string label) {
  const auto worker = add_worker();
  add(worker, t, std::move(label));
  return worker;
}

void worker_pool::start(stall_handler on_stall, throw_handler on_throw) {
  started_ = true;
  on_throw_ = std::move(on_throw);
  try {
    std::lock_guard lock(rest_mutex_);  // none can end or rest before it counts
    for (std::size_t i = 0; i < seats_.size(); ++i)
      if (!seats_[i].entries.empty()) start_worker(i);
    if (on_stall && options_.stall_limit > std::chrono::nanoseconds{})
      start_thread(detector_, "the stall detector", [this, f = std::move(on_stall)] { watch(f); });
  } catch (...) {
    open_gate(gate::given_up);
    join();
    throw;
  }
  open_gate(gate::open);
}

/// REQUIRES: `rest_mutex_` is locked.
void worker_pool::start_worker(std::size_t index) {
  seat& s = seats_[index];
  if (s.is_running) return;
  if (s.thread.joinable()) s.thread.join();  // all that it had to do was done
  start_thread(s.thread, "worker " + std::to_string(index + 1) + " of " + std::to_string(seats_.size()),
               [this, index] { run(index); });
  s.is_running = true;
  ++at_work_;
}

// --- holding ---

bool worker_pool::hold(std::chrono::steady_clock::time_point until, const std::function<void()>& f) {
  std::lock_guard one(holding_);
  if (by_hand_) return f(), true;
  struct holding {
    explicit holding(worker_pool& p) : pool(p) {
      // release: with the fence of `wake_all`, a worker that is about to sleep sees it, or is woken.
      pool.held_.store(true, std::memory_order_release);
      pool.wake_all();
    }
    ~holding() {
      std::lock_guard lock(pool.rest_mutex_);
      pool.held_.store(false, std::memory_order_release);
      pool.rested_.notify_all();
    }
    worker_pool& pool;
  } held(*this);
  std::unique_lock lock(rest_mutex_);
  for (std::size_t i = 0; i < options_.workers; ++i) start_worker(i);
  if (!rested_.wait_until(lock, until, [this] { return at_work_ == 0; })) return false;
  f();
  return true;
}

/// Gives how many of its tasklets are left when the hold is over.
std::size_t worker_pool::rest(seat& s) {
  s.since.store(0, std::memory_order_relaxed);
  std::unique_lock lock(rest_mutex_);
  --at_work_;
  rested_.notify_all();
  rested_.wait(lock, [this] { return !held_.load(std::memory_order_relaxed); });
  ++at_work_;
  return static_cast<std::size_t>(std::count_if(s.entries.begin(), s.entries.end(), [](auto& e) { return !e.done; }));
}

void worker_pool::remove(const tasklet& t) {
  FRESHET_ASSERT(by_hand_ || held_, "tasklets are taken away while the pool is held");
  for (std::size_t i = 0; i < seats_.size(); ++i) {
    seat& s = seats_[i];
    if (std::erase_if(s.entries, [&](const entry& e) { return e.task == &t; }) == 0) continue;
    s.running.store(0, std::memory_order_relaxed);
    s.is_taken = false;
  }
}

void worker_pool::start_by_hand(throw_handler on_throw) {
  started_ = by_hand_ = true;
  on_throw_ = std::move(on_throw);
}

void worker_pool::run_until_quiet() {
  auto* const outside = here_;
  for (bool progress = true; std::exchange(progress, false);)
    for (std::size_t i = 0; i < seats_.size(); ++i) {
      here_ = &seats_[i];
      std::size_t left = here_->entries.size();
      progress |= round(*here_, time_.now(), left);
    }
  here_ = outside;
}

tasklet::time_point worker_pool::next_wake() const {
  auto at = tasklet::time_point::max();
  for (std::size_t i = 0; i < seats_.size(); ++i) at = std::min(at, next_wake(seats_[i]));
  return at;
}

void worker_pool::start_thread(std::thread& thread, const std::string& name, std::function<void()> body) {
  try {
    thread = std::thread([this, f = std::move(body)] {
      gate_.wait(gate::shut, std::memory_order_acquire);
      if (gate_.load(std::memory_order_acquire) == gate::open) f();
    });
  } catch (const std::system_error& e) { throw std::system_error(e.code(), "could not start " + name); }
}

// release: a worker sees what was done before `start` returns, by threads that it did not come from.
void worker_pool::open_gate(gate how) noexcept {
  gate_.store(how, std::memory_order_release);
  gate_.notify_all();
}

void worker_pool::join() {
  for (std::size_t i = 0; i < seats_.size(); ++i)
    if (seats_[i].thread.joinable()) seats_[i].thread.join();
  stop_detector_.store(true, std::memory_order_release);
  std::atomic_thread_fence(std::memory_order_seq_cst);
  detector_sleep_.wake_if_sleeping();
  if (detector_.joinable()) detector_.join();
}

void worker_pool::wake_all() noexcept {
  std::atomic_thread_fence(std::memory_order_seq_cst);
  for (std::size_t i = 0; i < seats_.size(); ++i) seats_[i].sleep.wake_if_sleeping();
}

/// Runs every tasklet once. The entry that runs is published so that the detector can name it.
bool worker_pool::round(seat& s, tasklet::time_point now, std::size_t& left) {
  bool progress = false;
  for (std::size_t i = 0; i < s.entries.size(); ++i) {
    entry& e = s.entries[i];
    if (e.done) continue;
    s.running.store(i, std::memory_order_relaxed);
    const auto p = run_guarded(s, e, now);
    progress |= p.made;
    if (p.done) {
      e.done = true;
      --left;
      progress = true;
    }
  }
  return progress;
}

tasklet::progress worker_pool::run_guarded(seat& s, entry& e, tasklet::time_point now) {
  if (!on_throw_) return e.task->run(now);
  try {
    return e.task->run(now);
  } catch (...) {
    const auto* name = std::exchange(s.thrown_in, nullptr);
    const bool again = !std::exchange(e.has_thrown, true);
    on_throw_(name ? *name : e.label, std::current_exception(), !again);
    return {true, !again};
  }
}

tasklet::time_point worker_pool::next_wake(const seat& s) const {
  auto at = tasklet::time_point::max();
  for (const auto& e : s.entries)
    if (!e.done) at = std::min(at, e.task->next_wake());
  return at;
}

void worker_pool::run(std::size_t index) {
  run_rounds(index);
  std::lock_guard lock(rest_mutex_);
  seats_[index].is_running = false;
  --at_work_;
  rested_.notify_all();
}

void worker_pool::run_rounds(std::size_t index) {
  seat& s = seats_[index];
  const bool alone = index >= options_.workers;
  if (options_.pin && !alone) pin_to(processors_[index]);
  here_ = &s;
  // A thread of its own is there to block: it would burn a processor that nobody counted.
  const bool parks_at_once = alone || !may_spin_;
  const auto parks = [&](int idle_rounds) {
    return parks_at_once || (options_.idle != idle::spin && idle_rounds > spin_rounds);
  };
  // A thread that was started while the pool is held must not look at its tasklets before.
  std::size_t left = held_.load(std::memory_order_acquire) ? rest(s) : s.entries.size();
  int idle_rounds = 0;
  while (true) {
    if (held_.load(std::memory_order_acquire)) [[unlikely]]
      left = rest(s);
    if (left == 0) break;
    auto now = time_.now();
    s.since.store(now.time_since_epoch().count(), std::memory_order_relaxed);
    bool progress = round(s, now, left);
    if (!progress && left && parks(++idle_rounds)) {
      // Announce, look once more at everything, then sleep: whoever publishes work in between sees the announcement.
      s.sleep.announce();
      progress = round(s, now, left);
      s.since.store(0, std::memory_order_relaxed);
      if (progress || left == 0 || held_.load(std::memory_order_relaxed)) s.sleep.cancel();
      else s.sleep.park(next_wake(s));
      idle_rounds = 0;
    } else if (!progress) {
      pause_processor();
    }
    if (progress) idle_rounds = 0;
  }
  s.since.store(0, std::memory_order_relaxed);
}

std::string worker_pool::running_in(const seat& s) const {
  if (const auto* label = s.label.load(std::memory_order_acquire)) return *label;
  return s.entries[s.running.load(std::memory_order_relaxed)].label;
}

thread_local worker_pool::seat* worker_pool::here_ = nullptr;

// release: the detector reads the name. Where it reads a name that is just being left, it names what had held the
// worker a moment ago.
work_label::work_label(const std::string& name) noexcept
    : before_(worker_pool::here_ ? worker_pool::here_->label.exchange(&name, std::memory_order_acq_rel) : nullptr),
      exceptions_(std::uncaught_exceptions()) {}
work_label::~work_label() {
  auto* here = worker_pool::here_;
  if (!here) return;
  const auto* name = here->label.exchange(before_, std::memory_order_acq_rel);
  if (std::uncaught_exceptions() > exceptions_ && !here->thrown_in) here->thrown_in = name;
}

/// A worker says when its round began, and what runs in it, but not since when: that would be a look at the clock for
/// each tasklet. So what is seen is timed from the look on that saw it first in that round.
void worker_pool::watch(const stall_handler& on_stall) {
  struct sight {
    std::int64_t round = 0;
    std::string name{};
    std::chrono::steady_clock::time_point from{};
    bool is_told = false;
  };
  std::vector<sight> seen(options_.workers);
  while (!stop_detector_.load(std::memory_order_acquire)) {
    const auto now = time_.now();
    std::unique_lock lock(rest_mutex_);
    for (std::size_t i = 0; i < seen.size(); ++i) {
      const auto round = seats_[i].since.load(std::memory_order_relaxed);
      if (round == 0 || seats_[i].entries.empty()) {
        seen[i] = {};
        continue;
      }
      auto name = running_in(seats_[i]);
      if (seen[i].round != round || seen[i].name != name) seen[i] = {round, std::move(name), now};
      const auto held = now - seen[i].from;
      if (held < options_.stall_limit || std::exchange(seen[i].is_told, true)) continue;
      on_stall(seen[i].name, held);
    }
    lock.unlock();
    detector_sleep_.announce();
    if (stop_detector_.load(std::memory_order_acquire)) break;
    detector_sleep_.park(deadline(now, options_.stall_limit / 4));
  }
}

}  // namespace freshet
