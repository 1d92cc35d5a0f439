#pragma once
#include <array>
#include <atomic>
#include <bit>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "freshet/base/clock.hpp"
#include "freshet/runtime/idle.hpp"
#include "freshet/runtime/tasklet.hpp"

namespace freshet {

/// Settings of a worker_pool; the executors' options of the same names end here.
struct worker_pool_options {
  std::size_t workers = 0;  ///< 0: as many as the hardware has threads
  freshet::idle idle = freshet::idle::adaptive;
  /// Worker i runs on the i-th of `usable_processors()` only. REQUIRES: there are as many.
  bool pin = false;
  /// A tasklet that runs longer than this at once is named to `on_stall`; 0: no detector.
  std::chrono::nanoseconds stall_limit = std::chrono::seconds(1);
};

/// The processors that the calling thread may run on, by their numbers: all, but where a container or `taskset` gives
/// the process fewer. Empty where threads can't be pinned: on other systems than Linux.
std::vector<std::size_t> usable_processors();

/// A sleeping place for one thread.
/// Invariants: `state_` is 1 only between an announcement and the wake that ends it; a wake between `announce` and
/// `park` makes the park return at once.
class parker {
 public:
  /// Says that the caller may park soon. seq_cst fence behind it: what others publish before they read `sleeping` is
  /// seen by the checks that follow, or they see the announcement.
  void announce() noexcept {
    state_.store(1, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_seq_cst);
  }
  void cancel() noexcept { state_.store(0, std::memory_order_relaxed); }
  /// Sleeps until woken or `until`. REQUIRES: announced.
  void park(tasklet::time_point until) noexcept;
  /// Wakes the owner if it sleeps or is about to. REQUIRES: a seq_cst fence after what was published.
  void wake_if_sleeping() noexcept {
    if (state_.load(std::memory_order_relaxed) != 0) wake();
  }

 private:
  void wake() noexcept;
  alignas(64) std::atomic<std::uint32_t> state_{0};
};

/// While it lives, the pool calls what this thread of it does by another name than its tasklet's, when that stalls or
/// throws: for tasklets that work on one thing after another. `name` must outlive the pool. Does nothing on other
/// threads.
class work_label {
 public:
  explicit work_label(const std::string& name) noexcept;
  work_label(const work_label&) = delete;
  work_label& operator=(const work_label&) = delete;
  ~work_label();

 private:
  const std::string* before_;
  const int exceptions_;  ///< under way when it was made
};

/// A set of threads, each running its own tasklets in rounds. Tasklets are added before `start`, or within
/// `hold`; none moves. Thread safe where said.
class worker_pool {
 public:
  explicit worker_pool(worker_pool_options options, const clock& time = clock::real());
  worker_pool(const worker_pool&) = delete;
  worker_pool& operator=(const worker_pool&) = delete;
  /// Waits for all tasklets to be done.
  ~worker_pool();

  std::size_t workers() const { return options_.workers; }
  /// Gives a tasklet to a worker; it must outlive the pool. `label` names it to the stall detector.
  void add(std::size_t worker, tasklet& t, std::string label);
  /// One more worker, for one tasklet that blocks; gives its index, behind the others'. Within `hold` it may be one
  /// whose tasklet was removed, and what `start` throws is thrown here.
  std::size_t add_worker();
  /// Gives a tasklet a worker of its own. Returns its index.
  std::size_t add_alone(tasklet& t, std::string label);
  using stall_handler = std::function<void(const std::string& name, std::chrono::nanoseconds held)>;
  using throw_handler = std::function<void(const std::string& name, std::exception_ptr why, bool given_up)>;
  /// `on_stall` is called from a thread of the pool's own; the name is the tasklet's label, or what a `work_label`
  /// says. `on_throw` is called by the worker whose tasklet has thrown. The tasklet is run again, so that it can end in
  /// order; one that throws a second time is given up and counts as done. Without `on_throw` an exception ends the
  /// process. Neither handler may throw. Throws std::system_error that names the thread which the system refuses; then
  /// no tasklet has run, nor will.
  void start(stall_handler on_stall = {}, throw_handler on_throw = {});
  /// Blocks until every tasklet is done.
  void join();

  /// Lets each thread finish its round, calls `f` while no tasklet is at work, and lets them go on. `f` may `remove`
  /// tasklets, and `add` others. False: at `until` some thread had not finished its round, and nothing was
  /// called. Waits where another thread holds the pool; not for tasklets. Throws std::system_error that names the
  /// thread which the system refuses, as each worker has one then; nothing was called in that case, too.
  bool hold(std::chrono::steady_clock::time_point until, const std::function<void()>& f);
  /// Takes a tasklet away; it needn't be done. REQUIRES: within `hold`.
  void remove(const tasklet& t);

  /// In place of `start`, for tests: there are no threads, and whoever calls the next two does the work himself, on one
  /// thread at a time.
  void start_by_hand(throw_handler on_throw);
  bool is_by_hand() const { return by_hand_; }
  /// Runs all tasklets in rounds, always in the same order, until a whole round has made no progress.
  void run_until_quiet();
  /// When the first of the tasklets wants to run again though nothing wakes it; time_point::max(): none does.
  tasklet::time_point next_wake() const;

  /// Wakes a worker that sleeps. Thread safe. REQUIRES: a seq_cst fence after what was published, as `publish` does.
  void wake(std::size_t worker) noexcept { seats_[worker].sleep.wake_if_sleeping(); }
  void publish_and_wake(std::size_t worker) noexcept {
    std::atomic_thread_fence(std::memory_order_seq_cst);
    wake(worker);
  }
  void wake_all() noexcept;

 private:
  struct entry {
    tasklet* task;
    std::string label;
    bool done = false;
    bool has_thrown = false;
  };
  struct seat {
    std::vector<entry> entries;
    parker sleep;
    std::thread thread;
    bool is_running = false;                 ///< the thread is in its rounds, or rests; under `rest_mutex_`
    bool is_taken = false;                   ///< by a tasklet that has it alone
    const std::string* thrown_in = nullptr;  // the innermost `work_label` that an exception has left; the thread's own
    // Read by the stall detector: which entry runs, in the round that began when (nanoseconds; 0: between two).
    std::atomic<std::int64_t> since{0};
    std::atomic<std::size_t> running{0};
    std::atomic<const std::string*> label{nullptr};  // a `work_label`'s; null: the entry's own
  };
  /// By index. One more moves none: others may look for some meanwhile.
  class seat_list {
   public:
    /// acquire: a seat that counts is there.
    std::size_t size() const noexcept { return size_.load(std::memory_order_acquire); }
    seat& operator[](std::size_t i) const noexcept {
      const auto block = static_cast<std::size_t>(std::bit_width(i + 1)) - 1;
      return blocks_[block][i + 1 - (std::size_t{1} << block)];
    }
    /// One thread at a time.
    void add();

   private:
    std::array<std::unique_ptr<seat[]>, 32> blocks_{};  ///< block b has 2^b
    std::atomic<std::size_t> size_{0};
  };
  /// Threads wait here until all are there.
  enum class gate : std::uint8_t { shut, open, given_up };
  friend class work_label;
  static thread_local seat* here_;  // this thread's; null where it is no pool's

  void start_thread(std::thread& thread, const std::string& name, std::function<void()> body);
  void open_gate(gate how) noexcept;
  std::string running_in(const seat& s) const;
  void pin_to(std::size_t processor) const noexcept;
  void run(std::size_t index);
  void run_rounds(std::size_t index);
  void start_worker(std::size_t index);
  std::size_t rest(seat& s);
  bool round(seat& s, tasklet::time_point now, std::size_t& left);
  tasklet::progress run_guarded(seat& s, entry& e, tasklet::time_point now);
  tasklet::time_point next_wake(const seat& s) const;
  void watch(const stall_handler& on_stall);

  worker_pool_options options_;
  const clock& time_;
  const std::vector<std::size_t> processors_;  ///< by worker, where they are pinned
  throw_handler on_throw_;
  seat_list seats_;
  bool started_ = false, by_hand_ = false;
  bool may_spin_ = false;
  std::atomic<gate> gate_{gate::shut};
  std::mutex holding_;             ///< one holds at a time
  std::atomic<bool> held_{false};  ///< threads rest in front of their next round
  std::mutex rest_mutex_;          ///< guards what follows, and against the detector the seats' entries
  std::condition_variable rested_;
  std::size_t at_work_ = 0;  ///< threads that neither rest nor have ended
  std::thread detector_;
  std::atomic<bool> stop_detector_{false};
  parker detector_sleep_;
};

}  // namespace freshet
