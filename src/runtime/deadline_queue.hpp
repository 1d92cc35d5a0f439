#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <utility>

namespace freshet {

/// Tokens that end by themselves at a deadline (max(): never), in the order they were handed out, which is that of
/// their deadlines: every token of a task has the same time. A token that has ended is of no further use here, but
/// leaves at once only from the front; so that one that lives long doesn't keep all behind it, the ended ones are swept
/// out when they are the greater part. Not thread safe, though tokens may end (`Token::ended`) on any thread.
/// Invariant: after `push`, the queue holds at most 2 * `outstanding` + 64 tokens. A sweep goes over n tokens and frees
/// more than n / 2 of them, each once: constant time a token.
template <class Token>
class deadline_queue {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  /// `outstanding`: tokens of this queue, with the new one, that have not ended; too many is harmless.
  void push(time_point when, std::shared_ptr<Token> token, std::size_t outstanding) {
    all_.push_back({when, ++pushed_, std::move(token)});
    if (all_.size() > 2 * outstanding + slack) std::erase_if(all_, [](const auto& e) { return e.token->ended(); });
  }
  /// The next token whose deadline has passed, which is then the caller's to end; null: none.
  std::shared_ptr<Token> pop_due(time_point now) {
    drop_ended();
    if (all_.empty() || all_.front().when > now) return nullptr;
    auto due = std::move(all_.front().token);
    all_.pop_front();
    return due;
  }
  /// time_point::max(): there is none.
  time_point next() {
    drop_ended();
    return all_.empty() ? time_point::max() : all_.front().when;
  }
  /// Tokens ever pushed.
  std::uint64_t pushed() const { return pushed_; }
  /// One of the first `n` that were pushed has not ended, and `is(token)`.
  template <class F>
  bool lives(F&& is, std::uint64_t n = ~std::uint64_t{0}) const {
    for (const auto& e : all_) {
      if (e.number > n) break;
      if (is(*e.token) && !e.token->ended()) return true;
    }
    return false;
  }
  void clear() { all_.clear(); }
  std::size_t size() const { return all_.size(); }

 private:
  static constexpr std::size_t slack = 64;  // a sweep of fewer is not worth its call
  void drop_ended() {
    while (!all_.empty() && all_.front().token->ended()) all_.pop_front();
  }
  struct entry {
    time_point when;
    std::uint64_t number;
    std::shared_ptr<Token> token;
  };
  std::deque<entry> all_;
  std::uint64_t pushed_ = 0;
};

}  // namespace freshet
