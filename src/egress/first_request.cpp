// SPDX-License-Identifier: Apache-2.0
#include "egress/first_request.hpp"

#include <algorithm>

#include "egress/text.hpp"

namespace cordon::egress {
namespace {

constexpr std::string_view kVersion = "HTTP/";

bool is_token_char(char c) { return is_alpha(c) || is_digit(c) || std::string_view("!#$%&'*+-.^_`|~").contains(c); }

// Where a word "HTTP/…" begins behind another one; npos if nowhere.
std::size_t find_version(std::string_view line) {
  for (auto blank = line.find_first_of(kBlanks); blank != std::string_view::npos; blank = line.find_first_of(kBlanks, blank + 1))
    if (same_text(line.substr(blank + 1, kVersion.size()), kVersion)) return blank + 1;
  return std::string_view::npos;
}

constexpr std::size_t kWholeVersion = kVersion.size() + 1;

// The CR of the line's end is gone; some servers end a line at any.
bool has_bare_cr(std::string_view line) { return line.contains('\r'); }

}  // namespace

FirstRequest::Result FirstRequest::feed(std::string_view bytes) {
  while (result_ == Result::more && !bytes.empty()) {
    const auto line_feed = bytes.find('\n');
    const auto taken = line_feed == std::string_view::npos ? bytes.size() : line_feed + 1;
    result_ = piece(bytes.substr(0, taken));
    bytes.remove_prefix(taken);
  }
  return result_;
}

// At most one line, and its end if there is one. What is decided here does not depend on where the pieces are cut: a byte that
// decides does so wherever it stands, and the size is that of the whole.
FirstRequest::Result FirstRequest::piece(std::string_view bytes) {
  for (const char c : bytes) {
    if (++size_ > kMostBytes) return in_fields_ || line_.find_first_of(kBlanks) != std::string::npos ? Result::malformed : Result::other;
    if (c == '\0') return in_fields_ ? Result::malformed : Result::other;
    if (c == '\n') {
      std::string whole;
      whole.swap(line_);
      version_ = 0;
      if (whole.ends_with('\r')) whole.pop_back();
      return line(whole);
    }
    if (!in_fields_) {
      // RFC 9112 section 2.2: a server ignores empty lines before the request.
      if (line_.empty() && c == '\r') continue;
      if (line_.empty() && !is_token_char(c)) return Result::other;
      if (line_.ends_with('\r') && version_ == kWholeVersion) return Result::malformed;
      look_for_version(c);
    }
    line_ += c;
  }
  return Result::more;
}

// As `find_version`, byte by byte: a line of nothing but CRs would have it look at the whole for each of them.
void FirstRequest::look_for_version(char c) {
  if (version_ == kWholeVersion) return;
  if (kBlanks.contains(c)) version_ = 1;
  else version_ = version_ > 0 && lower(c) == lower(kVersion[version_ - 1]) ? version_ + 1 : 0;
}

FirstRequest::Result FirstRequest::line(std::string_view text) {
  if (!in_fields_) return text.empty() ? Result::more : request_line(text);
  if (text.empty()) return Result::complete;
  if (text.front() == ' ' || text.front() == '\t' || has_bare_cr(text)) return Result::malformed;
  const auto colon = text.find(':');
  if (colon != std::string_view::npos && same_text(trim(text.substr(0, colon)), "host")) names_.emplace_back(trim(text.substr(colon + 1)));
  return Result::more;
}

FirstRequest::Result FirstRequest::request_line(std::string_view text) {
  if (text == "PRI * HTTP/2.0") return Result::other;  // RFC 9113 section 3.4
  const auto version = find_version(text);
  const auto method = text.substr(0, text.find_first_of(kBlanks));
  auto target = trim(text.substr(method.size()));
  target = target.substr(0, target.find_first_of(kBlanks));
  const auto scheme = target.find("://");
  const bool absolute = scheme != std::string_view::npos && scheme > 0 && std::ranges::all_of(target.substr(0, scheme), is_alpha);
  if (absolute) {
    const auto authority = target.substr(scheme + 3);
    names_.emplace_back(authority.substr(0, authority.find_first_of("/?#")));
  } else if (version != std::string_view::npos && same_text(method, "CONNECT")) {
    names_.emplace_back(target);
  }
  if (version == std::string_view::npos) return absolute ? Result::complete : Result::other;  // HTTP/0.9 may name a server, too
  if (has_bare_cr(text)) return Result::malformed;
  in_fields_ = true;
  return Result::more;
}

}  // namespace cordon::egress
