#include "freshet/connect/kafka/record.hpp"

#include <librdkafka/rdkafka.h>

#include "freshet/connect/kafka/formats.hpp"

namespace freshet::kafka {

std::vector<header> record::headers() const {
  std::vector<header> all;
  rd_kafka_headers_t* found = nullptr;
  const auto* message = static_cast<const rd_kafka_message_t*>(read_from);
  if (!message || rd_kafka_message_headers(message, &found) != RD_KAFKA_RESP_ERR_NO_ERROR) return all;
  const char* name = nullptr;
  const void* bytes = nullptr;
  std::size_t size = 0;
  for (std::size_t i = 0; rd_kafka_header_get_all(found, i, &name, &bytes, &size) == RD_KAFKA_RESP_ERR_NO_ERROR; ++i)
    all.push_back({name, bytes ? std::optional<std::string>(std::in_place, static_cast<const char*>(bytes), size)
                               : std::nullopt});
  return all;
}

message record::copy() const {
  message m;
  m.topic = topic;
  m.partition = partition;
  m.offset = offset;
  m.time = time;
  if (key) m.key.emplace(*key);
  if (value) m.value.emplace(*value);
  m.headers = headers();
  return m;
}

void whole::encode(outgoing& to, const message& m) const {
  to.set_topic(m.topic);
  to.set_partition(m.partition);
  if (m.time) to.set_time(*m.time);
  if (m.key) to.set_key(*m.key);
  if (m.value) to.value() = *m.value;
  else to.make_tombstone();
  for (const auto& h : m.headers) to.add_header(h.name, h.value);
}

}  // namespace freshet::kafka
