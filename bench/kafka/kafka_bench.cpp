// Topic to topic: consume, map, produce, by a plain loop of librdkafka and by both engines, with the same settings of
// the client. The broker is that of the environment's FRESHET_KAFKA_SERVERS, or one is started. `kafka/copy`: records
// of 100 bytes in 4 partitions, at full speed. `kafka/latency`: one record every 5 ms, from before it is written to the
// one topic until it is read from the other.
#include <benchmark/benchmark.h>
#include <librdkafka/rdkafka.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "freshet/connect/kafka/sink.hpp"
#include "freshet/connect/kafka/spout.hpp"
#include "freshet/freshet.hpp"
#include "local_broker.hpp"

namespace freshet {
namespace {

using steady = std::chrono::steady_clock;

constexpr int records = 500'000, record_bytes = 100, partitions = 4;
constexpr int paced = 1000, warming = 200;

const std::string& servers() {
  static const char* named = std::getenv("FRESHET_KAFKA_SERVERS");
  static const local_broker broker(named ? named : "");
  return broker.servers();
}
std::string new_name(const char* what) {
  static int n = 0;
  return std::string(what) + "-" + std::to_string(getpid()) + "-" + std::to_string(n++);
}

// -------- librdkafka by hand

using settings = std::vector<std::pair<const char*, std::string>>;

struct hand_client {
  hand_client(rd_kafka_type_t type, const settings& all) {
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    char why[512];
    for (const auto& [name, value] : all)
      if (rd_kafka_conf_set(conf, name, value.c_str(), why, sizeof why) != RD_KAFKA_CONF_OK)
        throw std::runtime_error(why);
    rd_kafka_conf_set_opaque(conf, this);
    if (type == RD_KAFKA_PRODUCER) rd_kafka_conf_set_dr_msg_cb(conf, &on_delivery);
    client = rd_kafka_new(type, conf, why, sizeof why);
    if (!client) throw std::runtime_error(why);
    if (type == RD_KAFKA_CONSUMER) rd_kafka_poll_set_consumer(client);
  }
  hand_client(const hand_client&) = delete;
  hand_client& operator=(const hand_client&) = delete;
  ~hand_client() { rd_kafka_destroy(client); }
  static void on_delivery(rd_kafka_t*, const rd_kafka_message_t* m, void* self) {
    static_cast<hand_client*>(self)->delivered += m->err == RD_KAFKA_RESP_ERR_NO_ERROR;
  }
  rd_kafka_t* client;
  std::int64_t delivered = 0;
};

/// As those of spout and sink.
settings consuming() {
  return {{"bootstrap.servers", servers()},       {"group.id", "by-hand"},           {"socket.nagle.disable", "true"},
          {"enable.auto.commit", "false"},        {"auto.offset.reset", "earliest"}, {"queued.min.messages", "100000"},
          {"queued.max.messages.kbytes", "65536"}};
}
settings producing() {
  return {{"bootstrap.servers", servers()},       {"socket.nagle.disable", "true"},
          {"enable.idempotence", "true"},         {"linger.ms", "0"},
          {"partitioner", "murmur2_random"},      {"queue.buffering.max.messages", "51000"},
          {"queue.buffering.max.kbytes", "65536"}};
}

void create(const std::string& topic) {
  hand_client admin(RD_KAFKA_PRODUCER, {{"bootstrap.servers", servers()}});
  char why[512];
  rd_kafka_NewTopic_t* made = rd_kafka_NewTopic_new(topic.c_str(), partitions, 1, why, sizeof why);
  rd_kafka_queue_t* answers = rd_kafka_queue_new(admin.client);
  rd_kafka_CreateTopics(admin.client, &made, 1, nullptr, answers);
  rd_kafka_event_t* answer = rd_kafka_queue_poll(answers, 30'000);
  const bool ok = answer && rd_kafka_event_error(answer) == RD_KAFKA_RESP_ERR_NO_ERROR;
  if (answer) rd_kafka_event_destroy(answer);
  rd_kafka_NewTopic_destroy(made);
  rd_kafka_queue_destroy(answers);
  if (!ok) throw std::runtime_error("topic " + topic + " could not be created");
}

void produce(hand_client& to, const std::string& topic, std::string_view value) {
  while (rd_kafka_producev(to.client, RD_KAFKA_V_TOPIC(topic.c_str()), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                           RD_KAFKA_V_VALUE(const_cast<char*>(value.data()), value.size()),
                           RD_KAFKA_V_END) == RD_KAFKA_RESP_ERR__QUEUE_FULL)
    rd_kafka_poll(to.client, 10);
}
void assign(hand_client& from, const std::string& topic, std::int64_t offset) {
  rd_kafka_topic_partition_list_t* all = rd_kafka_topic_partition_list_new(partitions);
  for (int p = 0; p < partitions; ++p) rd_kafka_topic_partition_list_add(all, topic.c_str(), p)->offset = offset;
  rd_kafka_assign(from.client, all);
  rd_kafka_topic_partition_list_destroy(all);
}
std::string mapped(std::string_view value) {
  std::string made(value);
  made.back() ^= 1;
  return made;
}

const std::string& backlog() {
  static const std::string topic = [] {
    const auto name = new_name("bench-backlog");
    create(name);
    hand_client to(RD_KAFKA_PRODUCER, producing());
    std::string value(record_bytes, 'x');
    for (int i = 0; i < records; ++i) {
      std::memcpy(value.data(), &i, sizeof i);
      produce(to, name, value);
    }
    rd_kafka_flush(to.client, 60'000);
    return name;
  }();
  return topic;
}

void copy_by_hand(const std::string& from_topic, const std::string& to_topic) {
  hand_client from(RD_KAFKA_CONSUMER, consuming()), to(RD_KAFKA_PRODUCER, producing());
  assign(from, from_topic, RD_KAFKA_OFFSET_BEGINNING);
  for (int seen = 0; seen < records;) {
    rd_kafka_message_t* m = rd_kafka_consumer_poll(from.client, 100);
    if (m && !m->err) {
      produce(to, to_topic, mapped({static_cast<const char*>(m->payload), m->len}));
      if (++seen % 100 == 0) rd_kafka_poll(to.client, 0);
    }
    if (m) rd_kafka_message_destroy(m);
  }
  rd_kafka_flush(to.client, 60'000);
  if (to.delivered != records) throw std::runtime_error("not all was delivered");
  rd_kafka_consumer_close(from.client);
}

// -------- the same as a topology

topology copying(const std::string& from_topic, const std::string& to_topic, bool bounded) {
  stream_builder builder("copy");
  builder
      .spout("from",
             kafka::spout<std::string>{{.servers = servers(),
                                        .topics = {from_topic},
                                        .start = bounded ? kafka::start_at::earliest() : kafka::start_at::latest(),
                                        .bounded = bounded}})
      .map("map", [](const std::string& value) { return mapped(value); })
      .to("to", kafka::sink<std::string>{{.servers = servers(), .topic = to_topic}});
  return builder.build();
}
topology_run start(bool batched, const topology& graph, std::chrono::nanoseconds interval) {
  if (!batched) return event_executor{}.start(graph);
  batch_options options;
  options.interval = interval;
  return batch_executor{options}.start(graph);
}

void time_copy(benchmark::State& state, const std::function<void(const std::string&, const std::string&)>& copy) {
  (void)backlog();
  for (auto _ : state) {
    const auto to = new_name("bench-copy");
    create(to);
    const auto began = steady::now();
    copy(backlog(), to);
    state.SetIterationTime(std::chrono::duration<double>(steady::now() - began).count());
  }
  state.SetItemsProcessed(state.iterations() * records);
}
void copy_hand(benchmark::State& state) { time_copy(state, copy_by_hand); }
void copy_event(benchmark::State& state) {
  time_copy(state, [](auto& from, auto& to) { start(false, copying(from, to, true), {}).wait(); });
}
void copy_batch(benchmark::State& state) {
  time_copy(state,
            [](auto& from, auto& to) { start(true, copying(from, to, true), std::chrono::milliseconds(100)).wait(); });
}

// -------- latency

/// Writes `paced` records to the one topic, one every 5 ms, and waits for each on the other.
void time_records(benchmark::State& state, const std::string& from_topic, const std::string& to_topic) {
  hand_client from(RD_KAFKA_CONSUMER, consuming()), to(RD_KAFKA_PRODUCER, producing());
  assign(from, to_topic, RD_KAFKA_OFFSET_BEGINNING);
  std::vector<double> took;
  for (int i = 0; i < warming + paced; ++i) {
    const auto began = steady::now();
    produce(to, from_topic, "record " + std::to_string(i));
    for (bool came = false; !came;) {
      rd_kafka_message_t* m = rd_kafka_consumer_poll(from.client, 1000);
      came = m && !m->err;
      if (m) rd_kafka_message_destroy(m);
    }
    const std::chrono::duration<double, std::milli> took_ms = steady::now() - began;
    if (i >= warming) took.push_back(took_ms.count());
    rd_kafka_poll(to.client, 0);
    std::this_thread::sleep_until(began + std::chrono::milliseconds(5));
  }
  rd_kafka_consumer_close(from.client);
  std::sort(took.begin(), took.end());
  state.counters["p50_ms"] = took[took.size() / 2];
  state.counters["p99_ms"] = took[took.size() * 99 / 100];
}
void latency_hand(benchmark::State& state) {
  for (auto _ : state) {
    const auto a = new_name("bench-in"), b = new_name("bench-out");
    create(a);
    create(b);
    std::jthread loop([&](const std::stop_token& stop) {
      hand_client from(RD_KAFKA_CONSUMER, consuming()), to(RD_KAFKA_PRODUCER, producing());
      assign(from, a, RD_KAFKA_OFFSET_BEGINNING);
      while (!stop.stop_requested()) {
        rd_kafka_message_t* m = rd_kafka_consumer_poll(from.client, 100);
        if (m && !m->err) produce(to, b, mapped({static_cast<const char*>(m->payload), m->len}));
        if (m) rd_kafka_message_destroy(m);
        rd_kafka_poll(to.client, 0);
      }
      rd_kafka_flush(to.client, 10'000);
      rd_kafka_consumer_close(from.client);
    });
    time_records(state, a, b);
  }
}
void time_topology(benchmark::State& state, bool batched) {
  for (auto _ : state) {
    const auto a = new_name("bench-in"), b = new_name("bench-out");
    create(a);
    create(b);
    auto run = start(batched, copying(a, b, false), std::chrono::milliseconds(1));
    time_records(state, a, b);
    run.drain();
    run.wait();
  }
}
void latency_event(benchmark::State& state) { time_topology(state, false); }
void latency_batch(benchmark::State& state) { time_topology(state, true); }

BENCHMARK(copy_hand)->Name("kafka/copy/hand")->UseManualTime()->Iterations(3)->Unit(benchmark::kMillisecond);
BENCHMARK(copy_event)->Name("kafka/copy/event")->UseManualTime()->Iterations(3)->Unit(benchmark::kMillisecond);
BENCHMARK(copy_batch)->Name("kafka/copy/batch")->UseManualTime()->Iterations(3)->Unit(benchmark::kMillisecond);
BENCHMARK(latency_hand)->Name("kafka/latency/hand")->Iterations(1)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(latency_event)->Name("kafka/latency/event")->Iterations(1)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(latency_batch)->Name("kafka/latency/batch:1ms")->Iterations(1)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace freshet
