#pragma once
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace freshet {

/// Keeps what it gets, in the order of arrival. Copies share the values: hand one to the topology, keep one to read.
/// Thread safe.
template <class T>
class collect_sink {
 public:
  collect_sink() : shared_(std::make_shared<shared>()) {}
  void write(const T& value) {
    std::lock_guard lock(shared_->mutex);
    shared_->values.push_back(value);
  }
  /// A copy of what has come so far.
  std::vector<T> values() const {
    std::lock_guard lock(shared_->mutex);
    return shared_->values;
  }
  /// Takes what has come so far.
  std::vector<T> take() {
    std::lock_guard lock(shared_->mutex);
    return std::exchange(shared_->values, {});
  }
  std::size_t size() const {
    std::lock_guard lock(shared_->mutex);
    return shared_->values.size();
  }

 private:
  struct shared {
    mutable std::mutex mutex;
    std::vector<T> values;
  };
  std::shared_ptr<shared> shared_;
};

}  // namespace freshet
