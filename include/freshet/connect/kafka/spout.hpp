#pragma once
#include <algorithm>
#include <exception>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "freshet/connect/kafka/consumer.hpp"
#include "freshet/connect/kafka/formats.hpp"
#include "freshet/core/spout.hpp"

namespace freshet::kafka {

/// Emits the records of Kafka topics.
///     struct order { static constexpr std::string_view field_names[] = {"id", "cents"};
///                    std::int64_t id = 0, cents = 0; };
///     builder.spout("orders", freshet::kafka::spout<order>{{.servers = "broker:9092", .topics = {"orders"},
///                                                           .group = "billing"}}, {.parallelism = 2});
/// A T is made of a record by a decoder: a format (`text`, `json`, `binary`, `whole`), or a function of a
/// `const kafka::record&`. Without one structs are read from JSON, text and numbers from text, and a `kafka::message`
/// is all of the record. A record that can't become a T meets the spout's `on_failure` at once; its dead letter names
/// topic, partition and offset, and has the value's bytes. With a message comes the record's time, so that
/// `assign_event_time(freshet::time_of_spout{}, ...)` can take it.
///
/// Can read again. A partition of a topic is a partition here, an offset a position; where offsets have gaps, after
/// compaction and behind transactions, positions have them too. `partitions_from` says who deals partitions. Records
/// that are deleted before they were read are lost (`range_lost`, see `spout_options::on_data_loss`) where they are
/// looked for at a start or a replay, and an error of the run where they vanish while it reads.
///
/// Records of open transactions are not seen, nor those of transactions that were given up (`isolation.level` is
/// read_committed). A read that finds nothing costs no thread: the client library calls when something comes.
///
/// Not thread safe. Copies made before `open` are independent: each has a connection of its own.
template <class T, class Decode = default_format<T>>
class spout {
  static_assert(detail::decodes<Decode, T>,
                "kafka::spout<T>: the decoder has to be a format, with  void decode(const kafka::record&, T&) , or a "
                "function of a  const kafka::record&  that gives a T, a std::optional<T> or a freshet::result<T>");

 public:
  /// Throws std::invalid_argument for options that can't be meant.
  explicit spout(consumer_options options, Decode decode = {})
      : options_(std::move(options)), decode_(std::move(decode)) {
    consumer::check(options_);
  }

  /// Throws std::runtime_error where the brokers can't be reached or say no, with what to do.
  void open(const task_context& context) { consumer_ = std::make_shared<consumer>(options_, context); }
  void close() {
    if (const auto c = std::exchange(consumer_, nullptr)) c->close();
  }
  std::vector<std::string> partitions() const { return consumer::partitions(options_); }
  poll_status poll(spout_emitter<T>& out) {
    const auto wanted = [&out](partition_id p) { return out.wants(p); };
    auto said = poll_status::emitted();
    for (auto left = std::max<std::size_t>(out.room(), 1); left > 0; --left) {
      const record* r = consumer_->next(wanted);
      if (!r) {
        said = consumer_->status();
        break;
      }
      emit(*r, consumer_->at(), out);
    }
    for (auto p : consumer_->take_ended()) out.end(p);
    return said;
  }
  void read(const position_range& range, spout_emitter<T>& out) {
    consumer_->again(range);
    while (const record* r = consumer_->next_again()) emit(*r, consumer_->at(), out);
  }
  void seek(const position& p) { consumer_->seek(p); }
  void commit(const position& p) { consumer_->commit(p); }

 private:
  void emit(const record& r, const position& at, spout_emitter<T>& out) {
    std::optional<T> value;
    try {
      value = detail::decoded<T>(decode_, r);
    } catch (const std::exception& e) {
      return out.reject(
          at,
          {errc::data_loss, "topic " + std::string(r.topic) + ", partition " + std::to_string(r.partition) +
                                ", offset " + std::to_string(r.offset) + ": " + e.what()},
          std::string(r.value.value_or("")));
    }
    if (!value) return consumer_->pass_over();
    if (r.time) out.emit_at(at, *r.time, std::move(*value));
    else out.emit(at, std::move(*value));
  }

  consumer_options options_;
  Decode decode_;
  std::shared_ptr<consumer> consumer_;  // while open: not shared, but a spout can be copied
};

/// From a function of a `const kafka::record&`.
template <class Decode>
spout(consumer_options, Decode) -> spout<typename detail::decoded_by<Decode>::type, Decode>;

}  // namespace freshet::kafka
