// A run directory belongs to one run; whatever stands in the way is named and nothing is changed.
#include "train/run_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/error.h"
#include "base/files.h"

namespace gm {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

class RunDirectoryTest : public ::testing::Test {
 protected:
  RunDirectoryTest() { fs::remove_all(root_); }
  ~RunDirectoryTest() override { fs::remove_all(root_); }

  std::string refusal(const RunDirectory& directory, const std::string& config) {
    try {
      directory.claim(config);
    } catch (const InputError& error) {
      return error.what();
    }
    return "accepted";
  }

  fs::path root_ = fs::temp_directory_path() / fmt::format("gm-run-directory-{}", getpid());
};

TEST_F(RunDirectoryTest, ClaimCreatesTheFolderAndKeepsTheConfiguration) {
  const RunDirectory directory(root_ / "deep" / "run");
  directory.claim("seed = 1\n");
  EXPECT_EQ(read_file(directory.config(), 100), "seed = 1\n");
  EXPECT_TRUE(fs::is_directory(directory.samples_folder()));
  EXPECT_EQ(directory.samples(1200).filename(), "step-00001200.png");
}

TEST_F(RunDirectoryTest, RefusesAnotherRunsFolderAndNamesTheDifference) {
  const RunDirectory directory(root_);
  directory.claim("seed = 1\nsteps = 5\n");
  EXPECT_THAT(refusal(directory, "seed = 1\nsteps = 6\n"),
              AllOf(HasSubstr(root_.string()),
                    HasSubstr("it has `steps = 5`, this run `steps = 6`"), HasSubstr("run.dir")));
  EXPECT_THAT(refusal(directory, "seed = 1\nsteps = 5\n"), HasSubstr("this very configuration"));
  EXPECT_EQ(read_file(directory.config(), 100), "seed = 1\nsteps = 5\n");
}

TEST_F(RunDirectoryTest, RefusesAPlaceWhereNoFolderCanBe) {
  std::ofstream(root_) << "a file";
  EXPECT_THAT(refusal(RunDirectory(root_ / "run"), ""), HasSubstr("cannot be made"));
  EXPECT_THAT(refusal(RunDirectory("/proc/run"), ""), HasSubstr("cannot be made"));
}

}  // namespace
}  // namespace gm
