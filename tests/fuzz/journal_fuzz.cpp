#include <stdexcept>

#include "freshet/base/hash.hpp"
#include "freshet/connect/journal.hpp"
#include "fuzz/fuzz.hpp"
#include "fuzz/log_files.hpp"

namespace freshet {
namespace {

const std::string folder = "/j", partition_folder = folder + "/0";

/// An entry says all that its record has.
void look_at_entry(std::string_view record) {
  const auto entry = read_journal_entry(record);
  writer w;
  switch (entry.what) {
    case journal_entry::kind::unknown:
      break;
    case journal_entry::kind::message:
      begin_message(w, entry.time);
      break;
    case journal_entry::kind::rejection:
      return write_rejection(w, entry.why, entry.bytes),
             fuzz::check(w.data() == record, "a rejection is written again");
    case journal_entry::kind::nothing:
      return fuzz::check(record.size() == 1 && entry.bytes.empty(), "nothing is a byte");
  }
  w.append(entry.bytes);
  fuzz::check(w.data() == record, "an entry has all bytes of its record");
}

std::string committed(std::uint64_t number) {
  writer w;
  w.raw(number);
  w.raw(hash_bytes(w.data().data(), w.size()));
  return w.take();
}

struct scene {
  explicit scene(const fuzz::log_files& from) : is_there(fuzz::put(files, partition_folder, from.segments)) {
    if (!from.before.empty()) write_whole(files, partition_folder + "/committed", from.before).value();
    // Messages that were lost with the power are filled up, where a policy allows it: not by thousands here.
    options.files = &files;
    options.sync = reader(from.before).raw<std::uint64_t>() < 1000 ? journal_sync::interval : journal_sync::every_poll;
  }
  journal open() { return journal(folder, {0, "journal 0"}, options, context); }

  testing::simulated_files files;
  bool is_there;
  journal_options options;
  task_context context;
};

/// Gives out what it has, takes one more, and has it when it is opened again.
void use(scene& s) {
  std::uint64_t next = 0;
  {
    auto j = s.open();
    next = j.next();
    for (auto at = j.cursor(); const auto found = j.take(next); ++at) {
      fuzz::check(found->offset == at, "records are given out in order");
      look_at_entry(found->bytes);
      std::string again;
      j.read({0, at, at + 1}, [&](std::uint64_t, std::string_view bytes) { again = bytes; });
      fuzz::check(again == found->bytes, "a record is read again as it was");
    }
    fuzz::check(j.cursor() == next, "all records are given out");
    fuzz::check(j.append("more").value() == next && j.make_safe(), "one more is appended");
    j.commit(next);
    j.close();
  }
  auto j = s.open();
  const auto last = j.take(j.next());
  fuzz::check(last && last->offset == next && last->bytes == "more", "what was not committed is given out again");
}

void look_at(const fuzz::log_files& input) {
  scene s(input);
  if (!s.is_there) return;
  try {
    use(s);
  } catch (const std::runtime_error& e) { fuzz::check_says({errc::data_loss, e.what()}, partition_folder); }
}

}  // namespace

std::vector<fuzz::seed> fuzz::seeds() {
  writer message, rejection;
  begin_message(message, event_time(std::chrono::milliseconds(1'700'000'000'000)));
  message.bytes("a message");
  write_rejection(rejection, {errc::data_loss, "no value", false, true}, "its bytes");
  const std::string nothing(1, '\3');
  const auto some = fuzz::segment_of(0, {message.data(), rejection.data(), nothing});
  return {{"message", message.data()},        {"rejection", rejection.data()}, {"nothing", nothing}, {"begun", some},
          {"committed", committed(1) + some}, {"lost", committed(7) + some}};
}

}  // namespace freshet

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace freshet;
  const auto input = fuzz::view_of(data, size);
  look_at_entry(input);
  auto files = fuzz::split(input);
  look_at(files);
  for (auto& each : files.segments) each = fuzz::sealed(std::move(each));
  const auto noted = committed(reader(files.before).raw<std::uint64_t>());
  if (!files.before.empty()) files.before = noted;
  look_at(files);
  return 0;
}
