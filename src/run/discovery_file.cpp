#include "run/discovery_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/files.h"
#include "base/hash.h"
#include "base/log.h"
#include "comm/communicator.h"

namespace gm {
namespace fs = std::filesystem;
namespace {

using Json = nlohmann::ordered_json;

std::vector<RankEndpoint> gather(World& world, const std::optional<Endpoint>& endpoint) {
  Json mine{{"host", world.host()}};
  if (endpoint) {
    mine["target"] = endpoint->target;
    mine["is_loopback"] = endpoint->is_loopback;
  }
  std::vector<RankEndpoint> ranks;
  for (const std::string& text : world.communicator().all_gather_text(mine.dump())) {
    const Json rank = Json::parse(text);
    ranks.push_back({.host = rank["host"], .endpoint = {}});
    if (rank.contains("target")) {
      ranks.back().endpoint = {.target = rank["target"], .is_loopback = rank["is_loopback"]};
    }
  }
  return ranks;
}

void warn_if_left_out(const std::vector<RankEndpoint>& ranks, const Json& groups) {
  const auto serving = std::ranges::count_if(
      ranks, [](const RankEndpoint& rank) { return rank.endpoint.has_value(); });
  const auto left_out = serving - std::ssize(groups);
  if (left_out == 0) return;
  log_warning(
      "Prometheus cannot reach the metrics of {} ranks on other hosts: telemetry.address is a "
      "loopback address; use telemetry.address=0.0.0.0",
      left_out);
}

}  // namespace

fs::path discovery_path(const RunDirectory& directory, const std::string& folder) {
  if (folder.empty()) return directory.targets();
  const std::string hash = Hash().add(directory.absolute().string()).hex();
  return fs::path(folder) / fmt::format("{}-{}.json", directory.name(), hash.substr(0, 8));
}

Json discovery_groups(const std::string& run, const std::vector<RankEndpoint>& ranks) {
  Json groups = Json::array();
  for (size_t rank = 0; rank < ranks.size(); ++rank) {
    const auto& [host, endpoint] = ranks[rank];
    if (!endpoint || (endpoint->is_loopback && host != ranks.front().host)) continue;
    groups.push_back({{"targets", Json::array({endpoint->target})},
                      {"labels", {{"run", run}, {"rank", std::to_string(rank)}, {"host", host}}}});
  }
  return groups;
}

DiscoveryFile::DiscoveryFile(const RunDirectory& directory, const std::string& folder, World& world,
                             const std::optional<Endpoint>& endpoint) {
  const std::vector<RankEndpoint> ranks = gather(world, endpoint);
  if (world.rank() != 0) return;
  try {
    path_ = discovery_path(directory, folder);
    const Json groups = discovery_groups(directory.name(), ranks);
    warn_if_left_out(ranks, groups);
    std::error_code reason;
    if (groups.empty()) {
      fs::remove(path_, reason);
      return;
    }
    fs::create_directories(path_.parent_path(), reason);
    write_file_atomically(path_, groups.dump(2) + "\n");
  } catch (const std::exception& error) {
    log_warning("Prometheus cannot find the metrics of this run: {}", error.what());
  }
}

DiscoveryFile::~DiscoveryFile() {
  std::error_code nothing_there;
  if (!path_.empty()) fs::remove(path_, nothing_there);
}

}  // namespace gm
