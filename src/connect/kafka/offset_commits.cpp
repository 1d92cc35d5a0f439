#include "connect/kafka/offset_commits.hpp"

namespace freshet::kafka {

void offset_commits::finish(const position& p) {
  source* s = of_.sources.by_id(p.partition);
  const auto offset = static_cast<std::int64_t>(p.next);
  if (of_.options.group.empty() || !s || s->gone || offset <= s->committed) return;
  has_any_ = true;
  s->committed = offset;
  if (joins_) {
    plan_.has_news();
    return serve();
  }
  const auto list = list_of(1);
  add(list, *s, offset);
  send(list);
}

void offset_commits::serve() {
  const auto now = of_.context.clock->now();
  if (of_.options.group.empty() || !plan_.is_due(now) || (joins_ && !joins_->may_commit())) return;
  plan_.told(now);
  if (const auto list = everything(); list->cnt > 0) send(list);
}

void offset_commits::send(const partitions_ptr& list) {
  check(rd_kafka_commit(of_.main.get(), list.get(), 1), "a finished offset can't be committed");
}

partitions_ptr offset_commits::everything() {
  auto list = list_of(4);
  for (const auto& s : of_.sources.all())
    if (!s.gone && s.committed >= 0) add(list, s, s.committed);
  return list;
}

void offset_commits::answered(rd_kafka_resp_err_t code, const rd_kafka_topic_partition_list_t* list) {
  for (int i = 0; list && i < list->cnt && code == RD_KAFKA_RESP_ERR_NO_ERROR; ++i) code = list->elems[i].err;
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR || code == RD_KAFKA_RESP_ERR__NO_OFFSET) return;
  plan_.failed(of_.context.clock->now());
  of_.context.log.log(log_level::warning, of_.context.node,
                      "finished offsets could not be committed for group \"" + of_.options.group +
                          "\": " + in_words(code) + "; it is tried again");
}

bool offset_commits::flush(std::chrono::milliseconds limit) {
  if (of_.options.group.empty()) return true;
  const auto list = everything();
  if (list->cnt == 0) return true;
  const queue_ptr answers(rd_kafka_queue_new(of_.main.get()));
  check(rd_kafka_commit_queue(of_.main.get(), list.get(), answers.get(), nullptr, nullptr), "nothing can be committed");
  rd_kafka_event_t* answer = rd_kafka_queue_poll(answers.get(), static_cast<int>(limit.count()));
  const auto code = answer ? rd_kafka_event_error(answer) : RD_KAFKA_RESP_ERR__TIMED_OUT;
  if (answer) rd_kafka_event_destroy(answer);
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR || code == RD_KAFKA_RESP_ERR__NO_OFFSET) return true;
  of_.context.log.log(log_level::warning, of_.context.node,
                      "finished offsets could not be committed for group \"" + of_.options.group +
                          "\": " + in_words(code) + "; the next who reads them reads some records again");
  return code != RD_KAFKA_RESP_ERR__TIMED_OUT;
}

}  // namespace freshet::kafka
