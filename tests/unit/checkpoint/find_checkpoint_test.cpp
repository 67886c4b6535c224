// A run resumes from its newest intact checkpoint.
#include "checkpoint/find_checkpoint.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include <fstream>
#include <functional>

#include "base/error.h"
#include "base/files.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace gm {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

class ResumeTest : public ::testing::Test {
 protected:
  ResumeTest() {
    for (const int64_t step : {1, 2}) {
      store_.save({.state = {.step = step, .samples = step * 64},
                   .updates = {{"phase", step}},
                   .identity = {.config_hash = "config"}},
                  {{"model", {{"w", at::full({3}, static_cast<double>(step))}}},
                   {"ema", {{"w", at::zeros({3})}}},
                   {"optimizer", {{"w.exp_avg", at::ones({3})}}}});
    }
  }

  /// The step of the resume point; 0 if there is none.
  int64_t found() {
    ::testing::internal::CaptureStderr();
    const auto point = find_resume_point(store_, "config");
    warnings_ = ::testing::internal::GetCapturedStderr();
    return point ? point->checkpoint.info().state.step : 0;
  }

  TemporaryFolder run_;
  CheckpointStore store_{run_.path()};
  std::string warnings_;
};

TEST_F(ResumeTest, FindsTheNewestWithItsTensors) {
  EXPECT_EQ(found(), 2);
  EXPECT_EQ(warnings_, "");
  const auto point = find_resume_point(store_, "config");
  EXPECT_EQ(point->tensors.size(), 3U);
  EXPECT_TRUE(point->tensors.at("model").at("w").equal(at::full({3}, 2.0)));
}

TEST_F(ResumeTest, ARunWithoutCheckpointsHasNoResumePoint) {
  fs::remove_all(run_ / "checkpoints");
  EXPECT_EQ(found(), 0);
}

TEST_F(ResumeTest, EveryFlippedBitIsDetectedAndTheOlderCheckpointIsUsed) {
  for (const char* file : {"model.safetensors", "ema.safetensors", "optimizer.safetensors"}) {
    const fs::path path = store_.folder_of(2) / file;
    const std::string good = read_file(path, 1 << 20);
    for (size_t i = 0; i < good.size(); ++i) {
      std::string bad = good;
      bad[i] = static_cast<char>(bad[i] ^ (1 << (i % 8)));
      std::ofstream(path, std::ios::binary) << bad;
      ASSERT_EQ(found(), 1) << file << " byte " << i;
      EXPECT_THAT(warnings_, AllOf(HasSubstr("rejected"), HasSubstr(file)));
    }
    std::ofstream(path, std::ios::binary) << good;
  }
  EXPECT_EQ(found(), 2);
}

/// A flipped bit is detected, unless it only replaces one white space character by another.
TEST_F(ResumeTest, NoFlippedBitInTheManifestChangesWhatIsLoaded) {
  const fs::path path = store_.folder_of(2) / "manifest.json";
  const std::string good = read_file(path, 1 << 20);
  const auto is_space = [](char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; };
  for (size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ (1 << (i % 8)));
    std::ofstream(path, std::ios::binary) << bad;
    ::testing::internal::CaptureStderr();
    const auto point = find_resume_point(store_, "config");
    ::testing::internal::GetCapturedStderr();
    const int64_t step = is_space(good[i]) && is_space(bad[i]) ? 2 : 1;
    const CheckpointInfo& info = point->checkpoint.info();
    ASSERT_EQ(info.state.step, step) << i;
    EXPECT_EQ(info.state.samples, step * 64);
    EXPECT_EQ(info.updates.at("phase"), step);
    EXPECT_TRUE(point->tensors.at("model").at("w").equal(at::full({3}, static_cast<double>(step))));
  }
}

TEST_F(ResumeTest, AFolderNamedAfterAnotherStepIsRejected) {
  fs::remove_all(store_.folder_of(2));
  fs::copy(store_.folder_of(1), store_.folder_of(2), fs::copy_options::recursive);
  EXPECT_EQ(found(), 1);
  EXPECT_THAT(warnings_, HasSubstr("step-00000002: holds the checkpoint of step 1"));
}

TEST_F(ResumeTest, OtherDamageIsNamedAndRejected) {
  const fs::path newest = store_.folder_of(2);
  const fs::path model = newest / "model.safetensors", ema = newest / "ema.safetensors";
  const std::pair<std::function<void()>, const char*> damages[]{
      {[&] { fs::resize_file(model, 0); }, "has 0 bytes"},
      {[&] { fs::remove(model); }, "No such file"},
      {[&] {
         fs::rename(model, newest / "aside");
         fs::rename(ema, model);
         fs::rename(newest / "aside", ema);
       },
       "its hash does not match the one"},
      {[&] { fs::remove(newest / "manifest.json"); }, "manifest.json: no such file"},
      {[&] { fs::resize_file(newest / "manifest.json", 30); }, "not a JSON object"},
  };
  const TemporaryFolder copy;
  fs::copy(newest, copy / "good", fs::copy_options::recursive);
  for (const auto& [damage, message] : damages) {
    damage();
    EXPECT_EQ(found(), 1) << message;
    EXPECT_THAT(warnings_, HasSubstr(message));
    fs::remove_all(newest);
    fs::copy(copy / "good", newest, fs::copy_options::recursive);
  }
  EXPECT_EQ(found(), 2);
}

TEST_F(ResumeTest, ACheckpointOfAnotherRunIsRejected) {
  store_.save({.state = {.step = 3}, .identity = {.config_hash = "another"}}, {});
  EXPECT_EQ(found(), 2);
  EXPECT_THAT(warnings_, HasSubstr("made with another configuration"));
}

TEST_F(ResumeTest, WithoutAnIntactCheckpointTheErrorExplainsEach) {
  fs::resize_file(store_.folder_of(1) / "ema.safetensors", 7);
  fs::remove(store_.folder_of(2) / "optimizer.safetensors");
  ::testing::internal::CaptureStderr();
  expect_error<InputError>([&] { find_resume_point(store_, "config"); },
                           AllOf(HasSubstr("none of the run's checkpoints can be used"),
                                 HasSubstr("step-00000001/ema.safetensors: has 7 bytes"),
                                 HasSubstr("step-00000002/optimizer.safetensors: No such file")));
  ::testing::internal::GetCapturedStderr();
}

}  // namespace
}  // namespace gm
