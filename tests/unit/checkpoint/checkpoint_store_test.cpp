// Checkpoints are written atomically, and damaged ones are not loaded.
#include "checkpoint/checkpoint_store.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files.h"
#include "base/hash.h"
#include "checkpoint/find_checkpoint.h"
#include "support/expect_error.h"
#include "support/failing_file_system.h"
#include "support/file_size_limit.h"
#include "support/temporary_folder.h"

namespace gm {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

constexpr size_t kLimit = 1 << 20;

class CheckpointStoreTest : public ::testing::Test {
 protected:
  fs::path save(int64_t step) { return store_.save(info(step), tensors(step)); }
  static CheckpointInfo info(int64_t step) {
    return {.state = {.step = step, .samples = step * 64, .nonfinite_in_a_row = 2},
            .updates = {{"ddpm", step - 1}},
            .world = 2,
            .identity = {.config_hash = "abc", .data_hash = "def"},
            .sample_shape = {3, 8, 8},
            .classes = 2,
            .class_names = {"cat", "dog \xff"}};
  }
  static CheckpointTensors tensors(int64_t step) {
    return {{"model", {{"weight", at::full({4}, static_cast<double>(step))}}},
            {"ema", {{"weight", at::zeros({4})}}}};
  }
  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const fs::path& path : store_.list()) names.push_back(path.filename().string());
    return names;
  }
  fs::path latest() const { return run_ / "checkpoints" / "latest"; }
  fs::path newest() const {
    return newest_good(store_, [](const Checkpoint&) {})->folder();
  }
  /// Replaces the link `latest` by a folder, as a tool does that copies a run and follows links.
  void make_a_folder_of_latest() const {
    const fs::path target = fs::canonical(latest());
    fs::remove(latest());
    fs::copy(target, latest());
  }
  template <class Act>
  static std::string warnings_of(const Act& act) {
    ::testing::internal::CaptureStderr();
    act();
    return ::testing::internal::GetCapturedStderr();
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

TEST_F(CheckpointStoreTest, LoadsWhatWasSaved) {
  EXPECT_EQ(save(1000), store_.folder_of(1000));
  EXPECT_EQ(store_.folder_of(1000).filename(), "step-00001000");
  const Checkpoint checkpoint = store_.open(store_.folder_of(1000));
  EXPECT_EQ(checkpoint.info().state.step, 1000);
  EXPECT_EQ(checkpoint.info().state.samples, 64'000);
  EXPECT_EQ(checkpoint.info().state.nonfinite_in_a_row, 2);
  EXPECT_EQ(checkpoint.info().updates.at("ddpm"), 999);
  EXPECT_EQ(checkpoint.info().world, 2);
  EXPECT_EQ(checkpoint.info().identity.config_hash, "abc");
  EXPECT_EQ(checkpoint.info().identity.data_hash, "def");
  EXPECT_EQ(checkpoint.info().sample_shape, (std::vector<int64_t>{3, 8, 8}));
  EXPECT_EQ(checkpoint.info().classes, 2);
  EXPECT_EQ(checkpoint.info().class_names.at(0), "cat");
  EXPECT_TRUE(checkpoint.has("ema"));
  EXPECT_FALSE(checkpoint.has("optimizer"));
  EXPECT_TRUE(checkpoint.load("model").at("weight").equal(at::full({4}, 1000.0)));
  EXPECT_EQ(checkpoint.load_all().size(), 2U);
  EXPECT_EQ(parse_manifest(checkpoint.manifest(), "here").state.step, 1000);
}

TEST_F(CheckpointStoreTest, TheManifestListsTheFilesWithSizesAndHashes) {
  const fs::path folder = save(7);
  const auto manifest = nlohmann::json::parse(read_file(folder / "manifest.json", kLimit));
  EXPECT_EQ(manifest["format_version"], 3);
  EXPECT_EQ(manifest["step"], 7);
  EXPECT_EQ(manifest["files"].size(), 2U);
  const auto& model = manifest["files"]["model.safetensors"];
  EXPECT_EQ(model["bytes"], fs::file_size(folder / "model.safetensors"));
  EXPECT_EQ(model["xxh3_128"], hash_file(folder / "model.safetensors"));
}

TEST_F(CheckpointStoreTest, LatestIsARelativeLinkToTheNewest) {
  save(1);
  EXPECT_EQ(fs::read_symlink(latest()), "step-00000001");
  EXPECT_EQ(load_safetensors(latest() / "model.safetensors").size(), 1U);
  save(2);
  EXPECT_EQ(fs::read_symlink(latest()), "step-00000002");
}

TEST_F(CheckpointStoreTest, IsEmptyBeforeTheFirstSave) {
  EXPECT_TRUE(store_.candidates().empty());
  EXPECT_TRUE(store_.list().empty());
}

TEST_F(CheckpointStoreTest, KeepsTheNewest) {
  for (const int64_t step : {1, 2, 3}) save(step);
  EXPECT_THAT(names(), ElementsAre("step-00000002", "step-00000003"));
  CheckpointStore keeps_all(run_.path());
  keeps_all.save(info(4), {});
  EXPECT_EQ(names().size(), 3U);
}

TEST_F(CheckpointStoreTest, KeepsTheBestBesideTheNewestUntilAnotherIsBetter) {
  EXPECT_FALSE(store_.best());
  save(1);
  store_.mark_best({.step = 1, .figure = "loss", .value = 0.1});
  for (const int64_t step : {2, 3, 4}) save(step);
  EXPECT_THAT(names(), ElementsAre("step-00000001", "step-00000003", "step-00000004"));
  const CheckpointStore reopened(run_.path());
  EXPECT_EQ(reopened.best()->step, 1);
  EXPECT_EQ(reopened.best()->figure, "loss");
  EXPECT_EQ(reopened.best()->value, 0.1) << "every digit is stored";
  EXPECT_EQ(newest(), store_.folder_of(4));

  store_.mark_best({.step = 3, .figure = "loss", .value = 0.05});
  EXPECT_THAT(names(), ElementsAre("step-00000003", "step-00000004"));
  save(5);
  EXPECT_THAT(names(), ElementsAre("step-00000003", "step-00000004", "step-00000005"));
}

TEST_F(CheckpointStoreTest, ABestCheckpointThatIsGoneIsNone) {
  for (const int64_t step : {1, 2}) save(step);
  store_.mark_best({.step = 2, .figure = "loss", .value = 1});
  warnings_of([&] { store_.roll_back_to(store_.open(store_.folder_of(1))); });
  EXPECT_FALSE(store_.best());
  save(3);
  EXPECT_THAT(names(), ElementsAre("step-00000001", "step-00000003"));
}

TEST_F(CheckpointStoreTest, ADamagedMarkOfTheBestIsAWarning) {
  save(1);
  for (const char* text : {"", "[]", "{\"step\": \"1\"}", "{\"step\": 1, \"figure\": \"loss\"}"}) {
    overwrite(run_ / "checkpoints" / "best.json", text);
    EXPECT_THAT(warnings_of([&] { EXPECT_FALSE(store_.best()) << text; }),
                HasSubstr("best.json: is damaged"));
  }
  store_.mark_best({.step = 1, .figure = "loss", .value = 1});
  EXPECT_EQ(store_.best()->step, 1);
}

TEST_F(CheckpointStoreTest, RemovesNothingWhileTheMarkOfTheBestCannotBeRead) {
  const auto mark = run_ / "checkpoints" / "best.json";
  save(1);
  store_.mark_best({.step = 1, .figure = "loss", .value = 1, .provenance_hash = "a"});
  EXPECT_EQ(store_.best()->provenance_hash, "a");
  std::filesystem::remove(mark);
  std::filesystem::create_directory(mark);
  EXPECT_THAT(warnings_of([&] { EXPECT_FALSE(store_.best()); }), HasSubstr("best.json"));
  EXPECT_THAT(warnings_of([&] {
                for (const int64_t step : {2, 3, 4}) save(step);
              }),
              HasSubstr("old checkpoints could not be removed"));
  EXPECT_EQ(names().size(), 4U);
  std::filesystem::remove(mark);
  save(5);
  EXPECT_THAT(names(), ElementsAre("step-00000004", "step-00000005"));
}

TEST_F(CheckpointStoreTest, RemovesAMarkThatWasNotFinished) {
  save(1);
  overwrite(run_ / "checkpoints" / ".best.partial", "{");
  save(2);
  EXPECT_FALSE(std::filesystem::exists(run_ / "checkpoints" / ".best.partial"));
}

TEST_F(CheckpointStoreTest, SortsBySteps) {
  CheckpointStore keeps_all(run_.path());
  for (const int64_t step : {200'000'000, 99'999'999, 1}) keeps_all.save(info(step), {});
  EXPECT_THAT(names(), ElementsAre("step-00000001", "step-99999999", "step-200000000"));
}

TEST_F(CheckpointStoreTest, ARepeatedStepIsReplaced) {
  save(5);
  save(5);
  EXPECT_THAT(names(), ElementsAre("step-00000005"));
  EXPECT_NO_THROW(Checkpoint(latest()).load("model"));
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

TEST_F(CheckpointStoreTest, AFailedSaveKeepsTheOldCheckpoint) {
  save(1);
  {
    const FileSizeLimit limit(16);
    EXPECT_THROW(save(2), Error);
  }
  EXPECT_THAT(names(), ElementsAre("step-00000001"));
  EXPECT_NO_THROW(Checkpoint(latest()).load("model"));
  EXPECT_EQ(std::distance(fs::directory_iterator(run_ / "checkpoints"), {}), 2);
}

TEST_F(CheckpointStoreTest, RollingBackSetsNewerCheckpointsAside) {
  CheckpointStore keeps_all(run_.path());
  for (const int64_t step : {1, 2, 3, 4}) keeps_all.save(info(step), tensors(step));
  const auto go_back = [&](int64_t step) {
    return warnings_of([&] { store_.roll_back_to(store_.open(store_.folder_of(step))); });
  };
  EXPECT_THAT(go_back(2), AllOf(HasSubstr("step-00000003: set aside as step-00000003.rejected"),
                                HasSubstr("step-00000004.rejected")));
  EXPECT_THAT(names(), ElementsAre("step-00000001", "step-00000002"));
  EXPECT_EQ(fs::read_symlink(latest()), "step-00000002");
  EXPECT_EQ(go_back(2), "");
  keeps_all.save(info(3), tensors(3));
  EXPECT_THAT(go_back(2), Not(HasSubstr("step-00000004")));
  EXPECT_THAT(names(), ElementsAre("step-00000001", "step-00000002"));
  EXPECT_TRUE(fs::exists(run_ / "checkpoints" / "step-00000003.rejected" / "manifest.json"));
}

TEST_F(CheckpointStoreTest, AFolderThatCannotBeRemovedIsAWarning) {
  FailingStorage storage;
  CheckpointStore store(run_.path(), /*keep=*/1, storage);
  store.save(info(1), tensors(1));
  storage.fail_at(FailingStorage::kNever, FailingStorage::Fault::kRefusal);
  store.save(info(2), tensors(2));
  ASSERT_THAT(storage.calls().back(), "remove step-00000001");
  storage.fail_at(storage.calls().size() - 1, FailingStorage::Fault::kRefusal);
  EXPECT_THAT(warnings_of([&] { store.save(info(3), tensors(3)); }),
              HasSubstr("an old checkpoint could not be removed"));
  EXPECT_EQ(newest(), store.folder_of(3));
}

TEST_F(CheckpointStoreTest, AMissingRunDirectoryIsNotCreated) {
  CheckpointStore store(run_ / "gone");
  expect_error<Error>([&] { store.save(info(1), {}); }, HasSubstr("No such file or directory"));
  EXPECT_FALSE(fs::exists(run_ / "gone"));
}

/// Makes each call of a save fail, one after the other.
class CheckpointStoreFaults : public CheckpointStoreTest,
                              public ::testing::WithParamInterface<FailingStorage::Fault> {
 protected:
  /// The step of the newest intact checkpoint; 0 if there is none.
  static int64_t newest_step(const CheckpointStore& store) {
    const auto point = find_resume_point(store, "abc");
    if (!point) return 0;
    const int64_t step = point->checkpoint.info().state.step;
    EXPECT_TRUE(
        point->tensors.at("model").at("weight").equal(at::full({4}, static_cast<double>(step))));
    return step;
  }

  /// Saves `before`, then `step` with a fault at each call in turn. `check(store, saved)` checks
  /// what remains. Returns the calls of a save without a fault.
  template <class Check>
  std::vector<std::string> fail_everywhere(std::initializer_list<int64_t> before, int64_t step,
                                           const Check& check) {
    std::vector<std::string> calls;
    for (size_t index = 0; index == 0 || index <= calls.size(); ++index) {
      const TemporaryFolder run;
      FailingStorage storage;
      CheckpointStore store(run.path(), /*keep=*/2, storage);
      for (const int64_t earlier : before) store.save(info(earlier), tensors(earlier));
      storage.fail_at(index == 0 ? FailingStorage::kNever : index - 1, GetParam());
      ::testing::internal::CaptureStderr();
      bool saved = true;
      try {
        store.save(info(step), tensors(step));
      } catch (const Error&) {
        saved = false;
      }
      if (index == 0) calls = storage.calls();
      SCOPED_TRACE(index == 0 ? "no fault" : calls[index - 1]);
      EXPECT_THAT(storage.renamed_too_early(), IsEmpty());
      check(store, saved);
      // The disk of the next process works again.
      CheckpointStore next(run.path(), /*keep=*/2);
      next.save(info(step + 1), tensors(step + 1));
      EXPECT_EQ(newest_step(next), step + 1);
      const fs::path latest = run / "checkpoints" / "latest";
      EXPECT_EQ(fs::canonical(latest), fs::canonical(next.folder_of(step + 1)));
      for (const auto& entry : fs::directory_iterator(run / "checkpoints")) {
        EXPECT_FALSE(entry.path().filename().string().starts_with(".")) << entry.path();
      }
      ::testing::internal::GetCapturedStderr();
    }
    return calls;
  }
};

INSTANTIATE_TEST_SUITE_P(Storage, CheckpointStoreFaults,
                         ::testing::Values(FailingStorage::Fault::kRefusal,
                                           FailingStorage::Fault::kPowerCut,
                                           FailingStorage::Fault::kPowerCutForgetsNames));

TEST_P(CheckpointStoreFaults, LeaveTheOldOrTheNewCheckpointIntact) {
  const auto calls = fail_everywhere({1, 2}, 3, [](const CheckpointStore& store, bool saved) {
    const int64_t newest = newest_step(store);
    EXPECT_THAT(newest, AnyOf(2, 3));
    EXPECT_TRUE(!saved || newest == 3);
    const Checkpoint latest(store.folder_of(3).parent_path() / "latest");
    EXPECT_THAT(latest.info().state.step, AnyOf(2, 3));
    EXPECT_NO_THROW(latest.load_all());
  });
  // The files, their folder, its name and the name of the link become durable in this order. Only
  // then is an old checkpoint removed.
  std::vector<std::string> order = calls;
  std::erase_if(order, [](const std::string& call) { return call.starts_with("write "); });
  EXPECT_THAT(
      order,
      ElementsAre("create_folder checkpoints", StartsWith("sync_folder gm_"),
                  "remove .best.partial", "remove .new.partial", "create_folder .new.partial",
                  "create_file ema.safetensors", "close ema.safetensors",
                  "create_file model.safetensors", "close model.safetensors",
                  "create_file manifest.json", "close manifest.json", "sync_folder .new.partial",
                  "remove .replaced.partial", "rename step-00000003", "sync_folder checkpoints",
                  "remove .replaced.partial", "remove .latest.partial", "link .latest.partial",
                  "rename latest", "sync_folder checkpoints", "remove step-00000001"));
}

TEST_P(CheckpointStoreFaults, DuringTheFirstSaveLeaveNoneOrAnIntactCheckpoint) {
  fail_everywhere({}, 3, [](const CheckpointStore& store, bool saved) {
    const int64_t newest = newest_step(store);
    EXPECT_THAT(newest, AnyOf(0, 3));
    EXPECT_TRUE(!saved || newest == 3);
  });
}

TEST_P(CheckpointStoreFaults, DuringARepeatedStepLeaveAnIntactCheckpoint) {
  fail_everywhere({2, 3}, 3, [](const CheckpointStore& store, bool) {
    EXPECT_THAT(newest_step(store), AnyOf(2, 3));
  });
}

TEST_P(CheckpointStoreFaults, DuringAMarkOfTheBestLeaveTheOldOrTheNewBest) {
  size_t calls = 0;
  for (size_t index = 0; index <= calls; ++index) {
    const TemporaryFolder run;
    FailingStorage storage;
    CheckpointStore store(run.path(), /*keep=*/1, storage);
    store.save(info(1), tensors(1));
    store.mark_best({.step = 1, .figure = "loss", .value = 2});
    store.save(info(2), tensors(2));
    storage.fail_at(index == 0 ? FailingStorage::kNever : index - 1, GetParam());
    warnings_of([&] {
      try {
        store.mark_best({.step = 2, .figure = "loss", .value = 1});
      } catch (const Error&) {
        EXPECT_GT(index, 0U);
      }
    });
    if (index == 0) calls = storage.calls().size();
    const CheckpointStore next(run.path());
    ASSERT_TRUE(next.best()) << index;
    EXPECT_THAT(next.best()->step, AnyOf(1, 2));
    EXPECT_NO_THROW(Checkpoint(next.folder_of(next.best()->step)).load_all()) << index;
    EXPECT_EQ(newest_step(next), 2) << index;
  }
  EXPECT_GE(calls, 5U);
}

TEST_F(CheckpointStoreTest, AFileInPlaceOfTheFolderIsAnError) {
  overwrite(run_ / "checkpoints", "not a folder");
  expect_error<Error>([&] { save(1); }, HasSubstr("checkpoints: creating the folder failed"));
}

TEST_F(CheckpointStoreTest, AFlippedBitIsDetected) {
  const fs::path folder = save(1);
  std::string bytes = read_file(folder / "model.safetensors", kLimit);
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  overwrite(folder / "model.safetensors", bytes);
  expect_refused(folder, AllOf(HasSubstr("model.safetensors: its hash"), HasSubstr("damaged")));
}

TEST_F(CheckpointStoreTest, ATruncatedOrMissingFileIsDetected) {
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

TEST_F(CheckpointStoreTest, AManifestWithoutAnIdentityVersionHasVersion1) {
  const fs::path manifest = save(1) / "manifest.json";
  auto json = nlohmann::json::parse(read_file(manifest, kLimit));
  EXPECT_EQ(json["identity_version"], 1);
  json.erase("identity_version");
  json.erase("manifest_xxh3_128");
  json["manifest_xxh3_128"] = Hash().add(json.dump()).hex();
  overwrite(manifest, json.dump());
  EXPECT_EQ(store_.open(store_.folder_of(1)).info().identity.config_hash, "abc");
}

TEST_F(CheckpointStoreTest, InvalidManifestsAreRefused) {
  const fs::path folder = save(1);
  const fs::path manifest = folder / "manifest.json";
  const auto good = nlohmann::json::parse(read_file(manifest, kLimit));
  const auto with = [&](const char* name, const nlohmann::json& value) {
    auto changed = good;
    changed[name] = value;
    changed.erase("manifest_xxh3_128");
    changed["manifest_xxh3_128"] = Hash().add(changed.dump()).hex();
    return changed.dump();
  };
  overwrite(manifest, with("format_version", 2));
  expect_refused(folder, HasSubstr("format version 2; this program reads version 3"));
  overwrite(manifest, with("identity_version", 2));
  expect_refused(folder, HasSubstr("identity version 2, which a newer gm writes"));
  for (const nlohmann::json& step : {nlohmann::json("one"), {-1}, {1e300}, {uint64_t{1} << 63}}) {
    overwrite(manifest, with("step", step));
    expect_refused(folder, HasSubstr("\"step\" is missing or not a count"));
  }
  overwrite(manifest, with("files", {{"model.safetensors", 3}}));
  expect_refused(folder,
                 AnyOf(HasSubstr("\"bytes\" is missing"), HasSubstr("\"xxh3_128\" is missing")));
  overwrite(manifest, with("files", {{"../secret", {{"bytes", 1}, {"xxh3_128", ""}}}}));
  expect_refused(folder, HasSubstr("\"../secret\" is not a file of this folder"));
  overwrite(manifest, with("classes", 3));
  expect_refused(folder, HasSubstr("\"class_names\" has 2 names for 3 classes"));
  auto without_step = good;
  without_step.erase("step");
  overwrite(manifest, without_step.dump());
  expect_refused(folder, HasSubstr("its hash does not match its content"));
  overwrite(manifest, "{\"format_version\": 3}");
  expect_refused(folder, HasSubstr("\"manifest_xxh3_128\" is missing"));
  overwrite(manifest, std::string(500'000, '[') + std::string(500'000, ']'));
  expect_refused(folder, HasSubstr("nested too deeply"));
  overwrite(manifest, "not JSON");
  expect_refused(folder, HasSubstr("not a JSON object"));
  fs::remove(manifest);
  expect_refused(folder, HasSubstr("manifest.json: no such file"));
}

TEST_F(CheckpointStoreTest, TheNewestIsFoundWhateverLatestPointsTo) {
  for (const int64_t step : {1, 2}) save(step);
  for (const char* target : {"/etc", "../..", "step-00000009", "step-00000001", "latest"}) {
    fs::remove(latest());
    fs::create_symlink(target, latest());
    EXPECT_EQ(newest(), store_.folder_of(2)) << target;
  }
  fs::remove(latest());
  EXPECT_EQ(newest(), store_.folder_of(2));
  overwrite(latest(), "step-00000001");  // as in an archive that stores links as files
  EXPECT_EQ(newest(), store_.folder_of(2));
  EXPECT_EQ(warnings_of([&] { save(3); }), "");
  EXPECT_EQ(fs::read_symlink(latest()), "step-00000003");
}

/// A file system without symbolic links, such as FAT or CIFS.
class DiskWithoutLinks final : public Storage {
 public:
  void create_folder(const fs::path& path) override { disk_.create_folder(path); }
  std::unique_ptr<OutputFile> create_file(const fs::path& path) override {
    return disk_.create_file(path);
  }
  void sync_folder(const fs::path& path) override { disk_.sync_folder(path); }
  void rename(const fs::path& from, const fs::path& to) override { disk_.rename(from, to); }
  void link(const fs::path&, const fs::path& path) override {
    throw Error("{}: linking failed: Operation not permitted", path.string());
  }
  void remove(const fs::path& path) override { disk_.remove(path); }

 private:
  Disk disk_;
};

TEST_F(CheckpointStoreTest, ADiskWithoutLinksCausesOneWarning) {
  DiskWithoutLinks disk;
  CheckpointStore store(run_.path(), /*keep=*/2, disk);
  EXPECT_THAT(warnings_of([&] { store.save(info(1), tensors(1)); }),
              AllOf(HasSubstr("latest cannot name the newest checkpoint, step-00000001"),
                    HasSubstr("Operation not permitted")));
  EXPECT_EQ(warnings_of([&] {
              for (const int64_t step : {2, 3}) store.save(info(step), tensors(step));
              store.roll_back_to(store.open(store.folder_of(3)));
            }),
            "");
  EXPECT_THAT(names(), ElementsAre("step-00000002", "step-00000003"));
  EXPECT_EQ(newest(), store.folder_of(3));
}

TEST_F(CheckpointStoreTest, ALatestFolderThatCopiesTheNewestBecomesTheLinkAgain) {
  for (const int64_t step : {1, 2}) save(step);
  make_a_folder_of_latest();
  EXPECT_EQ(newest(), store_.folder_of(2));
  EXPECT_EQ(warnings_of([&] { store_.roll_back_to(store_.open(newest())); }), "");
  EXPECT_EQ(fs::read_symlink(latest()), "step-00000002");
  make_a_folder_of_latest();
  EXPECT_EQ(warnings_of([&] { save(3); }), "") << "a run may be copied while it trains";
  EXPECT_EQ(fs::read_symlink(latest()), "step-00000003");
}

TEST_F(CheckpointStoreTest, ALatestFolderThatIsTheOnlyCopyBecomesTheFolderOfItsStep) {
  for (const int64_t step : {1, 2}) save(step);
  make_a_folder_of_latest();
  for (const int64_t step : {1, 2}) fs::remove_all(store_.folder_of(step));
  EXPECT_EQ(newest(), latest());
  store_.roll_back_to(store_.open(latest()));
  EXPECT_THAT(names(), ElementsAre("step-00000002"));
  EXPECT_EQ(fs::read_symlink(latest()), "step-00000002");
  EXPECT_TRUE(Checkpoint(latest()).load("model").at("weight").equal(at::full({4}, 2.0)));
}

TEST_F(CheckpointStoreTest, AnIntactLatestFolderReplacesADamagedStep) {
  for (const int64_t step : {1, 2}) save(step);
  make_a_folder_of_latest();
  fs::resize_file(store_.folder_of(2) / "model.safetensors", 3);
  EXPECT_THAT(warnings_of([&] { store_.roll_back_to(store_.open(newest())); }),
              AllOf(HasSubstr("step-00000002/model.safetensors: has 3 bytes"),
                    HasSubstr("step-00000002: set aside as step-00000002.rejected")));
  EXPECT_THAT(names(), ElementsAre("step-00000001", "step-00000002"));
  EXPECT_EQ(fs::read_symlink(latest()), "step-00000002");
  EXPECT_NO_THROW(store_.open(newest()).load_all());
}

TEST_F(CheckpointStoreTest, ADamagedLatestFolderIsSetAsideWithItsStep) {
  for (const int64_t step : {1, 2}) save(step);
  fs::resize_file(store_.folder_of(2) / "model.safetensors", 3);
  make_a_folder_of_latest();
  const std::string warnings = warnings_of([&] { store_.roll_back_to(store_.open(newest())); });
  EXPECT_THAT(warnings, AllOf(HasSubstr("step-00000002: set aside as step-00000002.rejected"),
                              HasSubstr("latest: set aside as latest.rejected")));
  EXPECT_THAT(names(), ElementsAre("step-00000001"));
  EXPECT_EQ(fs::read_symlink(latest()), "step-00000001");
}

TEST_F(CheckpointStoreTest, ALatestFolderWithOtherFilesIsLeftAlone) {
  save(1);
  make_a_folder_of_latest();
  overwrite(latest() / "notes.txt", "mine");
  EXPECT_THAT(warnings_of([&] { save(2); }),
              AllOf(HasSubstr("latest cannot name the newest checkpoint, step-00000002"),
                    HasSubstr("is left alone")));
  EXPECT_EQ(warnings_of([&] { save(3); }), "");
  EXPECT_EQ(read_file(latest() / "notes.txt", kLimit), "mine");
  EXPECT_EQ(newest(), store_.folder_of(3));
  fs::remove_all(store_.folder_of(2));
  fs::remove_all(store_.folder_of(3));
  EXPECT_EQ(newest(), latest()) << "it holds the last remaining checkpoint";
}

TEST_F(CheckpointStoreTest, AnEmptyLatestFolderBecomesTheLink) {
  fs::create_directories(latest());
  EXPECT_TRUE(store_.candidates().empty());
  EXPECT_EQ(warnings_of([&] { save(1); }), "");
  EXPECT_EQ(fs::read_symlink(latest()), "step-00000001") << "the folder was empty";
}

TEST_F(CheckpointStoreTest, ADamagedLatestFolderWithoutItsStepIsLeftAloneWithAWarning) {
  fs::create_directories(latest());
  overwrite(latest() / "manifest.json", "damaged");
  EXPECT_THAT(store_.candidates(), ElementsAre(latest())) << "a damaged run is not started anew";
  EXPECT_THAT(warnings_of([&] { save(1); }), HasSubstr("is left alone"));
  EXPECT_THAT(store_.candidates(), ElementsAre(store_.folder_of(1), latest()));
}

/// A fault while a copied run is resumed does not lose its checkpoint.
TEST_P(CheckpointStoreFaults, DuringARollBackToALatestFolderKeepItsCheckpoint) {
  for (const bool has_step_folder : {true, false}) {
    size_t calls = 1;
    for (size_t index = 0; index < calls; ++index) {
      const TemporaryFolder run;
      FailingStorage storage;
      CheckpointStore store(run.path(), /*keep=*/2, storage);
      for (const int64_t step : {1, 2}) store.save(info(step), tensors(step));
      const fs::path latest = run / "checkpoints" / "latest";
      fs::remove(latest);
      fs::copy(store.folder_of(2), latest);
      if (!has_step_folder) fs::remove_all(store.folder_of(2));
      storage.fail_at(index, GetParam());
      ::testing::internal::CaptureStderr();
      try {
        store.roll_back_to(newest_good(store, [](const Checkpoint&) {}).value());
      } catch (const Error&) {
      }
      calls = std::max(calls, storage.calls().size() + 1);
      EXPECT_EQ(newest_step(CheckpointStore(run.path())), 2) << index;
      ::testing::internal::GetCapturedStderr();
    }
    EXPECT_GT(calls, 5U);
  }
}

}  // namespace
}  // namespace gm
