// The metrics that Prometheus reads, and their endpoint, which never stops a run.
#include "telemetry/metrics.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <stdexcept>
#include <string>

#include "support/memory.h"

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

void send(const Socket& socket, const std::string& request) {
  ::send(socket.get(), request.data(), request.size(), MSG_NOSIGNAL);
}

/// What the endpoint answers before it closes the connection.
std::string ask(const Socket& socket, const std::string& request = kScrape) {
  send(socket, request);
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
          .part_seconds = {{"data", 0.125}, {"optimizer", 0.0625}},
          .allreduce_bytes = 4096,
          .allreduce_seconds = 0.5,
          .slowest = SlowestRank{.rank = 3, .ratio = 1.5}};
}

TEST(Metrics, EverySeriesExistsFromTheStart) {
  const std::string text = Metrics({.world_size = 4,
                                    .restarts = 2,
                                    .first_step = 30,
                                    .first_samples = 1920,
                                    .planned_steps = 90,
                                    .checkpoint_interval_steps = 15,
                                    .dataset_size = 1280,
                                    .watchdog_margin = [] { return 12.5; }})
                               .text();
  for (const char* line : {"gm_build_info{version=\"" GM_VERSION "\"} 1\n",
                           "gm_steps_total 0\n",
                           "gm_samples_total 0\n",
                           "gm_skipped_steps_total 0\n",
                           "gm_lost_metrics_lines_total 0\n",
                           "gm_loss{term=\"total\"} 0\n",
                           "gm_learning_rate 0\n",
                           "gm_gradient_norm 0\n",
                           "gm_step_seconds_count 0\n",
                           "gm_step_part_seconds_count{part=\"data\"} 0\n",
                           "gm_step_part_seconds_count{part=\"forward_backward\"} 0\n",
                           "gm_step_part_seconds_count{part=\"reduction\"} 0\n",
                           "gm_step_part_seconds_count{part=\"optimizer\"} 0\n",
                           "gm_data_wait_seconds_total 0\n",
                           "gm_allreduce_seconds_total 0\n",
                           "gm_allreduce_bytes_total 0\n",
                           "gm_last_step_timestamp_seconds 0\n",
                           "gm_checkpoints_total 0\n",
                           "gm_checkpoint_failures_total 0\n",
                           "gm_checkpoint_seconds 0\n",
                           "gm_checkpoint_bytes 0\n",
                           "gm_last_checkpoint_timestamp_seconds 0\n",
                           "gm_last_checkpoint_step 30\n",
                           "gm_checkpoint_interval_steps 15\n",
                           "gm_sampling_seconds 0\n",
                           "gm_world_size 4\n",
                           "gm_restarts_total 2\n",
                           "gm_step 30\n",
                           "gm_planned_steps 90\n",
                           "gm_epochs 1.5\n",
                           "gm_slowest_rank 0\n",
                           "gm_slowest_rank_ratio 1\n",
                           "gm_watchdog_margin_seconds 12.5\n"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

/// A loss that every rank showed would be counted once for each rank.
TEST(Metrics, FiguresOfTheRunAreOnRankZeroOnly) {
  Metrics metrics({.is_rank_zero = false});
  metrics.record_step(report());
  EXPECT_THAT(metrics.text(), HasSubstr("gm_steps_total 1\n"));
  for (const char* name : {"gm_loss", "gm_samples_total", "gm_checkpoints_total", "gm_world_size"})
    EXPECT_THAT(metrics.text(), Not(HasSubstr(name)));
}

TEST(Metrics, MemoryIsThatOfTheProcess) {
  const std::string text = Metrics().text();
  const auto value_of = [&](const std::string& series) {
    const size_t found = text.find(series + " ");
    return found == text.npos ? -1 : std::stod(text.substr(found + series.size()));
  };
  const double resident = value_of("gm_memory_bytes{kind=\"resident\"}");
  EXPECT_NEAR(resident, static_cast<double>(resident_bytes()), resident / 2);
  EXPECT_GE(value_of("gm_memory_bytes{kind=\"peak\"}"), resident);
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
  for (const char* line : {"gm_steps_total 2\n",
                           "gm_step 1001\n",
                           "gm_samples_total 128\n",
                           "gm_epochs 64064\n",
                           "gm_skipped_steps_total 1\n",
                           "gm_allreduce_bytes_total 8192\n",
                           "gm_allreduce_seconds_total 1\n",
                           "gm_slowest_rank 3\n",
                           "gm_slowest_rank_ratio 1.5\n",
                           "gm_loss{term=\"total\"} 0.5\n",
                           "gm_loss{term=\"noise\"} 0.25\n",
                           "gm_learning_rate 0.001\n",
                           "gm_gradient_norm 2\n",
                           "gm_step_seconds_count 2\n",
                           "gm_step_seconds_sum 0.4\n",
                           "gm_step_seconds_bucket{le=\"0.1\"} 0\n",
                           "gm_step_seconds_bucket{le=\"0.3\"} 2\n",
                           "gm_step_part_seconds_sum{part=\"data\"} 0.25\n",
                           "gm_step_part_seconds_bucket{part=\"data\",le=\"0.1\"} 0\n",
                           "gm_step_part_seconds_bucket{part=\"data\",le=\"0.3\"} 2\n",
                           "gm_step_part_seconds_sum{part=\"optimizer\"} 0.125\n",
                           "gm_data_wait_seconds_total 0.25\n"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
  EXPECT_THAT(text, Not(HasSubstr("gm_last_step_timestamp_seconds 0\n")));
}

TEST(Metrics, CountCheckpoints) {
  Metrics metrics;
  metrics.record_checkpoint(/*step=*/40, /*bytes=*/2048, /*seconds=*/1.5);
  metrics.record_failed_checkpoint();
  const std::string text = metrics.text();
  EXPECT_THAT(text, HasSubstr("gm_checkpoints_total 1\n"));
  EXPECT_THAT(text, HasSubstr("gm_checkpoint_failures_total 1\n"));
  EXPECT_THAT(text, HasSubstr("gm_checkpoint_seconds 1.5\n"));
  EXPECT_THAT(text, HasSubstr("gm_checkpoint_bytes 2048\n"));
  EXPECT_THAT(text, HasSubstr("gm_last_checkpoint_step 40\n"));
  EXPECT_THAT(text, Not(HasSubstr("gm_last_checkpoint_timestamp_seconds 0\n")));
}

/// Before the first one there is no series: a distance of 0 would be a perfect result.
TEST(Metrics, HaveTheFiguresOfEachEvaluation) {
  Metrics metrics;
  EXPECT_THAT(metrics.text(), Not(HasSubstr("gm_evaluation")));
  metrics.record_evaluation({.name = "distance", .figures = {{"fd", 12.5}, {"kid", 0.25}}}, 3);
  metrics.record_samples(2);
  const std::string text = metrics.text();
  for (const char* line :
       {"gm_evaluation{evaluation=\"distance\",figure=\"fd\"} 12.5\n",
        "gm_evaluation{evaluation=\"distance\",figure=\"kid\"} 0.25\n",
        "gm_evaluation_seconds{evaluation=\"distance\"} 3\n", "gm_sampling_seconds 2\n"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

TEST(MetricsEndpoint, ServesOnThePortOfTheLocalRank) {
  Metrics metrics;
  const int port = free_port();
  const auto endpoint = metrics.serve("127.0.0.1", port - 3, /*local_rank=*/3);
  ASSERT_TRUE(endpoint);
  EXPECT_EQ(endpoint->target, fmt::format("127.0.0.1:{}", port));
  EXPECT_TRUE(endpoint->is_loopback);
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

TEST(MetricsEndpoint, RequestsThatDoNotEndDoNotBlockIt) {
  Metrics metrics;
  const int port = free_port();
  ASSERT_TRUE(metrics.serve("127.0.0.1", port, 0));
  Socket slow[3];
  for (Socket& socket : slow) {
    socket.connect_to(port);
    send(socket, "GET /metrics HTTP/1.1\r\nHost: loc");
  }
  EXPECT_THAT(scrape(port), HasSubstr("gm_steps_total 0\n"));
  EXPECT_THAT(ask(slow[0], "alhost\r\nConnection: close\r\n\r\n"), HasSubstr("gm_steps_total 0\n"))
      << "the slow one is answered as well";
}

TEST(MetricsEndpoint, RefusesLongHeaders) {
  Metrics metrics;
  const int port = free_port();
  ASSERT_TRUE(metrics.serve("127.0.0.1", port, 0));
  Socket socket;
  socket.connect_to(port);
  const std::string header = "X-Long: " + std::string(10'000, 'x') + "\r\n";
  EXPECT_THAT(ask(socket, "GET /metrics HTTP/1.1\r\n" + header + "Connection: close\r\n\r\n"),
              Not(HasSubstr("200 OK")));
  EXPECT_THAT(scrape(port), HasSubstr("gm_steps_total 0\n"));
}

/// Two runs on one machine have the same telemetry.port.
TEST(MetricsEndpoint, TakesAFreePortIfItsPortIsTaken) {
  Socket other;
  const int port = other.listen_somewhere();
  Metrics metrics;
  ::testing::internal::CaptureStderr();
  const auto endpoint = metrics.serve("127.0.0.1", port, 0);
  const std::string said = ::testing::internal::GetCapturedStderr();
  ASSERT_TRUE(endpoint);
  EXPECT_THAT(said, HasSubstr(fmt::format("warning: port {} is taken", port)));
  EXPECT_THAT(said, HasSubstr(endpoint->target));
  const int served = std::stoi(endpoint->target.substr(endpoint->target.find(':') + 1));
  EXPECT_NE(served, port);
  EXPECT_THAT(scrape(served), HasSubstr("gm_steps_total 0\n"));
}

TEST(MetricsEndpoint, AnAddressOfAnotherMachineIsAWarning) {
  Metrics metrics;
  ::testing::internal::CaptureStderr();
  EXPECT_FALSE(metrics.serve("127.0.0.1", 65'535, 1));
  EXPECT_FALSE(metrics.serve("192.0.2.1", 9464, 0));  // reserved for documentation (RFC 5737)
  EXPECT_THAT(::testing::internal::GetCapturedStderr(), HasSubstr("192.0.2.1:9464"));
}

TEST(MetricsEndpoint, ServesIPv6WhereTheMachineHasIt) {
  Metrics metrics;
  for (const char* address : {"::1", "[::1]"}) {
    const int port = free_port();
    ::testing::internal::CaptureStderr();
    const auto endpoint = metrics.serve(address, port, 0);
    const std::string said = ::testing::internal::GetCapturedStderr();
    if (has_ipv6()) {
      ASSERT_TRUE(endpoint) << said;
      EXPECT_EQ(endpoint->target, fmt::format("[::1]:{}", port));
      Socket socket(AF_INET6);
      socket.connect_to(port);
      EXPECT_THAT(ask(socket), HasSubstr("gm_steps_total 0\n"));
    } else {
      EXPECT_FALSE(endpoint);
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
