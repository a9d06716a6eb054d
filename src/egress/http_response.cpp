// SPDX-License-Identifier: Apache-2.0
#include "egress/http_response.hpp"

#include <algorithm>

#include "egress/text.hpp"

namespace cordon::egress {
namespace {

bool is_token(std::string_view s) {
  return !s.empty() && std::ranges::all_of(s, [](char c) { return is_alpha(c) || is_digit(c) || std::string_view("!#$%&'*+-.^_`|~").contains(c); });
}
bool is_text(std::string_view s) {
  return std::ranges::all_of(s, [](char c) { return c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f); });
}

std::vector<std::string_view> elements(const std::vector<Field>& fields, std::string_view name) {
  std::vector<std::string_view> all;
  for (const Field& f : fields) {
    if (!same_text(f.name, name)) continue;
    for (std::string_view rest = f.value; !rest.empty();) {
      const auto comma = rest.find(',');
      if (const auto one = trim(rest.substr(0, comma), " \t"); !one.empty()) all.push_back(one);
      rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + 1);
    }
  }
  return all;
}

}  // namespace

std::size_t ResponseHead::feed(std::string_view bytes) {
  std::size_t taken = 0;
  while (taken < bytes.size() && wants_more()) {
    text_ += bytes[taken++];
    if (text_.ends_with("\r\n\r\n") || text_.ends_with("\n\n")) {
      complete_ = true;
      parse();
    } else if (text_.size() >= kMostBytes) {
      error_ = "the head of its response is larger than 64 KiB";
    }
  }
  return taken;
}

void ResponseHead::parse() {
  bool first = true;
  for (std::string_view rest = text_; !rest.empty();) {
    const auto end = rest.find('\n');
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (first) {
      first = false;
      const bool good = line.size() >= 12 && line.starts_with("HTTP/1.") && is_digit(line[7]) && line[8] == ' ' && is_digit(line[9]) &&
                        is_digit(line[10]) && is_digit(line[11]) && (line.size() == 12 || line[12] == ' ');
      if (!good || !is_text(line)) {
        error_ = "its status line is malformed";
        return;
      }
      response_.minor_version = line[7] == '0' ? 0 : 1;
      response_.status = (line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0');
      response_.reason = line.size() > 13 ? std::string(line.substr(13)) : "";
      if (response_.status < 100) error_ = "its status is below 100";
      continue;
    }
    if (line.empty()) break;
    const auto colon = line.find(':');
    if (colon == std::string_view::npos || !is_token(line.substr(0, colon)) || !is_text(line)) {
      error_ = "its head has a malformed field";
      return;
    }
    response_.fields.push_back({std::string(line.substr(0, colon)), std::string(trim(line.substr(colon + 1), " \t"))});
  }
  if (error_.empty()) find_framing();
}

// What two readers could read in two ways ends here, as in a request: it would let a server put words into another one's mouth.
void ResponseHead::find_framing() {
  const auto connection = elements(response_.fields, "Connection");
  const auto holds = [&](std::string_view word) { return std::ranges::any_of(connection, [&](auto one) { return same_text(one, word); }); };
  response_.keep_alive = !holds("close") && (response_.minor_version == 1 || holds("keep-alive"));
  const auto codings = elements(response_.fields, "Transfer-Encoding");
  const auto lengths = elements(response_.fields, "Content-Length");
  if (!lengths.empty()) {
    const bool same = std::ranges::all_of(lengths, [&](auto l) { return l == lengths.front(); });
    if (!same || lengths.front().size() > 18 || !std::ranges::all_of(lengths.front(), is_digit)) {
      error_ = "its Content-Length is no number, or several";
      return;
    }
    response_.content_length = std::stoull(std::string(lengths.front()));
    response_.has_length = codings.empty() && response_.status >= 200 && response_.status != 204;
  }
  if (to_head_ || response_.status < 200 || response_.status == 204 || response_.status == 304) return;
  if (!codings.empty()) {
    if (!lengths.empty()) error_ = "it has both Content-Length and Transfer-Encoding";
    else if (codings.size() != 1 || !same_text(codings.front(), "chunked")) error_ = "its transfer coding is not chunked";
    else response_.body = BodyReader::chunked();
  } else if (!lengths.empty()) {
    response_.body = BodyReader::length(response_.content_length);
  } else {
    response_.body = BodyReader::until_close();
    response_.keep_alive = false;
  }
}

std::string to_client(const Response& r, bool chunked, bool keep_alive) {
  std::string s = "HTTP/1.1 " + std::to_string(r.status) + ' ' + r.reason + "\r\n";
  const auto connection = elements(r.fields, "Connection");
  for (const Field& f : r.fields)
    if (!is_hop_by_hop(f.name, connection) && !same_text(f.name, "Content-Length")) s += f.name + ": " + f.value + "\r\n";
  if (r.status >= 200) {
    if (chunked) s += "Transfer-Encoding: chunked\r\n";
    else if (r.has_length) s += "Content-Length: " + std::to_string(r.content_length) + "\r\n";
    s += keep_alive ? "Connection: keep-alive\r\n" : "Connection: close\r\n";
  }
  return s += "\r\n";
}

}  // namespace cordon::egress
