// The training loop on several ranks: all ranks handle a fault of one rank in the same way.
#include "train/trainer.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "base/error.h"
#include "base/files.h"
#include "checkpoint/find_checkpoint.h"
#include "comm/on_rank_zero.h"
#include "data/image_reader.h"
#include "data/shard_order.h"
#include "run/broadcast_checkpoint.h"
#include "run/run_log.h"
#include "support/expect_error.h"
#include "support/images.h"
#include "support/temporary_folder.h"
#include "support/test_world.h"
#include "train/checkpoint_file_names.h"

namespace gm {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr ImageShape kTrainerShape{4, 4, 1};
constexpr int64_t kTrainerBatch = 16;

bool on_last_rank() { return test_world().rank() == test_world().size() - 1; }

/// One linear layer, trained to return 1 for every image. In the chosen steps its loss is NaN, on
/// the last rank only.
class PoisonedTask final : public Task {
 public:
  explicit PoisonedTask(std::set<int64_t> poisoned_steps)
      : poisoned_steps_(std::move(poisoned_steps)) {}

  std::vector<Phase> phases() override {
    return {{.name = "line", .network = &network_, .loss = [this](const PreparedBatch& batch) {
               const at::Tensor error = batch["images"].flatten(1).matmul(network_.w) - 1;
               at::Tensor loss = error.square().mean();
               const int64_t step = batch.positions[0].item<int64_t>() / kTrainerBatch;
               if (on_last_rank() && poisoned_steps_.contains(step)) {
                 loss = loss * std::numeric_limits<double>::quiet_NaN();
               }
               return Losses{.total = loss};
             }}};
  }
  Network& sampled_network() override { return network_; }

 private:
  struct Line : Network {
    at::Tensor w = register_parameter("w", at::zeros({16}));
  };
  Line network_;
  std::set<int64_t> poisoned_steps_;
};

/// Two phases with one linear layer each. The first one is the sampled network. The second one has
/// half the learning rate, counts its passes in a buffer, and makes the task warn once.
class TwoPhaseTask final : public Task {
 public:
  struct Faults {
    int64_t poisoned_step = -1;  ///< The loss of the first is NaN in this step, on the last rank.
    double drift = 0;            ///< The error of the last rank's counter per pass.
  };

  TwoPhaseTask() = default;
  explicit TwoPhaseTask(const Faults& faults) : faults_(faults) {}

  std::vector<Phase> phases() override {
    return {{.name = "first",
             .network = &first_,
             .loss =
                 [this](const PreparedBatch& batch) {
                   const at::Tensor error = batch["images"].flatten(1).matmul(first_.w) - 1;
                   at::Tensor loss = error.square().mean();
                   const int64_t step = batch.positions[0].item<int64_t>() / kTrainerBatch;
                   if (on_last_rank() && step == faults_.poisoned_step) {
                     loss = loss * std::numeric_limits<double>::quiet_NaN();
                   }
                   return Losses{.total = loss, .terms = {{"error", error.mean()}}};
                 }},
            {.name = "second",
             .network = &second_,
             .loss =
                 [this](const PreparedBatch& batch) {
                   second_.passes.add_(on_last_rank() ? 1 + faults_.drift : 1);
                   const at::Tensor error =
                       batch["images"].flatten(1).matmul(second_.w) - first_.w.sum().detach();
                   return Losses{.total = error.abs().mean()};
                 },
             .learning_rate_factor = 0.5}};
  }
  Network& sampled_network() override { return first_; }
  std::string warning(const std::map<std::string, double>& terms) override {
    last_terms_ = terms;
    return second_.passes.item<double>() == 3 ? "the second has made three passes" : "";
  }

  std::map<std::string, double> last_terms_;

 private:
  struct Line : Network {
    at::Tensor w = register_parameter("w", at::zeros({16}));
  };
  struct CountingLine : Line {
    at::Tensor passes = register_buffer("passes", at::zeros({1}));
  };
  Faults faults_;
  Line first_;
  CountingLine second_;
};

class TrainerTest : public testing::Test {
 protected:
  TrainerTest() {
    on_rank_zero(ranks(), [&] {
      folder_.emplace();
      write_numbered_file(*folder_ / "data.h5", kTrainerShape, 64, {});
    });
    root_ = text_from_rank_zero(ranks(), [&] { return folder_->path().string(); });
    dataset_ = std::make_shared<const ImageDataset>(root_ / "data.h5");
  }
  ~TrainerTest() override { ranks().barrier(); }

  /// One sum of the ranks for each call: the evaluations of these tests.
  class RankSum final : public Evaluation {
   public:
    RankSum(std::string name, double start) : name_(std::move(name)), value_(start) {}
    std::string name() const override { return name_; }
    int64_t samples() const override { return 5; }
    EvaluationReport run(const Method& method, const EvaluationObserver&) override {
      EXPECT_NE(method.task, nullptr);
      const at::Tensor sum = at::full({1}, value_, at::kDouble);
      ranks().all_reduce_sum(sum);
      value_ += 1;
      return {.name = name_, .samples = 5, .figures = {{"sum", sum.item<double>()}}};
    }

   private:
    std::string name_;
    double value_;
  };

  static Communicator& ranks() { return test_world().communicator(); }
  static bool is_rank_zero() { return test_world().rank() == 0; }

  /// Trains in the folder `run` up to `steps`. Resumes if the folder has a checkpoint.
  void train(const std::string& run, int64_t steps, const std::set<int64_t>& poisoned_steps = {}) {
    PoisonedTask task(poisoned_steps);
    train(run, steps, task);
  }

  void train(const std::string& run, int64_t steps, Task& task) {
    const RunDirectory directory(root_ / run);
    on_rank_zero(ranks(), [&] { directory.begin(""); });
    CheckpointStore checkpoints(directory.root(), keep_);
    const auto resumed = agree_on_checkpoint(ranks(), checkpoints, {});
    const RunState first = resumed ? resumed->info.state : RunState{};
    Loader loader(std::make_unique<ShardOrder>(ShardOrder::Options{.dataset_size = dataset_->size(),
                                                                   .shards = 4,
                                                                   .batch_size = kTrainerBatch,
                                                                   .rank = test_world().rank(),
                                                                   .ranks = test_world().size()}),
                  std::make_unique<ImageReader>(dataset_),
                  {.first_micro_batch = first.samples / kTrainerBatch});
    RunLog log(directory, metrics_,
               {.is_rank_zero = is_rank_zero(), .first_step = first.step, .total_steps = steps});
    Trainer trainer({.train = {.steps = steps,
                               .batch_size = kTrainerBatch,
                               .accumulate = 1,
                               .max_nonfinite = 3,
                               .verify_ranks_every = verify_every_},
                     .optimizer = {.learning_rate = 0.01, .warmup_steps = 3},
                     .ema = {.half_life_images = 50},
                     .sample = {.every = 0},
                     .watchdog = {},
                     .checkpoint_every = 2,
                     .evaluate_every = evaluations_.empty() ? 0 : evaluate_every_,
                     .keep_best = keep_best_,
                     .identity = {}},
                    {.world = test_world(),
                     .watchdog = test_watchdog(),
                     .task = task,
                     .loader = loader,
                     .checkpoints = checkpoints,
                     .observer = log,
                     .step_limit = StepLimit(0),
                     .sample =
                         [] {
                           return Artefact{.extension = ".png", .write = [](const auto& path) {
                                             write_file_atomically(path, "samples");
                                           }};
                         },
                     .evaluations = evaluations_,
                     .method = method_of(task)});
    if (resumed) trainer.resume(resumed->info, resumed->tensors);
    trainer.run();
  }

  /// The newest checkpoint of a run. Call it on rank 0 only.
  ResumePoint newest(const std::string& run) const {
    return find_resume_point(CheckpointStore(root_ / run), "").value();
  }
  static bool all_finite(const CheckpointTensors& files) {
    for (const auto& [file, tensors] : files) {
      for (const auto& [name, tensor] : tensors) {
        if (!tensor.isfinite().all().item<bool>()) return false;
      }
    }
    return true;
  }

  std::optional<TemporaryFolder> folder_;  // Only on rank 0.
  std::filesystem::path root_;
  std::shared_ptr<const ImageDataset> dataset_;
  Metrics metrics_;
  int64_t verify_every_ = 1;
  int64_t evaluate_every_ = 2;
  int64_t keep_ = 0;
  std::optional<RankedFigure> keep_best_;
  std::vector<std::shared_ptr<Evaluation>> evaluations_;
};

TEST_F(TrainerTest, ANonFiniteLossOnOneRankSkipsTheStepOnAllRanks) {
  train("poisoned", 6, {2, 4});  // train.verify_ranks_every = 1 compares the ranks after each step
  EXPECT_THAT(metrics_.text(), HasSubstr("gm_skipped_steps_total 2"));
  EXPECT_THAT(metrics_.text(), HasSubstr("gm_steps_total 6"));
  if (!is_rank_zero()) return;
  const ResumePoint end = newest("poisoned");
  EXPECT_EQ(end.checkpoint.info().state.step, 6);
  EXPECT_EQ(end.checkpoint.info().updates.at("line"), 4);
  EXPECT_TRUE(all_finite(end.tensors));
}

TEST_F(TrainerTest, TooManyNonFiniteStepsInARowEndTheRunAndCheckpointsStayFinite) {
  expect_error<Error>(
      [&] {
        train("lost", 20, {3, 4, 6, 7, 8, 9});
      },
      HasSubstr("step 9: loss or gradient was not finite 3 times in a row"));
  if (!is_rank_zero()) return;
  for (const auto& folder : CheckpointStore(root_ / "lost").list()) {
    EXPECT_TRUE(all_finite(Checkpoint(folder).load_all())) << folder;
  }
}

/// Otherwise a run that is resumed repeatedly would never reach train.max_nonfinite.
TEST_F(TrainerTest, TheNumberOfStepsSkippedInARowIsKeptAcrossAResume) {
  train("counted", 4, {2, 3});
  if (is_rank_zero()) {
    EXPECT_EQ(newest("counted").checkpoint.info().state.nonfinite_in_a_row, 2);
  }
  expect_error<Error>([&] { train("counted", 8, {4, 5}); }, HasSubstr("step 5: loss or gradient"));
}

TEST_F(TrainerTest, AnInterruptedRunEqualsAnUninterruptedOneToTheLastBit) {
  constexpr int64_t kSteps = 11;  // an epoch has four
  train("whole", kSteps, {6});
  for (const int64_t stop : {1, 2, 4, 6, 7}) {  // In the warm-up, within an epoch and at its end.
    const std::string run = fmt::format("stopped-{}", stop);
    train(run, stop, {6});
    train(run, kSteps, {6});
    if (!is_rank_zero()) continue;
    const ResumePoint expected = newest("whole"), found = newest(run);
    EXPECT_EQ(found.checkpoint.manifest(), expected.checkpoint.manifest()) << stop;
    for (const auto& [file, tensors] : expected.tensors) {
      for (const auto& [name, tensor] : tensors) {
        EXPECT_TRUE(at::equal(tensor, found.tensors.at(file).at(name))) << file << " " << name;
      }
    }
  }
}

TEST_F(TrainerTest, TheSecondPhaseIsSavedUnderItsNameAndResumed) {
  constexpr int64_t kSteps = 7;
  TwoPhaseTask whole;
  train("two", kSteps, whole);
  EXPECT_THAT(whole.last_terms_,
              testing::UnorderedElementsAre(testing::Key("error"), testing::Key("second")));
  {
    TwoPhaseTask begun;
    train("two-stopped", 4, begun);
  }
  TwoPhaseTask resumed;
  train("two-stopped", kSteps, resumed);
  if (!is_rank_zero()) return;
  const ResumePoint expected = newest("two"), found = newest("two-stopped");
  std::set<std::string> files;
  for (const auto& [file, tensors] : expected.tensors) {
    files.insert(file);
    for (const auto& [name, tensor] : tensors) {
      EXPECT_TRUE(at::equal(tensor, found.tensors.at(file).at(name))) << file << " " << name;
    }
  }
  EXPECT_EQ(files, (std::set<std::string>{"model", "ema", "optimizer", "model_second",
                                          "optimizer_second"}));
  EXPECT_EQ(expected.tensors.at("model_second").at("passes").item<double>(), kSteps);
  const std::string log = read_file(root_ / "two" / "metrics.jsonl", 1 << 20);
  EXPECT_THAT(log, HasSubstr("\"loss_second\""));
  EXPECT_THAT(log,
              HasSubstr("\"event\":\"warning\",\"reason\":\"the second has made three passes\""));
}

TEST_F(TrainerTest, ACheckpointWithoutARequiredFileIsRefused) {
  train("one", 2);
  CheckpointStore store(root_ / "one");
  TwoPhaseTask two;
  expect_error<InputError>(
      [&] { agree_on_checkpoint(ranks(), store, {}, checkpoint_files(two)); },
      AllOf(HasSubstr("step-00000002"), HasSubstr("model_second.safetensors")));
  EXPECT_TRUE(agree_on_checkpoint(ranks(), store, {}, {"model", "ema", "optimizer"}));
}

/// The gradient norm of the second phase is finite. It must not hide that of the first.
TEST_F(TrainerTest, ASkippedPhaseIsNamedAndTheOtherContinues) {
  TwoPhaseTask task({.poisoned_step = 3});
  testing::internal::CaptureStderr();
  train("half", 6, task);
  const std::string said = testing::internal::GetCapturedStderr();
  const std::string warning = "step 4: the loss or gradient of first is not finite";
  EXPECT_EQ(said.find(warning) != std::string::npos, is_rank_zero()) << said;
  EXPECT_THAT(metrics_.text(), HasSubstr("gm_skipped_steps_total 1"));
  if (!is_rank_zero()) return;
  const ResumePoint end = newest("half");
  EXPECT_EQ(end.checkpoint.info().updates.at("first"), 5);
  EXPECT_EQ(end.checkpoint.info().updates.at("second"), 6);
  EXPECT_TRUE(all_finite(end.tensors));
  const std::string log = read_file(root_ / "half" / "metrics.jsonl", 1 << 20);
  EXPECT_THAT(log, HasSubstr("\"event\":\"nonfinite\",\"phases\":[\"first\"],\"in_a_row\":1"));
  EXPECT_THAT(log, HasSubstr("\"gradient_norm\":null"));
}

TEST_F(TrainerTest, ABufferThatDiffersOnOneRankIsDetected) {
  TwoPhaseTask task({.drift = 1e-6});
  if (test_world().size() == 1) {  // no rank to compare with: training continues to its end
    train("drifting", 2, task);
    EXPECT_THAT(metrics_.text(), HasSubstr("gm_steps_total 2"));
    return;
  }
  expect_error<Error>([&] { train("drifting", 2, task); },
                      HasSubstr("after step 1 differ between the ranks"));
}

TEST_F(TrainerTest, RanksAreNotComparedIfVerifyRanksEveryIsZero) {
  TwoPhaseTask task({.drift = 1e-6});
  verify_every_ = 0;
  train("unverified", 2, task);
  EXPECT_THAT(metrics_.text(), HasSubstr("gm_steps_total 2"));
}

TEST_F(TrainerTest, OnlyRankZeroPrintsAWarningOfTheTask) {
  TwoPhaseTask task;
  testing::internal::CaptureStderr();
  train("warned", 4, task);
  const std::string said = testing::internal::GetCapturedStderr();
  const std::string warning = "step 3: the second has made three passes";
  EXPECT_EQ(said.find(warning) != std::string::npos, is_rank_zero()) << said;
}

TEST_F(TrainerTest, EvaluationsOfAnyKindAreReportedUnderTheirNames) {
  const double size = test_world().size();
  evaluations_ = {std::make_shared<RankSum>("first", 1.0),
                  std::make_shared<RankSum>("second", 7.0)};
  train("evaluated", 4);
  EXPECT_THAT(metrics_.text(),
              HasSubstr(fmt::format("{{evaluation=\"first\",figure=\"sum\"}} {}", 2 * size)));
  EXPECT_THAT(metrics_.text(),
              HasSubstr(fmt::format("{{evaluation=\"second\",figure=\"sum\"}} {}", 8 * size)));
  if (!is_rank_zero()) return;
  std::vector<std::string> found;
  std::istringstream lines(read_file(root_ / "evaluated" / "metrics.jsonl", 1 << 20));
  for (std::string line; std::getline(lines, line);) {
    const auto json = nlohmann::json::parse(line);
    if (json["kind"] != "evaluation") continue;
    EXPECT_EQ(json["samples"], 5);
    EXPECT_EQ(json["weights"], "ema");
    const CheckpointStore store(root_ / "evaluated");
    EXPECT_EQ(json["weights_hash"], Checkpoint(store.folder_of(json["step"])).hash("ema"));
    found.push_back(fmt::format("{} {} {}", json["step"].get<int64_t>(),
                                json["evaluation"].get<std::string>(),
                                json["sum"].get<double>() / size));
  }
  EXPECT_THAT(found, testing::ElementsAre("2 first 1", "2 second 7", "4 first 2", "4 second 8"));
}

/// The figures 9, 4, 6, 3, 5, ... in turn.
class SomeFigures final : public Evaluation {
 public:
  std::string name() const override { return "some"; }
  int64_t samples() const override { return 1; }
  EvaluationReport run(const Method&, const EvaluationObserver&) override {
    return {.name = name(),
            .samples = 1,
            .figures = {{"error", kValues.at(next_++)}},
            .provenance = {{"images", images_}},
            .sampling = {{"sampler.steps", sampler_steps_}}};
  }
  void change_images() { images_ = "others"; }
  void change_sampler() { sampler_steps_ = 5; }

 private:
  static constexpr std::array<double, 6> kValues{9, 4, 6, 3, 5, 3};
  size_t next_ = 0;
  std::string images_ = "some";
  int64_t sampler_steps_ = 10;
};

TEST_F(TrainerTest, TheBestCheckpointIsKeptAlsoIfNoneWasDue) {
  keep_ = 1;
  evaluate_every_ = 3;  // checkpoints are due every two steps
  keep_best_ = {.name = "error"};
  evaluations_ = {std::make_shared<SomeFigures>()};
  train("best", 8);  // 9 after step 3, 4 after step 6, 6 after step 8
  const CheckpointStore store(root_ / "best");
  if (is_rank_zero()) {
    EXPECT_EQ(store.best()->step, 6);
    EXPECT_EQ(store.best()->value, 4);
    EXPECT_THAT(store.list(), testing::ElementsAre(store.folder_of(6), store.folder_of(8)));
  }
  train("best", 9);   // 3
  train("best", 15);  // 5 after step 12, 3 after step 15, which is not better
  if (!is_rank_zero()) return;
  EXPECT_EQ(store.best()->step, 9);
  EXPECT_THAT(store.list(), testing::ElementsAre(store.folder_of(9), store.folder_of(15)));
}

TEST_F(TrainerTest, TheBestCheckpointIsChosenAfreshIfTheEvaluationHasChanged) {
  evaluate_every_ = 3;
  keep_best_ = {.name = "error"};
  const auto evaluation = std::make_shared<SomeFigures>();
  evaluations_ = {evaluation};
  train("changed", 6);  // 9, then 4
  const auto best_step = [&] { return CheckpointStore(root_ / "changed").best()->step; };
  evaluation->change_images();
  train("changed", 9);  // 6 on other images
  if (is_rank_zero()) {
    EXPECT_EQ(best_step(), 9);
  }
  train("changed", 12);  // 3
  evaluation->change_sampler();
  train("changed", 15);  // 5 by another sampler
  if (is_rank_zero()) {
    EXPECT_EQ(best_step(), 15);
  }
}

/// The evaluation uses the average of the weights; the checkpoint holds the weights as well.
TEST_F(TrainerTest, ABestCheckpointEqualsAnyOtherOfItsStep) {
  evaluate_every_ = 3;
  keep_best_ = {.name = "error", .higher_is_better = true};
  evaluations_ = {std::make_shared<SomeFigures>()};
  train("kept", 4);
  evaluations_.clear();
  train("plain", 3);
  if (!is_rank_zero()) return;
  const CheckpointStore store(root_ / "kept");
  EXPECT_EQ(store.best()->step, 3) << "higher is better";
  const auto found = Checkpoint(store.folder_of(3)).load_all();
  for (const auto& [file, tensors] : newest("plain").tensors) {
    for (const auto& [name, tensor] : tensors) {
      EXPECT_TRUE(at::equal(tensor, found.at(file).at(name))) << file << " " << name;
    }
  }
}

TEST_F(TrainerTest, ACheckpointOfOtherImagesIsRefusedOnEveryRank) {
  CheckpointStore store(root_ / "other");
  on_rank_zero(ranks(), [&] {
    std::filesystem::create_directory(root_ / "other");
    CheckpointStore(root_ / "other").save({.identity = {.data_hash = "cats"}}, {});
  });
  EXPECT_TRUE(agree_on_checkpoint(ranks(), store, {.data_hash = "cats"}));
  expect_error<InputError>([&] { agree_on_checkpoint(ranks(), store, {.data_hash = "dogs"}); },
                           HasSubstr("trained on other images or masks"));
}

}  // namespace
}  // namespace gm
