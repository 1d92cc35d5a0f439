#include <array>
#include <string>
#include <string_view>

#include "core/escaped_text.hpp"
#include "freshet/core/topology.hpp"

// What the forms look like, and the members of the JSON, stands at topology::describe.
namespace freshet {

namespace {

/// Inside a double-quoted label, where Graphviz knows \n and \\ but no other control character.
std::string in_dot(std::string_view text) {
  return escaped(
      text, [](char c) { return c == '\r' || c == '\t' ? std::string_view(" ") : backslashed(c); },
      [](unsigned char c) { return hex(c, "\\\\x"); });
}
/// Inside a quoted label: Mermaid has no backslash, but #NN; for a character.
std::string in_mermaid(std::string_view text) {
  return escaped(
      text,
      [](char c) -> std::string_view {
        switch (c) {
          case '"':
            return "#34;";
          case '#':
            return "#35;";
          case '&':
            return "#38;";
          case '<':
            return "#60;";
          case '>':
            return "#62;";
          case '`':
            return "#96;";
          case '|':
            return "#124;";
          case '\n':
            return "<br/>";
          case '\r':
          case '\t':
            return " ";
          default:
            return {};
        }
      },
      [](unsigned char c) { return hex(c, "x"); });
}

// --- what there is to say ---

std::string type_of(const input_edge& e) { return readable_type_name(e.type->name); }

std::string class_of(const node& n) { return readable_type_name(n.written_as); }

std::string_view policy_of(const node& n) {
  switch (n.kind == node_kind::spout ? n.spout.on_failure : n.options.on_failure) {
    case on_failure::dead_letter:
      return "dead_letter";
    case on_failure::skip:
      return "skip";
    case on_failure::stop:
      return "stop";
  }
  return "";
}

/// "state std::uint64_t by std::string", "state count, one a task", or nothing.
std::string state_of(const node& n) {
  if (!n.make_state) return {};
  std::string text;
  if (!n.state_type.empty())
    text = "state " + readable_type_name(n.state_type) +
           (n.key_type.empty() ? ", one a task" : " by " + readable_type_name(n.key_type));
  if (n.broadcast_type.empty()) return text;
  return text + (text.empty() ? "" : ", ") + "broadcast " + readable_type_name(n.broadcast_type);
}

/// Draws one graph; the formats differ in the functions below.
class drawing {
 public:
  drawing(const topology& graph, const edge_counts* counts) : graph_(graph), counts_(counts) {}

  std::string text() {
    out_ = "topology " + in_text(graph_.name()) + "\n";
    for (std::size_t i = 0; i < nodes().size(); ++i) {
      const node& n = nodes()[i];
      out_ += "  " + std::string(to_string(n.kind)) + " " + in_text(n.name) + ": " + class_of(n) + ", parallelism " +
              std::to_string(n.parallelism());
      if (const auto state = state_of(n); !state.empty()) out_ += ", " + state;
      if (const auto lost = lost_by(i); !lost.empty()) out_ += ", " + lost;
      out_ += "\n";
      for (std::size_t k = 0; k < n.inputs.size(); ++k) text_input(i, k);
    }
    return std::move(out_);
  }

  std::string dot() {
    out_ = "digraph \"" + in_dot(graph_.name()) + "\" {\n  rankdir=LR;\n  node [shape=box, style=rounded];\n";
    for (std::size_t i = 0; i < nodes().size(); ++i) {
      const node& n = nodes()[i];
      out_ += "  n" + std::to_string(i) + " [label=\"";
      for (const auto& line : label(i)) out_ += (line.empty() ? "" : in_dot(line) + "\\n");
      out_.resize(out_.size() - 2);
      out_ += std::string("\"") + (n.kind == node_kind::bolt ? "" : ", style=\"rounded,bold\"") + "];\n";
    }
    if (reads_dead_letters()) out_ += "  dead_letters [label=\"dead letters\", style=\"rounded,dashed\"];\n";
    for_each_edge([&](std::size_t i, std::size_t k, const input_edge& e) {
      const bool letters = e.from.node == stream_end::dead_letters;
      out_ += "  " + source(e) + " -> n" + std::to_string(i) + " [label=\"" + in_dot(edge_label(i, k, "\n")) + "\"" +
              (letters ? ", style=dashed" : "") + "];\n";
    });
    return std::move(out_ += "}\n");
  }

  std::string mermaid() {
    out_ = "flowchart LR\n";
    for (std::size_t i = 0; i < nodes().size(); ++i) {
      const node& n = nodes()[i];
      std::string text;
      for (const auto& line : label(i))
        if (!line.empty()) text += (text.empty() ? "" : "<br/>") + in_mermaid(line);
      const auto [open, close] = shape(n.kind);
      out_ += "  n" + std::to_string(i) + std::string(open) + '"' + text + '"' + std::string(close) + "\n";
    }
    if (reads_dead_letters()) out_ += "  dead_letters([\"dead letters\"])\n";
    for_each_edge([&](std::size_t i, std::size_t k, const input_edge& e) {
      const bool letters = e.from.node == stream_end::dead_letters;
      out_ += "  " + source(e) + (letters ? " -.->" : " -->") + "|\"" + in_mermaid(edge_label(i, k, "\n")) + "\"| n" +
              std::to_string(i) + "\n";
    });
    return std::move(out_);
  }

  std::string json() {
    out_ = "{\"topology\":" + in_json(graph_.name()) + ",\"nodes\":[";
    for (std::size_t i = 0; i < nodes().size(); ++i) {
      if (i) out_ += ',';
      json_node(i);
    }
    return std::move(out_ += "]}\n");
  }

 private:
  const std::vector<node>& nodes() const { return graph_.nodes(); }

  template <class F>
  void for_each_edge(F&& f) const {
    for (std::size_t i = 0; i < nodes().size(); ++i)
      for (std::size_t k = 0; k < nodes()[i].inputs.size(); ++k) f(i, k, nodes()[i].inputs[k]);
  }
  bool reads_dead_letters() const {
    bool any = false;
    for_each_edge([&](auto, auto, const input_edge& e) { any |= e.from.node == stream_end::dead_letters; });
    return any;
  }
  std::string_view output_name(const input_edge& e) const {
    return e.from.node == stream_end::dead_letters ? "" : nodes()[e.from.node].outputs[e.from.port].name;
  }
  static std::string source(const input_edge& e) {
    return e.from.node == stream_end::dead_letters ? "dead_letters" : "n" + std::to_string(e.from.node);
  }
  std::string transferred(std::size_t node, std::size_t input) const {
    return std::to_string(counts_->transferred(node, input));
  }

  /// "3 messages lost", or nothing.
  std::string lost_by(std::size_t node) const {
    const auto lost = counts_ && nodes()[node].kind == node_kind::spout ? counts_->lost(node) : 0;
    return lost ? std::to_string(lost) + (lost == 1 ? " message lost" : " messages lost") : "";
  }

  // --- text ---

  void text_input(std::size_t i, std::size_t k) {
    const input_edge& e = nodes()[i].inputs[k];
    out_ += "    <- ";
    out_ += e.from.node == stream_end::dead_letters ? "dead letters" : in_text(nodes()[e.from.node].name);
    if (const auto side = output_name(e); !side.empty()) out_ += " side " + in_text(side);
    out_ += ", " + std::string(to_string(e.grouping)) + ", " + type_of(e);
    if (counts_) out_ += ", " + transferred(i, k) + " tuples";
    out_ += "\n";
  }

  // --- pictures ---

  /// Name, class, and what else there is; an empty line is none.
  std::array<std::string, 4> label(std::size_t i) const {
    const node& n = nodes()[i];
    const auto p = n.parallelism();
    return {n.name + (p == 1 ? "" : " x " + std::to_string(p)), class_of(n), state_of(n), lost_by(i)};
  }
  std::string edge_label(std::size_t i, std::size_t k, std::string_view newline) const {
    const input_edge& e = nodes()[i].inputs[k];
    std::string text;
    if (const auto side = output_name(e); !side.empty()) text += std::string(side) + ": ";
    text += std::string(to_string(e.grouping)) + std::string(newline) + type_of(e);
    if (counts_) text += std::string(newline) + transferred(i, k);
    return text;
  }
  static std::pair<std::string_view, std::string_view> shape(node_kind kind) {
    if (kind == node_kind::spout) return {"([", "])"};
    if (kind == node_kind::sink) return {"[[", "]]"};
    return {"[", "]"};
  }

  // --- JSON ---

  void member(std::string_view name, const std::string& value) {
    if (out_.back() != '{') out_ += ',';
    out_ += '"' + std::string(name) + "\":" + value;
  }
  static std::string type_or_null(std::string_view name) {
    return name.empty() ? "null" : in_json(readable_type_name(name));
  }
  void json_node(std::size_t i) {
    const node& n = nodes()[i];
    out_ += '{';
    member("name", in_json(n.name));
    member("kind", in_json(to_string(n.kind)));
    member("class", in_json(class_of(n)));
    member("parallelism", std::to_string(n.parallelism()));
    member("on_failure", in_json(policy_of(n)));
    if (!n.key_type.empty()) member("key_groups", std::to_string(n.options.max_parallelism));
    member("key", type_or_null(n.key_type));
    member("state", type_or_null(n.state_type));
    if (!n.broadcast_type.empty()) member("broadcast", in_json(readable_type_name(n.broadcast_type)));
    if (counts_ && n.kind == node_kind::spout) member("lost", std::to_string(counts_->lost(i)));
    member("outputs", "[");
    for (const auto& o : n.outputs) {
      if (!o.type) continue;
      if (out_.back() != '[') out_ += ',';
      out_ += "{\"name\":" + in_json(o.name) + ",\"type\":" + in_json(readable_type_name(o.type->name)) + '}';
    }
    out_ += ']';
    member("inputs", "[");
    for (std::size_t k = 0; k < n.inputs.size(); ++k) json_input(i, k);
    out_ += "]}";
  }
  void json_input(std::size_t i, std::size_t k) {
    const input_edge& e = nodes()[i].inputs[k];
    if (k) out_ += ',';
    out_ += '{';
    member("from", e.from.node == stream_end::dead_letters ? "null" : in_json(nodes()[e.from.node].name));
    member("output", in_json(output_name(e)));
    member("grouping", in_json(to_string(e.grouping)));
    member("type", in_json(type_of(e)));
    if (counts_) member("transferred", transferred(i, k));
    out_ += '}';
  }

  const topology& graph_;
  const edge_counts* counts_;
  std::string out_;
};

}  // namespace

std::string topology::describe(describe_format format, const edge_counts* counts) const {
  drawing d(*this, counts);
  switch (format) {
    case describe_format::text:
      return d.text();
    case describe_format::dot:
      return d.dot();
    case describe_format::mermaid:
      return d.mermaid();
    case describe_format::json:
      return d.json();
  }
  return {};
}

}  // namespace freshet
