#include "freshet/connect/kafka/consumer.hpp"

#include <algorithm>
#include <future>
#include <mutex>
#include <regex>
#include <stdexcept>
#include <thread>

#include "connect/kafka/beginnings.hpp"
#include "connect/kafka/group_member.hpp"
#include "connect/kafka/join_watch.hpp"
#include "connect/kafka/offset_commits.hpp"
#include "connect/kafka/reading.hpp"
#include "freshet/core/range_lost.hpp"

namespace freshet::kafka {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr const char* was_it_deleted = "; was the topic deleted while the run reads it?";

/// A group that only names itself: without it the client library reads nothing. Nobody joins it.
constexpr const char* no_group = "freshet-reads-without-a-group";

client_settings settings_of(const consumer_options& o, const task_context& context) {
  static constexpr std::pair<const char*, const char*> defaults[] = {
      // Memory of a task for what was fetched and not yet polled. Less makes it slow: once it is full, the library
      // waits a second before it fetches again.
      {"queued.max.messages.kbytes", "65536"},
      {"queued.min.messages", "100000"},
      {"fetch.wait.max.ms", "500"},  // an idle fetch costs, and one that waits is answered at once when something comes
      {"isolation.level", "read_committed"},
  };
  static constexpr std::pair<const char*, const char*> refused[] = {
      {"group.id", "name the group in `group` of the spout's options"},
      {"enable.auto.commit", "the run commits what is finished, and nothing else may"},
      {"enable.auto.offset.store", "the run commits what is finished, and nothing else may"},
      {"auto.commit.interval.ms", "the run's options have `commit_interval`"},
      {"auto.offset.reset", "say where to begin in `start` of the spout's options"},
      {"partition.assignment.strategy", "partitions are dealt by cooperative-sticky"},
      {"enable.partition.eof", "the spout's option `bounded` needs it as it is"},
  };
  auto all = common_settings("spout", o.servers, o.settings, context);
  all.defaults.insert(all.defaults.end(), std::begin(defaults), std::end(defaults));
  for (const auto& [name, instead] : refused) all.refused.push_back({name, instead});
  all.fixed = {
      {"group.id", o.group.empty() ? no_group : o.group},
      {"enable.auto.commit", "false"},
      {"enable.auto.offset.store", "false"},
      {"auto.offset.reset", "error"},
      {"partition.assignment.strategy", "cooperative-sticky"},
      {"enable.partition.eof", "true"},
  };
  // Each task is a member of its own, and two of one name would throw each other out.
  if (const auto id = o.settings.all().find("group.instance.id"); id != o.settings.all().end())
    all.fixed.emplace_back(id->first, id->second.reveal() + "-" + std::to_string(context.task));
  return all;
}

/// The second connection of a task, which belongs to no group.
client_settings reader_settings(const consumer_options& o, const task_context& context) {
  auto all = settings_of(o, context);
  for (auto& [name, value] : all.fixed)
    if (name == "group.id") value = no_group;
  // What it reads is there. A fetch that waits for more would hold up the next range.
  all.fixed.emplace_back("fetch.wait.max.ms", "10");
  return all;
}

/// All topics that are meant, by name.
std::vector<connection::topic> topics_of(connection& to, const consumer_options& o) {
  auto found = o.topic_pattern.empty() ? to.topics(o.topics, o.connect_timeout) : to.all_topics(o.connect_timeout);
  if (!o.topic_pattern.empty()) {
    const std::regex pattern(o.topic_pattern, std::regex::extended);
    std::erase_if(found, [&](auto& t) { return !std::regex_match(t.name, pattern); });
    if (found.empty())
      refuse("no topic of " + o.servers + " matches the pattern \"" + o.topic_pattern +
             "\", or none may be seen: create one, or correct it");
  }
  std::sort(found.begin(), found.end(), [](auto& a, auto& b) { return a.name < b.name; });
  return found;
}

void show(record& as, const rd_kafka_message_t& m, const source& s) {
  as.topic = s.topic;
  as.partition = s.partition;
  as.offset = m.offset;
  rd_kafka_timestamp_type_t kind = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
  const auto ms = rd_kafka_message_timestamp(&m, &kind);
  as.time.reset();
  if (kind != RD_KAFKA_TIMESTAMP_NOT_AVAILABLE) as.time = event_time{milliseconds(ms)};
  as.key.reset();
  as.value.reset();
  if (m.key) as.key.emplace(static_cast<const char*>(m.key), m.key_len);
  if (m.payload) as.value.emplace(static_cast<const char*>(m.payload), m.len);
  as.read_from = &m;
}

}  // namespace

/// Everything behind one spout task. What the run calls is called under `guard`; see `group_member`.
struct consumer::parts {
  consumer_options options;
  task_context context;
  const bool by_group;
  join_watch joins{};
  connection main;
  std::unique_ptr<connection> reader{};  ///< for what is read again
  reading of;
  offset_commits commits;
  group_member member;
  message_ptr current{}, current_again{};
  source* current_of = nullptr;  ///< whose `current` is, while it is to be emitted
  source* deleted_of = nullptr;  ///< whose next record is gone, until it is known where reading goes on
  record shown{};
  std::int64_t emitted_before = -1;  ///< of the partition of the current record
  bool assigned = false, closed = false;
  // The range that is read again.
  source* again_of = nullptr;
  std::int64_t again_from = 0, again_to = 0;

  parts(const consumer_options& o, const task_context& c)
      : options(o),
        context(c),
        by_group(reads_by_group(o)),
        main(RD_KAFKA_CONSUMER, settings_of(o, c), c.log, by_group ? &add_member_callbacks : &add_callbacks, this),
        of{options, context, main},
        commits(of, by_group ? &joins : nullptr),
        member(of, commits, joins, [this](message_ptr m) { keep_aside(std::move(m)); }) {}

  std::unique_lock<std::mutex> guard() { return by_group ? member.guard() : std::unique_lock<std::mutex>(); }

  // --- callbacks of the client library ---

  static void add_callbacks(rd_kafka_conf_t* conf) { rd_kafka_conf_set_offset_commit_cb(conf, &on_commit); }
  static void add_member_callbacks(rd_kafka_conf_t* conf) {
    add_callbacks(conf);
    rd_kafka_conf_set_rebalance_cb(conf, &on_rebalance);
    rd_kafka_conf_interceptor_add_on_new(conf, "freshet", &on_new, nullptr);
  }
  static parts& of_client(void* opaque) { return *static_cast<parts*>(connection::opaque_of(opaque)); }
  static void on_commit(rd_kafka_t*, rd_kafka_resp_err_t code, rd_kafka_topic_partition_list_t* list, void* opaque) {
    of_client(opaque).commits.answered(code, list);
  }
  static void on_rebalance(rd_kafka_t*, rd_kafka_resp_err_t code, rd_kafka_topic_partition_list_t* list, void* opaque) {
    of_client(opaque).member.rebalance(code, list);
  }
  static rd_kafka_resp_err_t on_new(rd_kafka_t* client, const rd_kafka_conf_t*, void*, char*, std::size_t) {
    join_watch* joins = &of_client(rd_kafka_opaque(client)).joins;
    rd_kafka_interceptor_add_on_request_sent(client, "freshet", &on_request, joins);
    return rd_kafka_interceptor_add_on_response_received(client, "freshet", &on_response, joins);
  }
  static rd_kafka_resp_err_t on_request(rd_kafka_t*, int, const char*, std::int32_t, std::int16_t kind, std::int16_t,
                                        std::int32_t, std::size_t, void* joins) {
    static_cast<join_watch*>(joins)->request_sent(kind);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
  }
  static rd_kafka_resp_err_t on_response(rd_kafka_t*, int, const char*, std::int32_t, std::int16_t kind, std::int16_t,
                                         std::int32_t, std::size_t, std::int64_t, rd_kafka_resp_err_t, void* joins) {
    static_cast<join_watch*>(joins)->response_received(kind);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
  }

  // --- polling ---

  /// The run's partitions.
  void take_dealt() {
    for (const auto& p : context.partitions) {
      const auto slash = p.name.rfind('/');
      of.sources.add(p.name.substr(0, slash), std::stoi(p.name.substr(slash + 1)), p.id);
    }
    std::vector<source*> all;
    for (auto& s : of.sources.all()) all.push_back(&s);
    for (const auto until = steady_clock::now() + options.connect_timeout;;) try {
        return find_beginnings(of, all, options.start);
      } catch (const passing_trouble&) {
        if (steady_clock::now() > until) throw;
        main.serve(milliseconds(50));
      }
  }
  void begin() {
    assigned = true;
    main.forget_missing();
    if (by_group) return member.join();
    const auto list = list_of(of.sources.all().size());
    for (auto& s : of.sources.all()) {
      of.sources.forget_aside(s);
      s.paused = false;
      if (options.bounded && s.next >= s.end) end(s);
      if (!s.over) add(list, s, s.next);
    }
    kafka::check(rd_kafka_assign(main.get(), list.get()), "the partitions can't be read");
  }
  const rd_kafka_message_t* next(const std::function<bool(partition_id)>& wanted) {
    current.reset();
    if (!assigned) begin();
    if (by_group) member.serve();
    else commits.serve();
    pass_over_deleted();
    if (of.sources.has_asides() && take_aside(wanted)) return current.get();
    while (true) {
      current.reset(rd_kafka_consumer_poll(main.get(), 0));
      if (!of.failure.empty()) throw fatal_error(of.failure);
      if (main.missing()) stop_with(*main.missing() + was_it_deleted);
      if (!current) return nullptr;
      if (takes(wanted)) return current.get();
    }
  }
  bool take_aside(const std::function<bool(partition_id)>& wanted) {
    for (auto& s : of.sources.all()) {
      if (s.aside.empty() || !wanted(s.id)) continue;
      current = of.sources.take_aside(s);
      if (s.aside.empty()) of.pause(s, false);
      current_of = &s;
      return true;
    }
    return false;
  }
  void set_aside(source& s, message_ptr m) {
    of.sources.set_aside(s, std::move(m));
    if (s.is_full()) of.pause(s, true);
  }
  source* source_of(const message_ptr& m) const {
    return m->rkt ? of.sources.at(rd_kafka_topic_name(m->rkt), m->partition) : nullptr;
  }
  /// Whether the record that came is one to emit now.
  bool takes(const std::function<bool(partition_id)>& wanted) {
    source* s = source_of(current);
    if (current->err != RD_KAFKA_RESP_ERR_NO_ERROR) return problem(*current, s), false;
    if (!s || s->leaves || s->over || current->offset < s->next) return false;
    if (options.bounded && current->offset >= s->end) return reach_end(*s), false;
    current_of = s;
    if (s->aside.empty() && wanted(s->id)) return true;
    set_aside(*s, std::move(current));
    return false;
  }
  /// What came where the run did not poll.
  void keep_aside(message_ptr m) {
    source* s = source_of(m);
    if (m->err) return problem(*m, s);
    if (s && !s->leaves && !s->over && m->offset >= s->next) set_aside(*s, std::move(m));
  }
  /// A record is emitted: where reading goes on.
  void passed(source& s) {
    s.next = s.emitted = current->offset + 1;
    if (options.bounded && (s.next >= s.end || s.at_end)) reach_end(s);
  }
  void reach_end(source& s) {
    s.at_end = true;
    if (s.aside.empty()) end(s);
  }
  void end(source& s) {
    if (std::exchange(s.over, true)) return;
    of.ended.push_back(s.id);
    if (assigned) of.pause(s, true);
  }

  /// To poll again would give nothing more: the library tells it once.
  [[noreturn]] void stop_with(std::string what) { throw fatal_error(of.failure = std::move(what)); }
  /// What came in place of a record.
  void problem(const rd_kafka_message_t& m, source* s) {
    const auto where = s ? s->name() : options.topic_pattern.empty() ? options.topics.front() : options.topic_pattern;
    const std::string why = rd_kafka_message_errstr(&m) ? rd_kafka_message_errstr(&m) : in_words(m.err);
    switch (m.err) {
      case RD_KAFKA_RESP_ERR__PARTITION_EOF:
        // Behind the last record may be marks of transactions, which nobody sees.
        if (s && options.bounded && m.offset >= s->end) reach_end(*s);
        return;
      case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
        deleted_of = s;
        return pass_over_deleted();
      case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
      case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
      case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
        stop_with(where + " is not there any more: " + why + was_it_deleted);
      case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
        if (options.group.empty()) return;  // nobody needs it
        [[fallthrough]];
      case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
        stop_with(where + ": " + why + ": grant the user of these settings Read for the topics" +
                  (options.group.empty() ? "" : ", and for group \"" + options.group + "\""));
      case RD_KAFKA_RESP_ERR__FATAL:
        stop_with(main.unreachable(main.fatal().value_or(why)));
      default:  // the client library goes on by itself
        context.log.log(log_level::warning, context.node, where + ": " + why);
    }
  }

  /// What was to be read next is gone, which the library tells once: where the brokers can't be asked, again later.
  void pass_over_deleted() {
    if (!deleted_of || deleted_of->leaves || deleted_of->gone) return;
    source& s = *deleted_of;
    kafka::check(rd_kafka_query_watermark_offsets(main.get(), s.topic.c_str(), s.partition, &s.low, &s.end,
                                                  int(options.connect_timeout.count())),
                 "the ends of a partition are not known");
    meet_loss(of, s.name() + ": offset " + std::to_string(s.next) + " is no longer there, the earliest that is is " +
                      std::to_string(s.low) + ", the end " + std::to_string(s.end));
    s.next = s.low;
    deleted_of = nullptr;
    if (!by_group) return begin();
    const auto list = list_of(1);
    add(list, s, s.next);
    took(rd_kafka_incremental_unassign(main.get(), list.get()));
    took(rd_kafka_incremental_assign(main.get(), list.get()));
  }

  // --- again ---

  const record* lost(const source& s) {
    std::int64_t low = 0, end = 0;
    kafka::check(rd_kafka_query_watermark_offsets(reader->get(), s.topic.c_str(), s.partition, &low, &end,
                                                  int(options.read_timeout.count())),
                 "the ends of a partition are not known");
    const auto from = again_from, to = std::max(low, from + 1);
    stop_again();
    throw range_lost({s.id, std::uint64_t(from), std::uint64_t(to)}, s.name() + ": the topic has deleted it");
  }
  void stop_again() {
    again_of = nullptr;
    rd_kafka_assign(reader->get(), nullptr);
  }
};

void consumer::check(const consumer_options& o) {
  const auto mistake = [](const std::string& what) { throw std::invalid_argument("kafka::spout: " + what); };
  if (o.servers.empty()) mistake("no brokers: name one in `servers`, such as \"localhost:9092\"");
  if (o.topics.empty() == o.topic_pattern.empty()) mistake("give either `topics` or a `topic_pattern`");
  if (o.partitions_from == partitions_from::group && o.group.empty())
    mistake("partitions come from a group, and `group` is empty: name it");
  if (o.bounded && reads_by_group(o))
    mistake("`bounded` needs to know all partitions: set partitions_from to kafka::partitions_from::run");
  if (o.topic_pattern.empty()) return;
  try {
    (void)std::regex(o.topic_pattern, std::regex::extended);
  } catch (const std::regex_error& e) {
    mistake("the topic_pattern \"" + o.topic_pattern + "\" is no regular expression: " + e.what());
  }
}

std::vector<std::string> consumer::partitions(const consumer_options& options) {
  if (reads_by_group(options)) return {};
  connection asks(RD_KAFKA_CONSUMER, settings_of(options, {}), {});
  std::vector<std::string> names;
  for (const auto& t : topics_of(asks, options))
    for (std::int32_t p = 0; p < t.partitions; ++p) names.push_back(t.name + "/" + std::to_string(p));
  return names;
}

consumer::consumer(const consumer_options& options, const task_context& context)
    : parts_(std::make_unique<parts>(options, context)) {
  topics_of(parts_->main, options);
  if (!parts_->by_group) parts_->take_dealt();
  parts_->main.wake_by(context.wake);
}

consumer::~consumer() {
  try {
    close();
  } catch (const std::exception& e) {
    parts_->context.log.log(log_level::warning, parts_->context.node,
                            std::string("a consumer was not closed: ") + e.what());
  }
  if (parts_->joins.is_half_joined() && rd_kafka_version() < 0x020300ff) {
    (void)parts_.release();  // it stays, with its threads, rather than that it takes the process with it
    return;
  }
  // The library's destroy waits until requests that nobody answers are over, a minute, and in 2.0.2 for ever where a
  // topic was deleted. Nobody waits with it for so long.
  std::promise<void> gone;
  auto is_gone = gone.get_future();
  std::thread([ends = std::move(parts_), gone = std::move(gone)]() mutable {
    ends.reset();
    gone.set_value();
  }).detach();
  is_gone.wait_for(std::chrono::seconds(1));
}

const record* consumer::next(const std::function<bool(partition_id)>& wanted) {
  parts& p = *parts_;
  const auto lock = p.guard();
  const auto* m = p.next(wanted);
  if (!m) return nullptr;
  source& s = *p.current_of;
  p.emitted_before = s.emitted;
  at_ = {s.id, std::uint64_t(m->offset), std::uint64_t(m->offset) + 1};
  show(p.shown, *m, s);
  p.passed(s);
  return &p.shown;
}

void consumer::pass_over() {
  parts& p = *parts_;
  const auto lock = p.guard();
  if (source* s = p.of.sources.by_id(at_.partition)) s->emitted = p.emitted_before;
}

poll_status consumer::status() {
  parts& p = *parts_;
  const auto lock = p.guard();
  const auto& all = p.of.sources.all();
  if (!p.by_group && std::all_of(all.begin(), all.end(), [](auto& s) { return s.over; })) return poll_status::ended();
  // The client library calls when something comes. A look besides costs nothing, and where a call is lost it is late
  // by so much at most.
  const auto now = steady_clock::now();
  return poll_status::idle_until(now + (p.by_group && p.member.waits() ? milliseconds(20) : milliseconds(500)));
}

std::vector<partition_id> consumer::take_ended() {
  const auto lock = parts_->guard();
  return std::exchange(parts_->of.ended, {});
}

void consumer::again(const position_range& range) {
  parts& p = *parts_;
  const auto lock = p.guard();
  p.again_of = p.of.sources.by_id(range.partition);
  if (!p.again_of) refuse("partition " + std::to_string(range.partition) + " was never read by this task");
  if (!p.reader)
    p.reader = std::make_unique<connection>(RD_KAFKA_CONSUMER, reader_settings(p.options, p.context), p.context.log);
  const auto list = list_of(1);
  add(list, *p.again_of, std::int64_t(range.from));
  kafka::check(rd_kafka_assign(p.reader->get(), list.get()), "records can't be read again");
  p.again_from = std::int64_t(range.from);
  p.again_to = std::int64_t(range.to);
}

const record* consumer::next_again() {
  parts& p = *parts_;
  if (!p.again_of) return nullptr;
  source& s = *p.again_of;
  do p.current_again.reset(rd_kafka_consumer_poll(p.reader->get(), int(p.options.read_timeout.count())));
  while (p.current_again && p.current_again->err == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED);  // it has none
  const auto* m = p.current_again.get();
  if (!m)
    refuse(s.name() + ": nothing came in " + std::to_string(p.options.read_timeout.count()) +
           " ms when records were read again; are the brokers there?");
  if (m->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET) return p.lost(s);
  const bool ends = m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF || (!m->err && m->offset >= p.again_to);
  if (!ends && m->err) refuse(s.name() + ": records can't be read again: " + in_words(m->err));
  if (ends) {
    p.stop_again();
    return nullptr;
  }
  at_ = {s.id, std::uint64_t(m->offset), std::uint64_t(m->offset) + 1};
  show(p.shown, *m, s);
  // Nothing more is waited for behind the last.
  p.again_from = m->offset + 1;
  if (p.again_from >= p.again_to) p.stop_again();
  return &p.shown;
}

void consumer::seek(const position& to) {
  parts& p = *parts_;
  source* s = p.of.sources.by_id(to.partition);
  if (!s) refuse("partition " + std::to_string(to.partition) + " is not this task's");
  const auto offset = std::int64_t(to.offset);
  if (offset > s->end)
    refuse(s->name() + ": reading was to go on at offset " + std::to_string(offset) + ", and the topic ends at " +
           std::to_string(s->end) +
           ": was it deleted and made again? Start without the old checkpoint, or name another topic");
  if (offset < s->low && !std::exchange(s->loss_told, true))
    throw range_lost({s->id, std::uint64_t(offset), std::uint64_t(s->low)}, s->name() + ": the topic has deleted it");
  s->next = std::max(offset, s->low);
  s->over = s->at_end = false;
  p.assigned = false;  // all begin where they are by now
}

void consumer::commit(const position& to) {
  const auto lock = parts_->guard();
  parts_->commits.finish(to);
}

void consumer::close() {
  parts& p = *parts_;
  p.member.stop_keeping();
  if (std::exchange(p.closed, true)) return;
  if (p.by_group) p.member.wait_to_leave();
  const bool answered = p.commits.flush(milliseconds(2000));
  p.member.leave(milliseconds(answered ? 2000 : 200));
}

}  // namespace freshet::kafka
