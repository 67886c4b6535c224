// Names of classes: in the lists of users, and in packed files.
#include "data/class_names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "support/expect_error.h"

namespace gm {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

using Names = std::vector<std::string>;

std::vector<int64_t> find(const char* list, const Names& known) {
  return find_classes(list, known, "photos");
}

TEST(ClassNames, AreFoundInTheOrderOfTheList) {
  const Names known{"cat", "dog", "fox"};
  EXPECT_THAT(find("fox,cat", known), ElementsAre(2, 0));
  EXPECT_THAT(find(" fox , dog", known), ElementsAre(2, 1));
  expect_error<InputError>([&] { find("cat,cow", known); },
                           AllOf(HasSubstr("photos"), HasSubstr("no class 'cow'"),
                                 HasSubstr("the classes are cat, dog, fox")));
  expect_error<InputError>([&] { find("cat,", known); }, HasSubstr("no class ''"));
  expect_error<InputError>([] { find("cat", {}); }, HasSubstr("no classes at all"));
}

TEST(ClassNames, SurroundingBlanksAreIgnored) {
  EXPECT_THAT(find("cat", {"dog  ", "cat  "}), ElementsAre(1));
  EXPECT_THAT(find("cat", {"cat", "dog", "cat "}), ElementsAre(0, 2)) << "no image is dropped";
}

TEST(ClassNames, MayContainCommas) {
  const Names known{"tench, Tinca tinca", "tench", "goldfish, Carassius, C. auratus"};
  EXPECT_THAT(find("tench, Tinca tinca", known), ElementsAre(0));
  EXPECT_THAT(find("goldfish, Carassius, C. auratus,tench", known), ElementsAre(2, 1));
  EXPECT_THAT(find("tench,tench, Tinca tinca", known), ElementsAre(1, 0));
  expect_error<InputError>([&] { find("tench,goldfish, Carassius", known); },
                           HasSubstr("no class 'goldfish'"));
}

TEST(ClassNames, OfAPackedFileAreValidated) {
  check_class_names({"cat", " dog", "Katze, jung", "caf\u00e9", "\u732b"}, "photos");
  check_class_names({"all"}, "photos");
  const auto refuse = [](const Names& names, const char* name, const char* reason) {
    expect_error<InputError>(
        [&] { check_class_names(names, "photos"); },
        AllOf(HasSubstr("photos"), HasSubstr(name), HasSubstr(reason), HasSubstr("rename")));
  };
  refuse({"dog", "caf\xe9"}, "caf\\xe9", "not UTF-8");
  refuse({"dog", "\xc3"}, "\\xc3", "not UTF-8");
  refuse({"two\nlines"}, "two\\x0alines", "control character");
  refuse({"all", "dog"}, "all", "means all classes");
  refuse({"dog", "  "}, "'  '", "spaces");
  refuse({"cat", "dog", "cat "}, "cat", "two folders");
}

}  // namespace
}  // namespace gm
