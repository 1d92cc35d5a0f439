#pragma once
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "freshet/base/file_system.hpp"

namespace freshet::recovery {

/// The files of this machine, as a process sees them that is killed before or behind one of its calls, or where else it
/// passes. Thread safe.
class dying_files final : public file_system {
 public:
  static constexpr std::uint64_t never = ~std::uint64_t{0};
  /// SIGKILL at this step; there are two a call.
  explicit dying_files(std::uint64_t dies_at) : dies_at_(dies_at) {}
  std::uint64_t steps() const { return steps_; }
  void die_here() {
    if (steps_++ == dies_at_) kill(getpid(), SIGKILL);
  }

  bool is_of_this_machine() const override { return true; }
  result<std::unique_ptr<append_file>> create(const std::string& path) override {
    return dying(step([&] { return real_.create(path); }));
  }
  result<std::unique_ptr<append_file>> open_to_append(const std::string& path) override {
    return dying(step([&] { return real_.open_to_append(path); }));
  }
  result<std::unique_ptr<read_file>> open(const std::string& path) override { return real_.open(path); }
  result<void> rename(const std::string& from, const std::string& to) override {
    return step([&] { return real_.rename(from, to); });
  }
  result<void> link(const std::string& from, const std::string& to) override {
    return step([&] { return real_.link(from, to); });
  }
  result<void> remove(const std::string& path) override {
    return step([&] { return real_.remove(path); });
  }
  result<void> create_folder(const std::string& path) override {
    return step([&] { return real_.create_folder(path); });
  }
  result<std::vector<folder_entry>> list(const std::string& path) override { return real_.list(path); }
  result<bool> exists(const std::string& path) override { return real_.exists(path); }
  result<void> sync_folder(const std::string& path) override {
    return step([&] { return real_.sync_folder(path); });
  }
  result<std::unique_ptr<file_lock>> lock(const std::string& path) override { return real_.lock(path); }

 private:
  class dying_file final : public append_file {
   public:
    dying_file(dying_files& of, std::unique_ptr<append_file> real) : of_(of), real_(std::move(real)) {}
    result<void> append(std::string_view bytes) override {
      // Also in the midst: what a process had written stays.
      const auto half = bytes.size() / 2;
      if (auto done = of_.step([&] { return real_->append(bytes.substr(0, half)); }); !done) return done;
      return of_.step([&] { return real_->append(bytes.substr(half)); });
    }
    result<void> sync() override {
      return of_.step([&] { return real_->sync(); });
    }
    result<void> cut(std::uint64_t size) override {
      return of_.step([&] { return real_->cut(size); });
    }
    std::uint64_t size() const override { return real_->size(); }
    result<void> close() override { return real_->close(); }

   private:
    dying_files& of_;
    std::unique_ptr<append_file> real_;
  };
  result<std::unique_ptr<append_file>> dying(result<std::unique_ptr<append_file>> opened) {
    if (!opened) return opened;
    return std::unique_ptr<append_file>(new dying_file(*this, *std::move(opened)));
  }
  template <class F>
  std::invoke_result_t<F> step(F f) {
    die_here();
    auto done = f();
    die_here();
    return done;
  }

  file_system& real_ = system_files();
  const std::uint64_t dies_at_;
  std::atomic<std::uint64_t> steps_{0};
};

/// A sink whose process is killed before or behind its prepare and commit, at a step of `at`.
template <class Sink>
struct dying_sink : Sink {
  dying_files* at;

  auto prepare() {
    at->die_here();
    if constexpr (requires { typename Sink::token; }) {
      auto prepared = Sink::prepare();
      at->die_here();
      return prepared;
    } else {
      Sink::prepare();
      at->die_here();
    }
  }
  template <class... Token>
  void commit(const Token&... prepared) {
    at->die_here();
    Sink::commit(prepared...);
    at->die_here();
  }
};

}  // namespace freshet::recovery
