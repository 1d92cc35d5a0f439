// Records that can't be read, and orders that can't be booked, go to a topic of their own, with the reason in a header.
// Look at `book_orders`: a dead letter says where it comes from, why it failed and which bytes it had.
//
//     29_kafka_dead_letters              starts a broker for itself (Java and Maven are needed)
//     29_kafka_dead_letters SERVERS      uses the broker at SERVERS, and the topics orders and orders.dead there
#include <cstdint>
#include <freshet/connect/kafka/sink.hpp>
#include <freshet/connect/kafka/spout.hpp>
#include <freshet/freshet.hpp>
#include <iostream>
#include <stdexcept>
#include <string>

#include "kafka/local_broker.hpp"

namespace kafka = freshet::kafka;

struct order {
  static constexpr std::string_view field_names[] = {"id", "cents"};
  std::int64_t id = 0, cents = 0;
};

void write_orders(const std::string& servers) {
  freshet::topology_builder builder{"write orders"};
  builder.sink("orders", kafka::sink<std::string>{{.servers = servers, .topic = "orders"}})
      .input(builder.spout("texts",
                           freshet::vector_spout<std::string>{{R"({"id":1,"cents":250})", R"({"id":2,"cents":"much"})",
                                                               R"({"id":3,"cents":-7})", R"({"id":4,"cents":100})"}}));
  freshet::event_executor{}.start(builder.build()).wait();
}

/// The letter as a record: its bytes, and what is known of it in headers.
void write_letter(kafka::outgoing& to, const freshet::dead_letter& letter) {
  to.value() = letter.bytes;
  to.add_header("node", letter.node);
  to.add_header("error", letter.error);
  to.add_header("type", letter.type);
}

freshet::topology book_orders(const std::string& servers) {
  freshet::stream_builder builder{"book orders"};
  builder.spout("orders", kafka::spout<order>{{.servers = servers, .topics = {"orders"}, .bounded = true}})
      .to("book", [](const order& o) {
        if (o.cents < 0) throw std::runtime_error("order " + std::to_string(o.id) + " has a negative price");
        std::cout << "booked order " << o.id << ": " << o.cents << " cents" << std::endl;
      });
  builder.dead_letters().to("orders.dead", kafka::sink{{.servers = servers, .topic = "orders.dead"}, &write_letter});
  return builder.build();
}

void show_letters(const std::string& servers) {
  freshet::topology_builder builder{"show letters"};
  builder
      .sink("show",
            [](const kafka::message& m) {
              std::cout << "dead letter of " << m.headers.at(0).value.value_or("") << ": "
                        << m.headers.at(1).value.value_or("") << " (" << m.value.value_or("").size() << " bytes)"
                        << std::endl;
            })
      .input(builder.spout("orders.dead", kafka::spout<kafka::message>{
                                              {.servers = servers, .topics = {"orders.dead"}, .bounded = true}}));
  freshet::event_executor{}.start(builder.build()).wait();
}

int main(int argc, char** argv) {
  try {
    if (argc > 2 || (argc == 2 && argv[1][0] == '-')) {
      std::cerr << "usage: " << argv[0] << " [SERVERS]\n";
      return 2;
    }
    const local_broker broker(argc == 2 ? argv[1] : "");
    write_orders(broker.servers());
    auto run = freshet::event_executor{}.start(book_orders(broker.servers()));
    freshet::drain_on_signals stop(run);
    run.wait();
    show_letters(broker.servers());
    return 0;
  } catch (const std::exception& e) {
    std::cerr << e.what() << '\n';
    return 1;
  }
}
