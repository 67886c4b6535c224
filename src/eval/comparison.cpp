#include "eval/comparison.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "device/transfer.h"

namespace gm {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kByArea = "psnr_masked";

size_t longest_name(const std::vector<NamedReport>& reports) {
  size_t longest = 6;
  for (const auto& [name, report] : reports) longest = std::max(longest, name.size());
  return longest;
}

std::string row(size_t label_width, const std::string& label,
                const std::vector<std::string>& cells) {
  std::string text = fmt::format("{:<{}}", label, label_width);
  for (const std::string& cell : cells) text += fmt::format("  {:>14}", cell);
  return text + "\n";
}

std::string overall_table(const std::vector<NamedReport>& reports, size_t width) {
  std::vector<std::string> names;
  for (const auto& [name, value] : reports.front().second.all.values) names.push_back(name);
  std::string text = row(width, "method", names);
  for (const auto& [method, report] : reports) {
    std::vector<std::string> cells;
    for (const auto& [name, value] : report.all.values)
      cells.push_back(fmt::format("{:.4f}", value));
    text += row(width, method, cells);
  }
  return text;
}

double figure(const InpaintingFigures& figures, const std::string& name) {
  return std::ranges::find(figures.values, name, &std::pair<std::string, double>::first)->second;
}

/// The bins are the same for all methods, because the masks are the same.
std::string table_by_area(const std::vector<NamedReport>& reports, size_t width) {
  std::vector<std::string> bins;
  for (const AreaBin& bin : reports.front().second.bins) {
    bins.push_back(
        fmt::format("{:.0f}-{:.0f} % ({})", bin.from * 100, bin.to * 100, bin.figures.images));
  }
  std::string text = row(width, "method", bins);
  for (const auto& [method, report] : reports) {
    std::vector<std::string> cells;
    for (const AreaBin& bin : report.bins) {
      cells.push_back(fmt::format("{:.2f}", figure(bin.figures, kByArea)));
    }
    text += row(width, method, cells);
  }
  return text;
}

Json json_of(const InpaintingFigures& figures) {
  Json json{{"images", figures.images}};
  for (const auto& [name, value] : figures.values) json[name] = value;
  return json;
}

}  // namespace

std::string comparison_table(const std::vector<NamedReport>& reports) {
  const size_t width = longest_name(reports);
  return overall_table(reports, width) +
         fmt::format("\n{} by masked fraction of the image (number of images)\n", kByArea) +
         table_by_area(reports, width);
}

std::string comparison_json(const std::vector<NamedReport>& reports) {
  Json methods = Json::array();
  for (const auto& [name, report] : reports) {
    Json method{{"name", name}};
    method.update(json_of(report.all));
    for (const AreaBin& bin : report.bins) {
      Json entry{{"from", bin.from}, {"to", bin.to}};
      entry.update(json_of(bin.figures));
      method["by_area"].push_back(std::move(entry));
    }
    methods.push_back(std::move(method));
  }
  return Json{{"methods", std::move(methods)}}.dump(2) + "\n";
}

std::vector<std::string> comparison_labels(const std::vector<InpaintMethod>& methods) {
  std::vector<std::string> labels{"original", "masked"};
  for (const InpaintMethod& method : methods) {
    labels.push_back(
        std::filesystem::path(method.name).filename());  // of a run's path, the end tells most
  }
  return labels;
}

at::Tensor comparison_images(const std::vector<InpaintMethod>& methods, const MaskedDataset& images,
                             const at::Tensor& indices, const SamplingObserver& observer) {
  const MaskedImages truth = images.at(indices);
  const at::Tensor mask = (truth.masks * 2 - 1).expand_as(truth.images);
  std::vector<at::Tensor> above{truth.images, images_with_visible_masks(truth)};
  std::vector<at::Tensor> below{at::full_like(truth.images, -1), mask};
  for (const InpaintMethod& method : methods) {
    const at::Tensor filled = download(method.inpaint(truth, indices, observer));
    above.push_back(filled);
    below.push_back((filled - truth.images).abs() - 1);
  }
  return at::cat({at::cat(above, /*dim=*/3), at::cat(below, /*dim=*/3)}, /*dim=*/2);
}

}  // namespace gm
