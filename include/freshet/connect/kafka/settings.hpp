#pragma once
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace freshet::kafka {

/// A value that nobody shall see: it is looked up when a run starts, and shown nowhere.
class secret {
 public:
  /// From a variable of the environment.
  static secret from_environment(std::string variable) { return {origin::environment, std::move(variable)}; }
  /// From a file: all of it but a line end at its end.
  static secret from_file(std::string path) { return {origin::file, std::move(path)}; }

  /// Throws std::runtime_error, which names the variable or the file, where there is none.
  std::string reveal() const;
  /// Where it comes from: "(secret, from the environment variable KAFKA_PASSWORD)".
  std::string describe() const;

 private:
  enum class origin : unsigned char { environment, file };
  secret(origin from, std::string place) : from_(from), place_(std::move(place)) {}
  origin from_;
  std::string place_;
};

/// Settings of the client library, librdkafka, by their names:
///     {.settings = {{"security.protocol", "sasl_ssl"},
///                   {"sasl.mechanism", "PLAIN"},
///                   {"sasl.username", "shop"},
///                   {"sasl.password", kafka::secret::from_environment("KAFKA_PASSWORD")},
///                   {"compression.codec", "lz4"}}}
/// The names and values are those of its CONFIGURATION.md. They are checked when a run starts, by the library itself,
/// and override our defaults. Refused are those that spout and sink stand on, with what to use in their place.
class settings {
 public:
  /// A text, or a secret.
  class value {
   public:
    value(const char* text) : text_(text) {}
    value(std::string text) : text_(std::move(text)) {}
    value(secret from) : is_secret_(true), secret_(std::move(from)) {}
    /// Throws as `secret::reveal`.
    std::string reveal() const { return is_secret_ ? secret_.reveal() : text_; }
    bool is_secret() const { return is_secret_; }
    /// The text, or where the secret comes from.
    std::string describe() const { return is_secret_ ? secret_.describe() : text_; }

   private:
    bool is_secret_ = false;
    std::string text_;
    secret secret_ = secret::from_environment({});
  };

  settings() = default;
  settings(std::initializer_list<std::pair<const std::string, value>> all) : all_(all) {}
  /// The last value of a name counts.
  settings& set(std::string name, value v) {
    all_.insert_or_assign(std::move(name), std::move(v));
    return *this;
  }
  const std::map<std::string, value>& all() const { return all_; }
  /// "name = value" in lines, by name. Passwords and keys are not shown, also those that were given as a text.
  std::string describe() const;
  /// True for settings whose value is a password or a private key.
  static bool is_confidential(std::string_view name);

 private:
  std::map<std::string, value> all_;
};

}  // namespace freshet::kafka
