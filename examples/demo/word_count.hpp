#pragma once
#include <algorithm>
#include <cstdint>
#include <freshet/freshet.hpp>
#include <memory>
#include <mutex>
#include <string>

#include "text.hpp"

namespace demo {

/// A word, and how often it has come so far.
struct word_count {
  std::string word;
  std::uint64_t count = 0;
};

struct split_words {
  std::string lower;  // its memory is used again for the next word
  void process(const std::string& line, freshet::emitter<std::string>& out) {
    each_word(line, lower, [&](const std::string& word) { out.emit(word); });
  }
};

/// Reads its words grouped by themselves, so that the engine keeps one `state` for each.
struct count_words {
  using state = std::uint64_t;
  void process(const std::string& word, state& n, freshet::emitter<word_count>& out) { out.emit({word, ++n}); }
};

/// Ends the stream: keeps the largest count of each word. Repetitions don't matter, so it is right under replay. Copies
/// share the table, to which each adds when its task closes.
class word_table {
 public:
  word_table() : shared_(std::make_shared<shared>()) {}
  word_table(const word_table& other) : shared_(other.shared_) {}
  void write(const word_count& w) {
    auto& n = mine_[w.word];
    n = std::max(n, w.count);
  }
  void close() {
    std::lock_guard lock(shared_->mutex);
    for (const auto& [word, n] : mine_) {
      auto& all = shared_->counts[word];
      all = std::max(all, n);
    }
    mine_.clear();
  }
  /// Takes what the tasks of a run that is over have left.
  word_counts take() const {
    std::lock_guard lock(shared_->mutex);
    return std::exchange(shared_->counts, {});
  }

 private:
  struct shared {
    std::mutex mutex;
    word_counts counts;
  };
  std::shared_ptr<shared> shared_;
  word_counts mine_;
};

/// lines -> split -> (by word) count -> table. It knows nothing of engines.
freshet::topology word_count_topology(const text& from, const word_table& to);

}  // namespace demo
