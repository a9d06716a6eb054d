// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "policy/reader.hpp"

namespace cordon::policy {
namespace {

using nlohmann::json;

// Where a token lies. The library reports tokens without their places; between two of them there are only blanks, commas and
// colons, so a second walk over the text, in step with the library's, finds each.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : rest_(text) {}
  // The place of the next token; behind it afterwards.
  Place token() {
    std::size_t n = rest_.find_first_not_of(" \t\r\n,:");
    skip(std::min(n, rest_.size()));
    const Place at = place_;
    if (rest_.empty()) return at;
    if (rest_[0] == '"') {
      n = 1;
      while (n < rest_.size() && rest_[n] != '"') n += rest_[n] == '\\' ? 2 : 1;
      ++n;
    } else if (std::string_view("{}[]").find(rest_[0]) != std::string_view::npos) {
      n = 1;
    } else {
      n = rest_.find_first_of(" \t\r\n,:{}[]\"");
    }
    skip(std::min(n, rest_.size()));
    return at;
  }
  Place after(std::size_t bytes) {
    skip(std::min(bytes, rest_.size()));
    return place_;
  }

 private:
  void skip(std::size_t n) {
    for (const char c : rest_.substr(0, n)) {
      if (c == '\n') place_ = {place_.line + 1, 1};
      else if ((static_cast<unsigned char>(c) & 0xC0) != 0x80) ++place_.column;
    }
    rest_.remove_prefix(n);
  }
  std::string_view rest_;
  Place place_;
};

// Builds the tree; `false` ends the parse, `error` says why.
class Builder : public nlohmann::json_sax<json> {
 public:
  Builder(std::string_view text, const std::string& name) : text_(text), cursor_(text), name_(name) {}
  Value root;
  std::optional<Error> error;

  bool null() override { return say(cursor_.token(), "null has no meaning in a policy", "leave the key out"); }
  bool boolean(bool b) override { return put({b, cursor_.token(), key_}); }
  bool number_integer(number_integer_t i) override { return put({std::int64_t{i}, cursor_.token(), key_}); }
  bool number_unsigned(number_unsigned_t u) override {
    const Place at = cursor_.token();
    if (u > static_cast<std::uint64_t>(INT64_MAX)) return say(at, "this number is too large", "write one of at most 63 bits");
    return put({static_cast<std::int64_t>(u), at, key_});
  }
  bool number_float(number_float_t, const string_t&) override {
    return say(cursor_.token(), "this is no whole number of at most 63 bits", "write a string, a whole number or a boolean");
  }
  bool string(string_t& s) override { return put({std::move(s), cursor_.token(), key_}); }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override { return open(Value::Table{}); }
  bool start_array(std::size_t) override { return open(Value::Array{}); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool key(string_t& s) override {
    key_ = cursor_.token();
    if (std::get<Value::Table>(open_.back()->v).contains(s))
      return say(key_, "the key '" + s.substr(0, 200) + "' is written twice", "remove one of them");
    word_ = std::move(s);
    return true;
  }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception& e) override {
    std::string_view why = e.what();
    if (const auto colon = why.find(": "); colon != std::string_view::npos) why.remove_prefix(colon + 2);
    return say(Cursor(text_).after(position == 0 ? 0 : position - 1), "this is not JSON", printable(why.substr(0, 160)));
  }

 private:
  bool say(Place at, const std::string& what, std::string remedy) {
    if (!error) error = error_at(name_, at, what, std::move(remedy)).error();
    return false;
  }
  Value& place(Value v) {
    if (open_.empty()) return root = std::move(v);
    if (auto* list = std::get_if<Value::Array>(&open_.back()->v)) return list->emplace_back(std::move(v));
    return std::get<Value::Table>(open_.back()->v)[word_] = std::move(v);
  }
  bool put(Value v) {
    place(std::move(v));
    return true;
  }
  bool open(decltype(Value::v) empty) {
    const Place at = cursor_.token();
    if (open_.size() >= static_cast<std::size_t>(kMostNesting)) return say(at, "this is nested too deeply", "a policy has three levels");
    // A pointer into a list stays good: nothing is added to that list before this element is closed.
    open_.push_back(&place({std::move(empty), at, key_}));
    return true;
  }
  bool close() {
    cursor_.token();
    open_.pop_back();
    return true;
  }

  std::string_view text_;
  Cursor cursor_;
  const std::string& name_;
  std::vector<Value*> open_;
  std::string word_;
  Place key_;
};

}  // namespace

Result<Value> read_json(std::string_view text, const std::string& name) {
  Builder builder(text, name);
  if (json::sax_parse(text, &builder) && !builder.error) return std::move(builder.root);
  return std::unexpected(builder.error.value_or(error_at(name, {1, 1}, "this is not JSON", "correct it").error()));
}

}  // namespace cordon::policy
