#include "freshet/state/checkpoint_directory.hpp"

#include <algorithm>
#include <utility>

#include "state/checkpoint_names.hpp"

namespace freshet {

result<std::shared_ptr<checkpoint_writer>> checkpoint_directory::begin(std::uint64_t epoch) {
  const std::lock_guard guard(mutex_);
  if (failure_) return *failure_;
  if (const auto open = writer_.lock())
    return error{errc::invalid_argument, named(epoch) + " cannot begin: epoch " + std::to_string(open->epoch()) +
                                             " is being written; prepare or abandon it first"};
  const auto newest = epochs_.empty() ? 0 : epochs_.rbegin()->first;
  if (epoch <= newest)
    return error{errc::invalid_argument, named(epoch) + " cannot begin: there is epoch " + std::to_string(newest) +
                                             " already; take " + std::to_string(newest + 1)};
  if (!epochs_.empty() && epochs_.rbegin()->second.is_prepared && epochs_.rbegin()->second.is_intact)
    return error{errc::invalid_argument, named(epoch) + " cannot begin: epoch " + std::to_string(newest) +
                                             " is prepared; commit or abandon it first"};
  auto writer = std::make_shared<checkpoint_writer>(files_, folder_, epoch, ++attempts_);
  writer_ = writer;
  return writer;
}

result<void> checkpoint_directory::prepare(const std::shared_ptr<checkpoint_writer>& writer,
                                           const checkpoint_manifest& manifest) {
  const std::lock_guard guard(mutex_);
  if (failure_) return *failure_;
  if (writer_.lock() != writer)
    return error{errc::invalid_argument,
                 named(writer->epoch()) + " is not written any more: it was prepared or abandoned"};
  writer_.reset();
  auto done = write_manifest(*writer, manifest);
  if (failure_) return static_cast<void>(writer->close()), done;  // its manifest may be there, and lists its files
  if (!done) {
    writer->discard();
    auto why = std::move(done).error();
    why.fatal = false;  // for a file it may be, which is gone now; another epoch may be written
    return why;
  }
  doomed_.merge(writer->close());
  add(manifest.epoch, {manifest.kind, true, true, names_of_files(manifest)});
  return done;
}

result<void> checkpoint_directory::write_manifest(checkpoint_writer& writer, const checkpoint_manifest& manifest) {
  const auto added = writer.names();
  if (auto done = check_manifest(manifest, writer.epoch(), added); !done) return done;
  if (auto done = writer.sync(); !done) return done;
  if (!added.empty())
    if (auto done = sync_folder(); !done) return done;
  const auto path = path_of(name_of({manifest.epoch, manifest.kind, true}));
  auto done = write_whole(files_, path, encode(manifest));
  if (!done) {
    const auto is_there = files_.exists(path);
    if (!is_there || *is_there) failure_ = done.error();  // it has its name, and may lose it again
    static_cast<void>(remove_all(files_, path + std::string(unfinished_suffix)));
  }
  return done;
}

result<void> checkpoint_directory::check_manifest(const checkpoint_manifest& manifest, std::uint64_t epoch,
                                                  const std::set<std::string>& added) const {
  const auto wrong = [&](const std::string& what) {
    return error{errc::internal, named(epoch) + " cannot be prepared: its manifest " + what};
  };
  if (manifest.epoch != epoch) return wrong("is that of epoch " + std::to_string(manifest.epoch));
  if (manifest.history == 0) return wrong("has no history: take that of the resume_point");
  for (const auto& file : names_of_files(manifest))
    if (added.count(file) == 0 && listings_.count(file) == 0)
      return wrong("lists \"" + file + "\", which neither it nor an epoch that is there has written");
  return {};
}

result<void> checkpoint_directory::commit(std::uint64_t epoch) {
  const std::lock_guard guard(mutex_);
  if (failure_) return *failure_;
  const auto found = epochs_.find(epoch);
  if (found == epochs_.end()) return error{errc::not_found, named(epoch) + " cannot be committed: it is not prepared"};
  auto& known = found->second;
  if (!known.is_intact) return error{errc::data_loss, named(epoch) + " cannot be committed: it is damaged; abandon it"};
  if (!known.is_prepared) return {};
  const auto committed = name_of({epoch, known.kind, false}), prepared = name_of({epoch, known.kind, true});
  if (auto done = files_.rename(path_of(prepared), path_of(committed)); !done) return done;
  if (auto done = sync_folder(); !done) return done;
  known.is_prepared = false;
  remove_doomed();
  remove_outdated();
  return {};
}

result<void> checkpoint_directory::abandon(std::uint64_t epoch) {
  const std::lock_guard guard(mutex_);
  if (const auto open = writer_.lock(); open && open->epoch() == epoch) {
    writer_.reset();
    open->discard();
    return {};
  }
  if (failure_) return *failure_;
  const auto found = epochs_.find(epoch);
  if (found == epochs_.end()) return {};
  if (!found->second.is_prepared)
    return error{errc::invalid_argument, named(epoch) + " cannot be abandoned: it is committed"};
  if (auto done = remove_manifest(epoch); !done) return done;
  if (auto done = sync_folder(); !done) return done;
  remove_doomed();
  return {};
}

result<void> checkpoint_directory::remove(std::uint64_t epoch) {
  const std::lock_guard guard(mutex_);
  if (failure_) return *failure_;
  const auto found = epochs_.find(epoch);
  if (found == epochs_.end()) return error{errc::not_found, "there is no " + named(epoch)};
  if (epoch == epochs_.rbegin()->first)
    return error{errc::invalid_argument,
                 named(epoch) +
                     " is the newest and cannot be removed: its number would be given to another epoch, which sinks "
                     "that have committed this one would take for done. To go on from an older one, resume from that"};
  if (auto done = remove_manifest(epoch); !done) return done;
  if (auto done = sync_folder(); !done) return done;
  remove_doomed();
  return {};
}

result<void> checkpoint_directory::sync_folder() {
  auto done = files_.sync_folder(folder_);
  if (!done) failure_ = done.error();
  return done;
}

result<void> checkpoint_directory::remove_manifest(std::uint64_t epoch) {
  const auto found = epochs_.find(epoch);
  const auto& known = found->second;
  if (auto done = files_.remove(path_of(name_of({epoch, known.kind, known.is_prepared}))); !done) return done;
  for (const auto& each : known.files) {
    if (--listings_[each] == 0) listings_.erase(each);
    doomed_.insert(each);
  }
  epochs_.erase(found);
  return {};
}

void checkpoint_directory::add(std::uint64_t epoch, known_epoch known) {
  for (const auto& each : known.files) ++listings_[each];
  epochs_.emplace(epoch, std::move(known));
}

void checkpoint_directory::remove_outdated() {
  std::size_t kept = 0;
  std::vector<std::uint64_t> outdated;
  for (auto each = epochs_.rbegin(); each != epochs_.rend(); ++each) {
    if (each->second.kind == checkpoint_kind::savepoint) continue;
    if (kept >= options_.keep) outdated.push_back(each->first);
    else if (each->second.is_intact) ++kept;
  }
  for (const auto epoch : outdated)
    if (const auto done = remove_manifest(epoch); !done) warn(done.error().message);
}

void checkpoint_directory::remove_doomed() {
  for (auto each = doomed_.begin(); each != doomed_.end();) {
    const auto gone = listings_.count(*each) != 0 ? result<void>() : files_.remove(path_of(*each));
    if (gone || gone.error().code == errc::not_found) {
      each = doomed_.erase(each);
    } else {
      warn(gone.error().message);  // and tried again
      ++each;
    }
  }
}

std::string checkpoint_directory::named(std::uint64_t epoch) const {
  return "epoch " + std::to_string(epoch) + " in \"" + folder_ + "\"";
}

}  // namespace freshet
