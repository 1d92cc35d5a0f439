// A topology inside a Boost.Asio service: requests go in through a push spout, answers come out by a callback.
//
// Look at: a session suspends in `async_push` while the topology is busy, so clients feel the backpressure and no
// thread waits; it then suspends until the topology has answered. State by user lives in the topology, not in the
// service. Without arguments it serves three clients of its own on a free port and ends; with a port it serves until
// Ctrl-C (try: nc localhost PORT); port 0 is any free one.
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <exception>
#include <freshet/connect/asio.hpp>
#include <freshet/freshet.hpp>
#include <iostream>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace asio = boost::asio;
using asio::ip::tcp;

struct request {
  std::uint64_t id = 0;
  std::string user;
};
struct answer {
  std::uint64_t id = 0;
  std::string text;
};

struct count_visits {
  using state = std::uint64_t;
  void process(const request& r, state& visits, freshet::emitter<answer>& out) {
    out.emit({r.id, "hello " + r.user + ", visit " + std::to_string(++visits)});
  }
};

// Everything here runs on the one thread of `io`, but what the topology calls: that posts.
class service {
 public:
  service(asio::io_context& io, std::uint16_t port) try : io_(io), acceptor_(io, {tcp::v4(), port}) {
    asio::co_spawn(io_, accept(), asio::detached);
  } catch (const boost::system::system_error& e) {
    throw std::runtime_error("cannot listen on port " + std::to_string(port) + ": " + e.code().message());
  }
  std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
  freshet::push_spout<request> requests() const { return requests_; }
  // Called on a worker of the topology.
  void deliver(const answer& a) {
    asio::post(io_, [this, a] {
      const auto at = waiting_.find(a.id);
      if (at == waiting_.end()) return;  // the client is gone
      at->second->text = a.text;
      at->second->arrived.cancel();
    });
  }
  // No new client and no new request; what is under way is answered.
  void shut_down() {
    boost::system::error_code ignored;
    acceptor_.close(ignored);
    requests_.close();
    for (auto* client : clients_) client->shutdown(tcp::socket::shutdown_receive, ignored);
  }

 private:
  struct waiting {
    asio::steady_timer arrived;  // never expires: cancelled by the answer
    std::string text;
  };

  asio::awaitable<void> accept() {
    boost::system::error_code failed;
    while (true) {
      tcp::socket client = co_await acceptor_.async_accept(asio::redirect_error(asio::use_awaitable, failed));
      if (failed) co_return;
      asio::co_spawn(io_, serve(std::move(client)), asio::detached);
    }
  }
  asio::awaitable<void> serve(tcp::socket client) {
    clients_.insert(&client);
    try {
      std::string buffer;
      while (true) {
        auto lines = asio::dynamic_buffer(buffer, 4096);
        const auto length = co_await asio::async_read_until(client, lines, '\n', asio::use_awaitable);
        request next{++last_id_, buffer.substr(0, length - 1)};
        buffer.erase(0, length);
        const auto line = co_await ask(std::move(next)) + "\n";
        co_await asio::async_write(client, asio::buffer(line), asio::use_awaitable);
      }
    } catch (const boost::system::system_error&) {
      // The client has gone, or the service shuts down: both end the session.
    }
    clients_.erase(&client);
  }
  asio::awaitable<std::string> ask(request r) {
    waiting place{asio::steady_timer(io_, std::chrono::steady_clock::time_point::max()), {}};
    const auto id = r.id;
    waiting_[id] = &place;
    const struct forget {
      std::unordered_map<std::uint64_t, waiting*>& all;
      std::uint64_t id;
      ~forget() { all.erase(id); }
    } at_the_end{waiting_, id};
    co_await freshet::async_push(requests_, std::move(r), asio::use_awaitable);
    boost::system::error_code cancelled;
    if (place.text.empty()) co_await place.arrived.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
    co_return place.text;
  }

  asio::io_context& io_;
  tcp::acceptor acceptor_;
  freshet::push_spout<request> requests_{{.capacity = 64}};
  std::set<tcp::socket*> clients_;
  std::unordered_map<std::uint64_t, waiting*> waiting_;
  std::uint64_t last_id_ = 0;
};

asio::awaitable<void> client(std::string name, std::uint16_t port, int visits) {
  tcp::socket socket(co_await asio::this_coro::executor);
  const tcp::endpoint where(asio::ip::address_v4::loopback(), port);
  co_await socket.async_connect(where, asio::use_awaitable);
  const std::string line = name + "\n";
  std::string reply;
  for (int i = 0; i < visits; ++i) {
    co_await asio::async_write(socket, asio::buffer(line), asio::use_awaitable);
    reply.clear();
    auto lines = asio::dynamic_buffer(reply);
    co_await asio::async_read_until(socket, lines, '\n', asio::use_awaitable);
  }
  std::cout << reply;  // the last one
}

// Serves until a signal comes or, where there is no `port`, until three clients of its own are done.
void serve(std::optional<std::uint16_t> port) {
  asio::io_context io(1);
  service server(io, port.value_or(0));

  freshet::topology_builder builder("visits");
  auto requests = builder.spout("requests", server.requests());
  auto answers =
      builder.bolt("count", count_visits{}, {.parallelism = 2}).input(requests, freshet::key_grouping{&request::user});
  builder.sink("answer", freshet::callback_sink<answer>{[&](const answer& a) { server.deliver(a); }}).input(answers);
  auto run = freshet::event_executor{{.workers = 1}}.start(builder.build());

  asio::signal_set signals(io, SIGINT, SIGTERM);
  signals.async_wait([&](boost::system::error_code cancelled, int) {
    if (!cancelled) server.shut_down();
  });
  int clients = 3;
  const auto client_done = [&](std::exception_ptr failed) {
    if (failed) std::rethrow_exception(failed);
    if (--clients > 0) return;
    server.shut_down();
    signals.cancel();
  };
  if (!port) {
    for (const char* name : {"ann", "bob", "ann"}) asio::co_spawn(io, client(name, server.port(), 100), client_done);
  } else {
    std::cout << "listening on port " << server.port() << std::endl;
  }
  io.run();
  run.wait();
  std::cout << "answered " << run.metrics().node("answer").executed << " requests\n";
}

// Nothing where the text is no port.
std::optional<std::uint16_t> port_of(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return port;
}

int main(int argc, char** argv) try {
  if (argc < 2) return serve(std::nullopt), 0;
  const auto port = port_of(argv[1]);
  if (port) return serve(port), 0;
  std::cerr << argv[1] << " is no port: give a number from 0 to 65535, or nothing\n";
  return 2;
} catch (const std::exception& e) {
  std::cerr << e.what() << '\n';
  return 1;
}
