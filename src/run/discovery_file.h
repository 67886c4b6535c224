/// Tells a Prometheus server where the endpoints of a run are.
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "comm/world.h"
#include "run/run_directory.h"
#include "telemetry/network_address.h"

namespace gm {

/// The file that lists the endpoints of the run: RUN/targets.json or, in `folder` for all runs,
/// NAME-HASH.json with a hash of the path of the run. So a run that starts again replaces its file.
std::filesystem::path discovery_path(const RunDirectory& directory, const std::string& folder);

struct RankEndpoint {
  std::string host;
  std::optional<Endpoint> endpoint;
};

/// The content of such a file, in the format of Prometheus' file-based service discovery
/// (file_sd_config): one group for each rank that serves metrics, with the labels `run`, `rank` and
/// `host`. Left out are loopback addresses of other hosts than that of rank 0: Prometheus would
/// take them for addresses of its own host.
nlohmann::ordered_json discovery_groups(const std::string& run,
                                        const std::vector<RankEndpoint>& ranks);

/// The file of a run. Rank 0 writes it, and removes it at the end of this object. The file of a run
/// that was killed stays until the run starts again.
class DiscoveryFile {
 public:
  /// `endpoint`: that of this rank; nullopt if it has none. Called by all ranks. If the file cannot
  /// be written, or if ranks are left out, logs a warning.
  DiscoveryFile(const RunDirectory& directory, const std::string& folder, World& world,
                const std::optional<Endpoint>& endpoint);
  ~DiscoveryFile();
  DiscoveryFile(const DiscoveryFile&) = delete;
  DiscoveryFile& operator=(const DiscoveryFile&) = delete;

 private:
  std::filesystem::path path_;  // empty on ranks that have not written it
};

}  // namespace gm
