#include "freshet/connect/kafka/settings.hpp"

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace freshet::kafka {

std::string secret::reveal() const {
  if (from_ == origin::environment) {
    if (const char* text = std::getenv(place_.c_str())) return text;
    throw std::runtime_error("the environment variable " + place_ + ", which has a secret, is not set");
  }
  std::ifstream in(place_, std::ios::binary);
  if (!in) throw std::runtime_error("the file \"" + place_ + "\", which has a secret, can't be read");
  std::string text{std::istreambuf_iterator<char>(in), {}};
  if (text.ends_with('\n')) text.pop_back();
  if (text.ends_with('\r')) text.pop_back();
  return text;
}

std::string secret::describe() const {
  return from_ == origin::environment ? "(secret, from the environment variable " + place_ + ")"
                                      : "(secret, from the file \"" + place_ + "\")";
}

bool settings::is_confidential(std::string_view name) {
  return name.find("password") != name.npos || name.find("secret") != name.npos || name == "ssl.key.pem" ||
         name == "sasl.oauthbearer.config" || name == "sasl.jaas.config";
}

std::string settings::describe() const {
  std::string lines;
  for (const auto& [name, v] : all_)
    lines += name + " = " + (is_confidential(name) && !v.is_secret() ? "(secret)" : v.describe()) + "\n";
  return lines;
}

}  // namespace freshet::kafka
