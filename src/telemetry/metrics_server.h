/// The HTTP server of the endpoint that Prometheus scrapes. A thin layer over libevent, with IPv4
/// and IPv6.
#pragma once

#include <functional>
#include <string>

namespace gm {

/// Resolves `address`, an IPv4 or IPv6 address or a host name, with or without brackets, to numeric
/// form: "127.0.0.1", "::1". Throws InputError, naming telemetry.address, if that fails.
std::string address_in_digits(const std::string& address);

/// Answers `GET /metrics` at `address` (from address_in_digits()) with the result of `text`, on its
/// own thread, until the process ends. Throws Error with the system's reason when the port cannot
/// be bound.
void serve_metrics(const std::string& address, int port, std::function<std::string()> text);

}  // namespace gm
