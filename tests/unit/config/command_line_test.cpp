// The command line of gm_train: what it accepts, and the errors for the rest.
#include "config/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/error.h"
#include "base/files.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace gm {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// Each test runs in its own working directory.
class CommandLineTest : public ::testing::Test {
 protected:
  void SetUp() override { fs::current_path(folder_.path()); }
  void TearDown() override { fs::current_path(before_); }

  static TrainCommand parse(std::vector<const char*> arguments) {
    arguments.insert(arguments.begin(), "gm_train");
    return parse_train_command(static_cast<int>(arguments.size()), arguments.data());
  }
  template <class Matcher>
  static void expect_refused(const std::vector<const char*>& arguments, const Matcher& message) {
    expect_error<InputError>([&] { parse(arguments); }, message);
  }

  TemporaryFolder folder_;
  fs::path before_ = fs::current_path();
};

TEST_F(CommandLineTest, WithoutArgumentsTheDefaultsApply) {
  const TrainCommand command = parse({});
  EXPECT_FALSE(command.answer);
  EXPECT_TRUE(command.file.empty());
  EXPECT_FALSE(command.visualize);
  EXPECT_EQ(to_toml(command.config), to_toml({}));
}

TEST_F(CommandLineTest, WithoutAFileArgumentGmTomlIsReadIfItExists) {
  std::ofstream("gm.toml") << "[train]\nsteps = 12\n";
  EXPECT_EQ(parse({}).config.train.steps, 12);
  EXPECT_EQ(parse({}).file, "gm.toml");
  std::ofstream("other.toml") << "[train]\nsteps = 13\n";
  EXPECT_EQ(parse({"other.toml"}).config.train.steps, 13);
}

TEST_F(CommandLineTest, OverridesTakePrecedenceOverOptionsAndOptionsOverTheFile) {
  std::ofstream("a.toml") << "[train]\nsteps = 1\nbatch_size = 8\naccumulate = 3\n";
  const TrainCommand command =
      parse({"a.toml", "train.steps=3", "--train_steps", "2", "--batch_size=16", "run.dir=runs/a"});
  EXPECT_EQ(command.config.train.steps, 3);
  EXPECT_EQ(command.config.train.batch_size, 16);
  EXPECT_EQ(command.config.train.accumulate, 3);
  EXPECT_EQ(command.config.run.dir, "runs/a");
}

TEST_F(CommandLineTest, ARunDirectoryMayBeGivenAsTheConfiguration) {
  fs::create_directory("run");
  write_file_atomically("run/config.toml", to_toml(parse({"train.steps=9"}).config));
  const TrainCommand command = parse({"run"});
  EXPECT_EQ(command.config.train.steps, 9);
  EXPECT_EQ(command.config.run.dir, "run");
}

TEST_F(CommandLineTest, ARunDirectoryMayBeNamedLikeAnOverride) {
  for (const char* run : {"runs/lr=0.001,bs=4", "train.steps=5"}) {
    fs::create_directories(run);
    write_file_atomically(fs::path(run) / "config.toml", to_toml({}));
    EXPECT_EQ(parse({run, "train.batch_size=8"}).config.run.dir, run);
    EXPECT_EQ(parse({"train.batch_size=8", run}).config.train.batch_size, 8);
  }
}

TEST_F(CommandLineTest, TildeInPathsIsExpanded) {
  const std::string home = std::getenv("HOME");
  EXPECT_EQ(parse({"--save_folder=~/x"}).config.run.dir, home + "/x");
  expect_refused({"~/nowhere.toml"}, HasSubstr(home + "/nowhere.toml"));
  expect_refused({"--resume=~/nowhere"}, HasSubstr("--resume " + home + "/nowhere"));
  expect_refused({"~bob/run"}, HasSubstr("~bob/run"));
}

TEST_F(CommandLineTest, EmptyValuesAreRefused) {
  for (const auto& arguments : std::vector<std::vector<const char*>>{{""},
                                                                     {"--save_folder", ""},
                                                                     {"--save_folder="},
                                                                     {"run.dir="},
                                                                     {"model.weights="},
                                                                     {"--train_steps="},
                                                                     {"--resume="}}) {
    EXPECT_THROW(parse(arguments), InputError) << arguments.front();
  }
}

TEST_F(CommandLineTest, MalformedAndOutOfRangeNumbersAreRefused) {
  for (const char* number : {"18446744073709551616", "-1", "1e400", "nan", "010", "0x", "1 0"}) {
    expect_refused({"--train_steps", number}, HasSubstr("--train_steps"));
  }
  expect_refused({"--dataloader_workers", "-1"}, HasSubstr("--dataloader_workers"));
}

TEST_F(CommandLineTest, TheOptionsOfTheReferenceSetKeys) {
  const TrainCommand command = parse({"--train",
                                      "--train_steps",
                                      "1",
                                      "--time_steps",
                                      "2",
                                      "--save_folder",
                                      "there",
                                      "--data_path",
                                      "images",
                                      "--load_path",
                                      "w.safetensors",
                                      "--data_class",
                                      "dog",
                                      "--image_size",
                                      "64",
                                      "--batch_size",
                                      "3",
                                      "--learning_rate",
                                      "1e-4",
                                      "--unet_dim",
                                      "8",
                                      "--unet_dim_mults",
                                      "1",
                                      "2",
                                      "--save_and_sample_every",
                                      "5",
                                      "--dataloader_workers",
                                      "16",
                                      "--visualize"});
  const RunConfig& config = command.config;
  EXPECT_EQ(config.train.steps, 1);
  EXPECT_EQ(config.diffusion.steps, 2);
  EXPECT_EQ(config.run.dir, "there");
  EXPECT_EQ(config.data.path, "images");
  EXPECT_EQ(config.model.weights, "w.safetensors");
  EXPECT_EQ(config.data.classes, "dog");
  EXPECT_EQ(config.data.image_size, 64);
  EXPECT_EQ(config.train.batch_size, 3);
  EXPECT_EQ(config.optimizer.learning_rate, 1e-4);
  EXPECT_EQ(config.model.dim, 8);
  EXPECT_THAT(config.model.dim_mults, ElementsAre(1, 2));
  EXPECT_EQ(config.sample.every, 5);
  EXPECT_EQ(config.checkpoint.every, 5);
  EXPECT_TRUE(command.visualize);
}

TEST_F(CommandLineTest, OptionsMayBeWrittenWithDashesOrUnderscores) {
  EXPECT_EQ(parse({"--train-steps", "4"}).config.train.steps, 4);
  EXPECT_EQ(parse({"--train-steps=4"}).config.train.steps, 4);
  EXPECT_EQ(parse({"--save-folder=a-b-c"}).config.run.dir, "a-b-c");
  EXPECT_TRUE(parse({"--help_config"}).answer);
}

TEST_F(CommandLineTest, AnswersVersionAndHelpOptions) {
  EXPECT_EQ(parse({"--version"}).answer, version_text() + "\n");
  EXPECT_THAT(parse({"--help"}).answer.value(),
              AllOf(HasSubstr("--help-config"), HasSubstr("--train_steps")));
  EXPECT_EQ(parse({"--help-config"}).answer, config_help());
}

TEST_F(CommandLineTest, PrintsTheValueThatAKeyHasAfterAllArguments) {
  std::ofstream("a.toml") << "[run]\ndir = \"from \\\"file\\\"\"\n";
  EXPECT_EQ(parse({"a.toml", "--print", "run.dir"}).answer, "from \"file\"\n");
  EXPECT_EQ(parse({"a.toml", "--print=run.dir", "run.dir=here"}).answer, "here\n");
  EXPECT_EQ(parse({"--print", "train.steps", "--train_steps", "7"}).answer, "7\n");
  EXPECT_EQ(parse({"--print", "model.dim_mults", "model.dim_mults=[1,2]"}).answer, "[1, 2]\n");
  expect_refused({"--print", "run.dri"}, HasSubstr("--print: there is no key run.dri"));
  expect_refused({"--print", "run.dir", "train.steps=0"}, HasSubstr("train.steps"));
}

TEST_F(CommandLineTest, AMisspeltOptionSuggestsTheNearest) {
  expect_refused({"--trian_steps", "5"},
                 HasSubstr("there is no option --trian_steps (did you mean --train_steps?)"));
  expect_refused({"--batchsize=5"}, HasSubstr("did you mean --batch_size?"));
  expect_refused({"--completely-different"}, HasSubstr("there is no option"));
}

TEST_F(CommandLineTest, AMisspeltKeySuggestsTheNearest) {
  expect_refused({"train.step=5"}, HasSubstr("did you mean train.steps?"));
}

TEST_F(CommandLineTest, AWrongValueNamesTheOptionAndTheKey) {
  expect_refused({"--train_steps", "many"},
                 HasSubstr("--train_steps: train.steps = \"many\": expected an integer from 1"));
  expect_refused({"--unet_dim_mults", "1", "x"}, HasSubstr("model.dim_mults"));
  expect_refused({"--train_steps"}, HasSubstr("--train_steps"));
}

TEST_F(CommandLineTest, OnlyOneFileIsAccepted) {
  std::ofstream("a.toml") << "";
  expect_refused({"a.toml", "b.toml"}, HasSubstr("a.toml and b.toml: give only one file"));
  expect_refused({"none.toml"}, HasSubstr("none.toml"));
}

TEST_F(CommandLineTest, FidEvaluatesEachTimeThatSamplesAreMade) {
  const RunConfig config = parse({"--fid", "--save_and_sample_every", "300"}).config;
  EXPECT_EQ(config.evaluate.metrics, "fd");
  EXPECT_EQ(config.evaluate.every, 300);
  EXPECT_EQ(parse({"--fid", "evaluate.every=70"}).config.evaluate.every, 70);
}

}  // namespace
}  // namespace gm
