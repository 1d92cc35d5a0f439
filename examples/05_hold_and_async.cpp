// Tuples that are not finished when `process` returns: held ones, and those whose answer comes from elsewhere.
//
// Look at: `write_in_bulk` keeps rows until it has three and acknowledges them when they are stored, so a row that was
// only waiting is never lost; `flush` lets the rest go at the end. Then `map_async`: the lookups run on a thread of
// their own, several at once, the last answered first; the names come in the order of the rows nevertheless.
#include <chrono>
#include <condition_variable>
#include <freshet/freshet.hpp>
#include <iostream>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

struct row {
  int id = 0;
  std::string user;
};

// --- hold
// --------------------------------------------------------------------------------------------------------------

class write_in_bulk {
 public:
  void process(const row& r, freshet::emitter<row>& out) {
    waiting_.push_back({r, out.hold()});  // the tuple stays open: its spout would emit it again if the token failed
    if (waiting_.size() == 3) store(out);
  }
  void flush(freshet::emitter<row>& out) { store(out); }

 private:
  struct pending {
    row value;
    freshet::held_tuple token;
  };
  void store(freshet::emitter<row>& out) {
    if (waiting_.empty()) return;
    std::cout << "stored " << waiting_.size() << " rows in one go\n";
    for (auto& p : std::exchange(waiting_, {})) {
      out.emit(p.value, p.token);  // anchored: the message is finished when this is finished too
      p.token.ack();
    }
  }
  std::vector<pending> waiting_;
};

// --- async
// -------------------------------------------------------------------------------------------------------------

// A slow directory of users, with a thread of its own. It answers the newest question first.
class directory {
 public:
  using answer_function = freshet::move_only_function<void(std::string)>;

  void ask(std::string user, answer_function answer) {
    std::lock_guard lock(mutex_);
    questions_.emplace_back(std::move(user), std::move(answer));
    asked_.notify_one();
  }

 private:
  void serve(std::stop_token stop) {
    std::unique_lock lock(mutex_);
    while (asked_.wait(lock, stop, [this] { return !questions_.empty(); })) {
      auto [user, answer] = std::move(questions_.back());
      questions_.pop_back();
      lock.unlock();
      std::this_thread::sleep_for(1ms);
      answer(user + "@example.org");
      lock.lock();
    }
  }
  std::mutex mutex_;
  std::condition_variable_any asked_;
  std::vector<std::pair<std::string, answer_function>> questions_;
  std::jthread thread_{[this](std::stop_token stop) { serve(stop); }};  // last: the others exist before it runs
};

int main() {
  std::vector<row> rows;
  for (int i = 1; i <= 8; ++i) rows.push_back({i, "user" + std::to_string(i)});

  directory users;
  freshet::stream_builder builder("hold and async");
  builder.spout("rows", freshet::vector_spout{rows})
      .process("write", [] { return write_in_bulk{}; })  // a function that makes one: tokens can't be copied
      .map_async<std::string>(
          "look up",
          [&users](const row& r, freshet::async_reply<std::string> reply) {
            users.ask(r.user, [reply = std::move(reply)](std::string address) mutable { reply(std::move(address)); });
          },
          {.capacity = 4, .timeout = 5s})
      .to("mail", [](const std::string& address) { std::cout << "mail to " << address << "\n"; });

  auto run = freshet::event_executor{}.start(builder.build());
  const freshet::drain_on_signals guard{run};
  run.wait();
  const auto m = run.metrics().node("rows");
  std::cout << m.emitted << " rows emitted, " << m.acked << " acked\n";
}
