#include "differential/operators/wire.hpp"

namespace freshet::differential::operators {
namespace {

using row = timed_row;
constexpr auto inner_row = [](const row& l, const row& r) { return row{0, {}, paired(&l, &r)}; };
constexpr auto left_row = [](const row& l, const row* r) { return row{0, {}, paired(&l, r)}; };
constexpr auto right_row = [](const row* l, const row& r) { return row{0, {}, paired(l, &r)}; };
constexpr auto full_row = [](const row* l, const row* r) { return row{0, {}, paired(l, r)}; };

row whole(const co_grouped<std::uint32_t, row, row>& g) {
  const auto is_in_order = [](const std::vector<row>& rows) {
    return std::is_sorted(rows.begin(), rows.end(), [](auto& a, auto& b) { return a.at < b.at; });
  };
  if (!is_in_order(g.lefts) || !is_in_order(g.rights)) return {};
  std::int64_t lefts = 0, rights = 0;
  for (const auto& l : g.lefts) lefts = sum(lefts, l.value);
  for (const auto& r : g.rights) rights = sum(rights, r.value);
  return {0, {}, mixed(mixed(g.key, lefts), rights)};
}

}  // namespace

row_stream wire_join(const stage& s, const row_stream& left, const row_stream& right, const place& at) {
  const auto l = left.key_by(&row::key), r = right.key_by(&row::key);
  join_options options{.kind = s.kind, .allowed_lateness = s.lateness, .parallelism = s.parallelism};
  const auto done = [&](const auto& made) {
    at.late(0, made.left_late());
    at.late(1, made.right_late());
    return finished(made, s, at.name);
  };
  const auto of_kind = [&](join_kind kind) { return options.kind = kind, options; };
  const auto interval = [&](auto f) {
    return done(l.interval_join(at.name, r, between{s.span, s.further}, f, options));
  };
  switch (s.what) {
    case operation::interval_join:
      switch (s.kind) {
        case join_kind::inner:
          return interval(inner_row);
        case join_kind::left:
          return interval(left_row);
        case join_kind::right:
          return interval(right_row);
        case join_kind::full:
          return interval(full_row);
      }
      break;
    case operation::window_join:
      if (s.kind == join_kind::left) return done(l.window_join(at.name, r, tumbling{s.span}, left_row, options));
      if (s.kind == join_kind::full)
        return done(l.window_join(at.name, r, hopping{s.span, s.further}, full_row, options));
      return done(l.window_join(at.name, r, sessions{s.span}, inner_row, options));
    case operation::co_group: {
      const auto made = l.co_group(at.name, r, hopping{s.span, s.further}, options);
      at.late(0, made.left_late());
      at.late(1, made.right_late());
      return finished(made.map(at.name + ".whole", whole, {.parallelism = s.parallelism}), s, at.name);
    }
    case operation::as_of_join:
      return done(l.as_of_join(at.name, r, as_of{s.span}, left_row, of_kind(join_kind::left), &row::value));
    case operation::join_table:
      return done(l.join_table(at.name, r, inner_row, of_kind(join_kind::inner), table_changes{&deletes, &row::value}));
    default:
      break;
  }
  return done(l.join_table(at.name, right.broadcast(), &row::key, left_row, of_kind(join_kind::left),
                           table_changes{&deletes, &row::value}));
}

row_stream finished(const row_stream& results, const stage& s, const std::string& name) {
  const auto finish = [](const row& r, emitter<row>& out) { out.emit(result_row(r.value, out.time())); };
  return results.process(name + ".rows", finish, {.parallelism = s.parallelism});
}

}  // namespace freshet::differential::operators
