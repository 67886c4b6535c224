/// The addresses of endpoints: what a user gives, and what another host needs.
#pragma once

#include <string>

namespace gm {

/// Where an endpoint is scraped.
struct Endpoint {
  std::string target;        ///< "10.0.0.5:9464", "[fd00::5]:9464"
  bool is_loopback = false;  ///< Only from this host.
};

/// Resolves `address`, an IPv4 or IPv6 address or a host name, with or without brackets, to numeric
/// form: "127.0.0.1", "::1". Throws InputError, naming telemetry.address, if that fails.
std::string address_in_digits(const std::string& address);

/// `address` in digits, or a name, with a port: "127.0.0.1:9464", "[::1]:9464".
std::string with_port(const std::string& address, int port);

// `address` in digits:

bool is_loopback(const std::string& address);

/// Where other hosts reach a socket that is bound to `address`: there or, if it is bound to all
/// addresses (0.0.0.0, ::), at the first address of the first interface that leads to other hosts.
/// The name of this host if there is none.
std::string reachable_address(const std::string& address);

}  // namespace gm
