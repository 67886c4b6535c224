/// The `[telemetry]` section of a run's configuration.
#pragma once

#include <string>

namespace gm {

struct TelemetryConfig {
  int port = 9464;
  std::string address = "127.0.0.1";
  std::string discovery;
  double log_every_seconds = 10.0;

  template <class Fields>
  void describe(Fields& field) {
    field("port", port)
        .range(0, 65535)
        .help(
            "First port of the Prometheus endpoints: a rank serves on port + its rank on the node, "
            "or on a free port if that one is taken. 0 for none.");
    field("address", address)
        .help(
            "Address or name that the endpoints are bound to, such as 127.0.0.1 or ::1; 0.0.0.0, "
            "or :: for IPv6, lets other machines read them.");
    field("discovery", discovery)
        .path()
        .help(
            "Folder of the files in which a Prometheus server finds the endpoints of all runs; "
            "empty: targets.json in the directory of the run.");
    field("log_every_seconds", log_every_seconds)
        .range(0.0, 86400.0)
        .help("Seconds between two progress lines in the log.");
  }
};

}  // namespace gm
