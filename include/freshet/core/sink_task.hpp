#pragma once
#include <concepts>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "freshet/base/ids.hpp"
#include "freshet/core/bolt_task.hpp"
#include "freshet/core/emitter.hpp"

namespace freshet {

/// A sink that takes part in epochs: what it has prepared becomes visible only with `commit`, which may be called again
/// after a crash, by another task of the node, and then changes nothing. What was prepared and not committed when the
/// process ended may be thrown away once `begin` is called again: what has to be committed has been by then. The others
/// are at-least-once by declaration.
template <class S>
concept transactional_sink = requires(S& s, const typename S::token& t) {
  s.begin(epoch_id{});                                 // what the following writes belong to
  { s.prepare() } -> std::same_as<typename S::token>;  // durable, invisible
  s.commit(t);
  s.abort();
}
&&durable<typename S::token>;

/// A sink that records by itself, in the transaction that makes rows visible, which epoch they belong to: so it decides
/// whether an epoch that was prepared when the process ended counts. One in a topology, with one task, where the run
/// keeps checkpoints; else nobody asks, and it is a sink with epochs as any other.
template <class S>
concept deciding_sink = requires(S& s) {
  s.begin(epoch_id{});
  s.prepare();  // all has been written; nothing is visible
  s.commit();   // it is, and last_committed() says this epoch
  s.abort();
  { s.last_committed() } -> std::convertible_to<std::optional<epoch_id>>;  // none: it has never committed any
};

/// A transactional_sink that says `static constexpr bool overlaps_epochs = true`: its next epoch may begin, and be
/// written, between `prepare` and `commit` of the one before, so the event engine need not keep rows back until that
/// has been committed. `abort` is about the last that was begun then; what was prepared before may count.
template <class S>
concept overlapping_sink = transactional_sink<S> && !deciding_sink<S> && requires {
  requires bool(S::overlaps_epochs);
};

namespace detail {
/// What looks like a transactional_sink, whatever its token.
template <class S>
concept has_epoch_calls = !deciding_sink<S> && requires(S & s) {
  typename S::token;
  s.begin(epoch_id{});
  s.prepare();
};
template <class S>
concept has_empty_token = transactional_sink<S> && !deciding_sink<S> && std::is_empty_v<typename S::token>;
template <class S>
concept claims_overlap = requires {
  requires bool(S::overlaps_epochs);
};
}  // namespace detail

/// A sink that may take over the ack of a tuple, by `out.hold()`: one that hears later whether it was delivered. Tokens
/// are consumed as those of a bolt, on any thread. A flush, an epoch, a batch and the end of the run wait for them. A
/// tuple whose token fails, is dropped or is out for longer than `message_timeout` is written again (by its spout's
/// replay, or in place) and meets the node's policy when that has been tried often enough; what `write` did before it
/// returned stays. In batches all that one with epochs has written in its attempt is aborted first, and written again.
/// Each of its tasks is a task of its own: it is not chained.
template <class S, class T>
concept holding_sink = requires(S& s, const T& value, emitter<void>& out) {
  s.write(value, out);
};

/// One task of a sink: an object with `write(const T&)`, `write(const T&, emitter<void>&)` (see `holding_sink`) or a
/// call operator; optional `open(context)`, `open()`, `flush()`, `close()` and the epochs of `transactional_sink`;
/// `on_tick()`, called every `bolt_options::tick` (or every `static constexpr std::chrono::nanoseconds default_tick` of
/// the class); `on_wake()`, called after the task's waker was; `bool ready()`, which says false when it has no room: it
/// is given nothing more and asked again after its waker was called.
template <class S>
class sink_task final : public task_operator {
  static_assert(
      !detail::has_epoch_calls<S> || transactional_sink<S>,
      "a sink with begin, prepare and commit for epochs keeps what it has prepared in its token, which is written to "
      "checkpoints: prepare() must return S::token, and that must have a codec (make it an aggregate of types that "
      "have one, or specialise freshet::codec); it also needs commit(const token&) and abort()");
  static_assert(!detail::has_empty_token<S>,
                "a sink's token without fields can't say which epoch is to be committed: behind a crash commit may be "
                "called again for one epoch when the next is prepared; put into it what tells them apart, such as the "
                "number that begin() got, or the name of a file");
  static_assert(
      !detail::claims_overlap<S> || overlapping_sink<S>,
      "a sink with `overlaps_epochs = true` may begin an epoch before the one before is committed, so what it commits "
      "must be told by its token: it needs begin(epoch_id), prepare() -> token, commit(const token&) and abort(), and "
      "can't decide by last_committed() which epochs count (take overlaps_epochs out, or make it such a sink)");

 public:
  explicit sink_task(S s) : sink_(std::move(s)) {}
  any_outlet& outlet_at(std::size_t) override { return outputs_.main; }
  void flush() override {
    if constexpr (requires { sink_.flush(); }) sink_.flush();
  }
  void tick() override {
    if constexpr (requires { sink_.on_tick(); }) sink_.on_tick();
  }
  void wake() override {
    if constexpr (requires { sink_.on_wake(); }) sink_.on_wake();
  }
  bool ready() override {
    if constexpr (detail::refuses<S>) return sink_.ready();
    else return true;
  }
  void begin_epoch([[maybe_unused]] const epoch_id& epoch) override {
    if constexpr (has_epochs) sink_.begin(epoch);
  }
  void prepare_epoch() override {
    if constexpr (deciding_sink<S>) {
      sink_.prepare();
      token_.emplace();
    } else if constexpr (transactional_sink<S>) {
      token_ = sink_.prepare();
    }
  }
  void commit_epoch() override {
    if constexpr (has_epochs)
      if (token_) commit(*token_);
    token_.reset();
  }
  void abort_epoch() override {
    if constexpr (has_epochs) sink_.abort();
    token_.reset();
  }
  std::optional<std::string> prepared() const override {
    if constexpr (!deciding_sink<S> && transactional_sink<S>)
      if (token_) {
        writer w;
        write_value(w, *token_);
        return w.data();
      }
    return {};
  }
  void commit_prepared([[maybe_unused]] std::string_view bytes) override {
    if constexpr (!deciding_sink<S> && transactional_sink<S>) {
      typename S::token t{};
      reader r(bytes);
      read_value(r, t);
      if (r.failed() || r.left() != 0) throw std::runtime_error("its token is damaged, or of another sink");
      sink_.commit(t);
    }
  }
  std::optional<epoch_id> last_committed() override {
    if constexpr (deciding_sink<S>) return sink_.last_committed();
    else return {};
  }
  S& sink() { return sink_; }
  template <class T>
  void write(const T& value) {
    if constexpr (holding_sink<S, T>) {
      emitter<void> out{outputs_, *frame_};
      sink_.write(value, out);
    } else if constexpr (requires { sink_.write(value); }) {
      sink_.write(value);
    } else {
      sink_(value);
    }
  }

 private:
  static constexpr bool has_epochs = deciding_sink<S> || transactional_sink<S>;
  template <class Token>
  void commit([[maybe_unused]] const Token& token) {
    if constexpr (deciding_sink<S>) sink_.commit();
    else sink_.commit(token);
  }
  void open_user(const task_context& c) override {
    outputs_.node = node_;
    if constexpr (requires { sink_.open(c); }) sink_.open(c);
    else if constexpr (requires { sink_.open(); }) sink_.open();
  }
  void close_user() override {
    if constexpr (requires { sink_.close(); }) sink_.close();
  }

  template <class X>
  struct token_of {
    using type = char;
  };
  template <class X>
  requires(transactional_sink<X> && !deciding_sink<X>) struct token_of<X> {
    using type = typename X::token;
  };
  S sink_;
  outlets<void> outputs_;  // nobody can read from a sink: holds need them
  std::optional<typename token_of<S>::type> token_;
};

/// How a sink's input calls it.
template <class S>
struct sink_call {
  static constexpr std::size_t strip = 0;
  static constexpr bool can_refuse = detail::refuses<S>;
  sink_task<S>* task;
  template <class V>
  void call(V&& value) {
    task->write(std::as_const(value));
  }
};

}  // namespace freshet
