// SPDX-License-Identifier: Apache-2.0
#include "egress/http_head.hpp"

#include <cordon/events.hpp>

#include <algorithm>

#include "egress/authority.hpp"
#include "egress/text.hpp"

namespace cordon::egress {
namespace {

constexpr std::uint16_t kHttpPort = 80;
constexpr std::string_view kOptionalBlanks = " \t";

bool is_token_char(char c) { return is_alpha(c) || is_digit(c) || std::string_view("!#$%&'*+-.^_`|~").contains(c); }
bool is_token(std::string_view s) { return !s.empty() && std::ranges::all_of(s, is_token_char); }
bool is_uri_char(char c) { return c > 0x20 && c < 0x7f && c != '#'; }
bool is_value_char(char c) { return c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f); }

// The comma-separated elements of every field of that name (RFC 9110 section 5.6.1); empty ones are left out.
std::vector<std::string_view> elements(const std::vector<Field>& fields, std::string_view name) {
  std::vector<std::string_view> all;
  for (const Field& f : fields) {
    if (!same_text(f.name, name)) continue;
    for (std::string_view rest = f.value; !rest.empty();) {
      const auto comma = rest.find(',');
      if (const auto one = trim(rest.substr(0, comma), kOptionalBlanks); !one.empty()) all.push_back(one);
      rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + 1);
    }
  }
  return all;
}

bool holds(const std::vector<std::string_view>& list, std::string_view word) {
  return std::ranges::any_of(list, [&](auto one) { return same_text(one, word); });
}

std::ptrdiff_t count(const std::vector<Field>& fields, std::string_view name) {
  return std::ranges::count_if(fields, [&](const Field& f) { return same_text(f.name, name); });
}

// RFC 9112 section 6.3, but that no doubt is resolved: it is an error.
std::optional<HeadError> find_framing(Request& r) {
  const auto lengths = count(r.fields, "Content-Length"), codings = count(r.fields, "Transfer-Encoding");
  if (lengths != 0 && codings != 0) return HeadError{400, "both Content-Length and Transfer-Encoding are there"};
  if (lengths > 1) return HeadError{400, "Content-Length is there twice"};
  if (lengths == 1) {
    const std::string& digits = *r.find("Content-Length");
    if (digits.empty() || digits.size() > 18 || !std::ranges::all_of(digits, is_digit)) return HeadError{400, "Content-Length is not a number"};
    r.content_length = std::stoull(digits);
    r.body = r.content_length == 0 ? Body::none : Body::length;
  }
  if (codings != 0) {
    if (r.minor_version == 0) return HeadError{400, "HTTP/1.0 has no Transfer-Encoding"};
    const auto list = elements(r.fields, "Transfer-Encoding");
    if (codings > 1 || list.empty() || !same_text(list.back(), "chunked")) return HeadError{400, "the last transfer coding is not chunked"};
    if (holds({list.begin(), list.end() - 1}, "chunked")) return HeadError{400, "chunked is there twice"};
    if (list.size() > 1) return HeadError{501, "chunked is the only transfer coding that is known"};
    r.body = Body::chunked;
  }
  if (r.connect && r.body != Body::none) return HeadError{400, "CONNECT has no body"};
  return {};
}

// Host and the target must name the same server (RFC 9112 section 3.2.2 lets a proxy ignore Host; a server behind it may not).
std::optional<HeadError> check_host(const Request& r) {
  const auto hosts = count(r.fields, "Host");
  if (hosts > 1) return HeadError{400, "Host is there twice"};
  if (hosts == 0) {
    // Clients of CONNECT leave it out, and there it says nothing: what follows is a tunnel.
    if (r.connect || r.minor_version == 0) return {};
    return HeadError{400, "Host is missing"};
  }
  auto host = parse_authority(*r.find("Host"));
  if (!host) return HeadError{400, "Host: " + host.error()};
  const auto port = host->port.value_or(r.connect ? r.port : kHttpPort);
  if (host->host != r.host || port != r.port) return HeadError{400, "Host and the target of the request are not the same"};
  return {};
}

}  // namespace

const std::string* Request::find(std::string_view name) const {
  const auto it = std::ranges::find_if(fields, [&](const Field& f) { return same_text(f.name, name); });
  return it == fields.end() ? nullptr : &it->value;
}

void RequestHead::fail(int status, std::string why) { error_ = HeadError{status, std::move(why)}; }

std::size_t RequestHead::feed(std::string_view bytes) {
  std::size_t taken = 0;
  started_ |= !bytes.empty();
  while (taken < bytes.size() && wants_more()) {
    const auto line_feed = bytes.find('\n', taken);
    const bool ends = line_feed != std::string_view::npos;
    const auto piece = bytes.substr(taken, ends ? line_feed - taken + 1 : std::string_view::npos);
    size_ += piece.size();
    taken += piece.size();
    if (size_ > kMostBytes || (size_ == kMostBytes && !ends)) {
      fail(431, "the head is larger than 8 KiB");
      break;
    }
    line_ += piece;
    if (!ends) {
      // A first line that cannot become one is not waited for: it may be the start of another protocol that has no lines.
      if (!in_fields_ && !is_token_char(line_.front())) fail(400, "this is not HTTP");
      break;
    }
    if (!line_.ends_with("\r\n")) {
      fail(400, "a line does not end with CR LF");
      break;
    }
    line(std::string_view(line_).substr(0, line_.size() - 2));
    line_.clear();
    if (size_ == kMostBytes && wants_more()) fail(431, "the head is larger than 8 KiB");
  }
  return taken;
}

void RequestHead::line(std::string_view text) {
  if (!in_fields_) {
    in_fields_ = true;
    request_line(text);
  } else if (!text.empty()) {
    field_line(text);
  } else {
    finish();
  }
}

void RequestHead::request_line(std::string_view text) {
  const auto first = text.find(' '), last = text.rfind(' ');
  if (first == std::string_view::npos || first == last) return fail(400, "the request line is not METHOD TARGET VERSION");
  const auto method = text.substr(0, first), target = text.substr(first + 1, last - first - 1), version = text.substr(last + 1);
  if (!is_token(method)) return fail(400, "the method is not a token");
  if (target.empty() || !std::ranges::all_of(target, is_uri_char)) return fail(400, "the target has characters that no URI has");
  if (version.size() != 8 || !version.starts_with("HTTP/") || !is_digit(version[5]) || version[6] != '.' || !is_digit(version[7])) {
    return fail(400, "the version is not HTTP/1.1");
  }
  if (version[5] != '1') return fail(505, "the version is not HTTP/1.1");
  request_.minor_version = version[7] == '0' ? 0 : 1;
  request_.method = method;
  request_.connect = method == "CONNECT";

  std::string_view authority = target;
  if (!request_.connect) {
    constexpr std::string_view scheme = "http://";
    if (!same_text(target.substr(0, scheme.size()), scheme)) {
      return fail(400, same_text(target.substr(0, 8), "https://") ? "https:// goes through CONNECT"
                                                                  : "this is a proxy: the target is http://HOST/PATH, or CONNECT HOST:PORT");
    }
    const auto end = std::min(target.find_first_of("/?", scheme.size()), target.size());
    authority = target.substr(scheme.size(), end - scheme.size());
    const auto path = target.substr(end);
    request_.path = path.empty() ? (method == "OPTIONS" ? "*" : "/") : path.front() == '?' ? "/" + std::string(path) : std::string(path);
  }
  auto parsed = parse_authority(authority);
  if (!parsed) return fail(400, "the target: " + parsed.error());
  if (request_.connect && !parsed->port) return fail(400, "the target of CONNECT has no port");
  request_.host = std::move(parsed->host);
  request_.port = parsed->port.value_or(kHttpPort);
}

void RequestHead::field_line(std::string_view text) {
  if (text.front() == ' ' || text.front() == '\t') return fail(400, "a field is folded over lines");
  const auto colon = text.find(':');
  const auto name = text.substr(0, colon);
  if (colon == std::string_view::npos || !is_token(name)) return fail(400, "a field is not NAME: VALUE");
  const auto value = trim(text.substr(colon + 1), kOptionalBlanks);
  if (!std::ranges::all_of(value, is_value_char)) return fail(400, "a field has a control character");
  request_.fields.push_back({std::string(name), std::string(value)});
}

void RequestHead::finish() {
  if (auto e = find_framing(request_)) return fail(e->status, std::move(e->why));
  if (auto e = check_host(request_)) return fail(e->status, std::move(e->why));
  auto connection = elements(request_.fields, "Connection");
  const auto proxy_connection = elements(request_.fields, "Proxy-Connection");
  connection.insert(connection.end(), proxy_connection.begin(), proxy_connection.end());
  request_.keep_alive = !holds(connection, "close") && (request_.minor_version == 1 || holds(connection, "keep-alive"));
  complete_ = true;
}

bool is_hop_by_hop(std::string_view name, const std::vector<std::string_view>& connection) {
  for (const std::string_view hop : {"Connection", "Keep-Alive", "TE", "Trailer", "Transfer-Encoding", "Upgrade", "HTTP2-Settings"})
    if (same_text(name, hop)) return true;
  return same_text(name.substr(0, 6), "Proxy-") || holds(connection, name);
}

std::string origin_form(const Request& r) {
  const std::string host = authority_text(r.host, r.port == kHttpPort ? std::optional<std::uint16_t>() : r.port);
  std::string head = r.method + " " + r.path + " HTTP/1.1\r\nHost: " + host + "\r\n";
  const auto connection = elements(r.fields, "Connection");
  for (const Field& f : r.fields) {
    if (is_hop_by_hop(f.name, connection) || same_text(f.name, "Host") || same_text(f.name, "Content-Length")) continue;
    head += f.name + ": " + f.value + "\r\n";
  }
  if (r.body == Body::chunked) head += "Transfer-Encoding: chunked\r\n";
  if (r.body == Body::length || r.find("Content-Length") != nullptr) head += "Content-Length: " + std::to_string(r.content_length) + "\r\n";
  return head + "\r\n";
}

}  // namespace cordon::egress
