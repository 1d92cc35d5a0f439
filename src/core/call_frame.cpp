#include "freshet/core/call_frame.hpp"

#include <algorithm>
#include <utility>

#include "freshet/core/held_tuple.hpp"
#include "freshet/core/outbox.hpp"

namespace freshet {

task_host::~task_host() = default;
held_state::held_state(const call_frame& f)
    : anchor(f.anchor), time(f.time), stamp(f.stamp), origin(f.origin), place(f.place) {
  if (f.anchors) anchors = *f.anchors;
}
held_state::~held_state() = default;

inside_calls::inside_calls(const std::shared_ptr<call_place>& place) : place_(*place) {
  place_.thread.store(this_thread_mark(), std::memory_order_relaxed);
}
inside_calls::~inside_calls() { place_.thread.store(nullptr, std::memory_order_relaxed); }

call_frame::call_frame() : place(std::make_shared<call_place>(*this)) {}
call_frame::~call_frame() = default;

error error_from_current_exception() noexcept {
  try {
    throw;
  } catch (const fatal_error& e) {
    return {.code = errc::io, .message = e.what(), .fatal = true};
  } catch (const std::exception& e) { return {errc::user_function, e.what()}; } catch (const std::string& text) {
    return {errc::user_function, text};
  } catch (const char* text) { return {errc::user_function, text}; } catch (...) {
    return {errc::user_function, "an exception that is not a std::exception"};
  }
}

void call_frame::fail_from_exception(std::uint32_t node) noexcept { fail(node, error_from_current_exception()); }

bool call_frame::is_before_clock(std::uint32_t node) const noexcept {
  return std::find(before_clock.begin(), before_clock.end(), node) != before_clock.end();
}

void call_frame::fail(std::uint32_t node, error e) noexcept {
  if (flags.failed && !shows_clock(node)) return;
  flags.failed = true;
  failure = {node, std::move(e)};
}

void call_frame::cut_back() noexcept {
  for (auto* box : outboxes) box->cut_back();
  children = 0;
  if (!flags.deferred) return;
  flags.deferred = false;
  for (auto& hold : std::exchange(holds, {})) hold->revoke();
  // The tokens first: they keep the slots alive that the counts below are taken from.
  auto consumed = std::exchange(acks, {});
  for (auto& c : std::exchange(counted_on_held, {})) host->settle(c.slot, -c.deliveries);
  for (auto& token : consumed) token->fail(failure.error);
}

void call_frame::apply_deferred() noexcept {
  flags.deferred = false;
  holds.clear();
  counted_on_held.clear();
  for (auto& token : std::exchange(acks, {})) token->ack();
}

}  // namespace freshet
