#pragma once
#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "freshet/connect/kafka/formats.hpp"
#include "freshet/connect/kafka/producer.hpp"
#include "freshet/core/emitter.hpp"
#include "freshet/core/task_context.hpp"

namespace freshet::kafka {

/// Writes tuples to a Kafka topic, each as a record.
///     builder.sink("totals", freshet::kafka::sink{{.servers = "broker:9092", .topic = "totals"},
///                                                 freshet::kafka::with_key(&total::city, freshet::kafka::json{})})
///         .input(totals);
/// A record is made of a T by an encoder: a format (`text`, `json`, `binary`, `whole`), one with a key (`with_key`), or
/// a function `void(kafka::outgoing&, const T&)`, which can set key, headers, time, partition and topic, or make a
/// tombstone. Without one structs are written as JSON, text and numbers as text, a `kafka::message` as it is. Records
/// with equal keys go to one partition, the one that Kafka's Java clients choose (murmur2).
///
/// At least once: a tuple is finished when all in-sync replicas have its record (acks=all). The client library repeats
/// what fails, in order and without doubling (idempotence), until `delivery_timeout`; then the tuple fails, and is
/// replayed. What the brokers refuse, such as a record that is too large for the topic, fails it at once.
///
/// Not thread safe. Each task has a connection of its own.
template <class T, class Encode = default_format<T>>
class sink {
  static_assert(detail::encodes<Encode, T>,
                "kafka::sink<T>: the encoder has to be a format, with  void encode(kafka::outgoing&, const T&) , or a "
                "function of these two");

 public:
  /// For answers that the waker has missed.
  static constexpr std::chrono::nanoseconds default_tick = std::chrono::milliseconds(100);

  /// Throws std::invalid_argument for options that can't be meant.
  explicit sink(producer_options options, Encode encode = {})
      : options_(std::move(options)), encode_(std::move(encode)) {
    producer::check(options_);
  }

  /// Throws std::runtime_error where the brokers can't be reached or say no, with what to do.
  void open(const task_context& context) { producer_ = std::make_shared<producer>(options_, context); }
  void write(const T& value, emitter<void>& out) {
    record_.clear();
    detail::encode(encode_, record_, value);
    producer_->send(record_);
    producer_->answer_to(out.hold());
  }
  bool ready() { return producer_->has_room(); }
  void on_wake() { producer_->serve(); }
  void on_tick() { producer_->serve(); }
  void flush() { producer_->flush(); }
  void close() {
    if (const auto p = std::exchange(producer_, nullptr)) p->close();
  }

 private:
  producer_options options_;
  Encode encode_;
  outgoing record_;
  std::shared_ptr<producer> producer_;  // while open: not shared, but a sink can be copied
};

/// From a function of `(kafka::outgoing&, const T&)`, or a `with_key` by a member of T.
template <class Encode>
sink(producer_options, Encode) -> sink<typename detail::encoded_by<Encode>::type, Encode>;

}  // namespace freshet::kafka
