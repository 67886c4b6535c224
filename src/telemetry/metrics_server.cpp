#include "telemetry/metrics_server.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <netdb.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "base/error.h"

namespace gm {
namespace {

constexpr int kIdleSeconds = 60;  // Prometheus keeps its connection from scrape to scrape
constexpr int kMaxHeaderBytes = 8192;

/// The first address of that family in numeric form. nullopt if there is none, and sets `reason`.
std::optional<std::string> in_digits(const std::string& address, int family, std::string& reason) {
  addrinfo hints{};
  hints.ai_family = family;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  std::array<char, NI_MAXHOST> digits{};
  int status = ::getaddrinfo(address.c_str(), nullptr, &hints, &found);
  if (status == 0) {
    status = ::getnameinfo(found->ai_addr, found->ai_addrlen, digits.data(), digits.size(), nullptr,
                           0, NI_NUMERICHOST);
    ::freeaddrinfo(found);
  }
  if (status == 0) return digits.data();
  reason = ::gai_strerror(status);
  return std::nullopt;
}

struct Server {
  std::unique_ptr<event_base, void (*)(event_base*)> base{::event_base_new(), ::event_base_free};
  std::unique_ptr<evhttp, void (*)(evhttp*)> http{::evhttp_new(base.get()), ::evhttp_free};
  std::function<std::string()> text;

  static void answer(evhttp_request* request, void* server) {
    const std::string text = static_cast<Server*>(server)->text();
    evbuffer* const body = ::evbuffer_new();
    ::evbuffer_add(body, text.data(), text.size());
    ::evhttp_add_header(::evhttp_request_get_output_headers(request), "Content-Type",
                        "text/plain; version=0.0.4; charset=utf-8");
    ::evhttp_send_reply(request, HTTP_OK, "OK", body);
    ::evbuffer_free(body);
  }
};

/// The thread blocks all signals: other threads handle them, and a client that disconnects
/// (SIGPIPE) must not end the process.
void run_without_signals(event_base* base) {
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_BLOCK, &all, &before);  // a new thread inherits what is blocked
  std::thread([base] { ::event_base_dispatch(base); }).detach();
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
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

void serve_metrics(const std::string& address, int port, std::function<std::string()> text) {
  if (!std::in_range<uint16_t>(port)) throw Error("there is no port {}", port);
  auto server = std::make_unique<Server>();
  server->text = std::move(text);
  evhttp* const http = server->http.get();
  if (::evhttp_bind_socket(http, address.c_str(), static_cast<uint16_t>(port)) != 0) {
    throw Error("{}", std::strerror(errno));
  }
  ::evhttp_set_timeout(http, kIdleSeconds);
  ::evhttp_set_max_headers_size(http, kMaxHeaderBytes);
  ::evhttp_set_max_body_size(http, 0);
  ::evhttp_set_allowed_methods(http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD);
  ::evhttp_set_cb(http, "/metrics", &Server::answer, server.get());
  run_without_signals(server->base.get());
  // The thread is not stopped at the end of the process, so what it uses is not freed.
  static auto* const never_freed = new std::vector<std::unique_ptr<Server>>;
  never_freed->push_back(std::move(server));
}

}  // namespace gm
