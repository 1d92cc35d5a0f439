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

int list(file_system& files, const options& asked, const checkpoint_reader& reader) {
  const auto all = reader.epochs();
  if (!all) return fail(all.error());
  const bool is_damaged = std::any_of(all->begin(), all->end(), [](const auto& each) { return each.damage; });
  if (asked.json) {
    print(json_object({{"directory", in_json(asked.folder)},
                       {"process", std::to_string(process_in(files, asked.folder))},
                       {"epochs", json_array(*all, [](const auto& each) { return json_of(each); })}}));
  } else {
    say_in_use(files, asked);
    char head[160];
    std::snprintf(head, sizeof head, "%8s  %-10s  %-9s  %-24s  %-16s  %14s  %14s", "epoch", "kind", "state", "made at",
                  "history", "bytes", "new bytes");
    print(head);
    for (const auto& each : *all) print(row(each));
    for (const auto& each : *all)
      if (each.damage) print("epoch " + std::to_string(each.epoch) + ": " + each.damage->message);
  }
  return is_damaged ? not_intact : all_well;
}

/// That epoch, or the newest.
result<epoch_status> find(const checkpoint_reader& reader, std::optional<std::uint64_t> epoch) {
  auto all = reader.epochs();
  if (!all) return std::move(all).error();
  const auto found = epoch ? std::find_if(all->begin(), all->end(), [&](const auto& e) { return e.epoch == *epoch; })
                     : all->empty() ? all->end()
                                    : all->end() - 1;
  if (found == all->end()) return no_such_epoch(reader.folder(), epoch.value_or(0), *all);
  return std::move(*found);
}

int show(file_system& files, const options& asked, const checkpoint_reader& reader) {
  const auto status = find(reader, asked.epoch);
  if (!status) return fail(status.error());
  if (status->manifest && asked.json) print(json_of(*status->manifest));
  if (status->manifest && !asked.json) {
    say_in_use(files, asked);
    print("epoch " + std::to_string(status->epoch) + ": " + std::string(to_string(status->state())));
    const auto facts = facts_of(*status->manifest);
    std::size_t width = 0;
    for (const auto& [name, value] : facts) width = std::max(width, name.size());
    for (const auto& [name, value] : facts) print("  " + name + std::string(width - name.size() + 2, ' ') + value);
  }
  return status->damage ? fail(*status->damage) : all_well;
}

std::vector<error> wrong_with(const checkpoint_reader& reader, const epoch_status& status) {
  auto wrong = status.manifest ? reader.verify(*status.manifest) : std::vector<error>();
  if (wrong.empty() && status.damage) wrong.push_back(*status.damage);
  return wrong;
}

int verify(file_system& files, const options& asked, const checkpoint_reader& reader) {
  auto all = reader.epochs();
  if (!all) return fail(all.error());
  if (asked.epoch) {
    std::erase_if(*all, [&](const auto& each) { return each.epoch != *asked.epoch; });
    if (all->empty()) return fail(find(reader, asked.epoch).error());
  }
  if (!asked.json) say_in_use(files, asked);
  bool is_damaged = false;
  std::string json;
  for (const auto& each : *all) {
    const auto wrong = wrong_with(reader, each);
    is_damaged |= !wrong.empty();
    const auto name = "epoch " + std::to_string(each.epoch) + ": ";
    if (!asked.json && wrong.empty()) print(name + "intact");
    for (const auto& why : wrong)
      if (!asked.json) print(name + why.message);
    const auto message = [](const error& why) { return in_json(why.message); };
    json += (json.empty() ? "" : ", ") +
            json_object({{"epoch", std::to_string(each.epoch)}, {"errors", json_array(wrong, message)}});
  }
  if (asked.json) print("[" + json + "]");
  return is_damaged ? not_intact : all_well;
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

int diff(const options& asked, const checkpoint_reader& reader) {
  const auto before = reader.manifest(*asked.epoch), after = reader.manifest(asked.other);
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
  switch (asked.verb) {
    case verb::list:
      return list(files, asked, reader);
    case verb::show:
      return show(files, asked, reader);
    case verb::verify:
      return verify(files, asked, reader);
    case verb::remove:
      return remove(files, asked, reader);
    case verb::diff:
      return diff(asked, reader);
  }
  return not_possible;
}

}  // namespace freshet::checkpoint_tool
