#include "commands.hpp"

#include <signal.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "core/escaped_text.hpp"
#include "facts.hpp"
#include "freshet/core/value_text.hpp"
#include "freshet/state/checkpoint_directory.hpp"
#include "freshet/state/epoch_log_reader.hpp"
#include "json.hpp"
#include "state/checkpoint_names.hpp"
#include "state/damage.hpp"

namespace freshet::checkpoint_tool {

namespace {

void print(const std::string& line) { std::printf("%s\n", line.c_str()); }

int fail(const error& why) {
  std::fprintf(stderr, "freshet-checkpoint: %s\n", why.message.c_str());
  return why.code == errc::data_loss ? not_intact : not_possible;
}

/// The process that holds the directory's lock, 0 where none does. By its number in the lock file, as trying to take
/// the lock could make a run fail that starts at this moment.
long process_in(file_system& files, const std::string& folder) {
  const auto text = read_whole(files, folder + "/" + std::string(lock_file));
  const long id = text ? std::strtol(text->c_str(), nullptr, 10) : 0;
  return id > 0 && (::kill(static_cast<pid_t>(id), 0) == 0 || errno == EPERM) ? id : 0;
}

void say_in_use(file_system& files, const options& asked) {
  if (const auto id = process_in(files, asked.folder); id != 0 && !asked.json)
    print("in use by process " + std::to_string(id) + ": it is only read, and may change at any moment");
}

std::string row(const epoch_status& s) {
  const auto size = s.manifest ? sizes_of(*s.manifest) : sizes{};
  char text[160];
  std::snprintf(text, sizeof text, "%8llu  %-10s  %-9s  %-24s  %-16s  %14llu  %14llu",
                static_cast<unsigned long long>(s.epoch), std::string(to_string(s.kind)).c_str(),
                std::string(to_string(s.state())).c_str(), s.manifest ? value_text(s.manifest->made_at).c_str() : "-",
                s.manifest ? in_hex(s.manifest->history).c_str() : "-", static_cast<unsigned long long>(size.all),
                static_cast<unsigned long long>(size.own));
  return text;
}

int list(file_system& files, const options& asked, const known_epochs& known) {
  const auto& all = known.checkpoints;
  const bool is_damaged = std::any_of(all.begin(), all.end(), [](const auto& each) { return each.damage; }) ||
                          (known.log && known.log->damage);
  if (asked.json) {
    print(json_object({{"directory", in_json(asked.folder)},
                       {"process", std::to_string(process_in(files, asked.folder))},
                       {"epochs", json_array(all, [](const auto& each) { return json_of(each); })},
                       {"log", json_of(known.log)}}));
  } else {
    say_in_use(files, asked);
    char head[160];
    std::snprintf(head, sizeof head, "%8s  %-10s  %-9s  %-24s  %-16s  %14s  %14s", "epoch", "kind", "state", "made at",
                  "history", "bytes", "new bytes");
    print(head);
    for (const auto& each : all) print(row(each));
    for (const auto& each : all)
      if (each.damage) print("epoch " + std::to_string(each.epoch) + ": " + each.damage->message);
    if (known.log)
      for (const auto& line : lines_of(*known.log)) print(line);
  }
  return is_damaged ? not_intact : all_well;
}

/// An epoch of the directory, or one that only its log has.
struct found_epoch {
  const epoch_status* kept = nullptr;
  const logged_epoch* logged = nullptr;
};

error no_epoch(const options& asked, std::uint64_t epoch, const known_epochs& known) {
  auto why = no_such_epoch(asked.folder, epoch, known.checkpoints);
  if (!known.log) return why;
  const auto& all = known.log->epochs;
  if (!all.empty())
    why.message += ", and in its log " + (all.size() == 1 ? "" : std::to_string(all.front().manifest.epoch) + " to ") +
                   std::to_string(all.back().manifest.epoch);
  const auto& gone = known.log->discarded;
  if (std::find(gone.begin(), gone.end(), epoch) != gone.end())
    why.message += "; it was discarded, as the sink that decides had not committed it";
  if (known.log->damage) why.message += "; more of the log can't be read: " + known.log->damage->message;
  return why;
}

/// That epoch, or the newest.
result<found_epoch> find(const options& asked, std::optional<std::uint64_t> epoch, const known_epochs& known) {
  const auto& all = known.checkpoints;
  const bool has_log = known.log && !known.log->epochs.empty();
  if (!epoch && has_log && known.log->epochs.back().manifest.epoch > all.back().epoch)
    return found_epoch{nullptr, &known.log->epochs.back()};
  if (!epoch && !all.empty()) return found_epoch{&all.back(), nullptr};
  for (const auto& each : all)
    if (each.epoch == epoch) return found_epoch{&each, nullptr};
  const auto* const logged = epoch && has_log ? known.log->find(*epoch) : nullptr;
  if (!logged) return no_epoch(asked, epoch.value_or(0), known);
  return found_epoch{nullptr, logged};
}

void print(const std::vector<fact>& facts) {
  std::size_t width = 0;
  for (const auto& [name, value] : facts) width = std::max(width, name.size());
  for (const auto& [name, value] : facts) print("  " + name + std::string(width - name.size() + 2, ' ') + value);
}

void show_kept(const options& asked, const epoch_status& status) {
  if (!status.manifest) return;
  if (asked.json) return print(json_of(*status.manifest));
  print("epoch " + std::to_string(status.epoch) + ": " + std::string(to_string(status.state())));
  print(facts_of(*status.manifest));
}

void show_logged(const options& asked, const logged_epochs& log, const logged_epoch& epoch) {
  const auto manifest = log.manifest(epoch.manifest.epoch);
  if (asked.json) return print(json_of(manifest, json_of(log, epoch)));
  print("epoch " + std::to_string(manifest.epoch) + ": in the log, " +
        (log.is_committed(manifest.epoch) ? "committed"
         : log.damage                     ? "the last before the damage"
                      : "the newest: its sinks may still have to commit it, which the next run makes sure of"));
  auto facts = facts_of(manifest);
  for (auto& each : facts_of(log, epoch)) facts.push_back(std::move(each));
  print(facts);
}

int show(file_system& files, const options& asked, const known_epochs& known) {
  const auto found = find(asked, asked.epoch, known);
  if (!found) return fail(found.error());
  say_in_use(files, asked);
  if (found->kept) show_kept(asked, *found->kept);
  else show_logged(asked, *known.log, *found->logged);
  // What is behind the newest checkpoint needs it.
  const auto& needed = found->kept ? *found->kept : known.checkpoints.back();
  if (needed.damage) return fail(*needed.damage);
  // Then nobody knows which is the newest.
  return !asked.epoch && known.log && known.log->damage ? fail(*known.log->damage) : all_well;
}

std::vector<error> wrong_with(const checkpoint_reader& reader, const epoch_status& status) {
  auto wrong = status.manifest ? reader.verify(*status.manifest) : std::vector<error>();
  if (wrong.empty() && status.damage) wrong.push_back(*status.damage);
  return wrong;
}

/// What is wrong with each part of the folder: says it, or collects it as JSON.
class verdicts {
 public:
  explicit verdicts(bool json) : json_(json) {}
  void add(const epoch_status& of, const std::vector<error>& wrong) {
    const auto number = std::to_string(of.epoch);
    add(wrong, {{"epoch", number}, {"errors", errors(wrong)}});
    if (json_) return;
    if (wrong.empty()) print("epoch " + number + ": intact");
    for (const auto& why : wrong) print("epoch " + number + ": " + why.message);
  }
  void add(const logged_epochs& log) {
    std::vector<error> wrong;
    if (log.damage) wrong.push_back(*log.damage);
    add(wrong, {{"epoch", "null"}, {"errors", errors(wrong)}, {"log", json_of(log)}});
    if (json_) return;
    if (wrong.empty()) print("log: intact");
    for (const auto& line : lines_of(log)) print(line);
  }
  int finish() const {
    if (json_) print("[" + all_ + "]");
    return is_damaged_ ? not_intact : all_well;
  }

 private:
  static std::string errors(const std::vector<error>& wrong) {
    return json_array(wrong, [](const error& why) { return in_json(why.message); });
  }
  void add(const std::vector<error>& wrong, std::initializer_list<std::pair<std::string_view, std::string>> members) {
    is_damaged_ |= !wrong.empty();
    all_ += (all_.empty() ? "" : ", ") + json_object(members);
  }

  bool json_;
  bool is_damaged_ = false;
  std::string all_;
};

int verify(file_system& files, const options& asked, const checkpoint_reader& reader, const known_epochs& known) {
  auto wanted = asked.epoch;
  bool with_log = known.log.has_value();
  if (wanted) {
    const auto found = find(asked, wanted, known);
    if (!found) return fail(found.error());
    with_log = found->logged != nullptr;
    if (with_log) wanted = known.log->checkpoint->epoch;  // which has its states
  }
  if (!asked.json) say_in_use(files, asked);
  verdicts all(asked.json);
  for (const auto& each : known.checkpoints)
    if (!wanted || each.epoch == *wanted) all.add(each, wrong_with(reader, each));
  if (with_log) all.add(*known.log);
  return all.finish();
}

int remove(file_system& files, const options& asked, const checkpoint_reader& reader) {
  // Only what is one: opening would make one.
  if (const auto known = reader.check_format(); !known) return fail(known.error());
  const auto directory = checkpoint_directory::open(files, asked.folder);
  if (!directory) return fail(directory.error());
  if (const auto done = (*directory)->remove(*asked.epoch); !done) return fail(done.error());
  print("epoch " + std::to_string(*asked.epoch) + " is deleted");
  return all_well;
}

result<checkpoint_manifest> manifest_of(const options& asked, std::uint64_t epoch, const known_epochs& known) {
  const auto found = find(asked, epoch, known);
  if (!found) return found.error();
  if (found->logged) return known.log->manifest(epoch);
  if (found->kept->damage) return *found->kept->damage;
  return *found->kept->manifest;
}

int diff(const options& asked, const known_epochs& known) {
  const auto before = manifest_of(asked, *asked.epoch, known), after = manifest_of(asked, asked.other, known);
  if (!before) return fail(before.error());
  if (!after) return fail(after.error());
  const auto all = differences(*before, *after);
  if (asked.json) {
    const auto side = [](const std::string& value) { return value.empty() ? std::string("null") : in_json(value); };
    print(json_array(all, [&](const difference& each) {
      return json_object({{"what", in_json(each.name)}, {"before", side(each.before)}, {"after", side(each.after)}});
    }));
    return all_well;
  }
  for (const auto& each : all) {
    if (each.after.empty()) print("- " + each.name + ": " + each.before);
    else if (each.before.empty()) print("+ " + each.name + ": " + each.after);
    else print("  " + each.name + ": " + each.before + " -> " + each.after);
  }
  return all_well;
}

}  // namespace

int run(file_system& files, const options& asked) {
  const checkpoint_reader reader(files, asked.folder);
  if (asked.verb == verb::remove) return remove(files, asked, reader);
  const auto known = read_epochs(files, asked.folder);
  if (!known) return fail(known.error());
  switch (asked.verb) {
    case verb::list:
      return list(files, asked, *known);
    case verb::show:
      return show(files, asked, *known);
    case verb::verify:
      return verify(files, asked, reader, *known);
    case verb::diff:
      return diff(asked, *known);
    case verb::remove:
      break;
  }
  return not_possible;
}

}  // namespace freshet::checkpoint_tool
