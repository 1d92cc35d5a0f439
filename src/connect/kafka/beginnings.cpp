#include "connect/kafka/beginnings.hpp"

#include <algorithm>

namespace freshet::kafka {

namespace {

using std::chrono::milliseconds;

[[noreturn]] void refuse_for_now(const std::string& what, rd_kafka_resp_err_t code) {
  if (code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED) refuse(what + in_words(code));
  throw passing_trouble(what + in_words(code));
}

[[noreturn]] void refuse_group(const consumer_options& o, rd_kafka_resp_err_t code) {
  const auto what = "group \"" + o.group + "\" of " + o.servers + ": ";
  if (code != RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED) refuse_for_now(what + "is its coordinator there? ", code);
  refuse(what + in_words(code) + ": grant the user of these settings Read for the group, or name another");
}

/// A coordinator that has to be found first, of a group that is new, takes a moment; and that we may not ask it comes
/// by another way.
rd_kafka_resp_err_t ask_for_committed(reading& of, rd_kafka_topic_partition_list_t* list) {
  using std::chrono::steady_clock;
  for (const auto until = steady_clock::now() + of.options.connect_timeout + milliseconds(5000);;) {
    const auto code = rd_kafka_committed(of.main.get(), list, 1000);
    if (code != RD_KAFKA_RESP_ERR__TIMED_OUT || steady_clock::now() > until) return code;
    if (of.by_group()) continue;  // within a callback of the poll
    const message_ptr said(rd_kafka_consumer_poll(of.main.get(), 0));
    if (said && said->err == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED) return said->err;
  }
}

void begin_at_offset(reading& of, source& s, std::int64_t offset) {
  if (offset < s.low)
    meet_loss(of, s.name() + ": group \"" + of.options.group + "\" has committed offset " + std::to_string(offset) +
                      ", and the earliest that is still there is " + std::to_string(s.low) + ": " +
                      std::to_string(s.low - offset) + " offsets were deleted before they were read");
  s.next = std::clamp(offset, s.low, std::max(s.end, s.low));
  s.committed = s.next;
}

/// Gives those of which nothing is committed.
std::vector<source*> begin_at_committed(reading& of, const std::vector<source*>& all) {
  if (of.options.group.empty() || all.empty()) return all;
  const auto list = list_of(all.size());
  for (source* s : all) add(list, *s, RD_KAFKA_OFFSET_INVALID);
  const auto code = ask_for_committed(of, list.get());
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) refuse_group(of.options, code);
  std::vector<source*> none;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto& found = list->elems[i];
    if (found.err != RD_KAFKA_RESP_ERR_NO_ERROR) refuse_group(of.options, found.err);
    if (found.offset < 0) none.push_back(all[i]);
    else begin_at_offset(of, *all[i], found.offset);
  }
  return none;
}

/// In one call for all: later ones take half a second each.
void begin_at_time(reading& of, const std::vector<source*>& all, event_time when) {
  if (all.empty()) return;
  const auto list = list_of(all.size());
  for (source* s : all) add(list, *s, when.time_since_epoch().count());
  const auto timeout = static_cast<int>(of.options.connect_timeout.count()) + 5000;
  const auto code = rd_kafka_offsets_for_times(of.main.get(), list.get(), timeout);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) refuse_for_now("the offsets at a time are not known: ", code);
  for (std::size_t i = 0; i < all.size(); ++i)
    all[i]->next = list->elems[i].offset < 0 ? all[i]->end : list->elems[i].offset;
}

void begin_at(reading& of, const std::vector<source*>& all, start_at::place where, const start_at& start) {
  if (where == start_at::place::time) begin_at_time(of, all, start.when());
  for (source* s : all) {
    if (where == start_at::place::latest) s->next = s->end;
    if (where != start_at::place::offsets) continue;
    if (const auto at = start.given().find({s->topic, s->partition}); at != start.given().end())
      s->next = std::clamp(at->second, s->low, s->end);
  }
}

}  // namespace

void find_beginnings(reading& of, const std::vector<source*>& all, const start_at& start) {
  const auto timeout = static_cast<int>(of.options.connect_timeout.count());
  for (source* s : all) {
    const auto code =
        rd_kafka_query_watermark_offsets(of.main.get(), s->topic.c_str(), s->partition, &s->low, &s->end, timeout);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) refuse_for_now("the ends of " + s->name() + " are not known: ", code);
    s->next = s->low;
  }
  const bool by_group = start.where() == start_at::place::committed;
  const auto left = by_group ? begin_at_committed(of, all) : all;
  begin_at(of, left, by_group ? start.otherwise() : start.where(), start);
}

void meet_loss(const reading& of, const std::string& what) {
  if (of.options.on_data_loss == freshet::on_data_loss::stop)
    throw fatal_error(
        what + "; keep records longer (retention.ms), or accept it with on_data_loss::skip in the spout's options");
  of.context.log.log(log_level::warning, of.context.node, what);
}

}  // namespace freshet::kafka
