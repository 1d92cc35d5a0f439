#include <algorithm>
#include <utility>

#include "freshet/base/random.hpp"
#include "freshet/state/checkpoint_directory.hpp"
#include "state/checkpoint_format.hpp"
#include "state/checkpoint_names.hpp"
#include "state/damage.hpp"

// How a directory is opened, and where a run goes on.
namespace freshet {

namespace {

/// Nobody wants checkpoints among files of his own, nor those taken for checkpoints.
result<void> check_is_ours(file_system& files, const std::string& folder) {
  const auto entries = files.list(folder);
  if (!entries) return entries.error();
  const auto is_ours = [](const auto& each) { return each.name == lock_file || is_unfinished(each.name); };
  const bool has_format =
      std::any_of(entries->begin(), entries->end(), [](const auto& each) { return each.name == format_file; });
  const auto other = std::find_if_not(entries->begin(), entries->end(), is_ours);
  if (has_format || other == entries->end()) return {};
  if (parse_manifest_name(other->name) || epoch_of_state_file(other->name))
    return error{errc::data_loss, "\"" + folder + "/" + std::string(format_file) +
                                      "\" is missing, although there is \"" + other->name +
                                      "\": copy it from any other checkpoint directory of the same format"};
  return error{errc::invalid_argument, "\"" + folder + "\" is not a checkpoint directory: it has no file " +
                                           std::string(format_file) + ", but \"" + other->name +
                                           "\"; name a folder that is empty or not there yet"};
}

/// What to do about a damaged epoch that has these before it.
template <class Iterator>
std::string way_out(Iterator older, Iterator end) {
  const auto intact = std::find_if(older, end, [](const epoch_status& each) { return !each.damage; });
  if (intact == end) return ". There is no older one that is intact";
  return ". Allowed when_damaged::use_older, the run goes on from epoch " + std::to_string(intact->epoch) +
         ", in a new history";
}

}  // namespace

checkpoint_directory::checkpoint_directory(file_system& files, std::string folder, checkpoint_options options)
    : files_(files), folder_(std::move(folder)), options_(std::move(options)), reader_(files, folder_) {}

result<std::unique_ptr<checkpoint_directory>> checkpoint_directory::open(file_system& files, const std::string& folder,
                                                                         checkpoint_options options) {
  if (folder.empty())
    return error{errc::invalid_argument, "the checkpoint directory has no name: give the path of a folder"};
  if (options.keep == 0)
    return error{errc::invalid_argument, "checkpoint_options::keep is 0: one checkpoint must be kept to go on from"};
  std::unique_ptr<checkpoint_directory> opened(new checkpoint_directory(files, folder, std::move(options)));
  if (auto done = opened->take_lock(); !done) return std::move(done).error();
  if (auto done = opened->read_what_is_there(); !done) return std::move(done).error();
  return opened;
}

result<void> checkpoint_directory::take_lock() {
  if (auto done = make_folder(files_, folder_); !done) return done;
  if (auto done = check_is_ours(files_, folder_); !done) return done;
  auto lock = files_.lock(path_of(lock_file));
  if (!lock) return std::move(lock).error();
  lock_ = *std::move(lock);
  const auto has_format = files_.exists(path_of(format_file));
  if (!has_format) return has_format.error();
  if (!*has_format)
    if (auto done = write_whole(files_, path_of(format_file), format_text()); !done) return done;
  if (auto done = reader_.check_format(); !done) return done;
  // What was renamed before a crash may be seen and still not be on the device; from here on it is relied on.
  return sync_folder();
}

result<void> checkpoint_directory::read_what_is_there() {
  auto all = reader_.epochs();
  if (!all) return std::move(all).error();
  // What a manifest lists that can't be read, nobody knows; but nothing that was written after it.
  std::uint64_t unknown_up_to = 0;
  for (auto& each : *all) {
    if (each.damage) warn(named(each.epoch) + " is damaged: " + each.damage->message);
    if (!each.manifest) unknown_up_to = each.epoch;
    add(each.epoch, {each.kind, each.is_prepared, !each.damage,
                     each.manifest ? names_of_files(*each.manifest) : std::vector<std::string>()});
  }
  const auto entries = files_.list(folder_);
  if (!entries) return entries.error();
  for (const auto& each : *entries) {
    const auto epoch = epoch_of_state_file(each.name);
    if (is_unfinished(each.name) || (epoch && *epoch > unknown_up_to)) doomed_.insert(each.name);
  }
  remove_doomed();
  return {};
}

result<resume_point> checkpoint_directory::newest(when_damaged damaged) {
  auto all = reader_.epochs();
  if (!all) return std::move(all).error();
  if (all->empty()) return resume_point{.manifest = {}, .history = system_seed()};
  std::vector<epoch_status> skipped;
  for (auto each = all->rbegin(); each != all->rend(); ++each) {
    auto from = resume_from(*each, *all);
    if (from) {
      from->skipped = std::move(skipped);
      return from;
    }
    if (from.error().code == errc::unsupported) return from;
    if (damaged == when_damaged::refuse)
      return error{errc::data_loss, "cannot resume from the newest, " + named(each->epoch) + ": " +
                                        from.error().message + way_out(each + 1, all->rend())};
    each->damage = from.error();
    pass_over(*each);
    skipped.push_back(std::move(*each));
  }
  return error{errc::data_loss, "no epoch in \"" + folder_ +
                                    "\" is intact; of the newest: " + skipped.front().damage->message +
                                    ". To begin at the beginning, name another directory"};
}

result<resume_point> checkpoint_directory::resume(std::uint64_t epoch) const {
  auto all = reader_.epochs();
  if (!all) return std::move(all).error();
  const auto found = std::find_if(all->begin(), all->end(), [&](const auto& each) { return each.epoch == epoch; });
  if (found == all->end()) return no_such_epoch(folder_, epoch, *all);
  return resume_from(*found, *all);
}

result<resume_point> checkpoint_directory::resume_from(const epoch_status& status,
                                                       const std::vector<epoch_status>& all) const {
  if (status.damage) return *status.damage;
  const auto& manifest = *status.manifest;
  if (manifest.hash_version != hash_version)
    return error{errc::unsupported, named(status.epoch) + " divides keys by hash version " +
                                        std::to_string(manifest.hash_version) + "; this version of Freshet knows " +
                                        std::to_string(hash_version) + ": use the version that wrote it"};
  if (const auto wrong = reader_.verify(manifest, false); !wrong.empty()) return wrong.front();
  const auto newest = all.back().epoch;
  resume_point from{.manifest = manifest, .is_prepared = status.is_prepared};
  from.history = status.epoch == newest ? manifest.history : system_seed();
  from.parent = status.epoch == newest ? manifest.parent : epoch_id{manifest.history, manifest.epoch};
  from.next_epoch = newest + 1;
  return from;
}

void checkpoint_directory::pass_over(const epoch_status& status) {
  warn(named(status.epoch) + " is passed over: " + status.damage->message);
  const std::lock_guard guard(mutex_);
  if (const auto known = epochs_.find(status.epoch); known != epochs_.end()) known->second.is_intact = false;
}

void checkpoint_directory::warn(const std::string& what) const {
  options_.log.log(log_level::warning, "checkpoint", what);
}

}  // namespace freshet
