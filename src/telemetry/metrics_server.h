/// The HTTP server behind the endpoint that Prometheus scrapes. Thin over libevent, which serves
/// IPv4 and IPv6.
#pragma once

#include <functional>
#include <string>

namespace gm {

/// `address`, a number or a name of IPv4 or IPv6, with or without brackets, in digits: "127.0.0.1",
/// "::1". Throws InputError, naming telemetry.address, when it is none.
std::string address_in_digits(const std::string& address);

/// Answers `GET /metrics` at `address` (as of address_in_digits()) with what `text` returns, on a
/// thread of its own, until the process ends. Throws Error with the system's reason when the port
/// cannot be bound.
void serve_metrics(const std::string& address, int port, std::function<std::string()> text);

}  // namespace gm
