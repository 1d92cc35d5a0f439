#include "freshet/time/window.hpp"

namespace freshet {
namespace {

std::string text(event_span span) { return std::to_string(span.count()) + " ms"; }

void above_zero(std::vector<std::string>& mistakes, const char* what, event_span span) {
  if (span <= event_span{}) mistakes.push_back(std::string(what) + " must be above zero, but is " + text(span));
}
void above_zero(std::vector<std::string>& mistakes, const char* what, std::uint64_t tuples) {
  if (tuples == 0) mistakes.push_back(std::string(what) + " must be at least one tuple, but is 0");
}

}  // namespace

std::vector<std::string> mistakes_of(const tumbling& w) {
  std::vector<std::string> mistakes;
  above_zero(mistakes, "the size of tumbling windows", w.size);
  return mistakes;
}

std::vector<std::string> mistakes_of(const hopping& w) {
  std::vector<std::string> mistakes;
  above_zero(mistakes, "the size of hopping windows", w.size);
  above_zero(mistakes, "the slide of hopping windows", w.slide);
  if (w.size > event_span{} && w.slide > w.size)
    mistakes.push_back("the slide of hopping windows must be at most their size, but " + text(w.slide) +
                       " is more than " + text(w.size) + ": what happens between two windows would be in none");
  return mistakes;
}

std::vector<std::string> mistakes_of(const sessions& w) {
  if (w.gap >= event_span{}) return {};
  return {"the gap of sessions must not be negative, but is " + text(w.gap)};
}

std::vector<std::string> mistakes_of(const tumbling_count& w) {
  std::vector<std::string> mistakes;
  above_zero(mistakes, "the size of count windows", w.size);
  return mistakes;
}

std::vector<std::string> mistakes_of(const sliding_count& w) {
  std::vector<std::string> mistakes;
  above_zero(mistakes, "the size of count windows", w.size);
  above_zero(mistakes, "the slide of count windows", w.slide);
  return mistakes;
}

}  // namespace freshet
