// SPDX-License-Identifier: Apache-2.0
#include "launch/git_config.hpp"

#include <algorithm>
#include <array>

namespace cordon::launch {
namespace {

// Of ASCII, whatever the locale is.
bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_name(char c) { return is_letter(c) || (c >= '0' && c <= '9') || c == '-'; }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }
std::string lower(std::string_view s) {
  std::string out(s);
  std::transform(out.begin(), out.end(), out.begin(), [](char c) { return lower(c); });
  return out;
}

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {
    if (text_.starts_with("\xef\xbb\xbf")) text_.remove_prefix(3);
  }

  std::vector<Setting> settings() {
    std::vector<Setting> all;
    while (!at_end()) {
      const char c = next();
      if (is_space(c)) continue;
      if (c == '#' || c == ';') skip_line();
      else if (c == '[') header();
      else if (is_letter(c)) setting(c, all);
      else skip_line();
    }
    return all;
  }

 private:
  [[nodiscard]] bool at_end() const { return at_ >= text_.size(); }
  // The end of the file ends the last line, too. CR LF is one end of line.
  char next() {
    if (at_end()) return '\n';
    if (text_[at_] == '\r' && at_ + 1 < text_.size() && text_[at_ + 1] == '\n') ++at_;
    return text_[at_++];
  }
  void skip_line() {
    while (!at_end() && next() != '\n') {}
  }

  // [section], [section "subsection"], or [section.subsection], whose parts are all without case.
  void header() {
    std::string name;
    subsection_.reset();
    section_.clear();
    char c = next();
    for (; is_name(c) || c == '.'; c = next()) name += lower(c);
    if (is_space(c) && c != '\n') {
      while (is_space(c) && c != '\n') c = next();
      if (c != '"') return bad(c);
      std::string sub;
      for (c = next(); c != '"'; c = next()) {
        if (c == '\\') c = next();
        if (c == '\n') return;
        sub += c;
      }
      subsection_ = std::move(sub);
      c = next();
    } else if (const auto dot = name.find('.'); dot != std::string::npos) {
      subsection_ = name.substr(dot + 1);
      name.resize(dot);
    }
    if (c != ']') return bad(c);
    section_ = std::move(name);
  }

  void setting(char first, std::vector<Setting>& all) {
    Setting s{section_, subsection_, {lower(first)}, {}};
    char c = next();
    for (; is_name(c); c = next()) s.key += lower(c);
    while (c == ' ' || c == '\t') c = next();
    if (c != '\n') {
      if (c != '=') return bad(c);
      s.value = value();
      if (!s.value) return;
    }
    if (!section_.empty()) all.push_back(std::move(s));
  }

  std::optional<std::string> value() {
    std::string v;
    std::size_t blanks = 0;  // at the end of `v`, outside of quotes
    for (bool quoted = false;;) {
      char c = next();
      if (c == '\n') {
        if (quoted && !at_end()) return std::nullopt;
        v.resize(v.size() - blanks);
        return v;
      }
      if (!quoted && (c == '#' || c == ';')) {
        skip_line();
        v.resize(v.size() - blanks);
        return v;
      }
      if (!quoted && is_space(c)) {
        if (!v.empty()) v += c, ++blanks;
        continue;
      }
      if (c == '"') {
        quoted = !quoted;
        blanks = 0;
        continue;
      }
      if (c == '\\') {
        c = next();
        switch (c) {
          case '\n':
            if (at_end()) {
              v.resize(v.size() - blanks);
              return v;
            }
            continue;
          case 't': c = '\t'; break;
          case 'b': c = '\b'; break;
          case 'n': c = '\n'; break;
          default: break;  // git knows '\\' and '"', and refuses others
        }
      }
      blanks = 0;
      v += c;
    }
  }

  void bad(char c) {
    if (c != '\n') skip_line();
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::string section_;
  std::optional<std::string> subsection_;
};

template <std::size_t N>
bool any_of(const std::array<std::string_view, N>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool is_boolean(std::string_view value) {
  static constexpr std::array<std::string_view, 8> kWords{"true", "false", "yes", "no", "on", "off", "1", "0"};
  return any_of(kWords, lower(value));
}

}  // namespace

std::string Setting::name() const { return section + (subsection ? "." + *subsection : "") + "." + key; }

std::vector<Setting> read_git_config(std::string_view text) { return Reader(text).settings(); }

bool is_trap(const Setting& s) {
  // Keys whose value is a command, a program or a directory of programs, in whichever section: git's own (git-config(1)), those
  // of its companions, and what a later git may add in the same words.
  static constexpr std::array<std::string_view, 36> kKeys{"alternaterefscommand",
                                                          "askpass",
                                                          "browser",
                                                          "cccmd",
                                                          "clean",
                                                          "cmd",
                                                          "command",
                                                          "defaultkeycommand",
                                                          "difffilter",
                                                          "driver",
                                                          "editor",
                                                          "external",
                                                          "gitproxy",
                                                          "headercmd",
                                                          "helper",
                                                          "hookspath",
                                                          "httpd",
                                                          "packobjectshook",
                                                          "pager",
                                                          "process",
                                                          "program",
                                                          "receivepack",
                                                          "recentobjectshook",
                                                          "sendmailcmd",
                                                          "smtpserver",
                                                          "smudge",
                                                          "sshcommand",
                                                          "standalonetransferagent",
                                                          "templatedir",
                                                          "textconv",
                                                          "tocmd",
                                                          "tunnel",
                                                          "uploadarchive",
                                                          "uploadpack",
                                                          "vcs",
                                                          "virtualfilesystem"};
  // Sections in which `path` is a program, or a file with more settings.
  static constexpr std::array<std::string_view, 8> kPaths{"include", "includeif", "difftool", "mergetool", "browser", "man", "lfs", "guitool"};
  if (!s.value || s.value->empty()) return false;  // "true", or a list that is emptied
  if (s.key == "fsmonitor" || s.section == "pager") return !is_boolean(*s.value);
  if (s.section == "alias" || (s.section == "protocol" && s.key == "allow")) return true;
  if (s.section == "submodule" && s.key == "update") return s.value->starts_with('!');
  if (s.key == "path") return any_of(kPaths, s.section);
  if (s.key.ends_with("url") || s.key.ends_with("insteadof"))
    return s.value->find("ext::") != std::string::npos || s.subsection.value_or("").find("ext::") != std::string::npos;
  return any_of(kKeys, s.key);
}

std::string write_git_config(const std::vector<Setting>& settings) {
  const auto quoted = [](std::string_view s, bool is_value) {
    std::string out = "\"";
    for (const char c : s) {
      if (c == '"' || c == '\\') out += '\\';
      if (is_value && c == '\n') out += "\\n";
      else if (is_value && c == '\t') out += "\\t";
      else if (is_value && c == '\b') out += "\\b";
      else out += c;
    }
    return out + '"';
  };
  std::string text;
  const Setting* last = nullptr;
  for (const Setting& s : settings) {
    if (!last || last->section != s.section || last->subsection != s.subsection)
      text += "[" + s.section + (s.subsection ? " " + quoted(*s.subsection, false) : "") + "]\n";
    text += "\t" + s.key + (s.value ? " = " + quoted(*s.value, true) : "") + "\n";
    last = &s;
  }
  return text;
}

}  // namespace cordon::launch
