#include "freshet/connect/kafka/consumer.hpp"

#include <algorithm>
#include <condition_variable>
#include <future>
#include <mutex>
#include <regex>
#include <stdexcept>
#include <thread>

#include "connect/kafka/connection.hpp"
#include "connect/kafka/join_watch.hpp"
#include "connect/kafka/sources.hpp"
#include "freshet/core/range_lost.hpp"

namespace freshet::kafka {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// What may pass by itself: a partition whose leader is being elected, a coordinator that moves.
struct passing_trouble : std::runtime_error {
  using runtime_error::runtime_error;
};
[[noreturn]] void refuse_for_now(const std::string& what, rd_kafka_resp_err_t code) {
  if (code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED) refuse(what + in_words(code));
  throw passing_trouble(what + in_words(code));
}

bool reads_by_group(const consumer_options& o) {
  return o.partitions_from == partitions_from::group ||
         (o.partitions_from == partitions_from::automatic && !o.group.empty());
}

/// Records of a partition that wait because it isn't wanted: as many as a fetch of small ones gives. Beyond that the
/// client fetches no more of it; and to do so again takes it a moment, so not at once.
constexpr std::size_t most_aside = 2000;

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

partitions_ptr list_of(std::size_t n) { return partitions_ptr(rd_kafka_topic_partition_list_new(int(n))); }
void add(const partitions_ptr& list, const source& s, std::int64_t offset) {
  rd_kafka_topic_partition_list_add(list.get(), s.topic.c_str(), s.partition)->offset = offset;
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

/// Everything behind one spout task. With partitions from a group it is used by a second thread, too (`keeper`), that
/// polls where the run does not for long: all of it is under the mutex then. Callbacks of the client library come where
/// it is polled.
struct consumer::parts {
  consumer_options options;
  task_context context;
  const bool by_group;
  join_watch joins{};
  bool commits_wait = false;  ///< until they may be sent
  connection main;
  std::unique_ptr<connection> reader{};  ///< for what is read again
  source_list sources{};
  std::vector<partition_id> ended{};
  message_ptr current{}, current_again{}, current_kept{};
  source* current_of = nullptr;  ///< whose `current` is, while it is to be emitted
  record shown{};
  std::int64_t emitted_before = -1;  ///< of the partition of the current record
  bool assigned = false, closing = false, closed = false, ever_committed = false;
  std::string failure{};   ///< from a callback: thrown where the run can see it
  std::size_t asides = 0;  ///< of all sources
  partition_id next_id;    ///< of a partition that the group gives; those of other tasks are others
  // What the group gives, until it is known where to begin.
  partitions_ptr coming{};
  steady_clock::time_point come_at{};
  // What the group takes away, until what was read of it is finished.
  partitions_ptr leaving{};
  steady_clock::time_point leave_by{};
  // The range that is read again.
  source* again_of = nullptr;
  std::int64_t again_from = 0, again_to = 0;
  // Of the keeper.
  std::mutex mutex{};
  std::condition_variable_any stopping{};
  steady_clock::time_point last_poll{};
  bool kept = false;  ///< the keeper has paused everything
  std::jthread keeper{};

  parts(const consumer_options& o, const task_context& c)
      : options(o),
        context(c),
        by_group(reads_by_group(o)),
        main(RD_KAFKA_CONSUMER, settings_of(o, c), c.log, by_group ? &add_callbacks : nullptr, this),
        next_id(static_cast<partition_id>(c.task)) {}

  /// Where there is a keeper.
  std::unique_lock<std::mutex> guard() { return by_group ? std::unique_lock(mutex) : std::unique_lock<std::mutex>(); }

  static void add_callbacks(rd_kafka_conf_t* conf) {
    rd_kafka_conf_set_rebalance_cb(conf, &on_rebalance);
    rd_kafka_conf_interceptor_add_on_new(conf, "freshet", &on_new, nullptr);
  }
  static rd_kafka_resp_err_t on_new(rd_kafka_t* client, const rd_kafka_conf_t*, void*, char*, std::size_t) {
    void* self = connection::opaque_of(rd_kafka_opaque(client));
    rd_kafka_interceptor_add_on_request_sent(client, "freshet", &on_request, self);
    return rd_kafka_interceptor_add_on_response_received(client, "freshet", &on_response, self);
  }
  static rd_kafka_resp_err_t on_request(rd_kafka_t*, int, const char*, std::int32_t, std::int16_t kind, std::int16_t,
                                        std::int32_t, std::size_t, void* self) {
    static_cast<parts*>(self)->joins.request_sent(kind);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
  }
  static rd_kafka_resp_err_t on_response(rd_kafka_t*, int, const char*, std::int32_t, std::int16_t kind, std::int16_t,
                                         std::int32_t, std::size_t, std::int64_t, rd_kafka_resp_err_t, void* self) {
    static_cast<parts*>(self)->joins.response_received(kind);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
  }

  // --- where reading begins ---

  void take_dealt() {
    for (const auto& p : context.partitions) {
      const auto slash = p.name.rfind('/');
      sources.add(p.name.substr(0, slash), std::stoi(p.name.substr(slash + 1)), p.id);
    }
    std::vector<source*> all;
    for (auto& s : sources.all()) all.push_back(&s);
    for (const auto until = steady_clock::now() + options.connect_timeout;;) try {
        return find_beginnings(all, options.start);
      } catch (const passing_trouble&) {
        if (steady_clock::now() > until) throw;
        main.serve(milliseconds(50));
      }
  }
  /// Numbers for all of them, so that nothing depends on when the first record is fetched.
  void find_beginnings(const std::vector<source*>& all, const start_at& start) {
    for (source* s : all) {
      const auto timeout = int(options.connect_timeout.count());
      const auto code =
          rd_kafka_query_watermark_offsets(main.get(), s->topic.c_str(), s->partition, &s->low, &s->end, timeout);
      if (code != RD_KAFKA_RESP_ERR_NO_ERROR) refuse_for_now("the ends of " + s->name() + " are not known: ", code);
      s->next = s->low;
    }
    std::vector<source*> left = all;
    if (start.where() == start_at::place::committed) left = begin_at_committed(all);
    begin_at(left, start.where() == start_at::place::committed ? start.otherwise() : start.where(), start);
  }
  void begin_at(const std::vector<source*>& all, start_at::place where, const start_at& start) {
    if (where == start_at::place::time) begin_at_time(all, start.when());
    for (source* s : all) {
      if (where == start_at::place::latest) s->next = s->end;
      if (where != start_at::place::offsets) continue;
      if (const auto at = start.given().find({s->topic, s->partition}); at != start.given().end())
        s->next = std::clamp(at->second, s->low, s->end);
    }
  }
  /// Gives those of which nothing is committed.
  std::vector<source*> begin_at_committed(const std::vector<source*>& all) {
    if (options.group.empty() || all.empty()) return all;
    const auto list = list_of(all.size());
    for (source* s : all) add(list, *s, RD_KAFKA_OFFSET_INVALID);
    const auto code = ask_for_committed(list.get());
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) refuse_group(code);
    std::vector<source*> none;
    for (std::size_t i = 0; i < all.size(); ++i) {
      const auto& found = list->elems[i];
      if (found.err != RD_KAFKA_RESP_ERR_NO_ERROR) refuse_group(found.err);
      if (found.offset < 0) none.push_back(all[i]);
      else begin_at_offset(*all[i], found.offset);
    }
    return none;
  }
  /// A coordinator that has to be found first, of a group that is new, takes a moment; and that we may not ask it comes
  /// by another way.
  rd_kafka_resp_err_t ask_for_committed(rd_kafka_topic_partition_list_t* list) {
    for (const auto until = steady_clock::now() + options.connect_timeout + milliseconds(5000);;) {
      const auto code = rd_kafka_committed(main.get(), list, 1000);
      if (code != RD_KAFKA_RESP_ERR__TIMED_OUT || steady_clock::now() > until) return code;
      if (by_group) continue;  // within a callback of the poll
      const message_ptr said(rd_kafka_consumer_poll(main.get(), 0));
      if (said && said->err == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED) return said->err;
    }
  }
  void begin_at_offset(source& s, std::int64_t offset) {
    if (offset < s.low)
      deleted(s.name() + ": group \"" + options.group + "\" has committed offset " + std::to_string(offset) +
              ", and the earliest that is still there is " + std::to_string(s.low) + ": " +
              std::to_string(s.low - offset) + " offsets were deleted before they were read");
    s.next = std::clamp(offset, s.low, std::max(s.end, s.low));
    s.committed = s.next;
  }
  void deleted(const std::string& what) const {
    if (options.on_data_loss == freshet::on_data_loss::stop)
      refuse(what +
             "; keep records longer (retention.ms), or accept it with on_data_loss::skip in the spout's options");
    context.log.log(log_level::warning, context.node, what);
  }
  /// In one call for all: later ones take half a second each.
  void begin_at_time(const std::vector<source*>& all, event_time when) {
    if (all.empty()) return;
    const auto list = list_of(all.size());
    for (source* s : all) add(list, *s, when.time_since_epoch().count());
    const auto code = rd_kafka_offsets_for_times(main.get(), list.get(), int(options.connect_timeout.count()) + 5000);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) refuse_for_now("the offsets at a time are not known: ", code);
    for (std::size_t i = 0; i < all.size(); ++i)
      all[i]->next = list->elems[i].offset < 0 ? all[i]->end : list->elems[i].offset;
  }
  [[noreturn]] void refuse_group(rd_kafka_resp_err_t code) const {
    const auto what = "group \"" + options.group + "\" of " + options.servers + ": ";
    if (code != RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED) refuse_for_now(what + "is its coordinator there? ", code);
    refuse(what + in_words(code) + ": grant the user of these settings Read for the group, or name another");
  }

  // --- polling ---

  void begin() {
    assigned = true;
    main.forget_missing();
    if (by_group) return subscribe();
    const auto list = list_of(sources.all().size());
    for (auto& s : sources.all()) {
      forget_aside(s);
      s.paused = false;
      if (options.bounded && s.next >= s.end) end(s);
      if (!s.over) add(list, s, s.next);
    }
    check(rd_kafka_assign(main.get(), list.get()), "the partitions can't be read");
  }
  void subscribe() {
    const auto list = list_of(1);
    for (const auto& t : options.topics) rd_kafka_topic_partition_list_add(list.get(), t.c_str(), -1);
    if (!options.topic_pattern.empty()) {
      const auto whole = "^(" + options.topic_pattern + ")$";
      rd_kafka_topic_partition_list_add(list.get(), whole.c_str(), -1);
    }
    check(rd_kafka_subscribe(main.get(), list.get()), "the topics can't be subscribed to");
    keeper = std::jthread([this](const std::stop_token& stop) { keep(stop); });
  }
  static void check(rd_kafka_resp_err_t code, const char* what) {
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) refuse(std::string(what) + ": " + in_words(code));
  }

  const rd_kafka_message_t* next(const std::function<bool(partition_id)>& wanted) {
    current.reset();
    if (!assigned) begin();
    if (by_group) {
      last_poll = steady_clock::now();
      if (std::exchange(kept, false)) pause_all(false);
      let_go_when_finished();
      take_coming();
      commit_waiting();
    }
    if (asides > 0 && take_aside(wanted)) return current.get();
    while (true) {
      current.reset(rd_kafka_consumer_poll(main.get(), 0));
      if (!failure.empty()) refuse(failure);
      if (main.missing()) stop_with(*main.missing() + was_it_deleted);
      if (!current) return nullptr;
      if (takes(wanted)) return current.get();
    }
  }
  bool take_aside(const std::function<bool(partition_id)>& wanted) {
    for (auto& s : sources.all()) {
      if (s.aside.empty() || !wanted(s.id)) continue;
      current = std::move(s.aside.front());
      s.aside.pop_front();
      --asides;
      if (s.aside.empty()) pause(s, false);
      current_of = &s;
      return true;
    }
    return false;
  }
  void set_aside(source& s, message_ptr m) {
    s.aside.push_back(std::move(m));
    ++asides;
    if (s.aside.size() >= most_aside) pause(s, true);
  }
  void forget_aside(source& s) {
    asides -= s.aside.size();
    s.aside.clear();
  }
  /// Whether the record that came is one to emit now.
  bool takes(const std::function<bool(partition_id)>& wanted) {
    source* s = current->rkt ? sources.at(rd_kafka_topic_name(current->rkt), current->partition) : nullptr;
    if (current->err != RD_KAFKA_RESP_ERR_NO_ERROR) return problem(*current, s), false;
    if (!s || s->leaves || s->over || current->offset < s->next) return false;
    if (options.bounded && current->offset >= s->end) return reach_end(*s), false;
    current_of = s;
    if (s->aside.empty() && wanted(s->id)) return true;
    set_aside(*s, std::move(current));
    return false;
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
    ended.push_back(s.id);
    if (assigned) pause(s, true);
  }
  void pause(source& s, bool now) {
    if (std::exchange(s.paused, now) == now) return;
    const auto list = list_of(1);
    add(list, s, RD_KAFKA_OFFSET_INVALID);
    if (now) rd_kafka_pause_partitions(main.get(), list.get());
    else rd_kafka_resume_partitions(main.get(), list.get());
  }
  void pause_all(bool now) {
    for (auto& s : sources.all())
      if (!s.gone && !s.leaves && !s.over) pause(s, now || s.aside.size() >= most_aside);
  }

  /// An engine polls again after an error, and the library tells it once.
  [[noreturn]] void stop_with(std::string what) { refuse(failure = std::move(what)); }
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
        if (s) pass_over_deleted(*s);
        return;
      case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
      case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
      case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
        stop_with(where + " is not there any more: " + why + was_it_deleted);
      case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
        if (options.group.empty()) return;  // nobody needs it
        [[fallthrough]];
      case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
        stop_with(where + ": " + why + ": grant the user of these settings Read for the topics, and for group \"" +
                  options.group + "\"");
      case RD_KAFKA_RESP_ERR__FATAL:
        stop_with(main.unreachable(main.fatal().value_or(why)));
      default:  // the client library goes on by itself
        context.log.log(log_level::warning, context.node, where + ": " + why);
    }
  }

  /// What was to be read next is gone.
  void pass_over_deleted(source& s) {
    check(rd_kafka_query_watermark_offsets(main.get(), s.topic.c_str(), s.partition, &s.low, &s.end,
                                           int(options.connect_timeout.count())),
          "the ends of a partition are not known");
    deleted(s.name() + ": offset " + std::to_string(s.next) + " is no longer there, the earliest that is is " +
            std::to_string(s.low) + ", the end " + std::to_string(s.end));
    s.next = s.low;
    if (!by_group) return begin();
    const auto list = list_of(1);
    add(list, s, s.next);
    took(rd_kafka_incremental_unassign(main.get(), list.get()));
    took(rd_kafka_incremental_assign(main.get(), list.get()));
  }

  // --- the group ---

  static void on_rebalance(rd_kafka_t*, rd_kafka_resp_err_t code, rd_kafka_topic_partition_list_t* list, void* self) {
    auto& me = *static_cast<parts*>(connection::opaque_of(self));
    if (code != RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) me.joins.has_joined();
    try {
      if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) me.come(list);
      else me.leave(list);
    } catch (const std::exception& e) { me.failure = e.what(); }
  }
  partition_id new_id() {
    return std::exchange(next_id, next_id + static_cast<partition_id>(std::max<std::size_t>(context.task_count, 1)));
  }
  void come(rd_kafka_topic_partition_list_t* list) {
    for (int i = 0; i < list->cnt; ++i) {
      if (source* old = sources.at(list->elems[i].topic, list->elems[i].partition)) {
        forget_aside(*old);
        sources.remove(*old);
      }
      sources.add(list->elems[i].topic, list->elems[i].partition, new_id());
    }
    coming.reset(rd_kafka_topic_partition_list_copy(list));
    come_at = {};
    take_coming();
  }
  /// The group waits until they are taken, and so they are tried again: nobody else reads them.
  void take_coming() {
    if (!coming || steady_clock::now() < come_at) return;
    std::vector<source*> all;
    for (int i = 0; i < coming->cnt; ++i) all.push_back(sources.at(coming->elems[i].topic, coming->elems[i].partition));
    const auto& start = options.start;
    try {
      find_beginnings(all, start.where() == start_at::place::committed ? start : start_at::committed(start));
    } catch (const passing_trouble& e) {
      context.log.log(log_level::warning, context.node, std::string(e.what()) + "; it is tried again");
      come_at = steady_clock::now() + milliseconds(100);
      return;
    }
    for (int i = 0; i < coming->cnt; ++i) coming->elems[i].offset = all[std::size_t(i)]->next;
    assign_coming();
  }
  void assign_coming() {
    const auto list = std::exchange(coming, nullptr);
    joins.has_joined();
    took(rd_kafka_incremental_assign(main.get(), list.get()));
    rd_kafka_resume_partitions(main.get(), list.get());  // one that was here before is still paused
    joins.goes_on();
  }
  static void took(rd_kafka_error_t* e) {
    if (!e) return;
    const std::string why = rd_kafka_error_string(e);
    rd_kafka_error_destroy(e);
    refuse("the partitions that the group gives can't be taken: " + why);
  }
  /// What is lost, somebody else may have already. Else it goes when it is finished, and the group waits.
  void leave(rd_kafka_topic_partition_list_t* list) {
    const bool lost = rd_kafka_assignment_lost(main.get()) != 0;
    leaving.reset(rd_kafka_topic_partition_list_copy(list));
    for (int i = 0; i < list->cnt; ++i)
      if (source* s = sources.at(list->elems[i].topic, list->elems[i].partition)) {
        s->leaves = true;
        forget_aside(*s);
        pause(*s, true);
      }
    leave_by =
        steady_clock::now() +
        (ever_committed ? options.revoke_timeout : std::min<milliseconds>(options.revoke_timeout, milliseconds(2000)));
    if (lost || closing || is_left()) let_go(!lost);
  }
  bool is_left() {
    return std::all_of(sources.all().begin(), sources.all().end(),
                       [](const source& s) { return !s.leaves || s.gone || s.is_finished(); });
  }
  void let_go_when_finished() {
    if (leaving && (is_left() || steady_clock::now() >= leave_by)) let_go(true);
  }
  void let_go(bool commits) {
    if (commits && !closing) commit_and_wait(milliseconds(3000));
    for (auto& s : sources.all())
      if (s.leaves && !s.gone) {
        ended.push_back(s.id);
        sources.remove(s);
      }
    const auto list = std::exchange(leaving, nullptr);
    joins.gives_back();
    took(rd_kafka_incremental_unassign(main.get(), list.get()));
  }

  /// A member that does not poll for long is taken for dead, and one that does not for a while keeps others waiting
  /// who come. While the run has no room this thread does: everything is paused, so that nothing comes. Not at once, as
  /// what was fetched is fetched again then.
  void keep(const std::stop_token& stop) {
    const auto interval = std::min<milliseconds>(poll_interval() / 3, milliseconds(2000));
    std::unique_lock lock(mutex);
    while (!stopping.wait_for(lock, stop, std::min<milliseconds>(interval / 4, milliseconds(200)), [] {
      return false;
    }) && !stop.stop_requested()) {
      if (steady_clock::now() - last_poll < interval) continue;
      if (!std::exchange(kept, true)) pause_all(true);
      try {
        let_go_when_finished();
        take_coming();
        commit_waiting();
        current_kept.reset(rd_kafka_consumer_poll(main.get(), 0));  // callbacks; hardly a record
        if (current_kept) keep_aside();
      } catch (const std::exception& e) { failure = e.what(); }
    }
  }
  void keep_aside() {
    source* s =
        current_kept->rkt ? sources.at(rd_kafka_topic_name(current_kept->rkt), current_kept->partition) : nullptr;
    if (current_kept->err) return problem(*current_kept, s);
    if (!s || s->leaves || s->over || current_kept->offset < s->next) return;
    set_aside(*s, std::move(current_kept));
  }
  milliseconds poll_interval() const {
    return milliseconds(std::stoll(value_of(rd_kafka_conf(main.get()), "max.poll.interval.ms")));
  }

  // --- again ---

  const record* lost(const source& s) {
    std::int64_t low = 0, end = 0;
    check(rd_kafka_query_watermark_offsets(reader->get(), s.topic.c_str(), s.partition, &low, &end,
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

  // --- committing ---

  void commit(const position& p) {
    source* s = sources.by_id(p.partition);
    if (options.group.empty() || !s || s->gone || std::int64_t(p.next) <= s->committed) return;
    ever_committed = true;
    s->committed = std::int64_t(p.next);
    if (by_group) {
      commits_wait = true;
      return commit_waiting();
    }
    const auto list = list_of(1);
    add(list, *s, s->committed);
    commit(list);
  }
  void commit_waiting() {
    if (!commits_wait || !joins.may_commit()) return;
    commits_wait = false;
    commit(to_commit());
  }
  void commit(const partitions_ptr& list) {
    check(rd_kafka_commit(main.get(), list.get(), 1), "a finished offset can't be committed");
  }
  partitions_ptr to_commit() {
    auto list = list_of(4);
    for (const auto& s : sources.all())
      if (!s.gone && s.committed >= 0) add(list, s, s.committed);
    return list;
  }
  /// All of it once more: the group keeps the last. False: nobody has answered.
  bool commit_and_wait(milliseconds limit) {
    if (options.group.empty()) return true;
    const auto list = to_commit();
    if (list->cnt == 0) return true;
    const queue_ptr answers(rd_kafka_queue_new(main.get()));
    check(rd_kafka_commit_queue(main.get(), list.get(), answers.get(), nullptr, nullptr), "nothing can be committed");
    rd_kafka_event_t* answer = rd_kafka_queue_poll(answers.get(), int(limit.count()));
    const auto code = answer ? rd_kafka_event_error(answer) : RD_KAFKA_RESP_ERR__TIMED_OUT;
    if (answer) rd_kafka_event_destroy(answer);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR || code == RD_KAFKA_RESP_ERR__NO_OFFSET) return true;
    context.log.log(log_level::warning, context.node,
                    "finished offsets could not be committed for group \"" + options.group + "\": " + in_words(code) +
                        "; the next who reads them reads some records again");
    return code != RD_KAFKA_RESP_ERR__TIMED_OUT;
  }

  // --- the end ---

  /// For a time when it may be left.
  void wait_to_leave(milliseconds limit) {
    const auto until = steady_clock::now() + limit;
    while ((joins.is_half_joined() || (ever_committed && !joins.may_commit())) && steady_clock::now() < until)
      main.serve(milliseconds(5));
  }
  /// The library's own close waits for brokers as long as requests do: a minute.
  void leave_group(milliseconds limit) {
    const queue_ptr events(rd_kafka_queue_new(main.get()));
    if (rd_kafka_error_t* e = rd_kafka_consumer_close_queue(main.get(), events.get())) return rd_kafka_error_destroy(e);
    for (const auto until = steady_clock::now() + limit;
         !rd_kafka_consumer_closed(main.get()) && steady_clock::now() < until;) {
      rd_kafka_event_t* event = rd_kafka_queue_poll(events.get(), 20);
      if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_REBALANCE)
        on_rebalance(main.get(), rd_kafka_event_error(event), rd_kafka_event_topic_partition_list(event), &main);
      if (event) rd_kafka_event_destroy(event);
    }
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
  if (source* s = p.sources.by_id(at_.partition)) s->emitted = p.emitted_before;
}

poll_status consumer::status() {
  parts& p = *parts_;
  const auto lock = p.guard();
  if (!p.by_group && std::all_of(p.sources.all().begin(), p.sources.all().end(), [](auto& s) { return s.over; }))
    return poll_status::ended();
  // The client library calls when something comes. A look besides costs nothing, and where a call is lost it is late
  // by so much at most.
  const auto now = steady_clock::now();
  return poll_status::idle_until(now +
                                 (p.leaving || p.coming || p.commits_wait ? milliseconds(20) : milliseconds(500)));
}

std::vector<partition_id> consumer::take_ended() {
  const auto lock = parts_->guard();
  return std::exchange(parts_->ended, {});
}

void consumer::again(const position_range& range) {
  parts& p = *parts_;
  const auto lock = p.guard();
  p.again_of = p.sources.by_id(range.partition);
  if (!p.again_of) refuse("partition " + std::to_string(range.partition) + " was never read by this task");
  if (!p.reader)
    p.reader = std::make_unique<connection>(RD_KAFKA_CONSUMER, reader_settings(p.options, p.context), p.context.log);
  const auto list = list_of(1);
  add(list, *p.again_of, std::int64_t(range.from));
  parts::check(rd_kafka_assign(p.reader->get(), list.get()), "records can't be read again");
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
  source* s = p.sources.by_id(to.partition);
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
  parts_->commit(to);
}

void consumer::close() {
  parts& p = *parts_;
  if (p.keeper.joinable()) {
    p.keeper.request_stop();
    p.keeper.join();
  }
  if (std::exchange(p.closed, true)) return;
  if (p.by_group) p.wait_to_leave(milliseconds(1000));
  if (p.coming) p.assign_coming();  // nothing is read of them, but the library waits for it
  const bool answered = p.commit_and_wait(milliseconds(2000));
  p.closing = true;
  if (p.leaving) p.let_go(true);
  p.leave_group(milliseconds(answered ? 2000 : 200));
}

}  // namespace freshet::kafka
