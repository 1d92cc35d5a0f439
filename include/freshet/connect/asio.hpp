#pragma once
#include <utility>
// <utility> first: GCC 12 finds no std::exchange in Boost 1.81's awaitable.hpp without it.
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <memory>
#include <optional>
#include <type_traits>

#include "freshet/connect/memory/push_spout.hpp"

namespace freshet {

namespace detail {
/// One async_push under way. Kept alive by whoever may still finish it: the spout's queue, and the cancellation slot.
template <class T, class Handler>
class async_push_operation : public std::enable_shared_from_this<async_push_operation<T, Handler>> {
 public:
  async_push_operation(push_spout<T> to, Handler handler)
      : to_(std::move(to)), handler_(std::move(handler)), work_(boost::asio::make_work_guard(handler_)) {}

  void start(T value) {
    auto self = this->shared_from_this();
    auto slot = boost::asio::get_associated_cancellation_slot(handler_);
    // Before the push: from then on the handler may run, elsewhere. A slot is only triggered from its handler's own
    // strand, on which we are, so `ticket_` is set by then.
    if (slot.is_connected())
      slot.assign([self](boost::asio::cancellation_type type) {
        if (type != boost::asio::cancellation_type::none && self->to_.withdraw(self->ticket_))
          self->complete(boost::asio::error::operation_aborted);
      });
    ticket_ = to_.push_then(std::move(value), [self](const result<void>& pushed) {
      self->complete(pushed ? boost::system::error_code() : boost::asio::error::broken_pipe);
    });
  }

 private:
  /// Called once, on any thread: the handler runs on its own executor, never in here.
  void complete(boost::system::error_code outcome) {
    boost::asio::post(work_.get_executor(), [self = this->shared_from_this(), outcome] {
      auto slot = boost::asio::get_associated_cancellation_slot(self->handler_);
      if (slot.is_connected()) slot.clear();
      auto work = std::move(self->work_);
      auto handler = std::move(self->handler_);
      std::move(handler)(outcome);
    });
  }

  push_spout<T> to_;
  Handler handler_;
  boost::asio::executor_work_guard<boost::asio::associated_executor_t<Handler>> work_;
  typename push_spout<T>::ticket ticket_ = 0;
};
}  // namespace detail

/// Pushes as soon as there is room, without a waiting thread; those who wait are served in turn. Completes with
/// `void(boost::system::error_code)` on the handler's executor: success, boost::asio::error::broken_pipe when the run
/// is over or the spout closed, operation_aborted when cancelled while it waited (the value was not pushed then).
/// Supports cancellation of every type, and every completion token:
///     order next = parse(request);                              // a name of its own: GCC 12 miscompiles aggregate
///     co_await async_push(orders, std::move(next), use_awaitable);      // temporaries in a co_await expression
///
/// Thread safe. The executor keeps running until the push has completed.
template <class T, class CompletionToken>
auto async_push(push_spout<T> to, std::type_identity_t<T> value, CompletionToken&& token) {
  return boost::asio::async_initiate<CompletionToken, void(boost::system::error_code)>(
      [](auto handler, push_spout<T> spout, T pushed) {
        using operation = detail::async_push_operation<T, decltype(handler)>;
        std::make_shared<operation>(std::move(spout), std::move(handler))->start(std::move(pushed));
      },
      token, std::move(to), std::move(value));
}

}  // namespace freshet
