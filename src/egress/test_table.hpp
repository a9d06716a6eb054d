// SPDX-License-Identifier: Apache-2.0
// For tests: tables of tab-separated, C-escaped cells, as in tests/oracle and tests/data. The first line that is no comment names the columns.
#pragma once
#include <fstream>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace cordon::egress {

inline std::string unescape(std::string_view cell) {
  std::string out;
  for (std::size_t i = 0; i < cell.size(); ++i) {
    if (cell[i] != '\\' || i + 1 == cell.size()) {
      out += cell[i];
      continue;
    }
    switch (cell[++i]) {
      case 't': out += '\t'; break;
      case 'r': out += '\r'; break;
      case 'n': out += '\n'; break;
      case 'x':
        out += static_cast<char>(std::stoi(std::string(cell.substr(i + 1, 2)), nullptr, 16));
        i += 2;
        break;
      default:
        out += '\\';
        if (cell[i] != '\\') out += cell[i];
    }
  }
  return out;
}

/// A row by the names of its columns. `line` is its number in the file. Cells are raw: unescape() them.
struct Row {
  std::map<std::string, std::string, std::less<>> cells;
  int line = 0;
  [[nodiscard]] std::string raw(std::string_view column) const {
    const auto it = cells.find(column);
    if (it == cells.end()) throw std::runtime_error("the table has no column " + std::string(column));
    return it->second;
  }
  [[nodiscard]] std::string operator[](std::string_view column) const { return unescape(raw(column)); }
};

/// `path` is relative to the source tree.
inline std::vector<Row> read_table(const std::string& path) {
  std::ifstream in(std::string(CORDON_SOURCE_DIR "/") + path, std::ios::binary);
  std::vector<std::string> columns;
  std::vector<Row> rows;
  std::string text;
  for (int line = 1; std::getline(in, text); ++line) {
    if (text.starts_with('#')) continue;
    std::vector<std::string> cells(1);
    for (const char c : text) {
      if (c == '\t') cells.emplace_back();
      else cells.back() += c;
    }
    if (columns.empty()) {
      columns = cells;
      continue;
    }
    Row row{{}, line};
    if (cells.size() != columns.size()) throw std::runtime_error(path + ":" + std::to_string(line) + ": wrong number of cells");
    for (std::size_t i = 0; i < columns.size(); ++i) row.cells[columns[i]] = cells[i];
    rows.push_back(std::move(row));
  }
  if (rows.size() < 10) throw std::runtime_error(path + " is not there or has no rows");
  return rows;
}

}  // namespace cordon::egress
