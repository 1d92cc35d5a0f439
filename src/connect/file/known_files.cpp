#include "connect/file/known_files.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <stdexcept>
#include <utility>

#include "freshet/connect/file/line_spout.hpp"
#include "freshet/core/codec.hpp"
#include "freshet/core/standard_codecs.hpp"

namespace freshet::file {

namespace {

constexpr std::size_t shown_names = 3;
constexpr std::uint64_t unnumbered = recognised_files::nowhere - 1;  // until all known ones have theirs

std::string quoted_path(const std::string& path) { return "\"" + path + "\""; }
std::string bytes_of(std::uint64_t n) { return std::to_string(n) + (n == 1 ? " byte" : " bytes"); }

/// Gives found files the numbers of known ones.
class recogniser {
 public:
  recogniser(const known_files& known, const std::vector<found_file>& found, std::uint64_t offset,
             bool (*left_out)(const known_file&))
      : known_(known),
        found_(found),
        left_out_(left_out),
        offset_(offset),
        number_(line_spout::file_of(offset)),
        byte_(line_spout::byte_of(offset)),
        is_found_(known.files.size()) {
    all_.numbers.assign(found.size(), unnumbered);
    for (std::size_t f = 0; f < found.size(); ++f) {
      by_path_.emplace(found[f].path, f);
      if (found[f].missing) all_.numbers[f] = recognised_files::nowhere;
      for (const auto k : found[f].alike) alike_.emplace(k, f);
    }
  }

  recognised_files run() {
    for (std::size_t k = 0; k < known_.files.size(); ++k) take_itself(k);
    for (std::size_t k = 0; k < known_.files.size(); ++k) take_its_name(k);
    for (std::size_t k = 0; k < known_.files.size(); ++k) {
      if (is_found_[k]) lost_in_a_row_ = 0;
      else miss(known_.files[k]);
    }
    number_new_ones();
    return std::move(all_);
  }

 private:
  /// Nothing of it is to be read any more, so far as is known: it was read past, or as far as it went.
  bool is_finished(const known_file& k) const {
    return k.number < number_ || (k.number == number_ && byte_ != 0 && byte_ == k.size);
  }
  bool is_being_read(const known_file& k) const { return k.number == number_ && byte_ != 0 && !is_finished(k); }
  bool is_free(std::size_t f) const { return all_.numbers[f] == unnumbered; }

  /// The file itself, by whatever name; where one file has several, by the same one.
  void take_itself(std::size_t at) {
    const auto& k = known_.files[at];
    std::optional<std::size_t> best;
    const auto [from, to] = alike_.equal_range(at);
    for (auto each = from; each != to; ++each) {
      const auto& f = found_[each->second];
      const bool same_name = f.path == k.path;
      // Inodes are used again at once by some file systems, and an empty file has nothing else to be known by.
      const bool is_it = same_name || (f.device == k.device && k.begins.bytes != 0);
      if (!is_free(each->second) || !is_it || (is_being_read(k) && f.size < byte_)) continue;
      if (!best || same_name) best = each->second;
      if (same_name) break;
    }
    if (best) take(at, *best);
  }
  /// Of a file that was not read yet nothing is known but where it was.
  void take_its_name(std::size_t at) {
    const auto& k = known_.files[at];
    if (is_found_[at] || is_finished(k) || is_being_read(k)) return;
    const auto [from, to] = by_path_.equal_range(k.path);
    for (auto each = from; each != to && !is_found_[at]; ++each)
      if (is_free(each->second)) take(at, each->second);
  }
  void take(std::size_t at, std::size_t f) {
    const auto& k = known_.files[at];
    is_found_[at] = true;
    const bool was_cut = k.number == number_ && found_[f].size < byte_;
    all_.numbers[f] = was_cut ? recognised_files::nowhere : k.number;
    if (was_cut) all_.not_there.push_back(k);
  }

  void miss(const known_file& k) {
    const auto [from, to] = by_path_.equal_range(k.path);
    const auto there = std::find_if(from, to, [&](auto& each) { return !found_[each.second].missing; });
    if (there == to && from != to) all_.not_there.push_back(k);
    if (is_finished(k) || k.size == 0 || (there == to && left_out_(k))) return;
    lose(k, why_lost(k, there == to ? nullptr : &found_[there->second]));
  }
  std::string why_lost(const known_file& k, const found_file* there) const {
    if (!is_being_read(k)) return quoted_path(k.path) + " is gone, and was not read yet";
    const auto read = ", and was read to byte " + std::to_string(byte_);
    if (!there) return quoted_path(k.path) + " is gone" + read;
    if (there->inode != k.inode) return quoted_path(k.path) + " is another file now" + read;
    if (there->size < byte_ || there->size < k.begins.bytes)
      return quoted_path(k.path) + " has " + bytes_of(there->size) + " only: it was cut" + read;
    return quoted_path(k.path) + " does not begin as it did: it was written anew" + read;
  }
  /// Those that follow one another are lost together.
  void lose(const known_file& k, std::string why) {
    const auto from = std::max(offset_, line_spout::offset_of(k.number, 0));
    if (lost_in_a_row_ == 0) all_.lost.push_back({from, 0, {}});
    auto& last = all_.lost.back();
    if (++lost_in_a_row_ <= shown_names) last.why += (last.why.empty() ? "" : "; ") + std::move(why);
    else if (lost_in_a_row_ == shown_names + 1) last.why += "; and more";
    last.end = k.number + 1;
  }

  void number_new_ones() {
    all_.next = known_.next;
    for (auto& number : all_.numbers)
      if (number == unnumbered) number = all_.next++;
  }

  const known_files& known_;
  const std::vector<found_file>& found_;
  bool (*const left_out_)(const known_file&);
  const std::uint64_t offset_, number_, byte_;
  std::vector<bool> is_found_;                       // by known file
  std::multimap<std::string, std::size_t> by_path_;  // found ones
  std::multimap<std::size_t, std::size_t> alike_;    // found ones by known one
  std::size_t lost_in_a_row_ = 0;
  recognised_files all_;
};

}  // namespace

std::string encode(const known_files& known) {
  writer w;
  write_value(w, known);
  return w.take();
}

known_files decode_known_files(std::string_view bytes) {
  reader r(bytes);
  known_files known;
  read_value(r, known);
  const auto in_order = [](const known_file& a, const known_file& b) { return a.number < b.number; };
  if (r.failed() || r.left() != 0 || !std::is_sorted(known.files.begin(), known.files.end(), in_order) ||
      (!known.files.empty() && known.files.back().number >= known.next))
    throw std::runtime_error(
        "the list of files in the checkpoint can't be read: it is of another version, or not of a spout over files; "
        "put "
        "the spout into checkpoints.allow_dropped_state to begin anew");
  return known;
}

recognised_files recognise(const known_files& known, const std::vector<found_file>& found, std::uint64_t offset,
                           bool (*left_out)(const known_file&)) {
  return recogniser(known, found, offset, left_out).run();
}

}  // namespace freshet::file
