// The files of gm_sample --images, and the limit of its memory.
#include "run/sample_files.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "base/files.h"
#include "base/output.h"
#include "image/decode.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace gm {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(SampleFiles, AreNumberedOrNamedLikeTheirOriginals) {
  EXPECT_THAT(image_files("each", 2, {}), ElementsAre("each/00000.png", "each/00001.png"));
  EXPECT_THAT(image_files("each", 1, {"cat/a", "dog/b"}), ElementsAre("each/cat/a.png"));
}

TEST(SampleFiles, MayNotBeAnotherOutputOrTheMask) {
  const TemporaryFolder folder;
  const std::string each = (folder / "each").string();
  const auto files = image_files(canonical_name(each), 3, {});
  const auto check = [&](const std::string& mask, const std::vector<std::string>& outputs) {
    require_other_files(files, each, mask, outputs);
  };
  check("", {"", (folder / "grid.png").string()});
  check((folder / "mask.png").string(), {});
  expect_error<InputError>([&] { check(each + "/00002.png", {}); },
                           AllOf(HasSubstr("--images " + each), HasSubstr("overwrite the mask")));
  for (const std::string& taken : {each + "/00001.png", each}) {
    expect_error<InputError>(
        [&] {
          check("", {"", taken});
        },
        AllOf(HasSubstr(taken), HasSubstr("written twice")));
  }
}

TEST(SampleFiles, TooManyImagesForTheMemoryAreRefusedWithTheLimit) {
  const ImageShape shape{16, 16, 1};
  const int64_t most = (int64_t{1} << 30) / (16 * 16 + 66 * 66);  // one byte a pixel, with its grid
  require_memory(most, shape, 1);
  expect_error<InputError>([&] { require_memory(most + 1, shape, 1); },
                           HasSubstr(fmt::format("set --count to at most {}", most)));
  EXPECT_THROW(require_memory(most, shape, 3), InputError) << "strips of three images";
}

TEST(SampleFiles, TheLastSquareOfEachImageIsWrittenToTheFileOfItsIndex) {
  const TemporaryFolder folder;
  const auto files = image_files(folder.path(), 3, {"a", "sub/b", "c"});
  const at::Tensor strips = at::zeros({2, 4, 8, 1}, at::kByte);  // two squares side by side
  strips[0].narrow(1, 4, 4).fill_(10);
  strips[1].narrow(1, 4, 4).fill_(20);
  write_images(files, {.indices = at::tensor({2, 1}, at::kLong), .pixels = strips});
  EXPECT_FALSE(std::filesystem::exists(folder / "a.png"));
  for (const auto& [name, value] : {std::pair("c.png", 10), std::pair("sub/b.png", 20)}) {
    const DecodedImage image =
        decode_image(name, read_file(folder / name, 1 << 16), {.grey = true});
    EXPECT_EQ(image.shape.width, 4);
    EXPECT_EQ(image.pixels, std::vector<uint8_t>(16, static_cast<uint8_t>(value))) << name;
  }
}

}  // namespace
}  // namespace gm
