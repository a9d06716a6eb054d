// SPDX-License-Identifier: Apache-2.0
// Plain HTTP: one request in absolute form goes to its server in origin form, one response comes back. Each request is decided
// anew; a connection to the server serves the next request only if that names the same host and port under the same policy.
//
// Body and response run at the same time: a server may answer before it has the whole body (100, 401, 413).
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <sys/socket.h>

#include "egress/authority.hpp"
#include "egress/front.hpp"
#include "egress/http_response.hpp"

namespace cordon::egress {
namespace {

constexpr std::size_t kPiece = 64 * 1024;

// Moves a body from one side to the other. `silence` is renewed on both with every piece. False: a side failed, or the framing broke.
Task<bool> pass_body(Peer& from, Peer& to, BodyReader& reader, bool chunked, std::chrono::milliseconds silence, std::uint64_t& count) {
  while (reader.wants_more()) {
    if (from.bytes().empty() && !co_await from.more(kPiece)) {
      if (!reader.ends_with_connection() || from.expired()) co_return false;
      break;
    }
    from.expires_after(silence);
    to.expires_after(silence);
    const auto fed = reader.feed(from.bytes());
    if (!fed.payload.empty()) {
      count += fed.payload.size();
      const std::string framed = chunked ? chunk(fed.payload) : std::string();
      if (!co_await to.write(chunked ? std::string_view(framed) : fed.payload)) co_return false;
    }
    from.use(fed.taken);
  }
  if (reader.broken()) co_return false;
  if (chunked && !co_await to.write(kLastChunk)) co_return false;
  co_return true;
}

// The request's body on its way, beside the response. Its owner waits for it before anything that it uses goes away.
struct Upload {
  explicit Upload(asio::io_context& loop) : ended(loop, Clock::time_point::max()) {}
  bool running = false, complete = true;
  bool broken = false;  // the client's framing is wrong
  std::uint64_t bytes = 0;
  Timer ended;
};

void start(Upload& upload, Service& service, Peer& client, Peer& server, const Request& request) {
  if (request.body == Body::none) return;
  upload.running = true;
  upload.complete = false;
  const bool chunked = request.body == Body::chunked;
  asio::co_spawn(
      service.loop,
      [](Upload& u, Peer& from, Peer& to, BodyReader reader, bool chunks, std::chrono::milliseconds silence) -> Task<void> {
        u.complete = co_await pass_body(from, to, reader, chunks, silence, u.bytes);
        u.broken = reader.broken();
        if (u.complete || (!u.broken && !from.bytes().empty())) co_return;
        // The client's fault: the server would wait for the rest. (A server that takes no more may have answered, and is heard.)
        to.expires_after(std::chrono::milliseconds(0));
      }(upload, client, server, chunked ? BodyReader::chunked() : BodyReader::length(request.content_length), chunked, service.limits.idle),
      [&upload](std::exception_ptr) {
        upload.running = false;
        upload.ended.cancel();
      });
}

Task<void> finish(Upload& upload, Peer& client, Peer& server) {
  if (!upload.running) co_return;
  error_code e;
  client.stream().cancel(e);
  server.stream().cancel(e);
  co_await upload.ended.async_wait(asio::redirect_error(use_task, e));
}

// Heads of 1xx are passed on; the final one is returned, or why there is none.
Task<std::expected<Response, std::string>> response_head(Peer& client, Peer& server, const Request& request) {
  while (true) {
    ResponseHead head(request.method == "HEAD");
    while (true) {
      server.use(head.feed(server.bytes()));
      if (!head.wants_more()) break;
      if (!co_await server.more())
        co_return std::unexpected(server.expired() ? "it did not answer in time" : "it closed the connection without a response");
    }
    if (!head.error().empty()) co_return std::unexpected(head.error());
    if (head.response().status == 101) co_return std::unexpected("it switches protocols, which nobody asked for");
    if (head.response().status >= 200) co_return head.response();
    if (request.minor_version == 1 && !co_await client.write(to_client(head.response(), false, true)))
      co_return std::unexpected("the client is gone");
  }
}

// Has the server closed an idle connection, or said something that nobody asked for?
bool still_quiet(Peer& server) {
  char byte;
  return server.bytes().empty() && recv(server.stream().native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
         (errno == EAGAIN || errno == EWOULDBLOCK);
}

}  // namespace

Task<bool> forward(Service& service, Peer& client, const Request& request, std::unique_ptr<Origin>& origin) {
  auto attempt = std::make_unique<Attempt>(service, Target{request.host, request.port}, "http-forward");
  client.never_expires();
  const bool reuse = origin && origin->attempt->same_policy(*attempt) && origin->attempt->target().host == request.host &&
                     origin->attempt->target().port == request.port && still_quiet(origin->peer);
  std::optional<Refusal> refusal;
  if (reuse) {
    refusal = attempt->reuse(*origin->attempt);
  } else {
    origin.reset();
    auto stream = co_await attempt->open();
    if (stream) origin = std::make_unique<Origin>(Origin{Peer(std::move(*stream)), nullptr});
    else refusal = std::move(stream.error());
  }
  if (refusal) {
    co_await refuse_http(client, refusal->denied ? 403 : 502, refusal->sentence);
    co_return false;
  }
  Peer& server = origin->peer;
  origin->attempt = std::move(attempt);
  const std::string head = origin_form(request);
  server.expires_after(service.limits.idle);
  client.expires_after(service.limits.idle);
  Upload upload(service.loop);
  std::uint64_t down = 0;
  bool complete = false, keep = false;
  std::expected<Response, std::string> response = std::unexpected("it closed the connection");
  if (co_await server.write(head)) {
    start(upload, service, client, server, request);
    response = co_await response_head(client, server, request);
  }
  if (response) {
    BodyReader body = response->body;
    const bool has_body = body.wants_more();
    // HTTP/1.0 knows no chunks: there the end of the connection ends the body.
    const bool chunked = has_body && !response->has_length && request.minor_version == 1;
    // Answered before it had all of the body: what follows on this connection cannot be told from the rest of it.
    keep = request.keep_alive && upload.complete && (!has_body || response->has_length || chunked);
    if (co_await client.write(to_client(*response, chunked, keep)))
      complete = co_await pass_body(server, client, body, chunked, service.limits.idle, down);
  }
  const bool upload_done = upload.complete;
  co_await finish(upload, client, server);
  origin->attempt->count(upload.bytes, down);
  origin->attempt->end(!response ? "failed" : complete ? "closed" : "cut");
  if (!response && !client.expired()) {
    if (upload.broken) tell_malformed(service, "http", "the framing of the body is wrong");
    if (upload.broken) co_await refuse_http(client, 400, "the framing of the body is wrong");
    const std::string why = authority_text(request.host, request.port) + " gave no response: " + response.error();
    if (!upload.broken) co_await refuse_http(client, 502, why);
    co_return false;
  }
  if (!response || !response->keep_alive || !complete || !upload_done) origin.reset();
  if (complete && !keep) co_await client.farewell();
  co_return complete&& keep;
}

}  // namespace cordon::egress
