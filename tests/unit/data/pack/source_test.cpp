// Where pictures come from: what is listed, in which order, and what is refused.
#include "data/pack/source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "data/pack/folder_listing.h"
#include "support/expect_error.h"
#include "support/idx.h"
#include "support/temporary_folder.h"

namespace gm {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> names(const TemporaryFolder& folder, const FolderListing& listing) {
  std::vector<std::string> found;
  for (const auto& picture : listing.pictures)
    found.push_back(
        fmt::format("{}:{}", fs::relative(picture.path, folder.path()).string(), picture.label));
  return found;
}

TEST(FolderListing, SubFoldersAreClassesAndEverythingIsSorted) {
  const TemporaryFolder folder;
  for (const char* name : {"dog/b.JPG", "dog/a.png", "cat/deep/x.jpeg", "cat/z.jpg",
                           "cat/notes.txt", "cat/.hidden.jpg", ".git/x.png", "fox/1.png"})
    write_bytes(folder / name, "");
  const auto all = list_folder(folder.path(), "all");
  EXPECT_THAT(all.classes, ElementsAre("cat", "dog", "fox"));
  EXPECT_THAT(names(folder, all), ElementsAre("cat/z.jpg:0", "cat/deep/x.jpeg:0", "dog/a.png:1",
                                              "dog/b.JPG:1", "fox/1.png:2"));
  EXPECT_EQ(all.ignored, 1);

  const auto some = list_folder(folder.path(), "fox,cat");
  EXPECT_THAT(some.classes, ElementsAre("cat", "fox"));
  EXPECT_EQ(names(folder, some).back(), "fox/1.png:1");
}

TEST(FolderListing, AFlatFolderHasNoClasses) {
  const TemporaryFolder folder;
  write_bytes(folder / "b.png", "");
  write_bytes(folder / "a.jpg", "");
  const auto listing = list_folder(folder.path(), "all");
  EXPECT_TRUE(listing.classes.empty());
  EXPECT_THAT(names(folder, listing), ElementsAre("a.jpg:0", "b.png:0"));
}

TEST(FolderListing, SaysWhatIsWrongWithAFolder) {
  const TemporaryFolder folder;
  expect_error<InputError>([&] { list_folder(folder.path(), "all"); },
                           HasSubstr("holds no pictures"));
  write_bytes(folder / "cat" / "a.jpg", "");
  expect_error<InputError>([&] { list_folder(folder.path(), "cow"); },
                           AllOf(HasSubstr("no class 'cow'"), HasSubstr("the classes are cat")));
  write_bytes(folder / "stray.png", "");
  expect_error<InputError>([&] { list_folder(folder.path(), "all"); },
                           AllOf(HasSubstr("stray.png"), HasSubstr("beside sub-folders (cat)")));
}

TEST(FolderListing, FollowsLinksButNotInCircles) {
  const TemporaryFolder folder, elsewhere;
  write_bytes(elsewhere / "a.jpg", "");
  fs::create_directory(folder / "cat");
  fs::create_directory_symlink(elsewhere.path(), folder / "cat" / "linked");
  EXPECT_EQ(list_folder(folder.path(), "all").pictures.size(), 1U);
  fs::create_directory_symlink(folder.path(), folder / "cat" / "circle");
  expect_error<InputError>([&] { list_folder(folder.path(), "all"); },
                           AllOf(HasSubstr("cat/circle"), HasSubstr("leads back to")));
}

std::vector<std::pair<int64_t, int64_t>> numbers_and_labels(PictureSource& source) {
  std::vector<std::pair<int64_t, int64_t>> found;
  for (int64_t i = 0; i < source.size(); ++i) {
    const SourceItem item = source.next();
    found.emplace_back(number_of(item.decode().pixels.data()), item.label);
  }
  return found;
}

TEST(IdxSource, ReadsPlainAndGzipWithLabelsFromBeside) {
  const TemporaryFolder folder;
  write_bytes(folder / "train-images-idx3-ubyte", idx_pictures(5, 4, 4));
  write_bytes(folder / "train-labels-idx1-ubyte", idx_labels({2, 0, 2, 1, 0}));
  write_gzip(folder / "t-images-idx3-ubyte.gz", idx_pictures(5, 4, 4));
  write_gzip(folder / "t-labels-idx1-ubyte.gz", idx_labels({2, 0, 2, 1, 0}));
  for (const char* name : {"train-images-idx3-ubyte", "t-images-idx3-ubyte.gz"}) {
    const auto source = open_source(folder / name, {});
    EXPECT_EQ(source->own_size(), 4);
    EXPECT_EQ(source->channels(), 1);
    EXPECT_THAT(source->classes(), ElementsAre("0", "1", "2"));
    EXPECT_THAT(numbers_and_labels(*source),
                ElementsAre(std::pair(0, 2), std::pair(1, 0), std::pair(2, 2), std::pair(3, 1),
                            std::pair(4, 0)));
  }
  const auto chosen = open_source(folder / "t-images-idx3-ubyte.gz", {.classes = "2,1"});
  EXPECT_THAT(chosen->classes(), ElementsAre("1", "2"));
  EXPECT_THAT(numbers_and_labels(*chosen),
              ElementsAre(std::pair(0, 1), std::pair(2, 1), std::pair(3, 0)));
}

TEST(IdxSource, WithoutLabelsThereAreNoClasses) {
  const TemporaryFolder folder;
  write_bytes(folder / "pictures.idx", idx_pictures(2, 3, 5));
  const auto source = open_source(folder / "pictures.idx", {});
  EXPECT_TRUE(source->classes().empty());
  EXPECT_EQ(source->own_size(), 0) << "3 x 5 is no one size";
  expect_error<InputError>([&] { open_source(folder / "pictures.idx", {.classes = "1"}); },
                           HasSubstr("no file of labels"));
}

TEST(IdxSource, RefusesWhatIsWrong) {
  const TemporaryFolder folder;
  const auto refuse = [&](const char* name, const std::string& bytes, const char* reason) {
    write_bytes(folder / name, bytes);
    expect_error<InputError>(
        [&] {
          const auto source = open_source(folder / name, {});
          numbers_and_labels(*source);
        },
        AllOf(HasSubstr(name), HasSubstr(reason)));
  };
  refuse("text", "hello, world", "is not an IDX file");
  refuse("empty", "", "ends too early");
  refuse("labels", idx_labels({1, 2}), "is not an IDX file of 3-dimensional bytes");
  refuse("short", idx_pictures(3, 4, 4).substr(0, 50), "ends too early");
  refuse("long", idx_pictures(3, 4, 4) + "x", "more than its header declares");
  refuse("huge", idx_header({4'000'000'000U, 28, 28}), "declares 4000000000");
  refuse("billion", idx_header({1 << 30, 1, 1}), "16 bytes cannot hold the 1073741824");
  refuse("wide", idx_header({1, 1'000'000, 28}), "declares 1000000");
  refuse("none", idx_header({0, 28, 28}), "declares 0");
  write_bytes(folder / "a-labels-idx1", idx_labels({1, 2}));
  refuse("a-images-idx3", idx_pictures(3, 4, 4), "holds 2 labels for the 3 pictures");
  expect_error<InputError>([&] { open_source(folder / "missing", {}); }, HasSubstr("no such file"));
}

TEST(IdxSource, ATruncatedGzipFileIsNoticed) {
  const TemporaryFolder folder;
  std::string noise = idx_header({100, 16, 16});
  uint32_t state = 1;
  for (int i = 0; i < 100 * 256; ++i)
    noise.push_back(static_cast<char>((state = state * 1664525 + 1013904223) >> 24));
  write_gzip(folder / "x.gz", noise);
  fs::resize_file(folder / "x.gz", fs::file_size(folder / "x.gz") / 2);
  const auto source = open_source(folder / "x.gz", {});
  expect_error<InputError>([&] { numbers_and_labels(*source); }, HasSubstr("ends too early"));
}

}  // namespace
}  // namespace gm
