#include "freshet/core/input_loop.hpp"

namespace freshet {

read_stop after_unusual_call(any_batch& in, std::size_t i, call_frame& frame, settlement& ledger, bool goes_on) {
  if (frame.flags.failed) {
    frame.cut_back();
    const auto verdict = frame.host->failed(frame, in, i);
    frame.flags.failed = false;
    if (verdict == task_host::verdict::stop) return read_stop::stop;
    if (verdict != task_host::verdict::next) {
      if (frame.clock) frame.undo_stamp();
      return read_stop::again_later;
    }
  }
  if (in.has_roots()) ledger.add(frame.anchor, frame.anchors, frame.children - (goes_on ? 0 : 1));
  if (frame.flags.deferred) {
    ledger.apply();  // what the call counted comes before what its acks count off
    frame.apply_deferred();
  }
  return frame.flags.outbox_full ? read_stop::outbox_full : read_stop::end;
}

}  // namespace freshet
