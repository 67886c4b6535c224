#include "report/html.h"

namespace gm {
namespace {

std::string escaped(std::string_view plain) {
  std::string result;
  for (const char c : plain) {
    switch (c) {
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '&':
        result += "&amp;";
        break;
      case '"':
        result += "&quot;";
        break;
      case '\'':
        result += "&#39;";
        break;
      default:
        result += c;
    }
  }
  return result;
}

}  // namespace

Html Html::trusted(std::string_view markup) {
  Html html;
  html.markup_ = markup;
  return html;
}

Html& Html::operator+=(const Html& more) {
  markup_ += more.markup_;
  return *this;
}

Html operator+(Html a, const Html& b) {
  a += b;
  return a;
}

Html text(std::string_view plain) { return Html::trusted(escaped(plain)); }

Html element(const char* tag, const Attributes& attributes, const Html& content) {
  std::string open = std::string("<") + tag;
  for (const auto& [name, value] : attributes) {
    open.append(" ").append(name).append("=\"").append(escaped(value)).append("\"");
  }
  const std::string_view name = tag;
  if (name == "img") return Html::trusted(open + ">");  // the only one here that has no end
  return Html::trusted(open + ">") + content + Html::trusted("</" + std::string(name) + ">\n");
}

Html element(const char* tag, const Html& content) { return element(tag, Attributes{}, content); }

Html element(const char* tag, const char* css_class, const Html& content) {
  return element(tag, {{"class", css_class}}, content);
}

Html table(const std::vector<std::string>& headings, const std::vector<std::vector<Html>>& rows) {
  Html head, body;
  for (const std::string& heading : headings) head += element("th", text(heading));
  for (const std::vector<Html>& cells : rows) {
    Html row;
    for (const Html& cell : cells) row += element("td", cell);
    body += element("tr", row);
  }
  return element("div", "scroll",
                 element("table", element("thead", element("tr", head)) + element("tbody", body)));
}

}  // namespace gm
