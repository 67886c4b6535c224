// What Prometheus reads of a run, and that the endpoint can never stop one.
#include "telemetry/metrics.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <stdexcept>

namespace gm {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

/// A TCP socket of this machine.
class Socket {
 public:
  Socket() : descriptor_(::socket(AF_INET, SOCK_STREAM, 0)) {
    address_.sin_family = AF_INET;
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  }
  ~Socket() { ::close(descriptor_); }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  /// Binds to a port that was free, and listens on it.
  int listen_somewhere() {
    socklen_t length = sizeof address_;
    check(::bind(descriptor_, as_generic(), length));
    check(::getsockname(descriptor_, as_generic(), &length));
    check(::listen(descriptor_, 1));
    return ntohs(address_.sin_port);
  }
  void connect_to(int port) {
    address_.sin_port = htons(static_cast<uint16_t>(port));
    check(::connect(descriptor_, as_generic(), sizeof address_));
  }
  std::string ask(const std::string& request) const {
    check(static_cast<int>(::send(descriptor_, request.data(), request.size(), 0)));
    std::string answer;
    char block[4096];
    for (ssize_t got = 0; (got = ::recv(descriptor_, block, sizeof block, 0)) > 0;) {
      answer.append(block, static_cast<size_t>(got));
    }
    return answer;
  }

 private:
  static void check(int status) {
    if (status < 0) throw std::runtime_error("socket call failed");
  }
  sockaddr* as_generic() { return reinterpret_cast<sockaddr*>(&address_); }

  int descriptor_;
  sockaddr_in address_{};
};

int free_port() { return Socket().listen_somewhere(); }

std::string scrape(int port) {
  Socket socket;
  socket.connect_to(port);
  return socket.ask("GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
}

StepReport report() {
  return {.step = 1001,
          .images = 64'064,
          .step_images = 64,
          .loss = 0.5,
          .loss_terms = {{"noise", 0.25}},
          .learning_rate = 1e-3,
          .gradient_norm = 2,
          .step_seconds = 0.2,
          .part_seconds = {{"data", 0.125}, {"optimizer", 0.0625}}};
}

TEST(Metrics, EverySeriesIsThereFromTheStart) {
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

TEST(MetricsEndpoint, WhatIsNoAddressIsAWarning) {
  Metrics metrics;
  ::testing::internal::CaptureStderr();
  EXPECT_FALSE(metrics.serve("not an address", 9464, 0));
  EXPECT_FALSE(metrics.serve("127.0.0.1", 65'535, 1));
  EXPECT_THAT(::testing::internal::GetCapturedStderr(), HasSubstr("not an address"));
}

TEST(MetricsEndpoint, PortZeroServesNothing) {
  Metrics metrics;
  ::testing::internal::CaptureStderr();
  EXPECT_FALSE(metrics.serve("127.0.0.1", 0, 0));
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
}

TEST(MetricsEndpoint, EndsAtOnceAndOutlivesItsMetrics) {
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
