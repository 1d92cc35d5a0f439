#include "connect/file/record_source.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "freshet/core/range_lost.hpp"

namespace freshet::file {

record_source::record_source(file_names which, const settings& how, const task_context& context)
    : which_(std::move(which)),
      how_(how),
      partition_(context.partitions[0].id),
      run_(context.stop),
      polled_(how),
      again_(how) {
  if (!context.partitions[0].kept) files_.emplace(which_, run_);
}

// --- which files ---

void record_source::look_up(std::uint64_t offset) {
  files_.emplace(which_, run_, known_, offset);
  known_ = {};
  saved_ = false;
}

void record_source::load(std::string_view saved) {
  if (saved.empty()) return look_up(0);
  known_ = decode_known_files(saved);
}

bool record_source::find(const position& p) {
  if (files_) return false;
  look_up(p.offset);
  return true;
}

std::string record_source::save() { return std::exchange(saved_, true) ? std::string{} : encode(files_->known()); }

// --- polling ---

/// The next record of the cursor's file. False at its end.
bool record_source::read(cursor& c, line_reader::line& line, record& found) {
  if (!c.reader.next(line)) return false;
  found.what = line.too_long ? record::defect::too_long : record::defect::none;
  found.line = c.line;
  if (c.line) ++c.line;
  c.hit_end = false;
  if (how_.quotes && !line.too_long) {
    how_.quotes->restart();
    if (how_.quotes->ends_open(line.text)) join_lines(c, line, found);
  }
  found.text = line.text;
  found.file = c.file;
  found.begin = line.begin;
  found.at = {partition_, offset_of(c.file, line.begin), offset_of(c.file, line.end)};
  c.byte = line.end;
  return true;
}

/// A stray quote would hold the rest of the file together: then only its own line is damaged, and what follows is read
/// as if it were not there.
void record_source::join_lines(cursor& c, line_reader::line& line, record& found) {
  const auto first = line;
  std::uint64_t lines = 0;
  auto joined = line_reader::joined::line;
  do {
    joined = c.reader.join(line);
    ++lines;
  } while (joined == line_reader::joined::line && how_.quotes->ends_open(line.text));
  if (joined == line_reader::joined::line) {
    if (c.line) c.line += lines;
    return;
  }
  c.hit_end = joined == line_reader::joined::at_end;
  found.what = c.hit_end ? record::defect::open_quote : record::defect::far_quote;
  line.text = line.text.substr(0, first.text.size());
  line.end = first.end;
  line.ended = first.ended;
  c.reader.back_to_end_of(first);
}

bool record_source::next(record& found) {
  if (!files_) return false;
  line_reader::line line;
  for (cursor& c = polled_; c.file < files_->size();) {
    if (!c.started) {
      c.reader.start(files_->open(c.file, c.fd), files_->path(c.file), c.byte);
      c.started = true;
      c.line = c.byte == 0;
    }
    if (read(c, line, found)) return true;
    ends_.resize(std::max(ends_.size(), c.file + 1), line_reader::no_limit);
    ends_[c.file] = c.reader.where();
    ++c.file;
    c.byte = 0;
    c.started = false;
  }
  return false;
}

/// To where an offset is, or, where its file is gone, to the next one.
void record_source::move(cursor& c, std::uint64_t offset) const {
  c.file = files_->with_number(line_spout::file_of(offset));
  const bool is_there = c.file < files_->size() && files_->number(c.file) == line_spout::file_of(offset);
  c.byte = is_there ? line_spout::byte_of(offset) : 0;
  c.started = false;
}

void record_source::seek(const position& p) {
  find(p);
  if (const auto lost = files_->take_lost(p.offset))
    throw range_lost({partition_, std::max(lost->from, p.offset), line_spout::offset_of(lost->end, 0)}, lost->why);
  move(polled_, p.offset);
}

void record_source::begin(std::size_t file) {
  polled_.file = file;
  polled_.byte = 0;
  polled_.started = false;
}

void record_source::restart() {
  begin(0);
  ends_.clear();
}

// --- reading again ---

void record_source::again(const position_range& range) {
  range_ = range;
  move(again_, range.from);
}

void record_source::lose(const std::string& why) const {
  const auto number = files_->number(again_.file);
  throw range_lost({partition_, line_spout::offset_of(number, again_.byte), line_spout::offset_of(number + 1, 0)}, why);
}

/// Opens the file in which the range goes on. False behind its last.
bool record_source::start_again() {
  cursor& c = again_;
  if (range_.empty() || c.file >= files_->size()) return false;
  const auto number = files_->number(c.file);
  if (number > line_spout::file_of(range_.to - 1)) return false;
  if (number == line_spout::file_of(range_.to)) to_ = line_spout::byte_of(range_.to);
  else to_ = c.file < ends_.size() ? ends_[c.file] : line_reader::no_limit;
  c.line = c.byte == 0;
  try {
    c.reader.start(files_->open(c.file, c.fd), files_->path(c.file), c.byte, to_);
  } catch (const file_gone& e) { lose(e.what()); } catch (const file_cut& e) {
    lose(e.what());
  }
  return c.started = true;
}

/// The file gives no more. `to_` is where the last record of it that was emitted had ended.
void record_source::end_again() {
  cursor& c = again_;
  const auto where = c.hit_end ? c.reader.read_to() : c.reader.where();
  if (to_ != line_reader::no_limit && c.byte < to_ && where < to_)
    lose("\"" + files_->path(c.file) + "\" at byte " + std::to_string(where) +
         ": the file ends here, but was read to byte " + std::to_string(to_));
  ++c.file;
  c.byte = 0;
  c.started = false;
}

bool record_source::next_again(record& found) {
  line_reader::line line;
  while (again_.started || start_again()) {
    const auto from = again_.byte;
    if (read(again_, line, found)) {
      // The cut went through it, or through what its quote was closed in.
      const bool whole = to_ == line_reader::no_limit || line.ended || line.end >= to_;
      const bool cut = again_.hit_end && to_ != line_reader::no_limit && again_.reader.read_to() < to_;
      if (whole && !cut) return true;
      again_.byte = from;
    }
    end_again();
  }
  return false;
}

// --- lines ---

std::uint64_t record_source::line_of(const record& r) {
  if (r.line) return r.line;
  if (counted_.file != r.file || counted_.byte > r.begin) counted_ = {r.file, 0, 1};
  descriptor spare;
  const int fd = files_->open(r.file, spare);
  std::array<char, 1 << 16> buffer;
  while (counted_.byte < r.begin) {
    const auto wanted = std::min<std::uint64_t>(buffer.size(), r.begin - counted_.byte);
    const auto got = ::pread(fd, buffer.data(), wanted, static_cast<off_t>(counted_.byte));
    if (got <= 0) break;
    counted_.line += static_cast<std::uint64_t>(std::count(buffer.data(), buffer.data() + got, '\n'));
    counted_.byte += static_cast<std::uint64_t>(got);
  }
  return counted_.line;
}

}  // namespace freshet::file
