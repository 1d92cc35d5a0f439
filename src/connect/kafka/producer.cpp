#include "freshet/connect/kafka/producer.hpp"

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <vector>

#include "connect/kafka/connection.hpp"

namespace freshet::kafka {

namespace {

client_settings settings_of(const producer_options& o, const task_context& context) {
  static constexpr std::pair<const char*, const char*> defaults[] = {
      {"retry.backoff.ms", "20"},
      // Nothing waits for others: with five requests in flight at most, records gather while those are under way.
      {"linger.ms", "0"},
      {"partitioner", "murmur2_random"},  // as the Java clients
  };
  static constexpr std::pair<const char*, const char*> refused[] = {
      {"enable.idempotence", "at least once needs it as it is: true"},
      {"acks", "at least once needs it as it is: all"},
      {"request.required.acks", "at least once needs it as it is: all"},
      {"message.timeout.ms", "the sink's options have `delivery_timeout`"},
      {"delivery.timeout.ms", "the sink's options have `delivery_timeout`"},
      {"queue.buffering.max.messages", "the sink's options have `max_in_flight`"},
      {"queue.buffering.max.kbytes", "the sink's options have `max_in_flight_bytes`"},
      {"delivery.report.only.error", "a tuple is finished when its record's report has come"},
      {"transactional.id", "this sink is at least once, and has no transactions"},
  };
  auto all = common_settings("sink", o.servers, o.settings, context);
  all.defaults.insert(all.defaults.end(), std::begin(defaults), std::end(defaults));
  for (const auto& [name, instead] : refused) all.refused.push_back({name, instead});
  all.fixed = {
      {"enable.idempotence", "true"},
      {"message.timeout.ms", std::to_string(o.delivery_timeout.count())},
      {"queue.buffering.max.messages", std::to_string(std::clamp<std::size_t>(o.max_in_flight + 1000, 1, 10'000'000))},
      // More than `has_room` lets in, so that a record that has been let in is taken and nobody has to wait in `send`.
      {"queue.buffering.max.kbytes",
       std::to_string(std::clamp<std::size_t>((o.max_in_flight_bytes >> 10) + 16'384, 1024, 2'097'151))},
  };
  return all;
}

rd_kafka_vu_t topic_of(const char* name) {
  rd_kafka_vu_t v{};
  v.vtype = RD_KAFKA_VTYPE_TOPIC;
  v.u.cstr = name;
  return v;
}
rd_kafka_vu_t number(rd_kafka_vtype_t what, std::int64_t n) {
  rd_kafka_vu_t v{};
  v.vtype = what;
  if (what == RD_KAFKA_VTYPE_PARTITION) v.u.i32 = std::int32_t(n);
  else if (what == RD_KAFKA_VTYPE_MSGFLAGS) v.u.i = int(n);
  else v.u.i64 = n;
  return v;
}
rd_kafka_vu_t bytes(rd_kafka_vtype_t what, std::string_view data) {
  rd_kafka_vu_t v{};
  v.vtype = what;
  v.u.mem.ptr = const_cast<char*>(data.data() ? data.data() : "");  // not null: that would be no value at all
  v.u.mem.size = data.size();
  return v;
}
rd_kafka_vu_t header_of(const header& h) {
  rd_kafka_vu_t v{};
  v.vtype = RD_KAFKA_VTYPE_HEADER;
  v.u.header.name = h.name.c_str();
  v.u.header.val = h.value ? h.value->data() : nullptr;
  v.u.header.size = h.value ? static_cast<ssize_t>(h.value->size()) : 0;
  return v;
}

bool is_unknown_topic(rd_kafka_resp_err_t code) {
  return code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || code == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC;
}
/// Where it is the sink's own topic, no tuple gets anywhere. One that an encoder names is a matter of its tuple.
bool is_topic_lost(rd_kafka_resp_err_t code) {
  return is_unknown_topic(code) || code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
}
constexpr const char* grant_write = ": grant the user of these settings Write for the topic";
constexpr const char* was_its_topic_deleted = "; was the topic deleted while the run writes to it?";

}  // namespace

/// Each record that is in flight has a place, whose number goes with it; the tuple that waits for its answer is there.
/// Answers come where the client is polled, on the task's thread.
struct producer::parts {
  producer_options options;
  connection to;
  std::vector<held_tuple> places{};
  std::vector<std::uint32_t> free{};
  std::size_t bytes_in_flight = 0;  ///< keys and values
  std::uint32_t last = 0;           ///< of the record that was sent last
  std::size_t in_flight = 0;
  std::size_t to_flush = 0;  ///< so many of them are not to wait for others any more
  std::vector<rd_kafka_vu_t> fields{};

  parts(const producer_options& o, const task_context& c)
      : options(o), to(RD_KAFKA_PRODUCER, settings_of(o, c), c.log, &add_callbacks, this) {}
  static void add_callbacks(rd_kafka_conf_t* conf) { rd_kafka_conf_set_dr_msg_cb(conf, &on_delivery); }

  static void on_delivery(rd_kafka_t*, const rd_kafka_message_t* m, void* self) {
    auto& me = *static_cast<parts*>(connection::opaque_of(self));
    const auto place = static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(m->_private));
    auto waiting = std::move(me.places[place]);
    me.give_back(place);
    if (me.to_flush > 0) --me.to_flush;
    me.bytes_in_flight -= m->len + m->key_len;
    if (m->err == RD_KAFKA_RESP_ERR_NO_ERROR && m->offset >= 0) return waiting.ack();
    const auto unusable = me.why_unusable();
    const bool is_own = !m->rkt || rd_kafka_topic_name(m->rkt) == me.options.topic;
    waiting.fail({.code = errc::io,
                  .message = unusable.value_or(me.why_not(*m)),
                  .fatal = unusable || (is_own && is_topic_lost(m->err))});
  }
  /// Of a client that has failed for good, as one that is fenced: it sends nothing any more, and the run ends.
  std::optional<std::string> why_unusable() const {
    const auto why = to.fatal();
    if (!why) return {};
    const auto whose = options.topic.empty() ? "" : "topic " + options.topic + ": ";
    const bool lacks_right = why->find("authorization failed") != why->npos;
    const auto way_out = lacks_right ? grant_write : " (this producer is of no use any more: start again)";
    return whose + to.unreachable(*why + way_out);
  }
  /// One without an error and without an offset, too, is not known to be there: the broker has taken its batch for one
  /// that it has. That is so when an answer was lost. It is not when, in a topic just made, the first batch came before
  /// the partition had a leader and the second behind that: librdkafka 2.0.2 and Kafka 3.9 lose the first then.
  std::string why_not(const rd_kafka_message_t& m) const {
    std::string what = "topic " + std::string(m.rkt ? rd_kafka_topic_name(m.rkt) : options.topic) + ": a record of " +
                       std::to_string(m.len) + " bytes was not delivered: " +
                       (m.err ? in_words(m.err) : "the broker takes it for one that it has, and does not say where");
    if (m.err == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE)
      what += ": raise max.message.bytes of the topic, or make records smaller";
    if (m.err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED) what += grant_write;
    if (is_unknown_topic(m.err)) what += was_its_topic_deleted;
    if (m.err == RD_KAFKA_RESP_ERR__MSG_TIMED_OUT)
      what +=
          ": no broker took it within delivery_timeout (" + std::to_string(options.delivery_timeout.count()) + " ms)";
    return what;
  }
  /// Of a topic just made a partition has a leader before that knows of it, and what it is sent then may be lost (see
  /// `why_not`). Not more than a hundred are asked: the others have had the time.
  void await_leaders(const connection::topic& topic) {
    const auto until = std::chrono::steady_clock::now() + options.connect_timeout;
    for (std::int32_t p = 0; p < std::min(topic.partitions, 100); ++p) {
      std::int64_t low = 0, end = 0;
      while (rd_kafka_query_watermark_offsets(to.get(), topic.name.c_str(), p, &low, &end, 1000) !=
                 RD_KAFKA_RESP_ERR_NO_ERROR &&
             std::chrono::steady_clock::now() < until)
        to.serve(std::chrono::milliseconds(10));
    }
  }
  /// The library's threads send what waits for others while they are asked to, and hear of that a moment later: until
  /// the answers are there they are asked again, for a moment each time.
  void go_on_flushing() {
    if (to_flush > 0) rd_kafka_flush(to.get(), 1);
  }
  std::uint32_t take_place() {
    if (free.empty()) {
      places.emplace_back();
      free.push_back(std::uint32_t(places.size() - 1));
    }
    const auto place = free.back();
    free.pop_back();
    ++in_flight;
    return place;
  }
  void give_back(std::uint32_t place) {
    free.push_back(place);
    --in_flight;
  }

  void describe(const outgoing& r, std::uint32_t place) {
    const auto& topic = r.topic().empty() ? options.topic : r.topic();
    fields.clear();
    fields.push_back(topic_of(topic.c_str()));
    fields.push_back(number(RD_KAFKA_VTYPE_MSGFLAGS, RD_KAFKA_MSG_F_COPY));
    if (r.partition() >= 0) fields.push_back(number(RD_KAFKA_VTYPE_PARTITION, r.partition()));
    if (const auto key = r.key()) fields.push_back(bytes(RD_KAFKA_VTYPE_KEY, *key));
    if (const auto value = r.payload()) fields.push_back(bytes(RD_KAFKA_VTYPE_VALUE, *value));
    if (const auto time = r.time())
      fields.push_back(number(RD_KAFKA_VTYPE_TIMESTAMP, time->time_since_epoch().count()));
    for (const auto& h : r.headers()) fields.push_back(header_of(h));
    rd_kafka_vu_t opaque{};
    opaque.vtype = RD_KAFKA_VTYPE_OPAQUE;
    opaque.u.ptr = reinterpret_cast<void*>(std::uintptr_t(place));
    fields.push_back(opaque);
  }
  /// Where the client has no room answers make some: the engine that doesn't ask first waits here.
  void send(const outgoing& r) {
    const auto place = take_place();
    describe(r, place);
    while (true) {
      rd_kafka_error_t* e = rd_kafka_produceva(to.get(), fields.data(), fields.size());
      if (!e) break;
      const auto code = rd_kafka_error_code(e);
      const std::string why = rd_kafka_error_string(e);
      rd_kafka_error_destroy(e);
      if (code == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
        rd_kafka_poll(to.get(), 10);
        continue;
      }
      give_back(place);
      if (const auto unusable = why_unusable()) throw fatal_error(*unusable);
      const bool is_own = r.topic().empty() || r.topic() == options.topic;
      if (is_own && is_topic_lost(code)) throw fatal_error(why_not_sent(r, code, why));
      refuse(why_not_sent(r, code, why));
    }
    last = place;
    bytes_in_flight += r.payload().value_or("").size() + r.key().value_or("").size();
  }
  bool has_room() const { return in_flight < options.max_in_flight && bytes_in_flight < options.max_in_flight_bytes; }
  std::string why_not_sent(const outgoing& r, rd_kafka_resp_err_t code, const std::string& why) const {
    const auto& topic = r.topic().empty() ? options.topic : r.topic();
    std::string what = "topic " + topic + ": a record can't be sent: " + why;
    if (code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE)
      what += ": its value has " + std::to_string(r.payload().value_or("").size()) +
              " bytes; the setting message.max.bytes and the topic's max.message.bytes bound a record";
    if (is_unknown_topic(code)) what += was_its_topic_deleted;
    if (code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED) what += grant_write;
    if (code == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION)
      what += ": the topic has no partition " + std::to_string(r.partition());
    return what;
  }
};

void producer::check(const producer_options& o) {
  const auto mistake = [](const std::string& what) { throw std::invalid_argument("kafka::sink: " + what); };
  if (o.servers.empty()) mistake("no brokers: name one in `servers`, such as \"localhost:9092\"");
  if (o.max_in_flight == 0) mistake("max_in_flight 0 lets nothing be sent");
  if (o.delivery_timeout.count() <= 0) mistake("delivery_timeout has to be longer than 0");
}

producer::producer(const producer_options& options, const task_context& context)
    : parts_(std::make_unique<parts>(options, context)) {
  // Asked for now, a topic's first record takes 10 ms instead of a second.
  if (options.topic.empty()) parts_->to.all_topics(options.connect_timeout);
  else parts_->await_leaders(parts_->to.topics({options.topic}, options.connect_timeout)[0]);
  parts_->to.wake_by(context.wake);
}
producer::~producer() = default;

void producer::send(const outgoing& record) { parts_->send(record); }
void producer::answer_to(held_tuple waiting) { parts_->places[parts_->last] = std::move(waiting); }
void producer::serve() {
  parts_->go_on_flushing();
  rd_kafka_poll(parts_->to.get(), 0);
  if (const auto why = parts_->why_unusable()) throw fatal_error(*why);
}

bool producer::has_room() {
  if (parts_->has_room()) return true;
  rd_kafka_poll(parts_->to.get(), 0);
  return parts_->has_room();
}

void producer::flush() {
  if (std::stod(value_of(rd_kafka_conf(parts_->to.get()), "linger.ms")) <= 0) return;  // nothing waits
  parts_->to_flush = parts_->in_flight;
  parts_->go_on_flushing();
}

void producer::close() {
  parts& p = *parts_;
  if (p.in_flight > 0) rd_kafka_flush(p.to.get(), int(p.options.close_timeout.count()));
  if (p.in_flight == 0) return;
  // Their tuples fail; where nobody waits for them any more they are lost with the run, as best effort is.
  p.to.log().log(log_level::warning, "kafka",
                 std::to_string(p.in_flight) + " records for " + p.options.servers +
                     " are not delivered: the run ends, and no broker took them in time");
  rd_kafka_purge(p.to.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
  rd_kafka_flush(p.to.get(), 100);
}

}  // namespace freshet::kafka
