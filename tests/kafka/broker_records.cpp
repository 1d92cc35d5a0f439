#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <thread>

#include "kafka/broker.hpp"

namespace freshet::kafka {

namespace {

constexpr int timeout_ms = 30'000;

/// Calls `Free` when it goes.
template <auto Free>
struct freed {
  template <class T>
  void operator()(T* t) const {
    Free(t);
  }
};
using client = std::unique_ptr<rd_kafka_t, freed<rd_kafka_destroy>>;
using partition_list = std::unique_ptr<rd_kafka_topic_partition_list_t, freed<rd_kafka_topic_partition_list_destroy>>;
using queue = std::unique_ptr<rd_kafka_queue_t, freed<rd_kafka_queue_destroy>>;
using event = std::unique_ptr<rd_kafka_event_t, freed<rd_kafka_event_destroy>>;
using new_topic = std::unique_ptr<rd_kafka_NewTopic_t, freed<rd_kafka_NewTopic_destroy>>;
using topic_handle = std::unique_ptr<rd_kafka_topic_t, freed<rd_kafka_topic_destroy>>;
using message = std::unique_ptr<rd_kafka_message_t, freed<rd_kafka_message_destroy>>;

[[noreturn]] void fail(const std::string& what, const std::string& why) { throw std::runtime_error(what + ": " + why); }

void check(rd_kafka_resp_err_t error, const std::string& what) {
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) fail(what, rd_kafka_err2str(error));
}

void check(rd_kafka_error_t* error, const std::string& what) {
  if (!error) return;
  const std::string why = rd_kafka_error_string(error);
  rd_kafka_error_destroy(error);
  fail(what, why);
}

void on_delivery(rd_kafka_t*, const rd_kafka_message_t* m, void*);

client make_client(rd_kafka_type_t type, const std::string& bootstrap, const raw_settings& settings) {
  auto* conf = rd_kafka_conf_new();
  char why[512] = "";
  const auto set = [&](const std::string& name, const std::string& value) {
    if (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), why, sizeof why) == RD_KAFKA_CONF_OK) return;
    rd_kafka_conf_destroy(conf);
    fail(name + "=" + value, why);
  };
  set("bootstrap.servers", bootstrap);
  set("log_level", "0");  // what matters is thrown
  set("socket.nagle.disable", "true");
  for (const auto& [name, value] : settings) set(name, value);
  rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
  client made(rd_kafka_new(type, conf, why, sizeof why));
  if (!made) {
    rd_kafka_conf_destroy(conf);
    fail("a client of librdkafka", why);
  }
  return made;
}

/// The partitions of a topic: 0 when there is none of this name. Each has a leader, else -1.
int count_partitions(rd_kafka_t* from, const std::string& topic) {
  const topic_handle named(rd_kafka_topic_new(from, topic.c_str(), nullptr));
  const rd_kafka_metadata_t* got = nullptr;
  check(rd_kafka_metadata(from, 0, named.get(), &got, timeout_ms), "what is known of topic " + topic);
  const std::unique_ptr<const rd_kafka_metadata_t, freed<rd_kafka_metadata_destroy>> owned(got);
  const auto& found = got->topics[0];
  if (found.err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) return 0;
  const auto led = [](const rd_kafka_metadata_partition_t& p) { return p.err == 0 && p.leader >= 0; };
  if (found.err != 0 || !std::all_of(found.partitions, found.partitions + found.partition_cnt, led)) return -1;
  return found.partition_cnt;
}

/// Asks again until it is so. The broker answers before what it was told is known everywhere.
void await_partitions(rd_kafka_t* from, const std::string& topic, int wanted) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
  while (count_partitions(from, topic) != wanted) {
    if (std::chrono::steady_clock::now() > end)
      fail("topic " + topic, "has not come to " + std::to_string(wanted) + " partitions with leaders");
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

/// Of several nodes one may not have heard of the topic yet.
int partitions_of(rd_kafka_t* from, const std::string& topic) {
  int count = count_partitions(from, topic);
  for (int n = 0; count <= 0 && n < 100; ++n) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    count = count_partitions(from, topic);
  }
  if (count <= 0) fail("topic " + topic, count == 0 ? "there is none" : "it has no leader");
  return count;
}

/// What the broker says about the one topic of a request.
void check_topic_event(rd_kafka_event_t* done, const std::string& what) {
  if (!done) fail(what, "no answer");
  check(rd_kafka_event_error(done), what);
  const auto* created = rd_kafka_event_CreateTopics_result(done);
  const auto* deleted = created ? nullptr : rd_kafka_event_DeleteTopics_result(done);
  std::size_t count = 0;
  const auto** results = created ? rd_kafka_CreateTopics_result_topics(created, &count)
                                 : rd_kafka_DeleteTopics_result_topics(deleted, &count);
  if (rd_kafka_topic_result_error(results[0]) != 0) fail(what, rd_kafka_topic_result_error_string(results[0]));
}

// -------- writing

void* bytes_of(const std::optional<std::string>& text) { return text ? const_cast<char*>(text->data()) : nullptr; }
std::size_t size_of(const std::optional<std::string>& text) { return text ? text->size() : 0; }

rd_kafka_headers_t* headers_of(const raw_record& r) {
  auto* all = rd_kafka_headers_new(r.headers.size());
  for (const auto& [name, value] : r.headers)
    rd_kafka_header_add(all, name.c_str(), -1, bytes_of(value), static_cast<ssize_t>(size_of(value)));
  return all;
}

/// What happened to a record: where it lies, or why not.
struct delivery {
  raw_record* record;
  std::string why_not;
};

void on_delivery(rd_kafka_t*, const rd_kafka_message_t* m, void*) {
  auto& to = *static_cast<delivery*>(m->_private);
  if (m->err != 0) to.why_not = rd_kafka_err2str(m->err);
  to.record->partition = m->partition;
  to.record->offset = m->offset;
  to.record->time_ms = rd_kafka_message_timestamp(m, nullptr);
}

/// Waits where the queue of the producer is full.
void enqueue(rd_kafka_t* to, const std::string& topic, const raw_record& r, delivery& report) {
  for (;;) {
    auto* headers = headers_of(r);
    const auto error =
        rd_kafka_producev(to, RD_KAFKA_V_TOPIC(topic.c_str()), RD_KAFKA_V_PARTITION(r.partition),
                          RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY(bytes_of(r.key), size_of(r.key)),
                          RD_KAFKA_V_VALUE(bytes_of(r.value), size_of(r.value)),
                          RD_KAFKA_V_TIMESTAMP(std::max<std::int64_t>(r.time_ms, 0)), RD_KAFKA_V_HEADERS(headers),
                          RD_KAFKA_V_OPAQUE(&report), RD_KAFKA_V_END);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return;  // which owns the headers then
    rd_kafka_headers_destroy(headers);
    if (error != RD_KAFKA_RESP_ERR__QUEUE_FULL) check(error, "a record for topic " + topic);
    rd_kafka_poll(to, 10);
  }
}

void write_all(rd_kafka_t* to, const std::string& topic, std::vector<raw_record>& records) {
  partitions_of(to, topic);  // a first record without it takes a second
  std::vector<delivery> reports;
  reports.reserve(records.size());
  for (auto& r : records) enqueue(to, topic, r, reports.emplace_back(delivery{&r, {}}));
  const auto flushed = rd_kafka_flush(to, timeout_ms);
  if (flushed != 0) rd_kafka_purge(to, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
  if (flushed != 0) rd_kafka_flush(to, timeout_ms);  // the reports point into this function
  check(flushed, "writing to topic " + topic);
  for (const auto& d : reports)
    if (!d.why_not.empty()) fail("a record for topic " + topic, d.why_not);
}

client make_producer(const std::string& bootstrap, raw_settings own, const raw_settings& settings) {
  own.insert(own.end(), {{"enable.idempotence", "true"}, {"partitioner", "murmur2_random"}});
  own.insert(own.end(), settings.begin(), settings.end());
  return make_client(RD_KAFKA_PRODUCER, bootstrap, own);
}

// -------- reading

std::vector<std::pair<std::string, std::optional<std::string>>> read_headers(const rd_kafka_message_t* m) {
  std::vector<std::pair<std::string, std::optional<std::string>>> all;
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(m, &headers) != 0) return all;
  const char* name = nullptr;
  const void* bytes = nullptr;
  std::size_t size = 0;
  while (rd_kafka_header_get_all(headers, all.size(), &name, &bytes, &size) == 0) {
    all.emplace_back(name, std::nullopt);
    if (bytes) all.back().second.emplace(static_cast<const char*>(bytes), size);
  }
  return all;
}

raw_record record_of(const rd_kafka_message_t* m) {
  raw_record r;
  if (m->key) r.key.emplace(static_cast<const char*>(m->key), m->key_len);
  if (m->payload) r.value.emplace(static_cast<const char*>(m->payload), m->len);
  r.headers = read_headers(m);
  r.time_ms = rd_kafka_message_timestamp(m, nullptr);
  r.partition = m->partition;
  r.offset = m->offset;
  return r;
}

/// All partitions, from their first record.
partition_list all_partitions(const std::string& topic, int count) {
  partition_list all(rd_kafka_topic_partition_list_new(count));
  for (int p = 0; p < count; ++p)
    rd_kafka_topic_partition_list_add(all.get(), topic.c_str(), p)->offset = RD_KAFKA_OFFSET_BEGINNING;
  return all;
}

std::vector<raw_record> read_to_ends(rd_kafka_t* from, const std::string& topic, int partitions) {
  std::vector<raw_record> all;
  std::vector<bool> ended(partitions);
  while (std::find(ended.begin(), ended.end(), false) != ended.end()) {
    const message m(rd_kafka_consumer_poll(from, timeout_ms));
    if (!m) fail("reading topic " + topic, "nothing comes");
    if (m->err == 0) all.push_back(record_of(m.get()));
    else if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) ended[m->partition] = true;
    else fail("reading topic " + topic, rd_kafka_message_errstr(m.get()));
  }
  return all;
}

client make_consumer(const std::string& bootstrap, const std::string& group, isolation which) {
  auto made = make_client(RD_KAFKA_CONSUMER, bootstrap,
                          {{"group.id", group},
                           {"enable.auto.commit", "false"},
                           {"enable.partition.eof", "true"},
                           {"isolation.level", which == isolation::committed ? "read_committed" : "read_uncommitted"}});
  rd_kafka_poll_set_consumer(made.get());
  return made;
}

}  // namespace

void kafka_broker::create_topic(const std::string& name, int partitions, const raw_settings& settings) const {
  const auto what = "creating topic " + name;
  const auto admin = make_client(RD_KAFKA_PRODUCER, client_bootstrap(), {});
  char why[512] = "";
  const new_topic wanted(rd_kafka_NewTopic_new(name.c_str(), partitions, -1, why, sizeof why));
  if (!wanted) fail(what, why);
  for (const auto& [key, value] : settings)
    check(rd_kafka_NewTopic_set_config(wanted.get(), key.c_str(), value.c_str()), what);
  const queue answers(rd_kafka_queue_new(admin.get()));
  auto* one = wanted.get();
  rd_kafka_CreateTopics(admin.get(), &one, 1, nullptr, answers.get());
  check_topic_event(event(rd_kafka_queue_poll(answers.get(), timeout_ms)).get(), what);
  await_partitions(admin.get(), name, partitions);
}

void kafka_broker::delete_topic(const std::string& name) const {
  const auto admin = make_client(RD_KAFKA_PRODUCER, client_bootstrap(), {});
  const std::unique_ptr<rd_kafka_DeleteTopic_t, freed<rd_kafka_DeleteTopic_destroy>> unwanted(
      rd_kafka_DeleteTopic_new(name.c_str()));
  const queue answers(rd_kafka_queue_new(admin.get()));
  auto* one = unwanted.get();
  rd_kafka_DeleteTopics(admin.get(), &one, 1, nullptr, answers.get());
  check_topic_event(event(rd_kafka_queue_poll(answers.get(), timeout_ms)).get(), "deleting topic " + name);
  await_partitions(admin.get(), name, 0);
}

void kafka_broker::delete_records(const std::string& topic, int partition, std::int64_t before) const {
  const auto from = make_client(RD_KAFKA_PRODUCER, client_bootstrap(), {});
  const partition_list which(rd_kafka_topic_partition_list_new(1));
  rd_kafka_topic_partition_list_add(which.get(), topic.c_str(), partition)->offset = before;
  auto* request = rd_kafka_DeleteRecords_new(which.get());
  const queue answers(rd_kafka_queue_new(from.get()));
  rd_kafka_DeleteRecords(from.get(), &request, 1, nullptr, answers.get());
  rd_kafka_DeleteRecords_destroy(request);
  const event done(rd_kafka_queue_poll(answers.get(), timeout_ms));
  const auto what = "records of " + topic;
  if (!done) fail(what, "no answer");
  check(rd_kafka_event_error(done.get()), what);
  check(rd_kafka_DeleteRecords_result_offsets(rd_kafka_event_DeleteRecords_result(done.get()))->elems[0].err, what);
}

std::vector<raw_record> kafka_broker::produce(const std::string& topic, std::vector<raw_record> records,
                                              const raw_settings& settings) const {
  const auto to = make_producer(client_bootstrap(), {}, settings);
  write_all(to.get(), topic, records);
  return records;
}

std::vector<raw_record> kafka_broker::transact(const std::string& topic, std::vector<raw_record> records,
                                               bool commit) const {
  const auto what = "a transaction into topic " + topic;
  const auto to = make_producer(client_bootstrap(), {{"transactional.id", unique_name("raw")}}, {});
  check(rd_kafka_init_transactions(to.get(), timeout_ms), what);
  check(rd_kafka_begin_transaction(to.get()), what);
  write_all(to.get(), topic, records);
  check(rd_kafka_flush(to.get(), timeout_ms), what);  // else what is given up may never have been there
  check(commit ? rd_kafka_commit_transaction(to.get(), timeout_ms) : rd_kafka_abort_transaction(to.get(), timeout_ms),
        what);
  return records;
}

std::vector<raw_record> kafka_broker::read_all(const std::string& topic, isolation which) const {
  const auto from = make_consumer(client_bootstrap(), "freshet-raw", which);
  const int partitions = partitions_of(from.get(), topic);
  check(rd_kafka_assign(from.get(), all_partitions(topic, partitions).get()), "reading topic " + topic);
  auto all = read_to_ends(from.get(), topic, partitions);
  std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.partition < b.partition; });
  rd_kafka_consumer_close(from.get());
  return all;
}

std::vector<std::optional<std::int64_t>> kafka_broker::committed(const std::string& group,
                                                                 const std::string& topic) const {
  const auto from = make_consumer(client_bootstrap(), group, isolation::committed);
  const auto list = all_partitions(topic, partitions_of(from.get(), topic));
  check(rd_kafka_committed(from.get(), list.get(), timeout_ms), "what group " + group + " has committed");
  std::vector<std::optional<std::int64_t>> all;
  for (int p = 0; p < list->cnt; ++p) {
    check(list->elems[p].err, "what group " + group + " has committed");
    all.emplace_back();
    if (list->elems[p].offset >= 0) all.back() = list->elems[p].offset;
  }
  return all;
}

}  // namespace freshet::kafka
