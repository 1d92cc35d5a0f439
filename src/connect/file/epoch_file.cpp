#include "freshet/connect/file/epoch_file.hpp"

#include <algorithm>
#include <map>
#include <stdexcept>
#include <utility>

#include "connect/file/byte_sum.hpp"
#include "connect/file/epoch_file_names.hpp"

namespace freshet::file {

namespace {

void must(result<void> done) {
  if (!done) throw std::runtime_error(done.error().message);
}
template <class T>
T must(result<T> got) {
  if (!got) throw std::runtime_error(got.error().message);
  return *std::move(got);
}

std::string quoted(const std::string& text) { return "\"" + text + "\""; }

void check_part_of_name(const char* option, const std::string& text) {
  if (text.find('/') != std::string::npos)
    throw std::invalid_argument("epoch_sink_options::" + std::string(option) + " is " + quoted(text) +
                                ": it is part of a file's name and can have no \"/\"");
}
void check(const epoch_sink_options& options) {
  check_part_of_name("prefix", options.prefix);
  check_part_of_name("suffix", options.suffix);
  if (options.prefix.empty() || options.prefix[0] == '.')
    throw std::invalid_argument(
        "epoch_sink_options::prefix is " + quoted(options.prefix) +
        ": names begin with it, and need something there that is not \".\", or nobody sees them");
  if (!options.files) throw std::invalid_argument("epoch_sink_options::files is null: leave it out for the system's");
}

std::unique_ptr<file_lock> lock(file_system& files, const std::string& path) {
  auto got = files.lock(path);
  // errc::invalid_argument: somebody has it.
  if (!got && got.error().code == errc::invalid_argument)
    throw std::runtime_error(got.error().message +
                             ". A prefix belongs to one sink of one run: give this one another prefix or folder");
  return must(std::move(got));
}

std::string already_there(const std::string& path, std::uint64_t epoch) {
  const auto number = std::to_string(epoch);
  return "cannot go on with epoch " + number + ": " + quoted(path) +
         " is of this history and not of an earlier epoch, so the checkpoints are older than the folder. Remove the "
         "files of this history from epoch " +
         number + " on, as they will be written again, or bring folder and checkpoints back from the same time";
}

}  // namespace

// --- before the first epoch ---

/// What was in the folder when the run began.
struct epoch_file::earlier {
  std::vector<epoch_file_key> unfinished;
  std::map<std::uint64_t, epoch_file_key> newest;  ///< by history: of its latest epoch that is visible

  void add_visible(const epoch_file_key& key) {
    auto& latest = newest.try_emplace(key.epoch.history, key).first->second;
    if (latest.epoch.epoch < key.epoch.epoch) latest = key;
  }
};

epoch_file::epoch_file(std::string folder, epoch_sink_options options, std::size_t task, std::size_t task_count)
    : folder_(std::move(folder)), options_(std::move(options)), task_(task), task_count_(task_count) {
  check(options_);
  names_ = std::make_unique<epoch_file_names>(options_.prefix, options_.suffix);
  auto& files = *options_.files;
  if (options_.create_folders) must(make_folder(files, folder_));
  else if (!must(files.exists(folder_)))
    throw std::runtime_error("there is no folder " + quoted(folder_) +
                             " to write to: make it, or set epoch_sink_options::create_folders");
  if (task_ == 0) lock_ = lock(files, path_of(names_->lock()));
  look_around();
}

epoch_file::~epoch_file() = default;

void epoch_file::look_around() {
  auto found = std::make_unique<earlier>();
  for (const auto& each : must(options_.files->list(folder_))) {
    const auto unfinished = names_->parse_unfinished(each.name);
    const auto key = unfinished ? unfinished : names_->parse_visible(each.name);
    if (!key) continue;
    if (unfinished) found->unfinished.push_back(*key);
    else found->add_visible(*key);
    if (key->epoch.history == 0) epochs_before_ = std::max(epochs_before_, key->epoch.epoch);
  }
  before_ = std::move(found);
}

/// Takes leave of earlier runs: what no other task of this one can have made is left over.
void epoch_file::tidy(const epoch_file_key& first) {
  if (!before_) return;
  const auto latest = before_->newest.find(first.epoch.history);
  if (latest != before_->newest.end() && latest->second.epoch.epoch >= first.epoch.epoch)
    throw std::runtime_error(already_there(path_of(names_->visible(latest->second)), first.epoch.epoch));
  for (const auto& each : before_->unfinished)
    if (each.task == task_ || each.task >= task_count_ || each.epoch.history != first.epoch.history)
      leftovers_.push_back(names_->unfinished(each));
  before_.reset();
}

void epoch_file::remove_leftovers() {
  for (; !leftovers_.empty(); leftovers_.pop_back()) {
    auto gone = options_.files->remove(path_of(leftovers_.back()));
    if (!gone && gone.error().code != errc::not_found) must(std::move(gone));  // it was committed, or another did it
  }
}

// --- the epoch ---

void epoch_file::begin(const epoch_id& epoch) {
  if (file_) abort();
  epoch_file_key key{epoch, task_};
  if (epoch.history == 0) key.epoch.epoch += epochs_before_;
  tidy(key);
  remove_leftovers();
  current_ = {names_->unfinished(key), names_->visible(key)};
  buffer_.clear();
  written_ = 0;
  sum_ = std::make_unique<byte_sum>();
  in_doubt_ = created_ = false;
  failure_.reset();
}

void epoch_file::create() {
  file_ = must(options_.files->create(path_of(current_.unfinished)));
  created_ = true;
}

void epoch_file::write_out() {
  if (failure_) throw std::runtime_error(*failure_);
  if (in_doubt_) must(file_->cut(written_));
  in_doubt_ = false;
  if (buffer_.empty()) return;
  if (!file_) create();
  in_doubt_ = true;
  must(file_->append(buffer_));
  in_doubt_ = false;
  written_ += buffer_.size();
  sum_->add(buffer_);
  buffer_.clear();
}

void epoch_file::added(std::size_t size_before) {
  if (buffer_.size() < options_.buffer_bytes) return;
  try {
    write_out();
  } catch (...) {
    buffer_.resize(size_before);
    throw;
  }
}

epoch_file_token epoch_file::prepare() {
  write_out();
  if (file_ && written_ == 0) abort();  // its only rows could not be written, and were given up
  if (file_) make_durable();
  current_.bytes = written_;
  current_.checksum = sum_->value();
  return prepared_ = created_ ? current_ : epoch_file_token{};
}

void epoch_file::make_durable() {
  auto done = file_->sync();
  if (done) done = file_->close();
  if (done) done = options_.files->sync_folder(folder_);
  if (!done) failure_ = done.error().message;
  must(std::move(done));
  file_.reset();
}

void epoch_file::commit(const epoch_file_token& token) {
  if (token.name.empty()) return;
  if (token.name == renamed_in_vain_) {  // counts as lost: what is to be synced must be done anew
    must(options_.files->rename(path_of(token.name), path_of(token.unfinished)));
    renamed_in_vain_.clear();
  }
  give_name(token);
  // Also where it had its name: the process may have ended before this.
  renamed_in_vain_ = token.name;
  must(options_.files->sync_folder(folder_));
  renamed_in_vain_.clear();
}

void epoch_file::give_name(const epoch_file_token& token) {
  const auto unfinished = path_of(token.unfinished), visible = path_of(token.name);
  const bool is_prepared = must(options_.files->exists(unfinished));
  const bool is_visible = must(options_.files->exists(visible));
  if (is_prepared && is_visible)
    throw std::runtime_error("cannot rename " + quoted(unfinished) + " to " + quoted(visible) +
                             ", which is there and would be overwritten: one of them was put there by somebody else, "
                             "who has to take it away");
  if (!is_prepared && !is_visible)
    throw std::runtime_error("rows of an epoch that counts are lost: " + quoted(unfinished) +
                             " is gone, and was not renamed to " + quoted(visible) +
                             " either. Bring the file back; if it was visible and somebody has taken it away, an empty "
                             "file in its place lets the run go on");
  if (!is_prepared) return;
  if (token != prepared_) check_bytes(token);  // else they were written a moment ago
  must(options_.files->rename(unfinished, visible));
}

void epoch_file::check_bytes(const epoch_file_token& token) const {
  const auto path = path_of(token.unfinished);
  const auto damaged = [&](const std::string& found) {
    throw std::runtime_error("rows of an epoch that counts are damaged: " + quoted(path) + " has " + found +
                             ". Bring the file back from a copy, or, to go on with what is in it, rename it to " +
                             quoted(path_of(token.name)));
  };
  const auto file = must(options_.files->open(path));
  const auto size = must(file->size());
  if (size != token.bytes)
    damaged(std::to_string(size) + " bytes, and " + std::to_string(token.bytes) + " were written");
  byte_sum sum;
  std::string bytes(byte_sum::block, '\0');
  for (std::uint64_t at = 0; at < size;) {
    const auto n = must(file->read(at, bytes.data(), bytes.size()));
    if (n == 0) break;  // somebody makes it shorter meanwhile
    sum.add({bytes.data(), n});
    at += n;
  }
  if (sum.value() != token.checksum) damaged("other bytes than were written");
}

void epoch_file::abort() {
  file_.reset();
  buffer_.clear();
  failure_.reset();
  written_ = 0;
  in_doubt_ = false;
  if (std::exchange(created_, false)) leftovers_.push_back(current_.unfinished);
  remove_leftovers();
}

void epoch_file::close() {
  file_.reset();
  lock_.reset();
}

}  // namespace freshet::file
