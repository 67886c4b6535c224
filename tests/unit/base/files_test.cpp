// Atomic writing of files and folders, checks of output paths, and reading of files.
#include "base/files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "base/error.h"
#include "base/hash.h"
#include "support/expect_error.h"
#include "support/file_size_limit.h"
#include "support/images.h"
#include "support/temporary_folder.h"

namespace gm {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr size_t kFilesLimit = 1000;

TEST(WriteFileAtomically, WritesAndReplaces) {
  const TemporaryFolder folder;
  write_file_atomically(folder / "file", "first");
  write_file_atomically(folder / "file", std::string_view("a\0b", 3));
  EXPECT_EQ(read_file(folder / "file", kFilesLimit), std::string("a\0b", 3));
  EXPECT_EQ(folder.names(), std::vector<std::string>{"file"});
}

TEST(WriteFileAtomically, AFailedWriteKeepsTheOldFile) {
  const TemporaryFolder folder;
  write_file_atomically(folder / "file", "old");
  {
    const FileSizeLimit limit(4096);
    expect_error<Error>([&] { write_file_atomically(folder / "file", std::string(100'000, 'x')); },
                        HasSubstr("writing failed: File too large"));
  }
  EXPECT_EQ(read_file(folder / "file", kFilesLimit), "old");
  EXPECT_EQ(folder.names(), std::vector<std::string>{"file"});
}

TEST(StagedPath, IsRemovedWhenItIsNotCommitted) {
  const TemporaryFolder folder;
  {
    const StagedPath staged(folder / "final");
    std::ofstream(staged.path()) << "half";
    EXPECT_FALSE(fs::exists(folder / "final"));
  }
  EXPECT_TRUE(folder.names().empty());
}

TEST(StagedPath, CommitsAFolderWithItsFiles) {
  const TemporaryFolder folder;
  StagedPath staged(folder / "final");
  fs::create_directories(staged.path() / "inner");
  std::ofstream(staged.path() / "inner" / "file") << "text";
  staged.commit();
  EXPECT_EQ(folder.names(), std::vector<std::string>{"final"});
  EXPECT_EQ(read_file(folder / "final" / "inner" / "file", kFilesLimit), "text");
}

TEST(StagedPath, DoesNotReplaceANonEmptyFolder) {
  const TemporaryFolder folder;
  fs::create_directory(folder / "final");
  std::ofstream(folder / "final" / "old") << "old";
  {
    StagedPath staged(folder / "final");
    fs::create_directory(staged.path());
    EXPECT_THROW(staged.commit(), Error);
  }
  EXPECT_EQ(folder.names(), std::vector<std::string>{"final"});
  EXPECT_EQ(read_file(folder / "final" / "old", kFilesLimit), "old");
}

TEST(StagedPath, NeedsTheParentFolder) {
  const TemporaryFolder folder;
  expect_error<Error>([&] { StagedPath(folder / "missing" / "file"); },
                      AllOf(HasSubstr("missing"), HasSubstr("does not exist")));
}

TEST(StagedPath, IsRemovedByRemoveStagedPathsUnlessCommitted) {
  const TemporaryFolder folder;
  const StagedPath file(folder / "file"), tree(folder / "tree");
  std::ofstream(file.path()) << "half";
  fs::create_directory(tree.path());
  std::ofstream(tree.path() / "part") << "half";
  StagedPath done(folder / "done");
  std::ofstream(done.path()) << "whole";
  done.commit();
  remove_staged_paths();
  EXPECT_FALSE(fs::exists(file.path()));
  EXPECT_FALSE(fs::exists(tree.path()));
  EXPECT_EQ(read_file(folder / "done", 10), "whole");
}

TEST(SyncToDisk, IgnoresUnsupportedFilesAndReportsMissingOnes) {
  EXPECT_NO_THROW(sync_to_disk("/dev/null"));  // EINVAL, as for folders on some file systems
  expect_error<Error>([] { sync_to_disk("/nowhere"); }, HasSubstr("/nowhere: opening for fsync"));
}

TEST(RequireWritable, AcceptsANewAndAnExistingFile) {
  const TemporaryFolder folder;
  std::ofstream(folder / "old") << "old";
  require_writable(folder / "old");
  require_writable(folder / "new");
  require_writable("new");
  EXPECT_EQ(folder.names(), std::vector<std::string>{"old"});
}

TEST(RequireWritable, NamesTheFolderThatIsMissing) {
  const TemporaryFolder folder;
  expect_error<InputError>([&] { require_writable(folder / "missing" / "file"); },
                           AllOf(HasSubstr("missing/file"), HasSubstr("there is no folder")));
}

TEST(RequireWritable, RefusesTheNameOfAFolder) {
  const TemporaryFolder folder;
  fs::create_directory(folder / "inner");
  for (const char* name : {"inner", "inner/", "new/"}) {
    expect_error<InputError>([&] { require_writable(folder / name); }, HasSubstr("names a folder"));
  }
}

TEST(RequireWritableFolder, AcceptsAnExistingFolderAndOneThatCanBeCreated) {
  const TemporaryFolder folder;
  for (const char* name : {"", "new", "new/"}) require_writable_folder(folder / name);
  require_writable_folder("new");
  EXPECT_TRUE(folder.names().empty());
}

TEST(RequireWritableFolder, RefusesAFileAndAFolderWithoutAParent) {
  const TemporaryFolder folder;
  std::ofstream(folder / "file") << "text";
  expect_error<InputError>([&] { require_writable_folder(folder / "file"); },
                           HasSubstr("is a file"));
  expect_error<InputError>([&] { require_writable_folder(folder / "missing" / "new/"); },
                           HasSubstr("there is no folder"));
}

TEST(ReadFile, RefusesAFileAboveTheSizeLimit) {
  const TemporaryFolder folder;
  std::ofstream(folder / "file") << std::string(kFilesLimit + 1, 'x');
  expect_error<InputError>([&] { read_file(folder / "file", kFilesLimit); },
                           AllOf(HasSubstr("1001 bytes"), HasSubstr("at most 1000")));
}

TEST(ReadFile, NamesAMissingFile) {
  const TemporaryFolder folder;
  expect_error<InputError>([&] { read_file(folder / "missing", kFilesLimit); },
                           HasSubstr("missing"));
}

TEST(ReadFile, RefusesAFolder) {
  const TemporaryFolder folder;
  expect_error<InputError>([&] { read_file(folder.path(), kFilesLimit); },
                           HasSubstr("cannot be read"));
}

TEST(ReadFile, RefusesAllButRegularFilesWithoutBlocking) {
  const TemporaryFolder folder;
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  fs::create_symlink("nowhere", folder / "dangling");
  fs::create_symlink("circle", folder / "circle");
  write_bytes(folder / "file", "text");
  fs::create_symlink("file", folder / "link");
  EXPECT_EQ(read_file(folder / "link", kFilesLimit), "text");
  const std::vector<std::pair<fs::path, const char*>> others{
      {folder / "pipe", "it is a pipe"},          {"/dev/null", "it is a device"},
      {folder.path(), "it is a folder"},          {folder / "dangling", "is a link to nowhere"},
      {folder / "circle", "is a link to circle"}, {folder / "missing", "no such file"},
  };
  for (const auto& [path, reason] : others) {
    const auto message = AllOf(HasSubstr(path.string()), HasSubstr(reason));
    expect_error<InputError>([&] { read_file(path, kFilesLimit); }, message);
    expect_error<InputError>([&] { hash_file(path); }, message);
  }
}

}  // namespace
}  // namespace gm
