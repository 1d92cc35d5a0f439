#pragma once
#include <array>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "freshet/core/consumer.hpp"
#include "freshet/core/held_tuple.hpp"
#include "freshet/core/side_output.hpp"
#include "freshet/core/value.hpp"

namespace freshet {

/// All outputs of one task of a bolt: port 0 is the main one, side outputs follow in the order of the emitter's list.
template <class Out, class... Sides>
struct outlets {
  outlet<Out> main;
  std::tuple<outlet<typename Sides::value_type>...> sides;
  std::uint32_t node = 0;  ///< whose they are
  any_outlet& port(std::size_t n) {
    any_outlet* found = &main;
    if constexpr (sizeof...(Sides) > 0) {
      std::size_t i = 1;
      std::apply([&](auto&... s) { ((i++ == n ? void(found = &s) : void()), ...); }, sides);
    } else {
      (void)n;
    }
    return *found;
  }
};

/// One output of a node: its name ("" for the main output) and the type of its tuples (null: nothing is emitted).
struct output_port {
  std::string_view name;
  const stream_type* type = nullptr;
};

namespace wiring {
/// Called for what an emitter can't take: says so. Its arguments are what the compiler prints above the sentence.
template <class Given, class Out>
consteval void check_emitted() {
  static_assert(!std::is_void_v<Out>,
                "this bolt emits nothing, as its emitter is an emitter<void>: name what it emits, emitter<Out>&");
  static_assert(std::is_void_v<Out> || std::is_void_v<Given>,
                "this can't be emitted: it is not of the output's type, and does not become one by itself (see Given "
                "and Out above)");
}
/// `Given` is neither a `T` nor becomes one.
template <class Given, class T>
concept not_emitted = !std::is_same_v<std::remove_cvref_t<Given>, T> && !std::is_convertible_v<Given, T>;
template <class Held>
concept not_held = !std::is_same_v<Held, held_tuple> && !std::is_same_v<Held, std::vector<held_tuple>>;
}  // namespace wiring

/// How a bolt sends tuples on. Valid during the call it is handed to; not thread safe. What is emitted inherits the
/// event time and the anchor of the tuple in process, so its ack waits for everything that descends from it.
/// `Sides` are the bolt's side outputs. `emit` never refuses and never throws.
template <class Out, class... Sides>
class emitter {
  static_assert(!std::is_reference_v<Out>, "an emitter names a type of values: emitter<T>&, not emitter<T&>&");
  static_assert((side_output_tag<Sides> && ...),
                "a side output is named by a tag type that says what goes there:  struct malformed : "
                "freshet::side_output<std::string, \"malformed\"> {}");

 public:
  using value_type = Out;
  struct nothing {};
  using value = std::conditional_t<std::is_void_v<Out>, nothing, Out>;

  void emit(value&& v) requires(!std::is_void_v<Out>) { outlets_->main.target().take(std::move(v)); }
  void emit(const value& v) requires(!std::is_void_v<Out>) { outlets_->main.target().take(v); }
  /// This and others of its kind take what can't be emitted, to say so.
  template <wiring::not_emitted<value> Given>
  void emit(Given&&) {
    wiring::check_emitted<Given, Out>();
  }
  /// Constructs the value from `args`.
  template <class... Args>
  void emplace(Args&&... args) {
    constexpr bool constructible = std::constructible_from<value, Args...>;
    static_assert(constructible,
                  "emplace() constructs the output's type, which has no such constructor (see Args above)");
    if constexpr (constructible) outlets_->main.target().take(value(std::forward<Args>(args)...));
  }
  /// With an event time of its own.
  void emit_at(event_time at, value&& v) requires(!std::is_void_v<Out>) {
    const auto inherited = std::exchange(frame_->time, at);
    outlets_->main.target().take(std::move(v));
    frame_->time = inherited;
  }
  void emit_at(event_time at, const value& v) requires(!std::is_void_v<Out>) {
    const auto inherited = std::exchange(frame_->time, at);
    outlets_->main.target().take(v);
    frame_->time = inherited;
  }
  template <wiring::not_emitted<value> Given>
  void emit_at(event_time, Given&&) {
    wiring::check_emitted<Given, Out>();
  }
  /// To the side output `Tag`.
  template <class Tag>
  void emit(typename Tag::value_type v) {
    static_assert((std::is_same_v<Tag, Sides> || ...),
                  "this side output isn't listed in the emitter: write emitter<Out, Tag>& in process()");
    if constexpr ((std::is_same_v<Tag, Sides> || ...))
      std::get<index_of<Tag>()>(outlets_->sides).target().take(std::move(v));
  }
  template <side_output_tag Tag, wiring::not_emitted<typename Tag::value_type> Given>
  void emit(Given&&) {
    wiring::check_emitted<Given, typename Tag::value_type>();
  }
  /// Anchored to a held tuple instead of the one in process: its message stays open until `v` is finished too. A token
  /// that has timed out emits nothing: its tuple has failed already, and what would come of it comes with the next
  /// attempt.
  void emit(value v, const held_tuple& held) requires(!std::is_void_v<Out>) {
    held_scope scope(*frame_, held);
    if (scope.live()) outlets_->main.target().take(std::move(v));
  }
  /// Anchored to several held tuples: a failure of `v` fails them all. A token listed twice counts twice. Those that
  /// have timed out are left out; when all have, nothing is emitted.
  void emit(value v, const std::vector<held_tuple>& held) requires(!std::is_void_v<Out>) {
    held_scope scope(*frame_, held);
    if (scope.live()) outlets_->main.target().take(std::move(v));
  }

  template <wiring::not_emitted<value> Given, class Held>
  requires(!wiring::not_held<Held>) void emit(Given&&, const Held&) { wiring::check_emitted<Given, Out>(); }
  template <wiring::not_held Held>
  void emit(value, const Held&) requires(!std::is_void_v<Out>) {
    static_assert(std::is_void_v<Held>,
                  "emit(value, held) anchors to what hold() gave: a held_tuple or a std::vector of them");
  }
  /// To the side output `Tag`, anchored to a held tuple or to several.
  template <class Tag, class Held>
  requires(std::is_same_v<Held, held_tuple> ||
           std::is_same_v<Held, std::vector<held_tuple>>) void emit(typename Tag::value_type v, const Held& held) {
    held_scope scope(*frame_, held);
    if (scope.live()) emit<Tag>(std::move(v));
  }

  /// Takes over the ack of the tuple in process. Completion is counted for what a spout has emitted in one turn
  /// (`spout_options::max_batch` messages under load): while one of them is held, the others are finished but neither
  /// committed nor taken off `max_pending`.
  /// When the token fails, the call is made again. In batches that undoes all it has done; in the event engine what the
  /// call did before it returned stays, under exactly_once too: there, change state and emit when you consume the
  /// token.
  held_tuple hold() { return held_tuple{frame_->host->hold(*frame_, outlets_->node)}; }
  /// Event time of the tuple in process.
  event_time time() const { return frame_->time; }
  /// The watermark of the tuple's partition just before it.
  event_time stamp() const { return frame_->stamp; }

  // --- engine side ---
  using outlets_type = outlets<Out, Sides...>;
  emitter(outlets_type& o, call_frame& f) : outlets_(&o), frame_(&f) {}
  call_frame& frame() const { return *frame_; }
  outlets<Out, Sides...>& all_outlets() const { return *outlets_; }
  /// With a time and a stamp of its own.
  void emit_stamped(event_time at, event_time stamp, value&& v) requires(!std::is_void_v<Out>) {
    const auto inherited = std::exchange(frame_->stamp, stamp);
    emit_at(at, std::move(v));
    frame_->stamp = inherited;
  }
  emitter(const emitter&) = delete;
  emitter& operator=(const emitter&) = delete;
  static std::array<output_port, 1 + sizeof...(Sides)> ports() {
    const stream_type* main = nullptr;
    if constexpr (!std::is_void_v<Out>) main = &stream_type_of<Out>();
    return {{{"", main}, {Sides::name(), &stream_type_of<typename Sides::value_type>()}...}};
  }
  template <class Tag>
  static constexpr std::size_t port_of() {
    static_assert((std::is_same_v<Tag, Sides> || ...),
                  "the bolt has no such side output: its emitter doesn't list this tag");
    if constexpr ((std::is_same_v<Tag, Sides> || ...)) return index_of<Tag>() + 1;
    else return 0;
  }

 private:
  template <class Tag>
  static constexpr std::size_t index_of() {
    std::size_t i = 0;
    (void)((std::is_same_v<Tag, Sides> ? true : (++i, false)) || ...);
    return i;
  }

  outlets_type* outlets_;
  call_frame* frame_;
};

/// Whether `T` is an emitter: how a parameter of `process` is told from the others.
template <class T>
inline constexpr bool is_emitter = false;
template <class O, class... S>
inline constexpr bool is_emitter<emitter<O, S...>> = true;

}  // namespace freshet
