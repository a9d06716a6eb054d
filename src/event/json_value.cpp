// SPDX-License-Identifier: Apache-2.0
#include "event/wire.hpp"

namespace cordon {
namespace {

// A recogniser of RFC 8259, nothing is built.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}
  bool whole() { return value(0) && (blanks(), rest_.empty()); }

 private:
  static constexpr int kMostDepth = 8;

  bool take(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void blanks() {
    while (take(' ') || take('\t')) {}
  }
  bool word(std::string_view w) {
    if (!rest_.starts_with(w)) return false;
    rest_.remove_prefix(w.size());
    return true;
  }
  bool digits() {
    std::size_t n = 0;
    while (n < rest_.size() && rest_[n] >= '0' && rest_[n] <= '9') ++n;
    rest_.remove_prefix(n);
    return n != 0;
  }
  bool number() {
    take('-');
    if (!take('0') && !digits()) return false;
    if (take('.') && !digits()) return false;
    if (take('e') || take('E')) {
      if (!take('+')) take('-');
      return digits();
    }
    return true;
  }
  bool string() {
    if (!take('"')) return false;
    while (!rest_.empty()) {
      const auto c = static_cast<unsigned char>(rest_[0]);
      if (c < 0x20) return false;
      rest_.remove_prefix(1);
      if (c == '"') return true;
      if (c != '\\') continue;
      if (take('u')) {
        if (rest_.size() < 4 || rest_.substr(0, 4).find_first_not_of("0123456789abcdefABCDEF") != std::string_view::npos) return false;
        rest_.remove_prefix(4);
      } else if (rest_.empty() || std::string_view("\"\\/bfnrt").find(rest_[0]) == std::string_view::npos) {
        return false;
      } else {
        rest_.remove_prefix(1);
      }
    }
    return false;
  }
  bool list(char close, int depth, bool keys) {
    blanks();
    if (take(close)) return true;
    do {
      blanks();
      if (keys && !(string() && (blanks(), take(':')))) return false;
      if (!value(depth + 1)) return false;
      blanks();
    } while (take(','));
    return take(close);
  }
  bool value(int depth) {
    if (depth > kMostDepth) return false;
    blanks();
    if (take('{')) return list('}', depth, true);
    if (take('[')) return list(']', depth, false);
    if (rest_.starts_with('"')) return string();
    return word("true") || word("false") || word("null") || number();
  }

  std::string_view rest_;
};

}  // namespace

bool is_json_value(std::string_view text) { return Scanner(text).whole(); }

}  // namespace cordon
