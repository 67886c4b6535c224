// A background save stores the state at its start, even if the state changes during the save.
#include "checkpoint/background_writer.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include <latch>

#include "base/error.h"
#include "support/failing_file_system.h"
#include "support/temporary_folder.h"

namespace gm {
namespace {

using ::testing::HasSubstr;

/// A disk that creates no file until go() is called.
class WaitingStorage final : public Storage {
 public:
  void create_folder(const std::filesystem::path& path) override { disk_.create_folder(path); }
  std::unique_ptr<OutputFile> create_file(const std::filesystem::path& path) override {
    go_.wait();
    return disk_.create_file(path);
  }
  void sync_folder(const std::filesystem::path& path) override { disk_.sync_folder(path); }
  void rename(const std::filesystem::path& from, const std::filesystem::path& to) override {
    disk_.rename(from, to);
  }
  void link(const std::filesystem::path& target, const std::filesystem::path& path) override {
    disk_.link(target, path);
  }
  void remove(const std::filesystem::path& path) override { disk_.remove(path); }
  void go() { go_.count_down(); }

 private:
  Disk disk_;
  std::latch go_{1};
};

CheckpointInfo at_step(int64_t step) { return {.state = {.step = step}}; }

TEST(BackgroundWriterTest, SavesTheStateAtItsStart) {
  const TemporaryFolder run;
  WaitingStorage storage;
  CheckpointStore store(run.path(), 0, storage);
  BackgroundWriter writer(store);
  const at::Tensor flat = at::ones({4, 3, 2, 2}).to(at::MemoryFormat::ChannelsLast);
  const at::Tensor random = at::randn({5, 7}).t();
  const at::Tensor random_then = random.clone();
  writer.start(at_step(1), {{"model", {{"flat", flat}, {"random", random}}}});
  flat.fill_(2);  // the training continues
  random.zero_();
  EXPECT_FALSE(writer.poll());
  EXPECT_FALSE(writer.ends_within(std::chrono::milliseconds(1)));
  EXPECT_THROW(writer.start(at_step(2), {}), std::logic_error);
  storage.go();
  const auto outcome = writer.wait();
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->failure, "");
  EXPECT_EQ(outcome->info.state.step, 1);
  EXPECT_EQ(outcome->folder, store.folder_of(1));
  const auto saved = Checkpoint(outcome->folder).load("model");
  EXPECT_TRUE(saved.at("flat").equal(at::ones({4, 3, 2, 2})));
  EXPECT_TRUE(saved.at("random").equal(random_then));
  EXPECT_TRUE(writer.ends_within(std::chrono::milliseconds(0)));
  EXPECT_FALSE(writer.poll()) << "an outcome is returned once";
  EXPECT_FALSE(writer.wait());
}

TEST(BackgroundWriterTest, ConsecutiveSavesEachStoreTheirOwnState) {
  const TemporaryFolder run;
  CheckpointStore store(run.path());
  BackgroundWriter writer(store);
  const at::Tensor state = at::zeros({8});
  for (const int64_t step : {1, 2, 3}) {
    state.fill_(step);
    writer.start(at_step(step), {{"model", {{"state", state}}}});
    writer.wait();
  }
  for (const int64_t step : {1, 2, 3}) {
    EXPECT_TRUE(Checkpoint(store.folder_of(step))
                    .load("model")
                    .at("state")
                    .equal(at::full({8}, static_cast<double>(step))));
  }
}

TEST(BackgroundWriterTest, AFailureIsReportedAndTheNextSaveSucceeds) {
  const TemporaryFolder run;
  FailingStorage storage;
  CheckpointStore store(run.path(), 0, storage);
  BackgroundWriter writer(store);
  storage.fail_at(3, FailingStorage::Fault::kRefusal);
  writer.start(at_step(1), {{"model", {{"a", at::ones({1})}}}});
  EXPECT_THAT(writer.wait()->failure, HasSubstr("no disk"));
  writer.start(at_step(2), {{"model", {{"a", at::ones({1})}}}});
  EXPECT_EQ(writer.wait()->failure, "");
  EXPECT_EQ(store.list().size(), 1U);
}

TEST(BackgroundWriterTest, TheDestructorWaitsForTheSave) {
  const TemporaryFolder run;
  CheckpointStore store(run.path());
  BackgroundWriter(store).start(at_step(1), {{"model", {{"a", at::ones({1000})}}}});
  EXPECT_NO_THROW(Checkpoint(store.folder_of(1)).load_all());
}

}  // namespace
}  // namespace gm
