// Which mask belongs to which image: matched by name if that is unambiguous, and refused otherwise.
#include "data/mask_pairs.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "support/expect_error.h"
#include "support/images.h"
#include "support/temporary_folder.h"

namespace gm {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

using Names = std::vector<std::string>;

class MaskPairs : public ::testing::Test {
 protected:
  void write(const Names& masks) {
    for (const auto& mask : masks) write_bytes(folder_ / mask, "");
  }

  /// The masks of the images of these names, as paths in the folder.
  Names pairs(const Names& images) { return masks(std::ssize(images), images); }
  /// The masks of `images` images without names.
  Names in_order(int64_t images) { return masks(images, {}); }

  template <class Matcher>
  void expect_refused(const Names& images, const Matcher& message) {
    expect_error<InputError>([&] { pairs(images); }, message);
  }

  TemporaryFolder folder_;

 private:
  Names masks(int64_t images, const Names& names) {
    Names found;
    for (const auto& path : masks_of_images(folder_.path(), images, names))
      found.push_back(path.lexically_relative(folder_.path()).string());
    return found;
  }
};

TEST_F(MaskPairs, EqualNamesMatchAndOtherFilesAreIgnored) {
  write(
      {"c.png", "cats/a.PNG", "b.c.png", "of nothing.png", ".b.png", "notes.txt", "@eaDir/b.png"});
  EXPECT_THAT(pairs({"c", "cats/a", "b.c"}), ElementsAre("c.png", "cats/a.PNG", "b.c.png"));
}

TEST_F(MaskPairs, ACommonPrefixOrSuffixIsRecognized) {
  // In sorted order, 1.png, 10.png, 2.png would be paired with 10_mask.png, 1_mask.png, 2_mask.png.
  Names images, expected;
  for (const int i : {1, 2, 3, 5, 8, 10, 11, 12, 21, 111}) {
    images.push_back(std::to_string(i));
    expected.push_back(fmt::format("{}_mask.png", i));
  }
  write(expected);
  write({"7_mask.png", "13_mask.png"});
  EXPECT_EQ(pairs(images), expected);
}

TEST_F(MaskPairs, ACommonPrefixIsRecognizedInEachSubFolder) {
  write({"mask-a.png", "zoo/mask-a.png", "zoo/mask-ab.png"});
  EXPECT_THAT(pairs({"a", "zoo/a", "zoo/ab"}),
              ElementsAre("mask-a.png", "zoo/mask-a.png", "zoo/mask-ab.png"));
}

TEST_F(MaskPairs, APrefixTogetherWithTheExtensionOfTheImageIsRecognized) {
  write({"gt_a.jpg.png", "gt_b.jpg.png"});
  EXPECT_THAT(pairs({"b", "a"}), ElementsAre("gt_b.jpg.png", "gt_a.jpg.png"));
}

TEST_F(MaskPairs, LeadingZerosAreIgnored) {
  Names images, expected;
  for (int i = 1; i <= 12; ++i) {
    images.push_back(fmt::format("photo{}", i));
    expected.push_back(fmt::format("photo{:03}_mask.png", i));
  }
  write(expected);
  EXPECT_EQ(pairs(images), expected);
  write({"photo2_mask.png"});
  expect_refused(images, AllOf(HasSubstr("photo2_mask.png"), HasSubstr("photo002_mask.png"),
                               HasSubstr("remove one of them")));
}

TEST_F(MaskPairs, ImagesOfSubFoldersMayHaveTheirMasksInOneFolder) {
  write({"a_mask.png", "b_mask.png"});
  EXPECT_THAT(pairs({"cat/a", "dog/b"}), ElementsAre("a_mask.png", "b_mask.png"));
  expect_refused({"cat/a", "dog/a"}, HasSubstr("there is no mask cat/a.png"));
}

TEST_F(MaskPairs, ImagesWithoutAMaskAreNamed) {
  write({"1_mask.png", "2_mask.png", "4_mask.png", "of nothing.png"});
  expect_refused(
      {"1", "2", "3", "4", "5"},
      AllOf(HasSubstr(folder_.path().string()), HasSubstr("there is no mask 3_mask.png"),
            HasSubstr("2 of the 5 images have none (3, 5)"),
            HasSubstr("no image has the masks of nothing.png"), Not(HasSubstr("1_mask"))));
}

TEST_F(MaskPairs, EqualCountsWithoutMatchingNamesAreRefused) {
  write({"m1.png", "m2.png", "m3.png"});
  expect_refused({"x", "y", "z"}, AllOf(HasSubstr("3 of the 3 images have none (x, y, z)"),
                                        HasSubstr("m1.png, m2.png, m3.png")));
}

TEST_F(MaskPairs, PartsOfNumbersOrWordsDoNotMatch) {
  write({"11_mask.png", "banana.png"});
  expect_refused({"1"}, HasSubstr("there is no mask 1.png"));
  expect_refused({"a"}, HasSubstr("there is no mask a.png"));
}

TEST_F(MaskPairs, AmbiguousPairsAreRefused) {
  write({"a_mask.png", "b_mask.png", "a_old.png", "b_old.png"});
  expect_refused({"a", "b"}, AllOf(HasSubstr("a_mask.png"), HasSubstr("a_old.png"),
                                   HasSubstr("remove one of them")));
  write({"c.png", "c.PNG"});
  expect_refused({"c"}, AllOf(HasSubstr("c.png"), HasSubstr("c.PNG")));
}

TEST_F(MaskPairs, ImagesWithoutNamesTakeMasksInAnUnambiguousOrder) {
  write({"08.png", "09.png", "10.png"});
  EXPECT_THAT(in_order(3), ElementsAre("08.png", "09.png", "10.png"));
  expect_error<InputError>([&] { in_order(4); }, HasSubstr("holds 3 masks for 4 images"));
  write({"9.png"});
  expect_error<InputError>([&] { in_order(4); },
                           AllOf(HasSubstr("10.png"), HasSubstr("9.png"), HasSubstr("digits")));
}

TEST_F(MaskPairs, AFolderWithoutMasksSaysSo) {
  write({"a.jpg"});
  expect_refused({"a"}, HasSubstr("no PNG files"));
  expect_error<InputError>([&] { in_order(1); }, HasSubstr("no PNG files"));
}

}  // namespace
}  // namespace gm
