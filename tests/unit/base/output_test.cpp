// Which output paths a program accepts, and what happens to existing files.
#include "base/output.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "base/error.h"
#include "base/files.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace gm {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr size_t kOutputLimit = 1000;

class OutputTest : public ::testing::Test {
 protected:
  template <class Matcher>
  static void expect_refused(const std::vector<Output>& outputs,
                             const std::vector<fs::path>& inputs, const Matcher& message) {
    expect_error<InputError>([&] { check_outputs(outputs, inputs); }, message);
  }
  fs::path file(const char* name) const {
    std::ofstream(folder_ / name) << "old";
    return folder_ / name;
  }

  TemporaryFolder folder_;
};

TEST_F(OutputTest, AFileIsReplacedAtomically) {
  write_output(file("a"), "new");
  EXPECT_EQ(read_file(folder_ / "a", kOutputLimit), "new");
  expect_error<Error>(
      [&] {
        write_output(folder_ / "a", [](std::FILE* half) {
          std::fputs("half", half);
          throw Error("stopped");
        });
      },
      "stopped");
  EXPECT_EQ(read_file(folder_ / "a", kOutputLimit), "new");
  EXPECT_EQ(folder_.names(), std::vector<std::string>{"a"});
}

TEST_F(OutputTest, ASymbolicLinkIsKeptAndItsTargetIsReplacedOrCreated) {
  fs::create_directory(folder_ / "there");
  fs::create_symlink("there/target", folder_ / "link");
  fs::create_symlink("link", folder_ / "link-to-link");
  for (const char* text : {"made", "replaced"}) {
    check_outputs({{"--out", folder_ / "link-to-link"}});
    write_output(folder_ / "link-to-link", text);
    EXPECT_EQ(fs::read_symlink(folder_ / "link"), "there/target");
    EXPECT_TRUE(fs::is_symlink(folder_ / "link-to-link"));
    EXPECT_EQ(read_file(folder_ / "there" / "target", kOutputLimit), text);
  }
  EXPECT_EQ(folder_.names(), (std::vector<std::string>{"link", "link-to-link", "there"}));
}

TEST_F(OutputTest, BrokenLinksAreRefused) {
  fs::create_symlink("missing/target", folder_ / "link");
  expect_refused({{"--out", folder_ / "link"}}, {}, HasSubstr("missing; make it first"));
  fs::create_symlink("circle", folder_ / "circle");
  expect_refused({{"--out", folder_ / "circle"}}, {}, HasSubstr("in a circle"));
}

TEST_F(OutputTest, APipeIsWrittenToAndKept) {
  const fs::path pipe = folder_ / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const int reader = ::open(pipe.c_str(), O_RDONLY | O_NONBLOCK);
  check_outputs({{"--out", pipe, {".png"}}});
  write_output(pipe, "through");
  char got[16] = {};
  EXPECT_EQ(::read(reader, got, sizeof got), 7);
  EXPECT_STREQ(got, "through");
  ::close(reader);
  EXPECT_TRUE(fs::is_fifo(pipe));
  EXPECT_EQ(folder_.names(), std::vector<std::string>{"pipe"});
  expect_error<Error>([&] { StagedPath{pipe}; }, HasSubstr("device or a pipe"));
}

TEST_F(OutputTest, AFullDeviceIsAnError) {
  expect_error<Error>([] { write_output("/dev/full", "text"); },
                      "/dev/full: writing failed: No space left on device");
}

TEST_F(OutputTest, TwoOutputsMayNotBeTheSameFile) {
  const fs::path a = file("a");
  fs::create_symlink("a", folder_ / "link");
  fs::create_hard_link(a, folder_ / "hard");
  fs::create_symlink("new", folder_ / "dangling");
  for (const auto& [one, other] :
       std::vector<std::pair<fs::path, fs::path>>{{a, a},
                                                  {a, folder_ / "." / "a"},
                                                  {a, folder_ / "link"},
                                                  {folder_ / "link", folder_ / "hard"},
                                                  {folder_ / "new", folder_ / "dangling"},
                                                  {"not-there", "./not-there"},
                                                  {"-", "/dev/stdout"}}) {
    expect_refused(
        {{"--json", one}, {"--image", other}}, {},
        AllOf(HasSubstr("--json "), HasSubstr(" and --image "), HasSubstr("the same file")));
  }
  check_outputs({{"--json", a}, {"--image", folder_ / "new"}, {"--more", ""}, {"--most", ""}});
}

TEST_F(OutputTest, AnOutputMayNotOverwriteAnInput) {
  const fs::path a = file("a.png");
  fs::create_symlink("a.png", folder_ / "link.png");
  for (const fs::path& input : {a, folder_ / "link.png", folder_.path()}) {
    expect_refused({{"--out", a, {".png"}}}, {"", input},
                   AllOf(HasSubstr("--out " + a.string()), HasSubstr("would overwrite")));
  }
  check_outputs({{"--out", folder_ / "new.png", {".png"}}, {"--json", a}}, {folder_.path()});
}

TEST_F(OutputTest, TheExtensionMustMatchTheKindOfFile) {
  for (const char* name : {"a.jpg", "a.png.h5", "a.JPEG"}) {
    expect_refused({{"--out", folder_ / name, {".png"}}}, {},
                   HasSubstr("a name that ends in .png"));
  }
  for (const char* name : {"a.png", "a.PNG", "a.v2.png", "a", ".hidden"}) {
    check_outputs({{"--out", folder_ / name, {".png"}}});
  }
}

}  // namespace
}  // namespace gm
