#pragma once
#include <chrono>
#include <cstddef>
#include <deque>
#include <memory>
#include <utility>

namespace freshet {

/// Tokens that end by themselves at a deadline, in the order they were handed out, which is that of their deadlines:
/// every token of a task has the same time. A token that has ended is of no further use here, but leaves at once only
/// from the front; so that one that lives long doesn't keep all behind it, the ended ones are swept out when they are
/// the greater part.
/// Not thread safe, though tokens may end (`Token::ended`) on any thread.
/// Invariant: after `push`, the queue holds at most 2 * `outstanding` + 64 tokens. A sweep goes over n tokens and frees
/// more than n / 2 of them, each once: constant time a token.
template <class Token>
class deadline_queue {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  /// `outstanding`: tokens of this queue, with the new one, that have not ended; too many is harmless.
  void push(time_point when, std::shared_ptr<Token> token, std::size_t outstanding) {
    all_.emplace_back(when, std::move(token));
    if (all_.size() > 2 * outstanding + slack) std::erase_if(all_, [](const auto& e) { return e.second->ended(); });
  }
  /// The next token whose deadline has passed, which is then the caller's to end; null: none.
  std::shared_ptr<Token> pop_due(time_point now) {
    drop_ended();
    if (all_.empty() || all_.front().first > now) return nullptr;
    auto due = std::move(all_.front().second);
    all_.pop_front();
    return due;
  }
  /// time_point::max(): there is none.
  time_point next() {
    drop_ended();
    return all_.empty() ? time_point::max() : all_.front().first;
  }
  void clear() { all_.clear(); }
  std::size_t size() const { return all_.size(); }

 private:
  static constexpr std::size_t slack = 64;  // a sweep of fewer is not worth its call
  void drop_ended() {
    while (!all_.empty() && all_.front().second->ended()) all_.pop_front();
  }
  std::deque<std::pair<time_point, std::shared_ptr<Token>>> all_;
};

}  // namespace freshet
