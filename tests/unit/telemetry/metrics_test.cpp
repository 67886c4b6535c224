// The metrics that Prometheus reads, and their endpoint, which never stops a run.
#include "telemetry/metrics.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <stdexcept>

#include "base/error.h"
#include "support/expect_error.h"
#include "telemetry/metrics_server.h"

namespace gm {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

/// A TCP socket of this machine, of IPv4 or IPv6.
class Socket {
 public:
  explicit Socket(int family = AF_INET) : descriptor_(::socket(family, SOCK_STREAM, 0)) {
    address_.sin6_family = static_cast<sa_family_t>(family);
    if (family == AF_INET6) {
      address_.sin6_addr = in6addr_loopback;
    } else {
      as<sockaddr_in>()->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    }
  }
  ~Socket() { ::close(descriptor_); }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  /// Binds to a port that was free, and listens on it.
  int listen_somewhere() {
    socklen_t length = sizeof address_;
    check(::bind(descriptor_, as<sockaddr>(), length));
    check(::getsockname(descriptor_, as<sockaddr>(), &length));
    check(::listen(descriptor_, 1));
    return ntohs(address_.sin6_port);
  }
  void connect_to(int port) {
    address_.sin6_port = htons(static_cast<uint16_t>(port));
    check(::connect(descriptor_, as<sockaddr>(), sizeof address_));
  }
  int get() const { return descriptor_; }

 private:
  static void check(int status) {
    if (status < 0) throw std::runtime_error("socket call failed");
  }
  template <class Address>
  Address* as() {
    return reinterpret_cast<Address*>(&address_);
  }

  int descriptor_;
  sockaddr_in6 address_{};  ///< Family and port have the same offsets as in sockaddr_in.
};

int free_port() { return Socket().listen_somewhere(); }

constexpr const char* kScrape =
    "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

/// What the endpoint answers before it closes the connection.
std::string ask(const Socket& socket, const std::string& request = kScrape) {
  ::send(socket.get(), request.data(), request.size(), MSG_NOSIGNAL);
  std::string answer;
  char block[4096];
  for (ssize_t got = 0; (got = ::recv(socket.get(), block, sizeof block, 0)) > 0;) {
    answer.append(block, static_cast<size_t>(got));
  }
  return answer;
}

std::string scrape(int port) {
  Socket socket;
  socket.connect_to(port);
  return ask(socket);
}

bool has_ipv6() {
  try {
    return Socket(AF_INET6).listen_somewhere() > 0;
  } catch (const std::runtime_error&) {
    return false;
  }
}

StepReport report() {
  return {.step = 1001,
          .samples = 64'064,
          .step_samples = 64,
          .loss = 0.5,
          .loss_terms = {{"noise", 0.25}},
          .learning_rate = 1e-3,
          .gradient_norm = 2,
          .step_seconds = 0.2,
          .part_seconds = {{"data", 0.125}, {"optimizer", 0.0625}}};
}

TEST(Metrics, EverySeriesExistsFromTheStart) {
  const std::string text = Metrics().text();
  for (const char* line :
       {"gm_build_info{version=\"" GM_VERSION "\"} 1\n", "gm_steps_total 0\n",
        "gm_images_total 0\n", "gm_skipped_steps_total 0\n", "gm_lost_metrics_lines_total 0\n",
        "gm_loss{term=\"total\"} 0\n", "gm_learning_rate 0\n", "gm_gradient_norm 0\n",
        "gm_step_seconds_count 0\n", "gm_step_part_seconds_total{part=\"data\"} 0\n",
        "gm_step_part_seconds_total{part=\"forward_backward\"} 0\n",
        "gm_step_part_seconds_total{part=\"reduction\"} 0\n",
        "gm_step_part_seconds_total{part=\"optimizer\"} 0\n", "gm_data_wait_seconds_total 0\n",
        "gm_last_step_timestamp_seconds 0\n", "gm_checkpoints_total 0\n",
        "gm_checkpoint_failures_total 0\n", "gm_checkpoint_seconds 0\n",
        "gm_last_checkpoint_timestamp_seconds 0\n"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

TEST(Metrics, EveryFamilyHasItsHelpAndItsPrefix) {
  const std::string text = Metrics().text();
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("# TYPE ")) continue;
    const std::string name = line.substr(7, line.find(' ', 7) - 7);
    EXPECT_TRUE(name.starts_with("gm_")) << name;
    EXPECT_THAT(text, HasSubstr("# HELP " + name + " "));
    EXPECT_EQ(line.ends_with(" counter"), name.ends_with("_total")) << name;
  }
}

TEST(Metrics, CountSteps) {
  Metrics metrics;
  metrics.record_step(report());
  metrics.record_step(report());
  metrics.record_skipped_step();
  const std::string text = metrics.text();
  for (const char* line :
       {"gm_steps_total 2\n", "gm_images_total 128\n", "gm_skipped_steps_total 1\n",
        "gm_loss{term=\"total\"} 0.5\n", "gm_loss{term=\"noise\"} 0.25\n",
        "gm_learning_rate 0.001\n", "gm_gradient_norm 2\n", "gm_step_seconds_count 2\n",
        "gm_step_seconds_sum 0.4\n", "gm_step_seconds_bucket{le=\"0.1\"} 0\n",
        "gm_step_seconds_bucket{le=\"0.3\"} 2\n",
        "gm_step_part_seconds_total{part=\"data\"} 0.25\n",
        "gm_step_part_seconds_total{part=\"optimizer\"} 0.125\n",
        "gm_data_wait_seconds_total 0.25\n"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
  EXPECT_THAT(text, Not(HasSubstr("gm_last_step_timestamp_seconds 0\n")));
}

TEST(Metrics, CountCheckpoints) {
  Metrics metrics;
  metrics.record_checkpoint(1.5, /*succeeded=*/true);
  metrics.record_checkpoint(0, /*succeeded=*/false);
  const std::string text = metrics.text();
  EXPECT_THAT(text, HasSubstr("gm_checkpoints_total 1\n"));
  EXPECT_THAT(text, HasSubstr("gm_checkpoint_failures_total 1\n"));
  EXPECT_THAT(text, HasSubstr("gm_checkpoint_seconds 1.5\n"));
}

TEST(MetricsEndpoint, ServesOnThePortOfTheLocalRank) {
  Metrics metrics;
  const int port = free_port();
  ASSERT_TRUE(metrics.serve("127.0.0.1", port - 3, /*local_rank=*/3));
  metrics.record_step(report());
  const std::string answer = scrape(port);
  EXPECT_THAT(answer, HasSubstr("200 OK"));
  EXPECT_THAT(answer, HasSubstr("gm_steps_total 1\n"));
}

TEST(MetricsEndpoint, IdleConnectionsDoNotBlockIt) {
  Metrics metrics;
  const int port = free_port();
  ASSERT_TRUE(metrics.serve("127.0.0.1", port, 0));
  Socket idle[6];
  for (Socket& socket : idle) socket.connect_to(port);
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_THAT(scrape(port), HasSubstr("gm_steps_total 0\n"));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
}

TEST(MetricsEndpoint, APortThatIsTakenIsAWarning) {
  Socket other;
  const int port = other.listen_somewhere();
  Metrics metrics;
  ::testing::internal::CaptureStderr();
  EXPECT_FALSE(metrics.serve("127.0.0.1", port, 0));
  EXPECT_THAT(::testing::internal::GetCapturedStderr(),
              HasSubstr("warning: no metrics endpoint on 127.0.0.1:" + std::to_string(port)));
}

TEST(MetricsEndpoint, AnAddressOfAnotherMachineIsAWarning) {
  Metrics metrics;
  ::testing::internal::CaptureStderr();
  EXPECT_FALSE(metrics.serve("127.0.0.1", 65'535, 1));
  EXPECT_FALSE(metrics.serve("192.0.2.1", 9464, 0));  // reserved for documentation (RFC 5737)
  EXPECT_THAT(::testing::internal::GetCapturedStderr(), HasSubstr("192.0.2.1:9464"));
}

TEST(AddressInDigits, AcceptsNumbersAndNamesWithAndWithoutBrackets) {
  for (const char* address : {"127.0.0.1", "localhost", "[127.0.0.1]"})
    EXPECT_EQ(address_in_digits(address), "127.0.0.1");
  for (const char* address : {"::1", "[::1]", "0:0:0:0:0:0:0:1"})
    EXPECT_EQ(address_in_digits(address), "::1");
  EXPECT_EQ(address_in_digits("::"), "::");
}

TEST(AddressInDigits, NamesTheKeyOfAnInvalidAddress) {
  for (const char* address : {"not an address", "::g", "127.0.0.1:9464", "[::1]:9464", "1.2.3.4.5",
                              "http://127.0.0.1", "[", "", "[]"}) {
    expect_error<InputError>([&] { address_in_digits(address); },
                             HasSubstr(fmt::format("telemetry.address = \"{}\"", address)));
  }
}

TEST(MetricsEndpoint, ServesIPv6WhereTheMachineHasIt) {
  Metrics metrics;
  const int port = free_port();
  for (const char* address : {"::1", "[::1]"}) {
    ::testing::internal::CaptureStderr();
    const bool serves = metrics.serve(address, port, 0);
    const std::string said = ::testing::internal::GetCapturedStderr();
    if (has_ipv6() && address == std::string_view("::1")) {
      EXPECT_TRUE(serves) << said;
      Socket socket(AF_INET6);
      socket.connect_to(port);
      EXPECT_THAT(ask(socket), HasSubstr("gm_steps_total 0\n"));
    } else {  // there is no IPv6, or the port is already in use
      EXPECT_FALSE(serves);
      EXPECT_THAT(said, HasSubstr(fmt::format("warning: no metrics endpoint on [::1]:{}", port)));
    }
  }
}

TEST(MetricsEndpoint, AnswersOnlyMetricsRequests) {
  Metrics metrics;
  const int port = free_port();
  ASSERT_TRUE(metrics.serve("127.0.0.1", port, 0));
  for (const char* request :
       {"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        "DELETE /metrics HTTP/1.1\r\nConnection: close\r\n\r\n", "no HTTP\r\n\r\n"}) {
    Socket socket;
    socket.connect_to(port);
    EXPECT_THAT(ask(socket, request), Not(HasSubstr("200 OK")));
  }
  EXPECT_THAT(scrape(port), HasSubstr("gm_steps_total 0\n"));
}

TEST(MetricsEndpoint, PortZeroServesNothing) {
  Metrics metrics;
  ::testing::internal::CaptureStderr();
  EXPECT_FALSE(metrics.serve("127.0.0.1", 0, 0));
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
}

TEST(MetricsEndpoint, AnswersNoMetricsAfterTheyAreDestroyed) {
  const int port = free_port();
  auto metrics = std::make_unique<Metrics>();
  ASSERT_TRUE(metrics->serve("127.0.0.1", port, 0));
  const auto begin = std::chrono::steady_clock::now();
  metrics.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(500));
  EXPECT_THAT(scrape(port), Not(HasSubstr("gm_steps_total")));
}

}  // namespace
}  // namespace gm
