/// Markup of the report: HTML and SVG. Text is escaped, because names of runs, messages and values
/// may contain anything.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gm {

/// Text becomes Html only through text() and element(), which escape it.
class Html {
 public:
  Html() = default;
  /// Markup of this program, which contains no text from outside.
  static Html trusted(std::string_view markup);

  Html& operator+=(const Html& more);
  bool empty() const { return markup_.empty(); }
  const std::string& markup() const { return markup_; }

 private:
  std::string markup_;
};

Html operator+(Html a, const Html& b);

/// `plain` as text of the page: <, >, & and quotation marks are escaped.
Html text(std::string_view plain);

/// The values are escaped.
using Attributes = std::vector<std::pair<const char*, std::string>>;

Html element(const char* tag, const Attributes& attributes, const Html& content = {});
Html element(const char* tag, const Html& content);
/// The same, with a class.
Html element(const char* tag, const char* css_class, const Html& content);

/// A table with a line of headings; a cell may be empty.
Html table(const std::vector<std::string>& headings, const std::vector<std::vector<Html>>& rows);

}  // namespace gm
