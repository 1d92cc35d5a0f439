#pragma once
#include <functional>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <utility>

namespace freshet {

/// Calls one function for every tuple: the way out into a service. Unlike a lambda as a sink, which is copied for each
/// task, the function is one for all tasks and copies, and its calls never overlap: it may change what it captured.
///     builder.sink("answers", freshet::callback_sink<answer>{[&](const answer& a) { waiting.finish(a);
///     }}).input(answers);
///
/// What it throws fails the tuple. It runs on a worker: hand over what takes long.
template <class T>
class callback_sink {
 public:
  /// Throws std::invalid_argument for an empty function.
  explicit callback_sink(std::function<void(const T&)> function) : shared_(std::make_shared<shared>()) {
    if (!function) throw std::invalid_argument("callback_sink: the function is empty");
    shared_->function = std::move(function);
  }
  void write(const T& value) {
    std::lock_guard lock(shared_->mutex);
    shared_->function(value);
  }

 private:
  struct shared {
    std::mutex mutex;
    std::function<void(const T&)> function;
  };
  std::shared_ptr<shared> shared_;
};

}  // namespace freshet
