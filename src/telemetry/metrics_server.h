/// The HTTP server of the endpoint that Prometheus scrapes. A thin layer over libevent, with IPv4
/// and IPv6.
#pragma once

#include <functional>
#include <string>

namespace gm {

/// Answers `GET /metrics` at `address` (from address_in_digits()) with the result of `text`, on its
/// own thread, until the process ends. If the port is taken, takes a free one. Returns the port.
/// Throws Error with the system's reason when it cannot be bound.
int serve_metrics(const std::string& address, int port, std::function<std::string()> text);

}  // namespace gm
