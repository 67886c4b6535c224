// Sources of images: which files are listed, in which order, and which are refused.
#include "data/pack/source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

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
using ::testing::IsEmpty;

std::vector<std::string> names(const TemporaryFolder& folder, const FolderListing& listing) {
  std::vector<std::string> found;
  for (const auto& image : listing.images)
    found.push_back(
        fmt::format("{}:{}", fs::relative(image.path, folder.path()).string(), image.label));
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
  EXPECT_THAT(all.other_files, ElementsAre(std::pair(".txt", 1)));

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
                           HasSubstr("holds no images that end in .jpg"));
  write_bytes(folder / "train-images-idx3-ubyte.gz", "");
  expect_error<InputError>(
      [&] { list_folder(folder.path(), "all"); },
      AllOf(HasSubstr("1 .gz"), HasSubstr("an IDX file is packed by its own name: " +
                                          (folder / "train-images-idx3-ubyte.gz").string())));
  write_bytes(folder / "cat" / "a.jpg", "");
  expect_error<InputError>([&] { list_folder(folder.path(), "cow"); },
                           AllOf(HasSubstr("no class 'cow'"), HasSubstr("the classes are cat")));
  write_bytes(folder / "stray.png", "");
  for (const auto& path : {folder.path(), folder / ""}) {
    expect_error<InputError>(
        [&] { list_folder(path, "all"); },
        AllOf(HasSubstr("stray.png"), HasSubstr("beside sub-folders of images (cat)")));
  }
}

TEST(FolderListing, AcceptsEveryExtensionOfJpegAndPngAndCountsTheOthers) {
  const TemporaryFolder folder;
  for (const char* name : {"a.JPG", "b.jpeg", "c.jpe", "d.JFIF", "e.Png"})
    write_bytes(folder / name, "");
  EXPECT_THAT(list_folder(folder.path(), "all").remarks(), IsEmpty());
  for (const char* name :
       {"a.webp", "b.WEBP", "c.webp", "d.gif", "e.heic", "notes", ".hidden.webp"})
    write_bytes(folder / name, "");
  const auto listing = list_folder(folder.path(), "all");
  EXPECT_EQ(listing.images.size(), 5U);
  EXPECT_THAT(listing.remarks(),
              ElementsAre("6 files left out, as they do not end in .jpg, .jpeg, .jpe, .jfif, .png: "
                          "3 .webp, 1 without an ending, 1 .gif, 1 .heic"));
  for (const char* name : {"a.JPG", "b.jpeg", "c.jpe", "d.JFIF", "e.Png"})
    fs::remove(folder / name);
  expect_error<InputError>([&] { list_folder(folder.path(), "all"); },
                           AllOf(HasSubstr("holds no images"), HasSubstr("3 .webp")));
}

TEST(FolderListing, AFolderWithoutImagesIsNoClass) {
  const TemporaryFolder folder;
  write_bytes(folder / "cat" / "a.png", "");
  write_bytes(folder / "dog" / "a.webp", "");
  write_bytes(folder / "logs" / "deep" / "slurm.out", "");
  fs::create_directory(folder / "empty");
  const auto listing = list_folder(folder.path(), "all");
  EXPECT_THAT(listing.classes, ElementsAre("cat"));
  EXPECT_THAT(
      listing.remarks(),
      ElementsAre(HasSubstr("1 .out, 1 .webp"),
                  "3 folders left out: dog (no images), empty (no images), logs (no images)"));
  expect_error<InputError>([&] { list_folder(folder.path(), "dog"); },
                           AllOf(HasSubstr("holds no images"), HasSubstr("dog (no images)")));
}

TEST(FolderListing, ImagesMayLieBesideFoldersWithoutImages) {
  const TemporaryFolder folder;
  write_bytes(folder / "a.png", "");
  fs::create_directory(folder / "notes");
  const auto listing = list_folder(folder.path(), "all");
  EXPECT_THAT(listing.classes, IsEmpty());
  EXPECT_THAT(names(folder, listing), ElementsAre("a.png:0"));
}

TEST(FolderListing, FilesAndFoldersOfTheSystemAreLeftOut) {
  const TemporaryFolder folder;
  for (const char* name :
       {"cat/a.png", "@eaDir/a.png/SYNOPHOTO_THUMB_M.jpg", "cat/@eaDir/a.png/SYNOPHOTO_THUMB_M.jpg",
        "__MACOSX/cat/._a.png", "__MACOSX/cat/a.png", "cat/._a.png", "cat/.DS_Store",
        "cat/.ipynb_checkpoints/a-checkpoint.png", "#recycle/b.png", "@Recycle/b.png",
        "lost+found/b.png", "$RECYCLE.BIN/b.png", "System Volume Information/b.png"})
    write_bytes(folder / name, "");
  const auto listing = list_folder(folder.path(), "all");
  EXPECT_THAT(listing.classes, ElementsAre("cat"));
  EXPECT_THAT(names(folder, listing), ElementsAre("cat/a.png:0"));
  ASSERT_EQ(listing.remarks().size(), 1U);
  EXPECT_THAT(listing.remarks()[0],
              AllOf(HasSubstr("8 folders left out"), HasSubstr("@eaDir (made by the system)")));
}

TEST(FolderListing, RunDirectoriesAreLeftOut) {
  const TemporaryFolder folder;
  const auto write_run = [&](const fs::path& run) {
    write_bytes(run / "config.toml", "");
    write_bytes(run / "samples" / "step-00000001.png", "");
    fs::create_directories(run / "checkpoints" / "step-00000001");
  };
  write_bytes(folder / "cat" / "a.png", "");
  for (const char* run : {"results", "runs/one", "cat/run"}) write_run(folder / run);
  write_bytes(folder / "results" / "grid.png", "");
  const auto beside = list_folder(folder.path(), "all");
  EXPECT_THAT(beside.classes, ElementsAre("cat"));
  EXPECT_THAT(names(folder, beside), ElementsAre("cat/a.png:0"));
  EXPECT_THAT(beside.remarks(),
              ElementsAre("4 folders left out: results (a run of gm), cat/run (a "
                          "run of gm), runs/one (a run of gm), runs (no images)"));
  write_run(folder.path());
  EXPECT_THAT(names(folder, list_folder(folder.path(), "all")), ElementsAre("cat/a.png:0"))
      << "the folder itself is a run directory";
}

TEST(FolderListing, NamesThatAreNotUtf8AreRefused) {
  const TemporaryFolder folder;
  write_bytes(folder / "caf\xe9" / "a.png", "");
  write_bytes(folder / "dog" / "a.png", "");
  expect_error<InputError>([&] { list_folder(folder.path(), "all"); },
                           AllOf(HasSubstr("caf\\xe9"), HasSubstr("not UTF-8")));
  EXPECT_THAT(list_folder(folder.path(), "dog").classes, ElementsAre("dog"));
}

TEST(FolderListing, BrokenLinksAreListedAsFiles) {
  const TemporaryFolder folder;
  write_bytes(folder / "cat" / "a.png", "");
  fs::create_symlink("self", folder / "self");
  fs::create_symlink("nowhere", folder / "cat" / "b.png");
  const auto listing = list_folder(folder.path(), "all");
  EXPECT_THAT(names(folder, listing), ElementsAre("cat/a.png:0", "cat/b.png:0"));
  EXPECT_THAT(listing.remarks(), ElementsAre(HasSubstr("1 without an ending")));
}

TEST(FolderListing, OneImageFileIsAListingOfOneImage) {
  const TemporaryFolder folder;
  write_bytes(folder / "a.png", "");
  write_bytes(folder / "b", "\x89PNG\r\n");
  write_bytes(folder / "c", "\xff\xd8\xff\xe0");
  write_bytes(folder / "d.h5", "\x89HDF");
  for (const char* name : {"a.png", "b", "c"}) {
    EXPECT_TRUE(is_image_file(folder / name)) << name;
    EXPECT_THAT(names(folder, list_images(folder / name, "all")),
                ElementsAre(fmt::format("{}:0", name)));
  }
  EXPECT_FALSE(is_image_file(folder / "d.h5"));
  EXPECT_FALSE(is_image_file(folder.path()));
  ASSERT_EQ(::mkfifo((folder / "pipe.png").c_str(), 0600), 0);
  const auto source = open_source(folder / "pipe.png", {});
  expect_error<InputError>([&] { source->next().decode(); }, HasSubstr("it is a pipe"));
  expect_error<InputError>([&] { list_images(folder / "a.png", "cat"); },
                           HasSubstr("has no classes"));
}

TEST(FolderListing, FollowsLinksButRefusesCycles) {
  const TemporaryFolder folder, elsewhere;
  write_bytes(elsewhere / "a.jpg", "");
  fs::create_directory(folder / "cat");
  fs::create_directory_symlink(elsewhere.path(), folder / "cat" / "linked");
  EXPECT_EQ(list_folder(folder.path(), "all").images.size(), 1U);
  fs::create_directory_symlink(folder.path(), folder / "cat" / "circle");
  expect_error<InputError>([&] { list_folder(folder.path(), "all"); },
                           AllOf(HasSubstr("cat/circle"), HasSubstr("leads back to")));
}

std::vector<std::pair<int64_t, int64_t>> numbers_and_labels(ImageSource& source) {
  std::vector<std::pair<int64_t, int64_t>> found;
  for (int64_t i = 0; i < source.size(); ++i) {
    const SourceItem item = source.next();
    found.emplace_back(number_of(item.decode().pixels.data()), item.label);
  }
  return found;
}

TEST(IdxSource, ReadsPlainAndGzipFilesWithTheirLabelFiles) {
  const TemporaryFolder folder;
  write_bytes(folder / "train-images-idx3-ubyte", idx_images(5, 4, 4));
  write_bytes(folder / "train-labels-idx1-ubyte", idx_labels({2, 0, 2, 1, 0}));
  write_gzip(folder / "t-images-idx3-ubyte.gz", idx_images(5, 4, 4));
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

TEST(IdxSource, FindsLabelFilesOfEverySpelling) {
  const std::vector<std::pair<const char*, const char*>> spellings{
      {"train-images.idx3-ubyte", "train-labels.idx1-ubyte"},
      {"train-images.idx3-ubyte", "train-labels-idx1-ubyte"},
      {"t10k_images_idx3_ubyte", "t10k_labels_idx1_ubyte"},
      {"T10K-IMAGES-IDX3-UBYTE", "T10K-LABELS-IDX1-UBYTE"},
      {"emnist-letters-train-images-idx3-ubyte", "emnist-letters-train-labels-idx1-ubyte"},
      {"train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte"},
      {"train-images.idx", "train-labels.idx"},
      {"images of images-idx3", "images of labels-idx1"},
  };
  for (const auto& [images, labels] : spellings) {
    const TemporaryFolder folder;
    write_bytes(folder / images, idx_images(3, 4, 4));
    write_bytes(folder / "other-labels-idx1-ubyte", "hello");
    write_bytes(folder / labels, idx_labels({0, 2, 1}));
    const auto source = open_source(folder / images, {});
    EXPECT_THAT(source->classes(), ElementsAre("0", "1", "2")) << images;
    EXPECT_THAT(source->remarks(), IsEmpty());
  }
}

TEST(IdxSource, WithoutLabelsThereAreNoClasses) {
  const TemporaryFolder folder;
  write_bytes(folder / "images.idx", idx_images(2, 3, 5));
  const auto source = open_source(folder / "images.idx", {});
  EXPECT_TRUE(source->classes().empty());
  EXPECT_THAT(source->remarks(), ElementsAre(HasSubstr("no label file in its folder")));
  EXPECT_EQ(source->own_size(), 0) << "3 x 5 is not square";
  expect_error<InputError>([&] { open_source(folder / "images.idx", {.classes = "1"}); },
                           HasSubstr("no label file in its folder"));
}

TEST(IdxSource, RefusesInvalidFiles) {
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
  refuse("short", idx_images(3, 4, 4).substr(0, 50), "ends too early");
  refuse("long", idx_images(3, 4, 4) + "x", "more than its header declares");
  refuse("huge", idx_header({4'000'000'000U, 28, 28}), "declares 4000000000");
  refuse("billion", idx_header({1 << 30, 1, 1}), "16 bytes cannot hold the 1073741824");
  refuse("wide", idx_header({1, 1'000'000, 28}), "declares 1000000");
  refuse("none", idx_header({0, 28, 28}), "declares 0");
  write_bytes(folder / "a-labels-idx1", idx_labels({1, 2}));
  refuse("a-images-idx3", idx_images(3, 4, 4), "holds 2 labels for the 3 images");
  expect_error<InputError>([&] { open_source(folder / "missing", {}); }, HasSubstr("no such file"));
}

TEST(IdxSource, ATruncatedGzipFileIsAnError) {
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
