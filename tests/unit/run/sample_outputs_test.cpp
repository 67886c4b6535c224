// The outputs of gm_sample: which samples they need, what they hold, and what they refuse.
#include "run/sample_outputs.h"

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "base/files.h"
#include "base/output.h"
#include "data/hdf5_images.h"
#include "image/image_grid.h"
#include "support/config_with.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace gm {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr ImageShape kSampleShape{4, 4, 1};

SampleSettings settings_with(uint64_t seed, const char* override = "sampler.steps=0") {
  const LoadedRun run{.name = "runs/a",
                      .config = config_with({override}),
                      .step = 10,
                      .weights_hash = "0123",
                      .shape = kSampleShape,
                      .task = nullptr};
  return {run, {.seed = seed}};
}

/// The samples first .. end - 1: sample i has the value i everywhere.
PixelBatch samples_from(int64_t first, int64_t end) {
  const at::Tensor indices = at::arange(first, end, at::kLong);
  return {indices, indices.to(at::kByte).view({-1, 1, 1, 1}).expand({-1, 4, 4, 1}).contiguous()};
}

class SampleOutputsTest : public testing::Test {
 protected:
  SampleOutputsOptions options(const std::string& out, int64_t count, const char* images = "") {
    return {.out = (folder_ / out).string(),
            .images = *images == 0 ? "" : (folder_ / images).string(),
            .count = count,
            .shape = kSampleShape};
  }

  /// The samples that are needed at the start of the outputs.
  static std::vector<int64_t> needed(const SampleOutputsOptions& options,
                                     const SampleSettings& settings = settings_with(7)) {
    SampleOutputs outputs(options, settings);
    std::vector<int64_t> indices;
    for (int64_t i = 0; i < options.count; ++i) {
      if (outputs.needs(i)) indices.push_back(i);
    }
    return indices;
  }

  /// Passes the samples first .. end - 1 to the outputs, as a program that is then stopped.
  static void begin(const SampleOutputsOptions& options, int64_t first, int64_t end) {
    SampleOutputs(options, settings_with(7)).take(samples_from(first, end));
  }

  /// Makes what is needed, as a program that ends.
  static void complete(const SampleOutputsOptions& options) {
    SampleOutputs outputs(options, settings_with(7));
    for (int64_t i = 0; i < options.count; ++i) {
      if (outputs.needs(i)) outputs.take(samples_from(i, i + 1));
    }
    outputs.finish_files();
  }

  void expect_grid_of(const std::string& name, const PixelBatch& samples) {
    write_image_grid(folder_ / "expected.png", {samples.pixels});
    constexpr size_t kLimit = 1 << 24;
    EXPECT_TRUE(read_file(folder_ / name, kLimit) == read_file(folder_ / "expected.png", kLimit));
  }

  TemporaryFolder folder_;
};

TEST_F(SampleOutputsTest, AFolderNeedsOnlyWhatItHasNotIntact) {
  const auto options = this->options("grid.png", 6, "each");
  EXPECT_THAT(needed(options), ElementsAre(0, 1, 2, 3, 4, 5));
  EXPECT_THAT(folder_.names(), ElementsAre()) << "nothing is created before the first sample";
  begin(options, 0, 4);
  std::filesystem::remove(folder_ / "each/00001.png");
  write_file_atomically(folder_ / "each/00002.png", "cut off");
  EXPECT_THAT(needed(options), ElementsAre(1, 2, 4, 5));
  complete(options);
  expect_grid_of("grid.png", samples_from(0, 6));
  EXPECT_THAT(needed(options), ElementsAre());
  EXPECT_THAT(needed(this->options("grid.png", 8, "each")), ElementsAre(6, 7))
      << "more samples of the same series";
}

TEST_F(SampleOutputsTest, SamplesOfOtherSettingsAreNeverMixed) {
  for (const char* out : {"grid.png", "all.h5"}) {
    const std::string images = std::string(out) == "grid.png" ? "each" : "";
    const auto options = this->options(out, 6, images.c_str());
    begin(options, 0, 4);
    expect_error<InputError>(
        [&] { needed(options, settings_with(8)); },
        AllOf(HasSubstr(images.empty() ? "all.h5.partial" : "each"),
              HasSubstr("seed is 7 there and 8 now"), HasSubstr("name another output")));
    expect_error<InputError>([&] { needed(options, settings_with(7, "sampler.steps=3")); },
                             HasSubstr("sampler.steps is 0 there and 3 now"));
    expect_error<InputError>([&] { needed(options, settings_with(7, "diffusion.clamp=false")); },
                             HasSubstr("diffusion.clamp is true there and false now"));
  }
  std::filesystem::create_directory(folder_ / "unknown");
  write_file_atomically(folder_ / "unknown/00003.png", "of another program");
  expect_error<InputError>(
      [&] { needed(this->options("grid.png", 6, "unknown")); },
      AllOf(HasSubstr("00003.png: exists already"), HasSubstr("samples.json")));
}

TEST_F(SampleOutputsTest, AnHdf5FileIsResumedAndAppearsWhenItIsComplete) {
  const auto options = this->options("all.h5", 6);
  begin(options, 0, 4);
  EXPECT_THAT(folder_.names(), ElementsAre("all.h5.partial"));
  EXPECT_THAT(needed(options), ElementsAre(4, 5));
  expect_error<InputError>([&] { needed(this->options("all.h5", 7)); },
                           HasSubstr("count is 6 there and 7 now"));
  complete(options);
  EXPECT_THAT(folder_.names(), ElementsAre("all.h5"));
  const Hdf5Images images(folder_ / "all.h5");
  images.verify();
  std::vector<uint8_t> pixels(6 * 16);
  images.read_images(0, 6, pixels);
  const at::Tensor expected = samples_from(0, 6).pixels;
  EXPECT_TRUE(std::ranges::equal(
      pixels, std::span(expected.const_data_ptr<uint8_t>(), static_cast<size_t>(96))));
  EXPECT_THAT(needed(options), ElementsAre()) << "the same command again has nothing to do";
  expect_error<InputError>([&] { needed(options, settings_with(8)); }, HasSubstr("seed"));
}

TEST_F(SampleOutputsTest, TheEndingOfAnHdf5FileIsInAnyCase) {
  for (const char* name : {"all.h5", "all.H5", "all.Hdf5"}) EXPECT_TRUE(is_hdf5_output(name));
  for (const char* name : {"all.png", "h5", "-"}) EXPECT_FALSE(is_hdf5_output(name));
}

TEST_F(SampleOutputsTest, ACompleteHdf5FileThatWasNotRenamedYetIsFinished) {
  const auto options = this->options("all.h5", 6);
  complete(options);
  std::filesystem::rename(folder_ / "all.h5", folder_ / "all.h5.partial");
  EXPECT_THAT(needed(options), ElementsAre());
  expect_error<InputError>([&] { needed(options, settings_with(8)); },
                           HasSubstr("seed is 7 there and 8 now"));
  complete(options);
  EXPECT_THAT(folder_.names(), ElementsAre("all.h5"));
  Hdf5Images(folder_ / "all.h5").verify();
}

TEST_F(SampleOutputsTest, AnHdf5FileIsWrittenByOneProcessAtATime) {
  const auto options = this->options("all.h5", 6);
  SampleOutputs one(options, settings_with(7));
  {
    SampleOutputs other(options, settings_with(7));
    one.take(samples_from(0, 1));
    EXPECT_THROW(other.take(samples_from(0, 1)), Error) << "both began without a file";
  }
  expect_error<InputError>([&] { needed(options); },
                           HasSubstr("all.h5.partial: another process writes this file"));
  one.take(samples_from(1, 6));
  one.finish_files();
  EXPECT_THAT(folder_.names(), ElementsAre("all.h5"));
}

TEST_F(SampleOutputsTest, AnHdf5FileHasTheClassesOfTheSamples) {
  auto options = this->options("all.h5", 3);
  options.classes = {.names = {"0", "1"},
                     .labels = [](const at::Tensor& indices) { return indices.remainder(2); }};
  complete(options);
  const Hdf5Images images(folder_ / "all.h5");
  EXPECT_THAT(images.labels(), ElementsAre(0, 1, 0));
  EXPECT_THAT(images.classes(), ElementsAre("0", "1"));
}

TEST_F(SampleOutputsTest, AFileAndAFolderThatStoppedAtDifferentSamplesAreBothCompleted) {
  const auto both = this->options("all.h5", 6, "each");
  begin(both, 0, 4);
  std::filesystem::remove(folder_ / "each/00002.png");
  EXPECT_THAT(needed(both), ElementsAre(2, 4, 5));
  complete(both);
  Hdf5Images(folder_ / "all.h5").verify();
  EXPECT_THAT(needed(this->options("grid.png", 6, "each")), ElementsAre());
}

TEST_F(SampleOutputsTest, AGridShowsTheFirstOfManySamples) {
  const int64_t most = largest_grid(kSampleShape, 1);
  EXPECT_EQ(most, 4096);
  EXPECT_EQ(largest_grid({512, 512, 3}, 3),
            (int64_t{1} << 30) / (3 * 512 * 512 * 3 + 514 * 1538 * 3));
  expect_error<InputError>(
      [&] { needed(this->options("grid.png", most + 1)); },
      AllOf(HasSubstr("at most 4096"), HasSubstr(".h5"), HasSubstr("--images")));
  SampleGrid grid({.path = folder_ / "grid.png", .count = 4});
  EXPECT_TRUE(grid.needs(3));
  EXPECT_FALSE(grid.needs(4));
  grid.take(samples_from(0, 3));
  grid.take(samples_from(3, 9));
  grid.finish();
  expect_grid_of("grid.png", samples_from(0, 4));
}

TEST(SampleFilesTest, AreNumberedOrNamedLikeTheirOriginals) {
  const SampleFiles numbered("/each", 2, {}), named("/each", 1, {"cat/a"});
  EXPECT_EQ(numbered.path(1), "/each/00001.png");
  EXPECT_EQ(named.path(0), "/each/cat/a.png");
  EXPECT_TRUE(numbered.contains("/each/00001.png"));
  for (const char* other : {"/each/00002.png", "/each/1.png", "/each/00001.jpg", "/00001.png"}) {
    EXPECT_FALSE(numbered.contains(other)) << other;
  }
  EXPECT_TRUE(named.contains("/each/cat/a.png"));
  EXPECT_FALSE(named.contains("/each/00000.png"));
}

TEST(SampleFilesTest, MayNotBeAnotherOutputOrTheMask) {
  const TemporaryFolder folder;
  const std::string each = (folder / "each").string();
  const SampleFiles files(each, 3, {});
  files.require_apart("", {"", (folder / "grid.png").string()});
  files.require_apart((folder / "mask.png").string(), {});
  expect_error<InputError>([&] { files.require_apart(each + "/00002.png", {}); },
                           AllOf(HasSubstr("--images " + each), HasSubstr("overwrite the mask")));
  for (const std::string& taken : {each + "/00001.png", each}) {
    expect_error<InputError>(
        [&] {
          files.require_apart("", {"", taken});
        },
        AllOf(HasSubstr(taken), HasSubstr("written twice")));
  }
}

}  // namespace
}  // namespace gm
