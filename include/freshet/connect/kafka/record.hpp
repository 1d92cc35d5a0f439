#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "freshet/base/event_time.hpp"

namespace freshet::kafka {

/// A header of a record: a name, which may repeat, and bytes, or nothing (null).
struct header {
  std::string name;
  std::optional<std::string> value;
  friend bool operator==(const header&, const header&) = default;
};

/// A record with all that belongs to it, as a value that can travel: for topologies that pass records on, such as
/// copies of topics and dead letters.
struct message {
  std::string topic;            ///< a sink: empty means the sink's own
  std::int32_t partition = -1;  ///< a sink: -1 leaves it to the partitioner
  std::int64_t offset = -1;     ///< a sink ignores it
  /// When it was made, or when the broker took it, as the topic is set up. A sink: nothing means now.
  std::optional<event_time> time;
  std::optional<std::string> key;    ///< bytes; nothing: null
  std::optional<std::string> value;  ///< bytes; nothing: null, a tombstone
  std::vector<header> headers;       ///< in their order
  friend bool operator==(const message&, const message&) = default;
};

/// A record that was read, as a decoder sees it. A view: valid during the decoder's call.
struct record {
  std::string_view topic;
  std::int32_t partition = 0;
  std::int64_t offset = 0;
  std::optional<event_time> time;              ///< when it was made, or when the broker took it, as the topic is set up
  std::optional<std::string_view> key, value;  ///< nothing: null

  /// Read when they are asked for.
  std::vector<header> headers() const;
  /// A copy of all of it.
  message copy() const;

  const void* read_from = nullptr;  ///< engine side: the client library's record
};

/// A record to be written, which an encoder fills in. It is used again for the next one, so that its memory is. At
/// first it has no key, no headers and an empty value, and goes to the sink's topic, with the time at which it is
/// written.
class outgoing {
 public:
  void set_key(std::string_view key) {
    key_.assign(key);
    has_key_ = true;
  }
  /// The value's bytes, to append to.
  std::string& value() { return value_; }
  /// The value is null: where a topic is compacted, what has this key is deleted.
  void make_tombstone() { is_tombstone_ = true; }
  void add_header(std::string name, std::optional<std::string> value) {
    headers_.push_back({std::move(name), std::move(value)});
  }
  void set_time(event_time when) { time_ = when; }
  /// Instead of what the partitioner makes of the key.
  void set_partition(std::int32_t partition) { partition_ = partition; }
  /// Instead of the sink's.
  void set_topic(std::string_view topic) { topic_.assign(topic); }

  // --- the sink's side ---
  std::optional<std::string_view> key() const {
    return has_key_ ? std::optional<std::string_view>(key_) : std::nullopt;
  }
  std::optional<std::string_view> payload() const {
    return is_tombstone_ ? std::nullopt : std::optional<std::string_view>(value_);
  }
  const std::vector<header>& headers() const { return headers_; }
  std::optional<event_time> time() const { return time_; }
  std::int32_t partition() const { return partition_; }
  const std::string& topic() const { return topic_; }
  void clear() {
    has_key_ = is_tombstone_ = false;
    value_.clear();
    topic_.clear();
    headers_.clear();
    time_.reset();
    partition_ = -1;
  }

 private:
  std::string key_, value_, topic_;
  std::vector<header> headers_;
  std::optional<event_time> time_;
  std::int32_t partition_ = -1;
  bool has_key_ = false, is_tombstone_ = false;
};

}  // namespace freshet::kafka
