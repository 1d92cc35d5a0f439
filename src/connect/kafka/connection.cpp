#include "connect/kafka/connection.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <stdexcept>
#include <thread>

namespace freshet::kafka {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

using conf_ptr = std::unique_ptr<rd_kafka_conf_t, destroyed_by<rd_kafka_conf_destroy>>;

void set(rd_kafka_conf_t* conf, const std::string& name, const std::string& value, bool is_secret = false) {
  std::array<char, 512> why{};
  if (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), why.data(), why.size()) == RD_KAFKA_CONF_OK) return;
  if (is_secret || settings::is_confidential(name))
    refuse("the value of the setting " + name + " is refused by librdkafka");
  refuse("the setting " + name + " = \"" + value + "\" is refused by librdkafka: " + why.data());
}

/// The library names neither the file that is missing, nor the mechanism.
void check_security(rd_kafka_conf_t* conf, const settings& users) {
  for (const char* name :
       {"ssl.ca.location", "ssl.certificate.location", "ssl.key.location", "ssl.keystore.location"}) {
    const auto path = value_of(conf, name);
    std::error_code ignored;
    if (path.empty() || path == "probe" || std::filesystem::exists(path, ignored)) continue;
    const auto given = users.all().find(name);
    const bool is_secret = given != users.all().end() && given->second.is_secret();
    refuse("the setting " + std::string(name) + " = " + (is_secret ? given->second.describe() : "\"" + path + "\"") +
           " names a file that is not there");
  }
  const bool uses_sasl = value_of(conf, "security.protocol").starts_with("sasl");
  if (uses_sasl && !users.all().contains("sasl.mechanism") && !users.all().contains("sasl.mechanisms"))
    refuse("security.protocol is " + value_of(conf, "security.protocol") +
           ", and no mechanism is given: set sasl.mechanism to PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512");
}

conf_ptr made_of(const client_settings& all) {
  conf_ptr conf(rd_kafka_conf_new());
  for (const auto& [name, value] : all.defaults) set(conf.get(), name, value);
  for (const auto& [name, value] : all.users->all()) {
    const auto is_it = [&name = name](auto& r) { return r.name == name; };
    if (const auto found = std::find_if(all.refused.begin(), all.refused.end(), is_it); found != all.refused.end())
      refuse("the setting " + name + " can't be given: " + found->instead);
    set(conf.get(), name, value.reveal(), value.is_secret());
  }
  for (const auto& [name, value] : all.fixed) set(conf.get(), name, value);
  set(conf.get(), "bootstrap.servers", all.servers);
  check_security(conf.get(), *all.users);
  return conf;
}

/// What will not be otherwise when it is tried again. Of several brokers one may be unknown: others answer.
bool is_decisive(rd_kafka_resp_err_t code, const std::string& servers) {
  return code == RD_KAFKA_RESP_ERR__AUTHENTICATION || code == RD_KAFKA_RESP_ERR__SSL ||
         (code == RD_KAFKA_RESP_ERR__RESOLVE && servers.find(',') == servers.npos);
}
bool is_refusal(rd_kafka_resp_err_t code) {
  return code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED || code == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED;
}

/// What is decided at once was not tried for long.
std::string tried_for(milliseconds span) {
  return span.count() == 0 ? "" : ", tried for " + std::to_string(span.count()) + " ms";
}

bool contains(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

/// Without "(after 2ms in state CONNECT, 1 identical error(s) suppressed)" at its end.
std::string without_state(std::string_view text) {
  const auto tail = text.rfind(" (after ");
  return std::string(tail != text.npos && contains(text.substr(tail), " in state ") ? text.substr(0, tail) : text);
}

}  // namespace

client_settings common_settings(std::string_view owner, const std::string& servers, const settings& users,
                                const task_context& context) {
  const std::string is(owner), node = context.node.empty() ? is : context.node;
  client_settings all;
  all.servers = servers;
  all.users = &users;
  all.defaults = {
      {"client.id", "freshet-" + node + "-" + std::to_string(context.task)},
      {"socket.nagle.disable", "true"},      // 1 ms of latency instead of up to 40
      {"reconnect.backoff.max.ms", "1000"},  // a broker that was away is found again soon
      // A topic that is deleted is an error when brokers have looked for it in vain for so long, and they are asked so
      // often. Those that are made later and match a pattern are found as soon.
      {"topic.metadata.propagation.max.ms", "10000"},
      {"topic.metadata.refresh.interval.ms", "20000"},
  };
  for (const char* name : {"bootstrap.servers", "metadata.broker.list"})
    all.refused.push_back({name, "name the brokers in `servers` of the " + is + "'s options"});
  return all;
}

std::string value_of(const rd_kafka_conf_t* conf, const char* name) {
  std::array<char, 512> text{};
  std::size_t size = text.size();
  return rd_kafka_conf_get(conf, name, text.data(), &size) == RD_KAFKA_CONF_OK ? std::string(text.data())
                                                                               : std::string();
}

void refuse(std::string what) { throw std::runtime_error(std::move(what)); }

std::string in_words(rd_kafka_resp_err_t code) { return rd_kafka_err2str(code); }

connection::connection(rd_kafka_type_t kind, const client_settings& all, const logger& log, callbacks more,
                       void* opaque)
    : servers_(all.servers), log_(log), opaque_(opaque) {
  auto conf = made_of(all);
  protocol_ = value_of(conf.get(), "security.protocol");
  mechanism_ = value_of(conf.get(), "sasl.mechanisms");
  rd_kafka_conf_set_opaque(conf.get(), this);
  rd_kafka_conf_set_error_cb(conf.get(), &on_error);
  rd_kafka_conf_set_log_cb(conf.get(), &on_log);
  if (more) more(conf.get());
  std::array<char, 512> why{};
  client_.reset(rd_kafka_new(kind, conf.get(), why.data(), why.size()));
  if (!client_) refuse(std::string("librdkafka refuses its settings: ") + why.data());
  (void)conf.release();  // the client's now
  if (kind == RD_KAFKA_CONSUMER) {
    rd_kafka_poll_set_consumer(client_.get());
    queue_.reset(rd_kafka_queue_get_consumer(client_.get()));
  } else {
    queue_.reset(rd_kafka_queue_get_main(client_.get()));
  }
}

connection::~connection() {
  if (queue_) rd_kafka_queue_cb_event_enable(queue_.get(), nullptr, nullptr);
}

void connection::wake_by(waker wake) {
  wake_ = std::move(wake);
  rd_kafka_queue_cb_event_enable(queue_.get(), &on_event, this);
}

/// On a thread of the client library.
void connection::on_event(rd_kafka_t*, void* self) { static_cast<connection*>(self)->wake_(); }

void connection::on_error(rd_kafka_t*, int code, const char* text, void* self) {
  auto& c = *static_cast<connection*>(self);
  const reason why{static_cast<rd_kafka_resp_err_t>(code), without_state(text)};
  if (why.code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) return;  // says less than what came before
  if (why.code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || why.code == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION)
    c.missing_ = why.text;
  if (is_decisive(why.code, c.servers_) && !c.decisive_) c.decisive_ = why;
  c.last_ = why;
}

/// What the library calls an error it repeats by itself.
void connection::on_log(const rd_kafka_t* client, int level, const char* facility, const char* text) {
  const auto* self = static_cast<const connection*>(rd_kafka_opaque(client));
  if (!self) return;
  const bool goes_on = level > 4 || contains(text, "retrying");
  const auto as = !goes_on ? log_level::warning : level <= 6 ? log_level::info : log_level::debug;
  if (self->log_.enabled(as)) self->log_.log(as, "kafka", std::string(facility) + ": " + text);
}

void connection::serve(milliseconds wait) {
  if (rd_kafka_type(get()) == RD_KAFKA_CONSUMER) message_ptr(rd_kafka_consumer_poll(get(), int(wait.count())));
  else rd_kafka_poll(get(), int(wait.count()));
}

std::optional<std::string> connection::fatal() const {
  std::array<char, 512> why{};
  if (rd_kafka_fatal_error(get(), why.data(), why.size()) == RD_KAFKA_RESP_ERR_NO_ERROR) return {};
  return why.data();
}

connection::patience::patience(milliseconds timeout)
    : began(steady_clock::now()), silent(timeout), with_reason(std::min(timeout, most_wait_with_reason)) {}

/// Metadata calls say nothing of the reason when they fail; callbacks do, once they are served.
metadata_ptr connection::metadata(rd_kafka_topic_t* only, const patience& limit) {
  while (true) {
    const struct rd_kafka_metadata* found = nullptr;
    const auto code = rd_kafka_metadata(get(), only ? 0 : 1, only, &found, 100);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return metadata_ptr(found);
    serve(milliseconds(0));
    if (decisive_) give_up();
    if (limit.is_over(last_ ? limit.with_reason : limit.silent)) give_up(last_ ? limit.with_reason : limit.silent);
    std::this_thread::sleep_for(milliseconds(10));  // nobody is asked in a tight loop
  }
}

std::vector<connection::topic> connection::topics(const std::vector<std::string>& names, milliseconds timeout) {
  const patience limit(timeout);
  std::vector<topic> all;
  for (const auto& name : names) {
    const topic_ptr handle(rd_kafka_topic_new(get(), name.c_str(), nullptr));
    if (!handle) refuse("topic \"" + name + "\": " + in_words(rd_kafka_last_error()));
    while (true) {
      const auto found = metadata(handle.get(), limit);
      const auto& t = found->topics[0];
      if (t.err == RD_KAFKA_RESP_ERR_NO_ERROR && t.partition_cnt > 0) {
        all.push_back({name, t.partition_cnt});
        break;
      }
      if (is_refusal(t.err))
        refuse(
            "topic \"" + name + "\" of " + servers_ + ": " + in_words(t.err) +
            ": grant the user of these settings what it needs, to read (Read, Describe) or to write (Write, Describe)");
      if (limit.is_over(limit.with_reason))
        refuse("topic \"" + name + "\" of " + servers_ + ": " + in_words(t.err) + ": create it, or correct its name" +
               tried_for(limit.with_reason));
      serve(milliseconds(50));
    }
  }
  return all;
}

std::vector<connection::topic> connection::all_topics(milliseconds timeout) {
  const auto found = metadata(nullptr, patience(timeout));
  std::vector<topic> all;
  for (int i = 0; i < found->topic_cnt; ++i)
    if (found->topics[i].err == RD_KAFKA_RESP_ERR_NO_ERROR)
      all.push_back({found->topics[i].topic, found->topics[i].partition_cnt});
  return all;
}

std::string connection::unreachable(const std::string& why) const {
  return "cannot work with the brokers at " + servers_ + ": " + why;
}

std::string connection::way_out(const reason& why) const {
  switch (why.code) {
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
      if (mechanism_.starts_with("SCRAM") && rd_kafka_version() < 0x020601ff)
        return "check sasl.username, sasl.password and sasl.mechanism; librdkafka before 2.6.1 (this is " +
               std::string(rd_kafka_version_str()) +
               ") can't log in to brokers of Kafka 4 by SCRAM even with the right password: take PLAIN, or a newer one";
      return "check sasl.username, sasl.password and sasl.mechanism";
    case RD_KAFKA_RESP_ERR__SSL:
      if (contains(why.text, "verify failed"))
        return "ssl.ca.location has to name the certificate of the authority that signed the broker's";
      return "check that the port speaks TLS: security.protocol is " + protocol_;
    case RD_KAFKA_RESP_ERR__RESOLVE:
      return "check the host's name in `servers`";
    default:
      if (contains(why.text, "refused")) return "nobody listens there: start a broker, or correct `servers`";
      if (contains(why.text, "security.protocol") || contains(why.text, "ApiVersion"))
        return "security.protocol is " + protocol_ + ", and the port may want another";
      return "check `servers`, and whether a firewall is in between";
  }
}

void connection::give_up(milliseconds tried) const {
  const auto& why = decisive_ ? decisive_ : last_;
  if (!why)
    refuse(unreachable("no answer in time; check `servers`, and whether a broker is stalled" + tried_for(tried)));
  refuse(unreachable(why->text + " (" + way_out(*why) + ")" + tried_for(tried)));
}

}  // namespace freshet::kafka
