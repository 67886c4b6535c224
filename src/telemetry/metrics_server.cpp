#include "telemetry/metrics_server.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "base/error.h"

namespace gm {
namespace {

constexpr int kIdleSeconds = 60;  // Prometheus keeps its connection from scrape to scrape
constexpr int kMaxHeaderBytes = 8192;

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

/// Binds to the port or, if it is taken, to a free one. Returns the port.
int bind_to(evhttp* http, const std::string& address, uint16_t port) {
  evhttp_bound_socket* bound = ::evhttp_bind_socket_with_handle(http, address.c_str(), port);
  if (bound == nullptr && errno == EADDRINUSE) {
    bound = ::evhttp_bind_socket_with_handle(http, address.c_str(), /*port=*/0);
  }
  if (bound == nullptr) throw Error("{}", std::strerror(errno));
  sockaddr_in6 name{};  // family and port have the same offsets as in sockaddr_in
  socklen_t length = sizeof name;
  ::getsockname(::evhttp_bound_socket_get_fd(bound), reinterpret_cast<sockaddr*>(&name), &length);
  return ntohs(name.sin6_port);
}

}  // namespace

int serve_metrics(const std::string& address, int port, std::function<std::string()> text) {
  if (!std::in_range<uint16_t>(port)) throw Error("there is no port {}", port);
  auto server = std::make_unique<Server>();
  server->text = std::move(text);
  evhttp* const http = server->http.get();
  const int bound = bind_to(http, address, static_cast<uint16_t>(port));
  ::evhttp_set_timeout(http, kIdleSeconds);
  ::evhttp_set_max_headers_size(http, kMaxHeaderBytes);
  ::evhttp_set_max_body_size(http, 0);
  ::evhttp_set_allowed_methods(http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD);
  ::evhttp_set_cb(http, "/metrics", &Server::answer, server.get());
  run_without_signals(server->base.get());
  // The thread is not stopped at the end of the process, so what it uses is not freed.
  static auto* const never_freed = new std::vector<std::unique_ptr<Server>>;
  never_freed->push_back(std::move(server));
  return bound;
}

}  // namespace gm
