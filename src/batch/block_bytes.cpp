#include "batch/block_bytes.hpp"

#include <memory>

#include "freshet/base/type_name.hpp"

namespace freshet {

namespace {

void write_time(writer& w, event_time t) { w.raw(std::int64_t{t.time_since_epoch().count()}); }
event_time read_time(reader& r) { return event_time{event_time::duration{r.raw<std::int64_t>()}}; }

void write_columns(writer& w, const any_batch& b) {
  for (std::size_t i = 0; b.has_times() && i < b.size(); ++i) {
    write_time(w, b.times()[i]);
    write_time(w, b.stamps()[i]);
  }
  for (std::size_t i = 0; b.origins() && i < b.size(); ++i) {
    const auto& o = b.origins()[i];
    w.raw(o.node);
    w.raw(o.partition);
    w.raw(o.ordinal);
  }
}

void read_columns(reader& r, any_batch& b) {
  for (std::size_t i = 0; b.has_times() && i < b.size(); ++i) {
    const auto time = read_time(r);
    b.set_time(i, time, read_time(r));
  }
  for (std::size_t i = 0; b.origins() && i < b.size(); ++i) {
    auto& o = b.origins()[i];
    o.node = r.raw<decltype(o.node)>();
    o.partition = r.raw<decltype(o.partition)>();
    o.ordinal = r.raw<decltype(o.ordinal)>();
  }
}

void write_batch(writer& w, const any_batch& b) {
  w.raw(static_cast<std::uint32_t>(b.capacity()));
  w.raw(static_cast<std::uint32_t>(b.size()));
  w.raw(b.has_times());
  w.raw(b.origins() != nullptr);
  w.raw(std::int64_t{b.sent.time_since_epoch().count()});
  for (std::size_t i = 0; i < b.size(); ++i) b.type().write(w, b, i);
  write_columns(w, b);
}

/// Null: the bytes are damaged.
std::unique_ptr<any_batch> read_batch(reader& r, const stream_type& type) {
  batch_layout layout;
  layout.capacity = r.raw<std::uint32_t>();
  const auto size = r.raw<std::uint32_t>();
  layout.times = r.raw<bool>();
  layout.origins = r.raw<bool>();
  const std::chrono::steady_clock::duration sent{r.raw<std::int64_t>()};
  if (r.failed() || size > layout.capacity) return nullptr;
  std::unique_ptr<any_batch> b(type.make(layout));
  b->sent = std::chrono::steady_clock::time_point(sent);
  for (std::uint32_t i = 0; i < size && !r.failed(); ++i) type.read(r, *b);
  read_columns(r, *b);
  return r.failed() ? nullptr : std::move(b);
}

}  // namespace

std::string write_block(const batch_list& all) {
  writer w;
  for (const any_batch* b = all.front(); b; b = b->next) write_batch(w, *b);
  return w.take();
}

result<batch_list> read_block(std::string_view bytes, const stream_type& type) {
  reader r(bytes);
  batch_list all;
  while (r.left() != 0) {
    auto b = read_batch(r, type);
    if (!b)
      return error{errc::data_loss, "a block of " + readable_type_name(type.name) +
                                        " can't be read: the bytes are damaged, or its codec doesn't read what it has "
                                        "written"};
    all.push_back(b.release());
  }
  return all;
}

}  // namespace freshet
