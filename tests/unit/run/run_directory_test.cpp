// The paths of the files of a run.
#include "run/run_directory.h"

#include <gmock/gmock.h>

#include <fstream>

#include "base/error.h"
#include "base/files.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace gm {
namespace {

using ::testing::HasSubstr;

TEST(RunDirectoryTest, StoresTheConfigurationOfTheLastStart) {
  const TemporaryFolder folder;
  const RunDirectory directory(folder / "run");
  EXPECT_FALSE(directory.holds_run());
  for (const char* config : {"steps = 1\n", "steps = 2\n"}) {
    directory.begin(config);
    EXPECT_TRUE(directory.holds_run());
    EXPECT_EQ(read_file(directory.config(), 100), config);
  }
  EXPECT_TRUE(std::filesystem::is_directory(directory.samples_folder()));
  EXPECT_EQ(directory.samples(1200, ".png").filename(), "step-00001200.png");
}

TEST(RunDirectoryTest, ARunHasTheNameOfItsDirectory) {
  EXPECT_EQ(RunDirectory("./results").name(), "results");
  EXPECT_EQ(RunDirectory("runs/cats/").name(), "cats");
  EXPECT_EQ(RunDirectory(".").name(), std::filesystem::current_path().filename());
}

TEST(RunDirectoryTest, APathWhereNoFolderCanBeCreatedIsRefused) {
  const TemporaryFolder folder;
  std::ofstream(folder / "file") << "a file";
  expect_error<InputError>([&] { RunDirectory(folder / "file" / "run").begin(""); },
                           HasSubstr("cannot be written"));
}

}  // namespace
}  // namespace gm
