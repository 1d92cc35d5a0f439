#pragma once
// A Kafka broker for an example: the one that the user names, or one that is started here and ends with the program.
#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>

class local_broker {
 public:
  /// Uses the broker at `servers`. Empty: starts one, by the script of Freshet's own tests, which takes some seconds.
  explicit local_broker(std::string servers) : servers_(std::move(servers)) {
    if (servers_.empty()) servers_ = start();
  }
  const std::string& servers() const { return servers_; }

 private:
  /// It creates topics as they are named, and goes, with its data, when this process does.
  static std::string start() {
    std::cout << "no broker was named: one is started for this program" << std::endl;
    const std::string call = std::string(FRESHET_KAFKA_SCRIPTS) +
                             "/start --set auto.create.topics.enable=true --with " + std::to_string(getpid());
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> script(popen(call.c_str(), "r"), &pclose);
    std::string said;
    for (int c; script && (c = std::fgetc(script.get())) != EOF;) said += static_cast<char>(c);
    const std::string name = "bootstrap=";
    const auto from = said.find(name);
    if (from == said.npos)
      throw std::runtime_error(
          "no broker could be started (Java and Maven are needed): name one, such as localhost:9092");
    return said.substr(from + name.size(), said.find('\n', from) - from - name.size());
  }

  std::string servers_;
};
