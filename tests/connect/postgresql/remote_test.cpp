// A sink whose server is at the other end of a network: over TCP, with a password, and with TLS.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <thread>

#include "base/error_of.hpp"
#include "connect/postgresql/server.hpp"
#include "freshet/connect/postgresql/sink.hpp"
#include "freshet/core/sink_task.hpp"

namespace freshet::postgresql {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

struct number {
  int id = 0;
};

/// Two authorities, of which the first has signed a certificate for "localhost". False: there is no openssl.
bool make_keys(const std::filesystem::path& folder) {
  const std::string key = " -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes ";
  const auto run = [&](const std::string& what) {
    return std::system(("cd '" + folder.string() + "' && openssl " + what + " >>keys.log 2>&1").c_str()) == 0;
  };
  return run("req -x509" + key + "-keyout ours.key -out ours.crt -subj /CN=ours -days 30") &&
         run("req -x509" + key + "-keyout others.key -out others.crt -subj /CN=others -days 30") &&
         run("req" + key +
             "-keyout server.key -out server.csr -subj /CN=localhost -addext subjectAltName=DNS:localhost") &&
         run("x509 -req -in server.csr -CA ours.crt -CAkey ours.key -CAcreateserial -copy_extensions copy -days 30 "
             "-out server.crt");
}

class postgresql_remote : public database_test {
 protected:
  void SetUp() override {
    database_test::SetUp();
    if (IsSkipped()) return;
    keys_ = std::filesystem::path(testing::TempDir()) / ("keys_" + name_);
    std::filesystem::create_directories(keys_);
    if (!make_keys(keys_)) GTEST_SKIP() << "NOT TESTED: openssl can't make keys";
    port_ = server_->listen_over_tcp(keys_);
    onlooker other(here());
    other.ask("set client_min_messages = warning");
    other.ask("drop role if exists " + name_);
    other.ask("create role " + name_ + " login password 'tiger'");
    other.ask("grant all on schema public to " + name_);
    other.ask("grant create on database " + name_ + " to " + name_);
  }
  std::string remote(const std::string& host, const std::string& more, const std::string& password = "tiger") const {
    return "host=" + host + " port=" + std::to_string(port_) + " user=" + name_ + " dbname=" + name_ +
           " password=" + password + " " + more;
  }
  std::string trusting(const std::string& authority) const {
    return "sslmode=verify-full sslrootcert=" + (keys_ / authority).string();
  }
  sink<number> opened(const std::string& to) const {
    sink<number> s{to, "insert into orders values ($1)", {.schema = "create table if not exists orders(id integer)"}};
    task_context c;
    c.node = "out";
    s.open(c);
    return s;
  }
  static void write(sink<number>& s, std::uint64_t epoch, int id) {
    s.begin({7, epoch});
    s.write({id});
    s.prepare();
    s.commit();
  }
  std::string refusal(const std::string& to) const {
    const auto said = error_of([&] { (void)opened(to); });
    EXPECT_THAT(said, AllOf(HasSubstr("database \"" + name_ + "\" at \""), Not(HasSubstr("tiger")))) << to;
    return said;
  }
  std::filesystem::path keys_;
  int port_ = 0;
};

TEST_F(postgresql_remote, rows_come_through_tls_with_a_password) {
  for (const auto& to : {remote("127.0.0.1", "sslmode=require"), remote("localhost", trusting("ours.crt"))}) {
    auto s = opened(to);
    onlooker other(here());
    EXPECT_THAT(other.ask("select s.ssl from pg_stat_ssl s join pg_stat_activity a using (pid) "
                          "where a.application_name = 'freshet'"),
                ElementsAre("t"));
    write(s, 1, 4);
    other.ask("delete from freshet_epochs");
    s.close();
    other.end_sinks();
  }
  EXPECT_THAT(onlooker(here()).orders(), ElementsAre("4", "4"));
}

TEST_F(postgresql_remote, rows_come_through_plain_tcp_with_a_password) {
  auto s = opened(remote("127.0.0.1", "sslmode=disable"));
  write(s, 1, 4);
  EXPECT_THAT(onlooker(here()).orders(), ElementsAre("4"));
}

TEST_F(postgresql_remote, who_is_not_let_in_is_told_what_to_do_and_no_secret) {
  EXPECT_THAT(refusal(remote("127.0.0.1", "sslmode=require", "tigers")),
              AllOf(HasSubstr("password authentication failed"), HasSubstr("correct user and password")));
  EXPECT_THAT(refusal(remote("127.0.0.1", "sslmode=require", "''")), HasSubstr("give the connection a password"));
  EXPECT_THAT(refusal(remote("nowhere.invalid", "sslmode=require")),
              AllOf(HasSubstr("at \"nowhere.invalid:"), HasSubstr("correct the host")));
}

TEST_F(postgresql_remote, a_certificate_of_somebody_else_is_refused) {
  const auto way = HasSubstr("sslrootcert");
  EXPECT_THAT(refusal(remote("localhost", trusting("others.crt"))), AllOf(HasSubstr("certificate verify failed"), way));
  EXPECT_THAT(refusal(remote("127.0.0.1", trusting("ours.crt"))), AllOf(HasSubstr("does not match host name"), way));
  EXPECT_THAT(refusal(remote("localhost", trusting("missing.crt"))), AllOf(HasSubstr("missing.crt"), way));
}

/// Between the calls of an epoch, and between epochs: what is lost is written again, and nothing twice.
TEST_F(postgresql_remote, a_server_that_starts_again_has_every_row_once) {
  auto s = opened(remote("localhost", trusting("ours.crt")));
  write(s, 1, 1);
  server_->kill();
  server_->start();
  EXPECT_THAT(error_of([&] { write(s, 2, 2); }), testing::AnyOf("no error", HasSubstr("the connection is lost")));
  const auto last = s.last_committed();
  ASSERT_TRUE(last);
  if (last->epoch == 1) write(s, 2, 2);
  s.begin({7, 3});
  s.write({3});
  s.prepare();
  server_->kill();
  server_->start();
  const auto said = error_of([&] { s.commit(); });
  EXPECT_THAT(said, Not(HasSubstr("tiger")));
  if (s.last_committed()->epoch != 3) write(s, 3, 3);
  EXPECT_THAT(onlooker(here()).orders(), ElementsAre("1", "2", "3"));
}

}  // namespace
}  // namespace freshet::postgresql
