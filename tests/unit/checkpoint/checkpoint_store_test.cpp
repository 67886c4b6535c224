// Checkpoints are there whole or not at all, and what was damaged is not loaded.
#include "checkpoint/checkpoint_store.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files.h"
#include "base/hash.h"
#include "support/expect_error.h"
#include "support/file_size_limit.h"
#include "support/temporary_folder.h"

namespace gm {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr size_t kLimit = 1 << 20;

class CheckpointStoreTest : public ::testing::Test {
 protected:
  fs::path save(int64_t step) {
    return store_.save(
        {.step = step, .images = step * 64, .updates = step - 1, .world = 2, .config_hash = "abc"},
        {{"model", {{"weight", at::full({4}, static_cast<double>(step))}}},
         {"ema", {{"weight", at::zeros({4})}}}});
  }
  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const fs::path& path : store_.list()) names.push_back(path.filename().string());
    return names;
  }
  static void overwrite(const fs::path& path, const std::string& content) {
    std::ofstream(path, std::ios::binary) << content;
  }
  template <class Matcher>
  static void expect_refused(const fs::path& folder, const Matcher& message) {
    expect_error<InputError>([&] { Checkpoint(folder).load("model"); }, message);
  }

  TemporaryFolder run_;
  CheckpointStore store_{run_.path(), /*keep=*/2};
};

TEST_F(CheckpointStoreTest, WhatIsSavedIsLoaded) {
  EXPECT_EQ(save(1000), store_.folder_of(1000));
  EXPECT_EQ(store_.folder_of(1000).filename(), "step-00001000");
  const Checkpoint checkpoint(store_.latest().value());
  EXPECT_EQ(checkpoint.info().step, 1000);
  EXPECT_EQ(checkpoint.info().images, 64'000);
  EXPECT_EQ(checkpoint.info().updates, 999);
  EXPECT_EQ(checkpoint.info().world, 2);
  EXPECT_EQ(checkpoint.info().config_hash, "abc");
  EXPECT_TRUE(checkpoint.has("ema"));
  EXPECT_FALSE(checkpoint.has("optimizer"));
  EXPECT_TRUE(checkpoint.load("model").at("weight").equal(at::full({4}, 1000.0)));
}

TEST_F(CheckpointStoreTest, TheManifestSaysWhatIsThere) {
  const fs::path folder = save(7);
  const auto manifest = nlohmann::json::parse(read_file(folder / "manifest.json", kLimit));
  EXPECT_EQ(manifest["format_version"], 1);
  EXPECT_EQ(manifest["step"], 7);
  EXPECT_EQ(manifest["files"].size(), 2U);
  const auto& model = manifest["files"]["model.safetensors"];
  EXPECT_EQ(model["bytes"], fs::file_size(folder / "model.safetensors"));
  EXPECT_EQ(model["xxh3_128"], hash_file(folder / "model.safetensors"));
}

TEST_F(CheckpointStoreTest, LatestIsARelativeLinkThatSurvivesAMove) {
  save(1);
  const fs::path link = run_ / "checkpoints" / "latest";
  EXPECT_EQ(fs::read_symlink(link), "step-00000001");
  EXPECT_EQ(load_safetensors(link / "model.safetensors").size(), 1U);
  save(2);
  EXPECT_EQ(fs::read_symlink(link), "step-00000002");
}

TEST_F(CheckpointStoreTest, BeforeTheFirstSaveThereIsNone) {
  EXPECT_EQ(store_.latest(), std::nullopt);
  EXPECT_TRUE(store_.list().empty());
}

TEST_F(CheckpointStoreTest, KeepsTheNewest) {
  for (const int64_t step : {1, 2, 3}) save(step);
  EXPECT_THAT(names(), ElementsAre("step-00000002", "step-00000003"));
  CheckpointStore keeps_all(run_.path());
  keeps_all.save({.step = 4}, {});
  EXPECT_EQ(names().size(), 3U);
}

TEST_F(CheckpointStoreTest, SortsBySteps) {
  CheckpointStore keeps_all(run_.path());
  for (const int64_t step : {200'000'000, 99'999'999, 1}) keeps_all.save({.step = step}, {});
  EXPECT_THAT(names(), ElementsAre("step-00000001", "step-99999999", "step-200000000"));
}

TEST_F(CheckpointStoreTest, ARepeatedStepIsReplaced) {
  save(5);
  save(5);
  EXPECT_THAT(names(), ElementsAre("step-00000005"));
  EXPECT_NO_THROW(Checkpoint(store_.latest().value()).load("model"));
}

TEST_F(CheckpointStoreTest, OtherFilesAreLeftAlone) {
  save(1);
  fs::create_directory(run_ / "checkpoints" / "step-best");
  fs::create_directory(run_ / "checkpoints" / "step-00000009.old");
  for (const int64_t step : {2, 3, 4}) save(step);
  EXPECT_TRUE(fs::exists(run_ / "checkpoints" / "step-best"));
  EXPECT_TRUE(fs::exists(run_ / "checkpoints" / "step-00000009.old"));
  EXPECT_EQ(names().size(), 2U);
}

TEST_F(CheckpointStoreTest, ADiskThatRefusesKeepsTheOldCheckpoint) {
  save(1);
  {
    const FileSizeLimit limit(16);
    EXPECT_THROW(save(2), Error);
  }
  EXPECT_THAT(names(), ElementsAre("step-00000001"));
  EXPECT_NO_THROW(Checkpoint(store_.latest().value()).load("model"));
  EXPECT_EQ(std::distance(fs::directory_iterator(run_ / "checkpoints"), {}), 2);
}

TEST_F(CheckpointStoreTest, AFileInTheWayIsAnError) {
  overwrite(run_ / "checkpoints", "not a folder");
  expect_error<Error>([&] { save(1); }, HasSubstr("cannot be written"));
}

TEST_F(CheckpointStoreTest, AFlippedBitIsFound) {
  const fs::path folder = save(1);
  std::string bytes = read_file(folder / "model.safetensors", kLimit);
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  overwrite(folder / "model.safetensors", bytes);
  expect_refused(folder, AllOf(HasSubstr("model.safetensors: its hash"), HasSubstr("damaged")));
}

TEST_F(CheckpointStoreTest, ACutOrMissingFileIsFound) {
  const fs::path folder = save(1);
  fs::resize_file(folder / "ema.safetensors", 10);
  expect_refused(folder, HasSubstr("ema.safetensors: has 10 bytes, but manifest.json says"));
  fs::remove(folder / "ema.safetensors");
  expect_refused(folder, HasSubstr("ema.safetensors: No such file"));
}

TEST_F(CheckpointStoreTest, TensorsThatWereNotSavedAreNamed) {
  const fs::path folder = save(1);
  expect_error<InputError>([&] { Checkpoint(folder).load("optimizer"); },
                           HasSubstr("the checkpoint has no optimizer.safetensors"));
}

TEST_F(CheckpointStoreTest, ManifestsOfAnotherFormAreRefused) {
  const fs::path folder = save(1);
  const fs::path manifest = folder / "manifest.json";
  const auto good = nlohmann::json::parse(read_file(manifest, kLimit));
  const auto with = [&](const char* name, const nlohmann::json& value) {
    auto changed = good;
    changed[name] = value;
    return changed.dump();
  };
  overwrite(manifest, with("format_version", 2));
  expect_refused(folder, HasSubstr("format version 2; this program reads version 1"));
  overwrite(manifest, with("step", "one"));
  expect_refused(folder, HasSubstr("\"step\" is missing or of the wrong type"));
  overwrite(manifest, with("files", {{"model.safetensors", 3}}));
  expect_refused(folder, HasSubstr("\"bytes\" is missing"));
  overwrite(manifest, with("files", {{"../secret", {{"bytes", 1}, {"xxh3_128", ""}}}}));
  expect_refused(folder, HasSubstr("\"../secret\" is no file of this folder"));
  overwrite(manifest, "{\"format_version\": 1}");
  expect_refused(folder, HasSubstr("\"step\" is missing"));
  overwrite(manifest, "not JSON");
  expect_refused(folder, HasSubstr("no JSON object"));
  fs::remove(manifest);
  expect_refused(folder, HasSubstr("manifest.json: cannot be read"));
}

TEST_F(CheckpointStoreTest, LatestThatNamesNoCheckpointIsRefused) {
  save(1);
  const fs::path link = run_ / "checkpoints" / "latest";
  for (const char* target : {"/etc", "../..", "step-00000002", "step-best"}) {
    fs::remove(link);
    fs::create_symlink(target, link);
    expect_error<InputError>([&] { store_.latest(); }, HasSubstr("which is no checkpoint"));
  }
}

}  // namespace
}  // namespace gm
