// Evaluations of several methods: the table, the JSON and the images of gm_eval, for any kind of
// evaluation.
#include "eval/comparison.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "comm/communicator.h"
#include "eval/comparison_images.h"
#include "eval/masked_dataset.h"
#include "image/image_grid.h"
#include "support/images.h"
#include "support/temporary_folder.h"

namespace gm {
namespace {

using testing::HasSubstr;

EvaluationReport inpainting_report(double all, double small, double large) {
  const auto figures = [](double psnr_masked) {
    return Figures{{"psnr_masked", psnr_masked}, {"l1", 0.125}};
  };
  return {.name = "inpainting",
          .samples = 30,
          .figures = figures(all),
          .breakdown =
              FigureBreakdown{
                  .key = "by_area",
                  .fraction = "masked fraction of the image",
                  .figure = "psnr_masked",
                  .bins = {{.from = 0.1, .to = 0.2, .samples = 10, .figures = figures(small)},
                           {.from = 0.4, .to = 0.5, .samples = 20, .figures = figures(large)}}},
          .provenance = {{"references", 7}, {"extractor", "lite0"}}};
}

Comparison two_reports() {
  return {{"mean fill", inpainting_report(12.5, 14.5, 11.5)},
          {"runs/unet", inpainting_report(22.25, 24.0, 21.375)}};
}

TEST(ComparisonTable, HasARowPerMethodAndOnePerMethodByArea) {
  EXPECT_EQ(comparison_table({two_reports()}),
            "inpainting: images 30, references 7, extractor lite0\n"
            "method        psnr_masked              l1\n"
            "mean fill         12.5000          0.1250\n"
            "runs/unet         22.2500          0.1250\n"
            "\n"
            "psnr_masked by masked fraction of the image (number of images)\n"
            "method       10-20 % (10)    40-50 % (20)\n"
            "mean fill           14.50           11.50\n"
            "runs/unet           24.00           21.38\n");
}

TEST(ComparisonTable, HasTheBinsOfAllMethodsAlsoIfSomeHaveNone) {
  Comparison reports = two_reports();
  reports[0].report.breakdown->bins[1].from = 0.2;
  reports[0].report.breakdown->bins[1].to = 0.3;
  reports.push_back({"runs/none", inpainting_report(1, 1, 1)});
  reports[2].report.breakdown.reset();
  const std::string header =
      "psnr_masked by masked fraction of the image (number of images)\n"
      "method       10-20 % (10)    20-30 % (20)    40-50 % (20)\n";
  const std::string mean = "mean fill           14.50           11.50                \n",
                    unet = "runs/unet           24.00                           21.38\n",
                    none = "runs/none                                                \n";
  EXPECT_THAT(comparison_table({reports}), testing::EndsWith(header + mean + unet + none));
  std::ranges::reverse(reports);
  EXPECT_THAT(comparison_table({reports}), testing::EndsWith(header + none + unet + mean));
  for (MethodReport& report : reports) report.report.breakdown.reset();
  EXPECT_THAT(comparison_table({reports}), Not(HasSubstr("by masked fraction")));
}

/// The same, of a trained model with a sampler.
Comparison reports_of_models() {
  Comparison reports = two_reports();
  reports[1].report.sampling = {{"sampler.kind", "ddim"}, {"sampler.eta", 0.5}};
  reports[1].report.weights = {{"step", 70}, {"weights", "ema"}};
  return reports;
}

TEST(ComparisonTable, SaysWhichWeightsAModelHasAndHowItMakesImages) {
  EXPECT_THAT(comparison_table({reports_of_models()}),
              testing::StartsWith("inpainting: images 30, references 7, extractor lite0\n"
                                  "runs/unet: step 70, weights ema, sampler.kind ddim, "
                                  "sampler.eta 0.5\n"
                                  "method "));
}

TEST(ComparisonJson, SaysWhichWeightsAModelHasAndHowItMakesImages) {
  const auto json = nlohmann::json::parse(comparison_json({reports_of_models()}));
  EXPECT_FALSE(json["evaluations"][0].contains("sampler.kind"));
  EXPECT_FALSE(json["methods"][0].contains("weights"));
  EXPECT_EQ(json["methods"][1]["step"], 70);
  EXPECT_EQ(json["methods"][1]["weights"], "ema");
  EXPECT_EQ(json["methods"][1]["sampler.eta"], 0.5);
}

TEST(ComparisonJson, ContainsEveryFigureAndWhatItDependsOn) {
  const auto json = nlohmann::json::parse(comparison_json({two_reports()}));
  EXPECT_EQ(json["evaluations"], nlohmann::json::parse(R"([{"evaluation": "inpainting",
      "samples": 30, "references": 7, "extractor": "lite0"}])"));
  EXPECT_EQ(json["methods"].size(), 2U);
  EXPECT_EQ(json["methods"][1]["name"], "runs/unet");
  EXPECT_EQ(json["methods"][1]["psnr_masked"], 22.25);
  EXPECT_EQ(json["methods"][0]["by_area"][1]["images"], 20);
  EXPECT_EQ(json["methods"][0]["by_area"][1]["from"], 0.4);
}

/// Another kind of evaluation, of which gm_eval knows nothing: the length of a method's name, on
/// two batches.
class NameLength final : public Evaluation {
 public:
  std::string name() const override { return "name_length"; }
  int64_t samples() const override { return 6; }
  std::vector<Method> baselines() override { return {{.name = "none"}}; }
  EvaluationReport run(const Method& method, const EvaluationObserver& observer) override {
    for (int64_t batch = 0; batch < 2; ++batch) {
      observer.begin_batch();
      observer.end_batch(3);
    }
    return {.name = name(),
            .samples = samples(),
            .figures = {{"letters", static_cast<double>(method.name.size())}}};
  }
};

TEST(CompareMethods, EvaluatesEachMethodAndReportsItsProgress) {
  NameLength evaluation;
  SelfCommunicator alone;
  int64_t batches = 0;
  testing::internal::CaptureStderr();
  const Comparison comparison = compare(
      evaluation, {{.name = "none"}, {.name = "runs/unet", .weights = {{"step", 70}}}},
      [&] { ++batches; }, alone);
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("runs/unet: 6 images evaluated"));
  EXPECT_EQ(batches, 4);
  ASSERT_EQ(comparison.size(), 2U);
  EXPECT_EQ(comparison[0].method, "none");
  EXPECT_EQ(comparison[1].report.figures, (Figures{{"letters", 9}}));
  EXPECT_EQ(comparison[1].report.weights, (Provenance{{"step", 70}}));
}

TEST(CompareMethods, SeveralEvaluationsShareTheJsonAndHaveATableEach) {
  NameLength evaluation;
  SelfCommunicator alone;
  testing::internal::CaptureStderr();
  const std::vector<Comparison> comparisons{
      two_reports(), compare(
                         evaluation, {{.name = "none"}, {.name = "runs/unet"}}, [] {}, alone)};
  testing::internal::GetCapturedStderr();
  EXPECT_THAT(comparison_table(comparisons), HasSubstr("21.38\n\n"
                                                       "name_length: images 6\n"
                                                       "method            letters\n"
                                                       "none               4.0000\n"
                                                       "runs/unet          9.0000\n"));
  const auto json = nlohmann::json::parse(comparison_json(comparisons));
  EXPECT_EQ(json["evaluations"][0]["samples"], 30);
  EXPECT_EQ(json["evaluations"][1]["samples"], 6);
  const auto& methods = json["methods"];
  ASSERT_EQ(methods.size(), 3U);
  EXPECT_EQ(methods[0].contains("letters"), false) << "not a baseline of the second evaluation";
  EXPECT_EQ(methods[1]["name"], "runs/unet");
  EXPECT_EQ(methods[1]["psnr_masked"], 22.25);
  EXPECT_EQ(methods[1]["letters"], 9);
  EXPECT_EQ(methods[2]["name"], "none");
}

TEST(Comparison, OfSeveralSeedsShowsTheirSpread) {
  const Comparison comparison{
      {"runs/a",
       {.name = "distribution",
        .samples = 9,
        .figures = {{"fd", 4}, {"fd_floor", 1}},
        .by_seed = {{3, {{"fd", 2}}}, {4, {{"fd", 4}}}, {5, {{"fd", 6}}}}}}};
  EXPECT_EQ(comparison_table({comparison}),
            "distribution: images 9\n"
            "method                   fd        fd_floor\n"
            "runs/a               4.0000          1.0000\n"
            "  deviation          2.0000\n"
            "  smallest           2.0000\n"
            "  largest            6.0000\n");
  const auto method = nlohmann::json::parse(comparison_json({comparison}))["methods"][0];
  EXPECT_EQ(method["fd"], 4);
  EXPECT_EQ(method["seeds"][1], nlohmann::json::parse(R"({"seed": 4, "fd": 4})"));
  EXPECT_EQ(method["spread"]["fd"],
            nlohmann::json::parse(R"({"deviation": 2, "smallest": 2, "largest": 6})"));
}

TEST(Comparison, OfClassesNamesThem) {
  const Comparison comparison{
      {"runs/a",
       {.name = "distribution",
        .samples = 9,
        .figures = {{"kd", 4}},
        .breakdown =
            FigureBreakdown{.key = "by_class",
                            .fraction = "class",
                            .figure = "kd",
                            .bins = {{.label = "cat", .samples = 5, .figures = {{"kd", 0.3}}}}}}}};
  EXPECT_THAT(comparison_table({comparison}), HasSubstr("kd by class (number of images)\n"
                                                        "method         cat (5)\n"
                                                        "runs/a          0.3000\n"));
  EXPECT_EQ(nlohmann::json::parse(comparison_json({comparison}))["methods"][0]["by_class"][0],
            nlohmann::json::parse(R"({"label": "cat", "images": 5, "kd": 0.3})"));
}

TEST(ComparisonJson, KeepsARunThatIsNamedTwiceTwice) {
  const Comparison first{{"runs/a", {.name = "one", .samples = 1, .figures = {{"x", 1}}}},
                         {"runs/a", {.name = "one", .samples = 1, .figures = {{"x", 2}}}}};
  const Comparison second{{"runs/a", {.name = "two", .samples = 1, .figures = {{"y", 3}}}},
                          {"runs/a", {.name = "two", .samples = 1, .figures = {{"y", 4}}}}};
  const auto methods = nlohmann::json::parse(comparison_json({first, second}))["methods"];
  ASSERT_EQ(methods.size(), 2U);
  EXPECT_EQ(methods[0]["y"], 3);
  EXPECT_EQ(methods[1]["x"], 2);
  EXPECT_EQ(methods[1]["y"], 4);
}

TEST(ComparisonStrips, ShowOriginalMaskedAndInpaintedImagesAndDifferences) {
  const TemporaryFolder folder;
  write_numbered_file(folder / "data.h5", {8, 8, 1}, 3, {});
  const MaskedDataset images(
      std::make_shared<const ImageDataset>(folder / "data.h5"),
      {.kind = MaskKind::kCentre, .coverage_min = 0.25, .coverage_max = 0.25, .path = {}}, 1);
  const auto fill_white = [](const Method&, const MaskedImages& masked_images) {
    return at::where(masked_images.masks > 0.5, at::ones({1}), masked_images.images);
  };
  const at::Tensor pixels = to_pixels(
      comparison_images({{.name = "white"}}, images.at(at::arange(2, at::kLong)), fill_white));
  EXPECT_EQ(pixels.sizes(), at::IntArrayRef({2, 2 * 8, 3 * 8, 1}));
  // A pixel of the second image: in the tile at row 0 or 1 and column 0 to 2.
  const auto pixel = [&](int64_t row, int64_t column, int64_t y, int64_t x) {
    return pixels[1][8 * row + y][8 * column + x][0].item<int>();
  };
  const int original = pixel(0, 0, 3, 3);
  EXPECT_EQ(pixel(0, 1, 3, 3), 96) << "the checkerboard of the mask";
  EXPECT_EQ(pixel(0, 1, 3, 4), 159);
  EXPECT_EQ(pixel(0, 1, 0, 0), pixel(0, 0, 0, 0));
  EXPECT_EQ(pixel(0, 2, 3, 3), 255);
  EXPECT_EQ(pixel(1, 0, 3, 3), 0);
  EXPECT_EQ(pixel(1, 1, 3, 3), 255);
  EXPECT_EQ(pixel(1, 1, 0, 0), 0);
  EXPECT_NEAR(pixel(1, 2, 3, 3), 255 - original, 1);
  EXPECT_EQ(pixel(1, 2, 0, 0), 0);
}

TEST(MaskedDataset, SelectsEvenlySpacedImages) {
  const TemporaryFolder folder;
  write_numbered_file(folder / "data.h5", {8, 8, 1}, 10, {});
  const MaskedDataset images(std::make_shared<const ImageDataset>(folder / "data.h5"), MaskConfig{},
                             1);
  const auto evenly_spaced = [&](int64_t count) {
    const at::Tensor i = images.evenly_spaced(at::arange(count, at::kLong), count);
    return std::vector<int64_t>(i.data_ptr<int64_t>(), i.data_ptr<int64_t>() + count);
  };
  EXPECT_EQ(evenly_spaced(5), (std::vector<int64_t>{0, 2, 4, 6, 8}));
  EXPECT_EQ(evenly_spaced(10), (std::vector<int64_t>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
  EXPECT_EQ(evenly_spaced(3), (std::vector<int64_t>{0, 3, 6}));
}

}  // namespace
}  // namespace gm
