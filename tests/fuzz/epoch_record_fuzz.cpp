#include "freshet/state/epoch_log.hpp"
#include "fuzz/fuzz.hpp"
#include "state/epoch_chain.hpp"

namespace freshet {
namespace {

const std::string place = "record 7 of \"/c/log\"";
constexpr std::uint64_t history = 77, first_epoch = 40;

checkpoint_manifest base() {
  checkpoint_manifest m;
  m.history = history;
  m.epoch = first_epoch;
  m.partitions.push_back({"lines", "rows", 3, {}, {}, {}, {}});
  return m;
}

epoch_record committed() {
  epoch_record r;
  r.manifest.history = history;
  r.manifest.epoch = first_epoch + 1;
  r.manifest.topology = "word count";
  r.manifest.partitions.push_back({"lines", "rows", 10, {{12, 14}}, event_time{}, "clock", false});
  r.manifest.watermarks.push_back({"words", 0, event_time{}});
  r.manifest.tokens.push_back({"out", 1, "token"});
  r.after = first_epoch;
  r.changes = {{"words", "changed"}, {"other", ""}};
  return r;
}

epoch_record discarded() {
  epoch_record r;
  r.manifest.history = history;
  r.manifest.epoch = first_epoch + 1;
  r.after = first_epoch;
  r.is_discarded = true;
  r.has_sinks = false;
  return r;
}

/// Puts it behind an epoch, twice, as whoever reads a log does.
void follow(const epoch_record& record) {
  epoch_chain chain(base());
  auto merged = base();
  for (int i = 0; i < 2; ++i) {
    const auto does = chain.add(record, place);
    if (!does) return fuzz::check_says(does.error(), place);
    if (*does != epoch_chain::step::goes_on) continue;
    add_epoch(merged, record.manifest);
    fuzz::check(merged.epoch == record.manifest.epoch && merged.epoch > first_epoch,
                "an epoch goes on from an earlier");
  }
}

}  // namespace

std::vector<fuzz::seed> fuzz::seeds() {
  return {{"committed", encode(committed())}, {"discarded", encode(discarded())}};
}

}  // namespace freshet

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace freshet;
  const auto input = fuzz::view_of(data, size);
  const auto record = [&] {
    const fuzz::memory_bound bound(64 * size + 4096);
    return decode_epoch_record(input, place);
  }();
  if (!record) return fuzz::check_says(record.error(), place), 0;
  fuzz::check(encode(*record) == input, "a record that is read is written with the same bytes");
  fuzz::check(record->manifest.kind <= checkpoint_kind::savepoint, "an epoch has a kind that there is");
  follow(*record);
  return 0;
}
