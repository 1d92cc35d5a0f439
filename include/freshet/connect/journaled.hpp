#pragma once
#include <algorithm>
#include <concepts>
#include <exception>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "freshet/connect/captured_spout.hpp"
#include "freshet/connect/journal.hpp"

namespace freshet {

namespace detail {

/// The spout is one that a journal does something for.
template <class S>
struct check_journaled {
  using value_type = spout_output_t<S>;
  static constexpr bool is_spout = spout_class<S>;
  static_assert(is_spout, "journaled(spout, folder): a spout needs  poll_status poll(spout_emitter<T>&)");
  static constexpr bool needs_one = !replayable_spout<S>;
  static_assert(needs_one,
                "journaled(spout, folder): this spout names positions and can read again (it has read, seek and "
                "commit), so it needs no journal: give it to the builder as it is");
  static constexpr bool has_codec = durable<value_type> || !is_spout;
  static_assert(has_codec,
                "journaled(spout, folder): messages are written to a log, and this type has no codec: make it an "
                "aggregate of types that have one, give it freshet_fields, or specialise freshet::codec<T>");
  static constexpr bool can_be_read = std::default_initializable<value_type> || !has_codec;
  static_assert(can_be_read,
                "journaled(spout, folder): a message is read into an object: give its type a default "
                "constructor");
  static constexpr bool ok = is_spout && needs_one && has_codec && can_be_read;
};

}  // namespace detail

/// Makes a spout that cannot read again, such as a push_spout, one that can, also after the process has died: what it
/// emits is written to a log in a folder before it goes on from here, with a position. Made by `journaled`:
///     freshet::push_spout<order> orders;
///     builder.spout("orders", freshet::journaled(orders, "/data/orders"));
///
/// What holds: a message that a bolt has seen is in the journal, in the order of the spout, once, whatever ends the
/// process; under `journal_sync::every_poll` (the default) also when the power fails. A run with checkpoints goes on
/// behind what they cover. A run without goes on behind what was committed, perhaps a second before; and what was never
/// finished comes first, as when the process was killed before any checkpoint. Not protected is what the spout has
/// accepted and a crash finds in its own memory: whoever must know asks for an answer from behind the sink.
///
/// Partitions are named "journal 0", "journal 1" and so on, as many as `journal_options::partitions`, each a folder; a
/// task writes to the first that it is dealt, and reads all of them. With more tasks than partitions the run does not
/// start. An offset is the index of a record. A folder belongs to one spout of one type, and is locked while it is
/// used.
///
/// Older checkpoints: what is finished is removed when the newest epoch covers it, so a run that goes back to a
/// savepoint or an older checkpoint (`resume_from`, `when_damaged::use_older`) may find the messages behind it gone: it
/// ends with `range_lost`, or goes on without them where the spout's `on_data_loss` is skip.
///
/// Bound: what is finished is removed when the run commits it, in whole files. While there is more than `max_bytes`
/// that is not finished, the spout is not polled, which is backpressure to those who push. So in a run that commits
/// nothing (a bolt has state, and there is no checkpoint directory) the journal grows to its bound, and then nothing
/// goes on: such a run should have checkpoints, or no journal. A full disk is backpressure, too: what the last poll
/// gave is kept in memory and tried again every few milliseconds. Both are said in the log once, and that it goes on.
/// A file that fails for good, as by a failed sync, is an exception, and ends the run.
///
/// The spout within: whatever it says to `poll` is passed on when its messages have gone. When the run drains it is
/// drained, or, where it has no `drain()`, not polled any more; what is in the journal is emitted, whatever max_bytes
/// says. What it rejects is written, and passed on in its place. Positions that it names, what it says of its
/// partitions (`end`), and whether they are wanted are not known outside: event time goes by the journal's partitions.
/// What it throws comes through behind what it had emitted. A record that can't be read as a `T`, because the type has
/// changed and its codec does not know the version, is rejected with its bytes.
///
/// Not thread safe. Copies made before `open` are independent but for what copies of the spout share.
template <class S>
class journaled_spout {
  static_assert(detail::check_journaled<S>::ok);

 public:
  using value_type = spout_output_t<S>;

  /// Throws std::invalid_argument for no partitions, a sync_interval that is negative and no files.
  journaled_spout(S spout, std::string folder, journal_options options = {})
      : spout_(std::move(spout)), folder_(std::move(folder)), options_(options) {
    check_journal_options(options_);
  }

  std::vector<std::string> partitions() const {
    std::vector<std::string> names;
    for (std::uint32_t p = 0; p < options_.partitions; ++p) names.push_back("journal " + std::to_string(p));
    return names;
  }
  /// Throws std::runtime_error naming the folder that can't be used, and why.
  void open(const task_context& context) {
    check_journal_tasks(folder_, options_, context);
    auto opened = std::make_shared<reading>(spout_);
    for (const auto& p : context.partitions)
      opened->journals.push_back(std::make_unique<journal>(folder_, p, options_, context));
    for (auto at = std::next(opened->journals.begin()); at != opened->journals.end(); ++at)
      opened->finite.push_back((*at)->partition());
    opened->node = context.node;
    opened->log = context.log;
    opened->spout.open(context);
    reading_ = std::move(opened);
  }
  void close();

  poll_status poll(spout_emitter<value_type>& out) {
    auto& r = *reading_;
    if (emit_written(out)) return poll_status::emitted();
    if (!r.gifts.empty()) return pass_on(out, poll_status::emitted());  // and not what was said then: it may be over
    if (r.ended) return pass_on(out, poll_status::ended());
    if (!r.draining && r.home().is_full()) {
      static_cast<void>(r.home().make_safe());  // by the clock; an error is met again by what is appended next
      return r.home().wait(r.home().how_full());
    }
    const auto said = r.spout.poll(out.room(), r.gifts, r.thrown);
    r.ended = said.what() == poll_status::kind::ended;
    return pass_on(out, said);
  }
  void drain() {
    auto& r = *reading_;
    r.draining = true;
    if (!r.spout.drain()) r.ended = true;
  }
  void read(const position_range& range, spout_emitter<value_type>& out) {
    of(range.partition).read(range, [&](std::uint64_t offset, std::string_view record) {
      emit(of(range.partition), offset, record, out);
    });
  }
  void seek(const position& p) {
    auto& r = *reading_;
    of(p.partition).seek(p.offset);
    for (; r.appended && r.home().next() - r.appended < r.home().cursor(); --r.appended) r.gifts.pop_front();
  }
  void commit(const position& p) { of(p.partition).commit(p.next); }

 private:
  struct reading {
    explicit reading(const S& s) : spout(s) {}
    journal& home() { return *journals.front(); }

    captured_spout<S> spout;
    std::vector<std::unique_ptr<journal>> journals;  ///< new messages go to the first
    typename captured_spout<S>::gifts gifts;         ///< what the spout gave and was not emitted yet
    std::size_t appended = 0;                        ///< so many of them, from the front on, are the journal's last
    std::vector<partition_id> finite;                ///< get nothing new, and it is not yet said that they end
    std::exception_ptr thrown;                       ///< what the spout threw behind them
    bool ended = false, draining = false;
    std::string node;
    logger log;
  };

  journal& of(partition_id partition) {
    const auto found = std::find_if(reading_->journals.begin(), reading_->journals.end(),
                                    [&](const auto& j) { return j->partition() == partition; });
    if (found == reading_->journals.end())
      throw std::runtime_error("partition " + std::to_string(partition) + " of \"" + folder_ +
                               "\" was not dealt to this task");
    return **found;
  }
  bool emit_written(spout_emitter<value_type>& out);
  poll_status pass_on(spout_emitter<value_type>& out, poll_status said);
  result<void> append_gifts();
  bool emit_gifts(spout_emitter<value_type>& out, std::uint64_t end);
  static void emit(const journal& from, std::uint64_t offset, std::string_view record, spout_emitter<value_type>& out);

  S spout_;
  std::string folder_;
  journal_options options_;
  std::shared_ptr<reading> reading_;  // while open: not shared, but a spout can be copied
};

/// See journaled_spout.
template <class S>
journaled_spout<S> journaled(S spout, std::string folder, journal_options options = {}) {
  return {std::move(spout), std::move(folder), options};
}

// --- implementation ---

template <class S>
void journaled_spout<S>::close() {
  if (!reading_) return;
  auto& r = *reading_;
  auto done = append_gifts();
  if (done && !r.gifts.empty()) done = r.home().make_all_safe();
  if (!done)
    r.log.log(
        log_level::error, r.node,
        std::to_string(r.gifts.size()) + " messages that the spout had accepted may be lost: " + done.error().message);
  for (auto& j : r.journals) j->close();
  const auto last = std::exchange(reading_, nullptr);
  last->spout.close();
}

/// What was written and not emitted, by an earlier run or before a seek. False: there is none.
template <class S>
bool journaled_spout<S>::emit_written(spout_emitter<value_type>& out) {
  auto& r = *reading_;
  bool any = false;
  for (auto& j : r.journals) {
    const auto end = j->next() - (j == r.journals.front() ? r.appended : 0);
    while (!any || out.room() > 0) {
      const auto record = j->take(end);
      if (!record) break;
      any = true;
      emit(*j, record->offset, record->bytes, out);
    }
  }
  if (!any)
    for (const auto p : std::exchange(r.finite, {})) out.end(p);
  return any;
}

/// Writes what the spout gave, then emits it, then says what the spout has said.
template <class S>
poll_status journaled_spout<S>::pass_on(spout_emitter<value_type>& out, poll_status said) {
  auto& r = *reading_;
  const auto taken = append_gifts();
  const bool is_last = said.what() == poll_status::kind::ended;
  const auto safe = is_last ? r.home().make_all_safe() : r.home().make_safe();
  // Also what is safe of them alone: what a full device has room for makes room when it is finished.
  const bool any = emit_gifts(out, safe ? r.home().next() : r.home().safe_before());
  if (const auto& done = safe ? taken : safe; !done) {
    if (!done.error().retryable) throw std::runtime_error(done.error().message);
    return any ? poll_status::emitted() : r.home().wait(done.error().message);
  }
  r.home().go_on();
  if (r.thrown) std::rethrow_exception(std::exchange(r.thrown, nullptr));
  const auto due = r.home().sync_due();
  if (!due || is_last || said.what() == poll_status::kind::emitted) return said;
  return poll_status::idle_until(said.what() == poll_status::kind::idle ? *due : std::min(*due, said.when()));
}

/// Up to the first that can't be.
template <class S>
result<void> journaled_spout<S>::append_gifts() {
  auto& r = *reading_;
  writer to;
  for (; r.appended < r.gifts.size(); ++r.appended) {
    to.clear();
    const auto& gift = r.gifts[r.appended];
    if (const auto* m = std::get_if<0>(&gift)) {
      begin_message(to, m->time);
      write_value(to, m->value);
    } else {
      write_rejection(to, std::get<1>(gift).why, std::get<1>(gift).bytes);
    }
    if (auto taken = r.home().append(to.data()); !taken) return taken.error();
  }
  return {};
}

/// Those of them that are appended, before `end`. REQUIRES: they are safe.
template <class S>
bool journaled_spout<S>::emit_gifts(spout_emitter<value_type>& out, std::uint64_t end) {
  auto& r = *reading_;
  bool any = false;
  for (; r.appended && r.home().next() - r.appended < end; any = true) {
    const auto offset = r.home().next() - r.appended;
    auto gift = std::move(r.gifts.front());
    // Before it goes: where that throws, it is in the journal all the same.
    r.gifts.pop_front();
    --r.appended;
    r.home().passed(offset);
    const position at{r.home().partition(), offset, offset + 1};
    if (auto* m = std::get_if<0>(&gift)) out.emit_at(at, m->time, std::move(m->value));
    else out.reject(at, std::move(std::get<1>(gift).why), std::move(std::get<1>(gift).bytes));
  }
  return any;
}

template <class S>
void journaled_spout<S>::emit(const journal& from, std::uint64_t offset, std::string_view record,
                              spout_emitter<value_type>& out) {
  const position at{from.partition(), offset, offset + 1};
  auto entry = read_journal_entry(record);
  if (entry.what == journal_entry::kind::nothing) return;
  if (entry.what == journal_entry::kind::rejection)
    return out.reject(at, std::move(entry.why), std::string(entry.bytes));
  value_type value{};
  reader bytes(entry.bytes);
  if (entry.what == journal_entry::kind::message) read_value(bytes, value);
  if (entry.what == journal_entry::kind::message && !bytes.failed() && bytes.left() == 0)
    return out.emit_at(at, entry.time, std::move(value));
  out.reject(at, {errc::data_loss, unreadable_record(from.folder(), offset, type_name<value_type>())},
             std::string(entry.bytes));
}

}  // namespace freshet
