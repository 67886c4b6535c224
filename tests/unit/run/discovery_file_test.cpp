// The file in which Prometheus finds the endpoints of a run.
#include "run/discovery_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "base/files.h"
#include "support/temporary_folder.h"

namespace gm {
namespace {

using Json = nlohmann::ordered_json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;

const Endpoint kEndpoint{.target = "127.0.0.1:9464", .is_loopback = true};

class DiscoveryFileTest : public ::testing::Test {
 protected:
  DiscoveryFile write(const std::optional<Endpoint>& endpoint) {
    return {directory_, (folder_ / "targets").string(), world_, endpoint};
  }

  const TemporaryFolder folder_;
  const RunDirectory directory_{folder_ / "cats"};
  const std::filesystem::path path_ = discovery_path(directory_, (folder_ / "targets").string());
  World world_;
};

TEST_F(DiscoveryFileTest, ListsTheRankWithItsLabelsUntilTheEnd) {
  {
    const DiscoveryFile file = write(kEndpoint);
    const Json expected = Json::parse(R"([{"targets": ["127.0.0.1:9464"],
                                           "labels": {"run": "cats", "rank": "0"}}])");
    Json found = Json::parse(read_file(path_, 1000));
    EXPECT_EQ(found[0]["labels"]["host"], world_.host());
    found[0]["labels"].erase("host");
    EXPECT_EQ(found, expected);
  }
  EXPECT_TRUE(std::filesystem::is_empty(path_.parent_path()));
}

TEST_F(DiscoveryFileTest, ReplacesTheFileOfARunThatWasKilled) {
  std::filesystem::create_directories(path_.parent_path());
  std::ofstream(path_) << "of a killed run";
  const DiscoveryFile file = write(kEndpoint);
  EXPECT_THAT(read_file(path_, 1000), HasSubstr("127.0.0.1:9464"));
}

TEST_F(DiscoveryFileTest, APathThatTheSystemRefusesIsOnlyAWarning) {
  const RunDirectory refused(std::string(5000, 'x'));  // longer than a path may be
  testing::internal::CaptureStderr();
  const DiscoveryFile file(refused, (folder_ / "targets").string(), world_, kEndpoint);
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("File name too long"));
}

TEST_F(DiscoveryFileTest, IsNotThereIfNoRankServes) {
  std::filesystem::create_directories(path_.parent_path());
  std::ofstream(path_) << "of a killed run";
  const DiscoveryFile file = write(std::nullopt);
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(DiscoveryFileTest, AFolderThatCannotBeMadeIsAWarning) {
  std::ofstream(folder_ / "targets") << "a file";
  ::testing::internal::CaptureStderr();
  { const DiscoveryFile file = write(kEndpoint); }
  EXPECT_THAT(::testing::internal::GetCapturedStderr(),
              HasSubstr("warning: Prometheus cannot find the metrics of this run"));
}

std::vector<std::string> targets_of(const std::vector<RankEndpoint>& ranks) {
  std::vector<std::string> targets;
  for (const Json& group : discovery_groups("cats", ranks)) {
    targets.push_back(group["targets"][0].get<std::string>() + " of " +
                      group["labels"]["rank"].get<std::string>());
  }
  return targets;
}

TEST(DiscoveryGroups, LeaveOutRanksThatDoNotServe) {
  EXPECT_THAT(targets_of({{"a", kEndpoint}, {"a", {}}, {"a", Endpoint{"127.0.0.1:9466", true}}}),
              ElementsAre("127.0.0.1:9464 of 0", "127.0.0.1:9466 of 2"));
  EXPECT_THAT(targets_of({{"a", {}}, {"a", {}}}), IsEmpty());
}

TEST(DiscoveryGroups, LeaveOutLoopbackAddressesOfOtherHosts) {
  EXPECT_THAT(targets_of({{"a", kEndpoint}, {"b", kEndpoint}}), ElementsAre("127.0.0.1:9464 of 0"));
  const Endpoint there{.target = "10.0.0.5:9464"};
  EXPECT_THAT(targets_of({{"a", there}, {"b", there}}),
              ElementsAre("10.0.0.5:9464 of 0", "10.0.0.5:9464 of 1"));
}

TEST(DiscoveryPath, IsInTheRunOrInTheFolderForAllRuns) {
  EXPECT_EQ(discovery_path(RunDirectory("runs/cats"), ""), "runs/cats/targets.json");
  const std::string path = discovery_path(RunDirectory("runs/cats"), "all").string();
  EXPECT_THAT(path, MatchesRegex("all/cats-[0-9a-f]{8}\\.json"));
  EXPECT_EQ(discovery_path(RunDirectory("./runs/cats/"), "all"), path) << "the same run";
  EXPECT_NE(discovery_path(RunDirectory("others/cats"), "all"), path);
}

}  // namespace
}  // namespace gm
