#include <cstdio>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "kafka/broker.hpp"
#include "kafka/shell.hpp"

namespace freshet::kafka {

namespace {

/// Its lines, without their ends.
std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> all;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) all.push_back(line);
  return all;
}

}  // namespace

/// With the flags of a program that runs shortly; only its errors are logged.
std::string kafka_broker::run_java(const std::string& call) const {
  return run_shell("java -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Dorg.slf4j.simpleLogger.defaultLogLevel=error -cp " +
                   quoted(told("jars") + "/*") + " " + call);
}

std::vector<std::string> kafka_broker::java_consume(const std::string& topic) const {
  const auto count = read_all(topic).size();
  if (count == 0) return {};
  return lines_of(run_java("org.apache.kafka.tools.consumer.ConsoleConsumer --bootstrap-server " + client_bootstrap() +
                           " --topic " + quoted(topic) + " --from-beginning --isolation-level read_committed" +
                           " --timeout-ms 30000 --max-messages " + std::to_string(count)));
}

std::map<std::string, std::int32_t> kafka_broker::java_produce(const std::string& topic,
                                                               const std::vector<std::string>& keys) const {
  const auto input = told("dir") + "/" + unique_name("keys");
  std::ofstream out(input);
  for (const auto& key : keys) {
    if (key.find_first_of("\t\n") != key.npos) throw std::invalid_argument("a key with a tab or a line break: " + key);
    out << key << "\tof " << key << "\n";
  }
  out.close();
  // Its place is another since Kafka 4.
  const bool is_3 = told("version").starts_with("3.");
  run_java(std::string(is_3 ? "kafka.tools" : "org.apache.kafka.tools") + ".ConsoleProducer --bootstrap-server " +
           client_bootstrap() + " --topic " + quoted(topic) +
           " --property parse.key=true --property 'key.separator=\t' <" + quoted(input));
  std::remove(input.c_str());
  std::map<std::string, std::int32_t> chosen;
  for (const auto& r : read_all(topic)) chosen.emplace(r.key.value_or(""), r.partition);
  return chosen;
}

}  // namespace freshet::kafka
