#include "connect/kafka/group_member.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "connect/kafka/beginnings.hpp"

namespace freshet::kafka {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// What the group takes away before anything was committed: nobody may wait for it for long.
constexpr milliseconds new_member_goes_within{2000};
/// How long a member that goes waits for a join that is under way, which all members have to hear of, and for a moment
/// between two heartbeats.
constexpr milliseconds wait_for_join{5000}, wait_for_heartbeat{1000};

}  // namespace

void took(rd_kafka_error_t* e) {
  if (!e) return;
  const std::string why = rd_kafka_error_string(e);
  rd_kafka_error_destroy(e);
  refuse("the partitions that the group gives can't be taken: " + why);
}

group_member::group_member(reading& of, offset_commits& commits, join_watch& joins,
                           std::function<void(message_ptr)> take)
    : of_(of),
      commits_(commits),
      joins_(joins),
      take_(std::move(take)),
      next_id_(static_cast<partition_id>(of.context.task)) {}

milliseconds group_member::setting(const char* name) const {
  return milliseconds(std::stoll(value_of(rd_kafka_conf(of_.main.get()), name)));
}

void group_member::join() {
  joins_.begin(setting("heartbeat.interval.ms"));
  subscribe();
  keeper_ = std::jthread([this](const std::stop_token& stop) { keep(stop); });
}

void group_member::subscribe() {
  const auto list = list_of(1);
  for (const auto& t : of_.options.topics) rd_kafka_topic_partition_list_add(list.get(), t.c_str(), -1);
  if (!of_.options.topic_pattern.empty()) {
    const auto whole = "^(" + of_.options.topic_pattern + ")$";
    rd_kafka_topic_partition_list_add(list.get(), whole.c_str(), -1);
  }
  check(rd_kafka_subscribe(of_.main.get(), list.get()), "the topics can't be subscribed to");
}

// --- polling ---

void group_member::serve() {
  last_poll_ = steady_clock::now();
  if (std::exchange(kept_, false)) pause_all(false);
  let_go_when_finished();
  take_coming();
  commits_.serve();
}

/// Everything is paused meanwhile, so that nothing comes. Not at once, as what was fetched is fetched again then.
void group_member::keep(const std::stop_token& stop) {
  const auto interval = std::min<milliseconds>(setting("max.poll.interval.ms") / 3, milliseconds(2000));
  std::unique_lock lock(mutex_);
  while (!stopping_.wait_for(lock, stop, std::min<milliseconds>(interval / 4, milliseconds(200)), [] {
    return false;
  }) && !stop.stop_requested())
    if (steady_clock::now() - last_poll_ >= interval) poll_for_run();
}

void group_member::poll_for_run() {
  if (!std::exchange(kept_, true)) pause_all(true);
  try {
    let_go_when_finished();
    take_coming();
    commits_.serve();
    if (message_ptr m{rd_kafka_consumer_poll(of_.main.get(), 0)}) take_(std::move(m));
  } catch (const std::exception& e) { of_.failure = e.what(); }
}

void group_member::pause_all(bool now) {
  for (auto& s : of_.sources.all())
    if (!s.gone && !s.leaves && !s.over) of_.pause(s, now || s.is_full());
}

// --- partitions come ---

void group_member::rebalance(rd_kafka_resp_err_t code, rd_kafka_topic_partition_list_t* list) {
  const bool gives = code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
  if (!gives) joins_.has_joined();
  try {
    if (gives) come(list);
    else go(list);
  } catch (const std::exception& e) { of_.failure = e.what(); }
}

partition_id group_member::new_id() {
  const auto tasks = std::max<std::size_t>(of_.context.task_count, 1);
  return std::exchange(next_id_, next_id_ + static_cast<partition_id>(tasks));
}

void group_member::come(rd_kafka_topic_partition_list_t* list) {
  for (int i = 0; i < list->cnt; ++i) {
    if (source* old = of_.sources.at(list->elems[i].topic, list->elems[i].partition)) of_.sources.remove(*old);
    of_.sources.add(list->elems[i].topic, list->elems[i].partition, new_id());
  }
  coming_.reset(rd_kafka_topic_partition_list_copy(list));
  come_at_ = {};
  take_coming();
}

/// The group waits until they are taken, and so they are tried again: nobody else reads them.
void group_member::take_coming() {
  if (!coming_ || steady_clock::now() < come_at_) return;
  std::vector<source*> all;
  for (int i = 0; i < coming_->cnt; ++i)
    all.push_back(of_.sources.at(coming_->elems[i].topic, coming_->elems[i].partition));
  const auto& start = of_.options.start;
  try {
    find_beginnings(of_, all, start.where() == start_at::place::committed ? start : start_at::committed(start));
  } catch (const passing_trouble& e) {
    of_.context.log.log(log_level::warning, of_.context.node, std::string(e.what()) + "; it is tried again");
    come_at_ = steady_clock::now() + milliseconds(100);
    return;
  }
  for (int i = 0; i < coming_->cnt; ++i) coming_->elems[i].offset = all[static_cast<std::size_t>(i)]->next;
  assign_coming();
}

void group_member::assign_coming() {
  const auto list = std::exchange(coming_, nullptr);
  joins_.has_joined();
  // One that was here before is still paused. Not behind the assign: what the first fetch brings would be dropped, and
  // where that is a refusal the library waits 5 s before it fetches again.
  rd_kafka_resume_partitions(of_.main.get(), list.get());
  took(rd_kafka_incremental_assign(of_.main.get(), list.get()));
  joins_.goes_on();
}

// --- partitions go ---

/// What is lost, somebody else may have already. Else it goes when it is finished, and the group waits.
void group_member::go(rd_kafka_topic_partition_list_t* list) {
  const bool lost = rd_kafka_assignment_lost(of_.main.get()) != 0;
  leaving_.reset(rd_kafka_topic_partition_list_copy(list));
  for (int i = 0; i < list->cnt; ++i)
    if (source* s = of_.sources.at(list->elems[i].topic, list->elems[i].partition)) {
      s->leaves = true;
      of_.sources.forget_aside(*s);
      of_.pause(*s, true);
    }
  const milliseconds timeout = of_.options.revoke_timeout;
  leave_by_ = steady_clock::now() + (commits_.has_any() ? timeout : std::min(timeout, new_member_goes_within));
  if (lost || closing_ || is_finished()) let_go(!lost);
}

bool group_member::is_finished() {
  const auto& all = of_.sources.all();
  return std::all_of(all.begin(), all.end(), [](const source& s) { return !s.leaves || s.gone || s.is_finished(); });
}

void group_member::let_go_when_finished() {
  if (leaving_ && (is_finished() || steady_clock::now() >= leave_by_)) let_go(true);
}

void group_member::let_go(bool commits) {
  if (commits && !closing_) commits_.flush(milliseconds(3000));
  for (auto& s : of_.sources.all())
    if (s.leaves && !s.gone) {
      of_.ended.push_back(s.id);
      of_.sources.remove(s);
    }
  const auto list = std::exchange(leaving_, nullptr);
  joins_.gives_back();
  took(rd_kafka_incremental_unassign(of_.main.get(), list.get()));
}

// --- the end ---

void group_member::stop_keeping() {
  if (!keeper_.joinable()) return;
  keeper_.request_stop();
  keeper_.join();
}

void group_member::wait_to_leave() {
  const auto began = steady_clock::now();
  const auto has_time = [&] {
    return steady_clock::now() - began <
           (joins_.is_joining() && commits_.has_any() ? wait_for_join : wait_for_heartbeat);
  };
  while ((joins_.is_half_joined() || (commits_.has_any() && !joins_.may_commit())) && has_time()) {
    of_.main.serve(milliseconds(5));
    take_coming();
  }
  if (coming_) assign_coming();  // nothing is read of them, but the library waits for it
}

void group_member::leave(milliseconds limit) {
  closing_ = true;
  if (leaving_) let_go(true);
  const queue_ptr events(rd_kafka_queue_new(of_.main.get()));
  if (rd_kafka_error_t* e = rd_kafka_consumer_close_queue(of_.main.get(), events.get()))
    return rd_kafka_error_destroy(e);
  for (const auto until = steady_clock::now() + limit;
       !rd_kafka_consumer_closed(of_.main.get()) && steady_clock::now() < until;) {
    rd_kafka_event_t* event = rd_kafka_queue_poll(events.get(), 20);
    if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_REBALANCE)
      rebalance(rd_kafka_event_error(event), rd_kafka_event_topic_partition_list(event));
    if (event) rd_kafka_event_destroy(event);
  }
}

}  // namespace freshet::kafka
