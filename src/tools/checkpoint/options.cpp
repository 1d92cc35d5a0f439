#include "options.hpp"

#include <CLI/CLI.hpp>
#include <iostream>

namespace freshet::checkpoint_tool {

namespace {

constexpr const char* what_it_is =
    "Looks into the directory in which a Freshet run keeps its checkpoints and savepoints, and the log of the epochs "
    "behind the\n"
    "newest of them. Nothing but delete changes anything there, and all others work while a run writes.";

constexpr const char* how_it_ends =
    "Exit status: 0 all is well; 1 something is damaged, which is named; 2 wrong arguments, no such directory or "
    "epoch,\n"
    "or it cannot be done.";

}  // namespace

parsed parse(int argc, char** argv) {
  parsed p;
  auto& o = p.asked;
  CLI::App app(what_it_is, "freshet-checkpoint");
  app.footer(how_it_ends);
  app.require_subcommand(1);
  const auto add = [&](verb which, const std::string& name, const std::string& what) {
    auto* const command = app.add_subcommand(name, what);
    command->callback([&o, which] { o.verb = which; });
    command->add_option("DIR", o.folder, "the checkpoint directory")->required();
    return command;
  };
  const auto with_json = [&](CLI::App* command) { command->add_flag("--json", o.json, "print JSON"); };

  with_json(add(verb::list, "list", "the epochs that are there: kind, state, time, size; and which only the log has"));
  auto* const show = add(
      verb::show, "show",
      "what an epoch says, also one that only the log has: nodes, keys, files, positions, watermarks, tokens, changes");
  show->add_option("EPOCH", o.epoch, "its number; the newest, in the log or not, if none is given");
  with_json(show);
  auto* const verify =
      add(verb::verify, "verify", "reads every byte, those of the log too, and compares all checksums");
  verify->add_option("EPOCH", o.epoch, "its number; all epochs and the log, if none is given");
  with_json(verify);
  add(verb::remove, "delete", "removes an epoch, and the files that no other one lists; not while a run writes")
      ->add_option("EPOCH", o.epoch, "its number; the newest cannot be deleted")
      ->required();
  auto* const diff =
      add(verb::diff, "diff", "what is different between two epochs, but for the changes that only the log has");
  diff->add_option("EPOCH", o.epoch, "the number of one")->required();
  diff->add_option("OTHER", o.other, "the number of the other")->required();
  with_json(diff);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& e) { p.exit_status = app.exit(e); } catch (const CLI::ParseError& e) {
    std::cerr << "freshet-checkpoint: " << e.what() << "\nTry: freshet-checkpoint --help\n";
    p.exit_status = not_possible;
  }
  return p;
}

}  // namespace freshet::checkpoint_tool
