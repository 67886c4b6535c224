#include "telemetry/network_address.h"

#include <fmt/format.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <memory>
#include <optional>

#include "base/error.h"
#include "base/host.h"

namespace gm {
namespace {

/// In digits. Returns 0, or the error of getnameinfo().
int write_digits(const sockaddr* address, socklen_t length, std::string& digits) {
  std::array<char, NI_MAXHOST> text{};
  const int status =
      ::getnameinfo(address, length, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST);
  digits = text.data();
  return status;
}

/// The first address of that family in numeric form. nullopt if there is none, and sets `reason`.
std::optional<std::string> in_digits(const std::string& address, int family, std::string& reason) {
  addrinfo hints{};
  hints.ai_family = family;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  std::string digits;
  int status = ::getaddrinfo(address.c_str(), nullptr, &hints, &found);
  if (status == 0) {
    status = write_digits(found->ai_addr, found->ai_addrlen, digits);
    ::freeaddrinfo(found);
  }
  if (status == 0) return digits;
  reason = ::gai_strerror(status);
  return std::nullopt;
}

/// Link-local addresses hold on one link only.
bool is_link_local(const std::string& digits) {
  return digits.starts_with("169.254.") || digits.starts_with("fe80:");
}

/// The address that other hosts may use; nullopt if it is of another family or only for this host.
std::optional<std::string> address_for_others(const ifaddrs& interface, int family) {
  const bool is_up = (interface.ifa_flags & IFF_RUNNING) && !(interface.ifa_flags & IFF_LOOPBACK);
  if (!is_up || interface.ifa_addr == nullptr || interface.ifa_addr->sa_family != family) {
    return std::nullopt;
  }
  const socklen_t length = family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
  std::string digits;
  const bool known = write_digits(interface.ifa_addr, length, digits) == 0;
  return known && !is_link_local(digits) ? std::optional(digits) : std::nullopt;
}

std::optional<std::string> first_address_for_others(int family) {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return std::nullopt;
  const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> owner(list, ::freeifaddrs);
  for (; list != nullptr; list = list->ifa_next) {
    if (auto address = address_for_others(*list, family)) return address;
  }
  return std::nullopt;
}

}  // namespace

std::string address_in_digits(const std::string& address) {
  const bool has_brackets = address.starts_with('[') && address.ends_with(']');
  const std::string bare = has_brackets ? address.substr(1, address.size() - 2) : address;
  std::string reason;
  for (const int family : {AF_INET, AF_INET6}) {
    if (const auto digits = in_digits(bare, family, reason)) return *digits;
  }
  throw InputError(
      "telemetry.address = \"{}\": {}; give an address of this machine, such as 127.0.0.1, "
      "0.0.0.0, ::1 or ::, and the port as telemetry.port",
      address, reason);
}

std::string with_port(const std::string& address, int port) {
  return address.find(':') == address.npos ? fmt::format("{}:{}", address, port)
                                           : fmt::format("[{}]:{}", address, port);
}

bool is_loopback(const std::string& address) {
  return address.starts_with("127.") || address == "::1";
}

std::string reachable_address(const std::string& address) {
  if (address != "0.0.0.0" && address != "::") return address;
  // A socket that is bound to :: takes connections of both families.
  if (address == "::") {
    if (const auto found = first_address_for_others(AF_INET6)) return *found;
  }
  return first_address_for_others(AF_INET).value_or(host_name());
}

}  // namespace gm
