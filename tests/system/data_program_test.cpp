// gm_data as a user sees it: its output, the files that it writes, its error messages.
#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <zlib.h>

#include <fstream>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>

#include "base/files.h"
#include "checkpoint/safetensors.h"
#include "data/image_dataset.h"
#include "image/image_grid.h"
#include "support/foreign_file.h"
#include "support/idx.h"
#include "support/images.h"
#include "support/jpeg.h"
#include "support/run_command.h"
#include "support/temporary_folder.h"

namespace gm {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

CommandResult gm_data(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), program("gm_data"));
  return run_command(arguments);
}

std::string text(const fs::path& path) { return path.string(); }

/// An image file made by Pillow (tests/parity/image_answers.py).
std::string image_file(const std::string& name) {
  static const TensorMap files = load_safetensors(fs::path(std::getenv("GM_SOURCE_DIR")) /
                                                  "tests/parity/answers/images_files.safetensors");
  const at::Tensor& bytes = files.at(name + ".file");
  return {reinterpret_cast<const char*>(bytes.const_data_ptr<uint8_t>()),
          static_cast<size_t>(bytes.numel())};
}

/// Writes photographs into the folders `cat` and `dog`: real ones if GM_SHARED_DATA is set,
/// otherwise generated ones.
void fill_with_photographs(const fs::path& folder) {
  if (const char* shared = std::getenv("GM_SHARED_DATA")) {
    const auto archive = fs::path(shared) / "cifar10_cat_dog_jpeg.tar";
    ASSERT_EQ(run_command({"tar", "xf", text(archive), "-C", text(folder)}).status, 0);
    return;
  }
  for (const char* name : {"jpeg_420", "jpeg_progressive", "jpeg_grey"}) {
    for (const char* animal : {"cat", "dog"})
      write_bytes(folder / animal / (std::string(name) + ".jpg"), image_file(name));
  }
}

TEST(DataProgram, PrintsHelpAndVersion) {
  EXPECT_THAT(gm_data({"--version"}).out, StartsWith("gm 0."));
  const auto help = gm_data({"--help"});
  EXPECT_EQ(help.status, 0);
  for (const char* command : {"pack", "info", "verify"}) {
    EXPECT_THAT(help.out, HasSubstr(command));
    EXPECT_EQ(gm_data({command, "--help"}).status, 0);
  }
  EXPECT_THAT(gm_data({"pack", "--help"}).out,
              AllOf(HasSubstr("--fit"), HasSubstr("never enlarged"), HasSubstr("--skip-bad")));
}

TEST(DataProgram, PacksInspectsAndVerifiesAFolderOfPhotographs) {
  const TemporaryFolder in, out;
  ASSERT_NO_FATAL_FAILURE(fill_with_photographs(in.path()));
  const auto file = text(out / "photos.h5");
  const auto packed = gm_data({"pack", text(in.path()), "--size", "32", "--out", file});
  ASSERT_EQ(packed.status, 0) << packed.err;
  EXPECT_THAT(packed.out, HasSubstr("images of 32 x 32 x 3"));
  EXPECT_THAT(packed.err, IsEmpty()) << "no progress line without a terminal";

  const auto info = gm_data({"info", file, "--json"});
  ASSERT_EQ(info.status, 0) << info.err;
  const auto json = nlohmann::json::parse(info.out);
  EXPECT_EQ(json["height"], 32);
  EXPECT_EQ(json["channels"], 3);
  EXPECT_EQ(json["classes"][0]["name"], "cat");
  EXPECT_EQ(json["classes"][0]["images"], json["images"].get<int64_t>() / 2);
  EXPECT_EQ(json["files"][0]["contiguous"], true);
  EXPECT_THAT(gm_data({"info", file}).out, AllOf(HasSubstr("dog: "), HasSubstr("contiguous")));

  const auto verified = gm_data({"verify", file});
  EXPECT_EQ(verified.status, 0);
  EXPECT_THAT(verified.out, HasSubstr("are what was packed"));
}

TEST(DataProgram, PacksOneClassIntoShards) {
  const TemporaryFolder in, out;
  ASSERT_NO_FATAL_FAILURE(fill_with_photographs(in.path()));
  const auto packed = gm_data({"pack", text(in.path()), "--size", "16", "--classes", "cat",
                               "--shards", "3", "--grey", "--jobs", "2", "-o", text(out / "cats")});
  ASSERT_EQ(packed.status, 0) << packed.err;
  EXPECT_THAT(out.names(), testing::ElementsAre("cats"));
  const ImageDataset dataset(out / "cats");
  EXPECT_EQ(dataset.file_count(), 3U);
  EXPECT_EQ(dataset.shape(), (ImageShape{16, 16, 1}));
  EXPECT_THAT(dataset.classes(), testing::ElementsAre("cat"));
  EXPECT_EQ(gm_data({"verify", text(out / "cats")}).status, 0);
}

TEST(DataProgram, DescribesTheFilesOfAFolder) {
  const TemporaryFolder folder;
  write_bytes(folder / "x-images-idx3", idx_images(200, 8, 8));
  const auto in = text(folder / "x-images-idx3"), out = text(folder / "many");
  ASSERT_EQ(gm_data({"pack", in, "-o", out, "--shards", "2"}).status, 0);
  const fs::path manifest = folder / "many/manifest.json";
  EXPECT_EQ(nlohmann::json::parse(std::ifstream(manifest))["files"].size(), 2U);

  ASSERT_EQ(gm_data({"pack", in, "-o", text(folder / "many/more.h5")}).status, 0);
  const auto stale = gm_data({"verify", out});
  EXPECT_EQ(stale.status, 2);
  EXPECT_THAT(stale.last_error(), AllOf(HasSubstr("manifest.json"), HasSubstr("more.h5")));
  const auto described = gm_data({"manifest", out});
  EXPECT_EQ(described.status, 0) << described.err;
  EXPECT_THAT(described.out, HasSubstr("manifest.json: describes 3 files"));
  EXPECT_EQ(gm_data({"verify", out}).status, 0);

  fs::remove(folder / "many/more.h5");
  const auto missing = gm_data({"verify", out});
  EXPECT_EQ(missing.status, 2);
  EXPECT_THAT(missing.last_error(), HasSubstr("more.h5"));
  EXPECT_EQ(gm_data({"manifest", in}).status, 2) << "not a folder";
}

TEST(DataProgram, CountsHeldOutImages) {
  const TemporaryFolder folder;
  write_bytes(folder / "x-images-idx3", idx_images(200, 8, 8));
  const auto file = text(folder / "a.h5");
  const auto packed =
      gm_data({"pack", text(folder / "x-images-idx3"), "--holdout", "0.2", "-o", file});
  ASSERT_EQ(packed.status, 0) << packed.err;
  const auto held_out = ImageDataset(file, "all", Part::kHeldOut).size();
  EXPECT_THAT(packed.out, HasSubstr(fmt::format("\n{} of them are kept from", held_out)));
  EXPECT_THAT(gm_data({"info", file}).out, HasSubstr(fmt::format("held out  {}\n", held_out)));
  const auto json = nlohmann::json::parse(gm_data({"info", file, "--json"}).out);
  EXPECT_EQ(json["held_out"], held_out);
  EXPECT_EQ(json["files"][0]["holdout"], 0.2);
  EXPECT_EQ(gm_data({"verify", file}).status, 0);
}

TEST(DataProgram, CountsSkippedFiles) {
  const TemporaryFolder in, out;
  write_bytes(in / "a.jpg", image_file("jpeg_420"));
  write_bytes(in / "b.jpg", "hello");
  write_bytes(in / "c.txt", "hello");
  const auto packed =
      gm_data({"pack", text(in.path()), "--size", "8", "--skip-bad", "-o", text(out / "a.h5")});
  EXPECT_EQ(packed.status, 0);
  EXPECT_THAT(packed.out, HasSubstr("1 images"));
  EXPECT_THAT(packed.err,
              AllOf(HasSubstr("skipped 1"), HasSubstr("b.jpg: is neither"),
                    HasSubstr("1 files left out, as they do not end in .jpg, .jpeg, .jpe, .jfif, "
                              ".png: 1 .txt")));
}

TEST(DataProgram, WarnsThatAnIdxFileHasNoLabels) {
  const TemporaryFolder folder;
  write_bytes(folder / "train-images.idx3-ubyte", idx_images(4, 8, 8));
  const auto pack = [&](const char* out) {
    return gm_data({"pack", text(folder / "train-images.idx3-ubyte"), "-o", text(folder / out)});
  };
  EXPECT_THAT(pack("without.h5").err, HasSubstr("no label file in its folder"));
  write_bytes(folder / "train-labels.idx1-ubyte", idx_labels({0, 1, 2, 1}));
  EXPECT_THAT(pack("with.h5").err, IsEmpty());
  EXPECT_THAT(gm_data({"info", text(folder / "with.h5")}).out, HasSubstr("1: 2\n"));
}

TEST(DataProgram, CountsImagesWhoseLabelNamesNoClass) {
  const TemporaryFolder folder;
  const auto file = text(folder / "a.h5");
  {
    ForeignFile made(file);
    made.add("images", H5T_STD_U8LE, {4, 8, 8, 3});
    made.add_integers("labels", H5T_STD_I64LE, {5, 6, 0, 5});
    made.add_variable_strings("classes", {"caf\xe9", "dog"});  // Latin-1, not UTF-8
  }
  EXPECT_THAT(gm_data({"info", file}).out,
              AllOf(HasSubstr("dog: 0\n"), HasSubstr("no class  3 images with labels that name no "
                                                     "class: 5 (2 images), 6 (1 images)\n")));
  const auto json = nlohmann::json::parse(gm_data({"info", file, "--json"}).out);
  EXPECT_EQ(json["classes"][0]["name"], "caf\ufffd");
  EXPECT_EQ(json["classes"][0]["images"], 1);
  EXPECT_EQ(json["labels_without_class"],
            nlohmann::json::parse(R"([{"label": 5, "images": 2}, {"label": 6, "images": 1}])"));
}

TEST(DataProgram, ReadsMoreShardsThanAProcessMayOpen) {
  const TemporaryFolder folder;
  write_bytes(folder / "x-images-idx3", idx_images(150, 4, 4));
  const auto few = [&](const std::string& command) {
    return run_command({"bash", "-c", "ulimit -n 100; exec " + program("gm_data") + " " + command});
  };
  const auto in = text(folder / "x-images-idx3"), out = text(folder / "shards");
  const auto packed = few("pack --shards 150 " + in + " --out " + out);
  ASSERT_EQ(packed.status, 0) << packed.err;
  for (const char* command : {"info ", "info --json ", "verify "}) {
    const auto read = few(command + out);
    EXPECT_EQ(read.status, 0) << read.err;
  }
}

TEST(DataProgram, APipeIsNamedAndSkippedOnRequest) {
  const TemporaryFolder in, out;
  write_bytes(in / "a.jpg", image_file("jpeg_420"));
  ASSERT_EQ(::mkfifo((in / "z.png").c_str(), 0600), 0);
  const auto pack = [&](std::vector<std::string> more) {
    more.insert(more.begin(), {"pack", text(in.path()), "--size", "8", "-o", text(out / "a.h5")});
    return gm_data(more);
  };
  const auto refused = pack({});
  EXPECT_EQ(refused.status, 2);
  EXPECT_THAT(refused.last_error(), AllOf(HasSubstr("z.png"), HasSubstr("it is a pipe")));
  EXPECT_THAT(out.names(), IsEmpty());
  const auto skipped = pack({"--skip-bad"});
  EXPECT_EQ(skipped.status, 0);
  EXPECT_THAT(skipped.err, HasSubstr("z.png"));
}

TEST(DataProgram, PacksOneImage) {
  const TemporaryFolder folder;
  write_bytes(folder / "photo.jfif", image_file("jpeg_420"));
  const auto packed =
      gm_data({"pack", text(folder / "photo.jfif"), "--size", "8", "-o", text(folder / "a.h5")});
  ASSERT_EQ(packed.status, 0) << packed.err;
  EXPECT_EQ(ImageDataset(folder / "a.h5").size(), 1);
}

TEST(DataProgram, PackingALargeInputNeedsLittleMemory) {
  const TemporaryFolder folder;
  constexpr uint32_t kImages = 4000, kSide = 256;
  write_bytes(folder / "x-images-idx3", idx_header({kImages, kSide, kSide}));
  fs::resize_file(folder / "x-images-idx3", 16 + uint64_t{kImages} * kSide * kSide);  // 262 MB
  const auto small = gm_data({"--version"});
  const auto packed =
      gm_data({"pack", text(folder / "x-images-idx3"), "-o", text(folder / "a.h5")});
  ASSERT_EQ(packed.status, 0) << packed.err;
  EXPECT_LT(packed.peak_bytes - small.peak_bytes, int64_t{110} << 20);
}

TEST(DataProgram, PacksLargePhotosOneAtATime) {
  const TemporaryFolder folder;
  const std::string photo = encode_jpeg({9000, 12000, 1}, std::vector<uint8_t>(12000, 200));
  for (const char* name : {"a.jpg", "b.jpg"}) write_bytes(folder / "in" / name, photo);
  const auto packed = gm_data(
      {"pack", text(folder / "in"), "--size", "8", "--jobs", "2", "-o", text(folder / "a.h5")});
  EXPECT_EQ(packed.status, 0) << packed.last_error();
  const ImageDataset dataset(folder / "a.h5");
  EXPECT_EQ(dataset.size(), 2);
  std::vector<uint8_t> pixels(8 * 8 * 3);
  dataset.read_image(1, pixels);
  EXPECT_THAT(pixels, testing::Each(200));
  constexpr int64_t kPhoto = int64_t{9000} * 12000 * 3;
  EXPECT_LT(packed.peak_bytes, kPhoto * 2);
}

TEST(DataProgram, DrawsMasksOfEveryKindAndOfAConfiguration) {
  const TemporaryFolder folder;
  const auto every = gm_data({"masks", "-o", text(folder / "every.png"), "--count", "3"});
  ASSERT_EQ(every.status, 0) << every.err;
  EXPECT_THAT(every.out, HasSubstr("rectangle, boxes, strokes, half, centre, pixels"));
  write_bytes(folder / "run.toml", "[mask]\nkind = \"half\"\n[data]\nimage_size = 64\n");
  const auto one = gm_data({"masks", text(folder / "run.toml"), "-o", text(folder / "one.png")});
  ASSERT_EQ(one.status, 0) << one.err;
  EXPECT_THAT(one.out, HasSubstr("one row for each of half\n"));
  // Images of 64 pixels with borders of two. Bytes 16 to 23 of a PNG file are its width and height.
  EXPECT_EQ(read_file(folder / "every.png", 1 << 20).substr(16, 8),
            std::string("\0\0\0\xc8\0\0\x01\x8e", 8));
  EXPECT_EQ(read_file(folder / "one.png", 1 << 20).substr(16, 8),
            std::string("\0\0\x03\x1a\0\0\0\x44", 8));
}

TEST(DataProgram, KeysOverrideTheConfigurationInAnyOrderOfArguments) {
  const TemporaryFolder folder;
  write_bytes(folder / "lr=0.1" / "run.toml", "[mask]\nkind = \"half\"\n");
  const auto file = text(folder / "lr=0.1" / "run.toml"), out = text(folder / "masks.png");
  for (const auto& settings : {std::vector<std::string>{file, "mask.kind=centre"},
                               std::vector<std::string>{"mask.kind=centre", file}}) {
    const auto drawn = gm_data({"masks", settings[0], settings[1], "-o", out});
    EXPECT_EQ(drawn.status, 0) << drawn.err;
    EXPECT_THAT(drawn.out, HasSubstr("one row for each of centre\n"));
  }
}

// ---- Refused input ----------------------------------------------------------------------------

std::string png_chunk(const std::string& type, const std::string& content) {
  const auto big_endian = [](uint64_t number) {
    std::string bytes;
    for (int shift = 24; shift >= 0; shift -= 8)
      bytes.push_back(static_cast<char>(number >> shift));
    return bytes;
  };
  const std::string summed = type + content;
  const uLong sum =
      crc32(0, reinterpret_cast<const Bytef*>(summed.data()), static_cast<uInt>(summed.size()));
  return big_endian(content.size()) + summed + big_endian(sum);
}

/// A PNG file that declares 60,000 x 60,000 pixels and contains almost no data.
std::string huge_png() {
  const std::string header("\0\0\xea\x60\0\0\xea\x60\x08\x02\0\0\0", 13);
  return "\x89PNG\r\n\x1a\n" + png_chunk("IHDR", header) + png_chunk("IDAT", "x");
}

/// A JPEG file whose frame header declares 65,000 x 65,000 pixels.
std::string huge_jpeg() {
  std::string file = image_file("jpeg_420");
  const size_t frame = file.find("\xff\xc0");
  return file.replace(frame + 5, 4, "\xfd\xe8\xfd\xe8");
}

/// Files that declare 16,000 x 16,000 pixels, a size that gm accepts, and contain almost no data.
std::string empty_png() {
  const std::string header("\0\0\x3e\x80\0\0\x3e\x80\x08\x02\0\0\0", 13);
  return "\x89PNG\r\n\x1a\n" + png_chunk("IHDR", header) + png_chunk("IDAT", "x");
}

std::string empty_jpeg() {
  std::string file = image_file("jpeg_progressive");
  const size_t frame = file.find("\xff\xc2");
  return file.replace(frame + 5, 4, "\x3e\x80\x3e\x80");
}

struct BadImage {
  const char* name;
  std::function<std::string()> bytes;
  const char* reason;
};
void PrintTo(const BadImage& bad, std::ostream* out) { *out << bad.name; }

class BadImages : public ::testing::TestWithParam<BadImage> {};

TEST_P(BadImages, AreNamedAndNothingIsWritten) {
  const TemporaryFolder in, out;
  write_bytes(in / "cat" / "good.jpg", image_file("jpeg_420"));
  write_bytes(in / "cat" / "wrong.jpg", GetParam().bytes());
  const auto ended = gm_data({"pack", text(in.path()), "--size", "8", "-o", text(out / "a.h5")});
  EXPECT_EQ(ended.status, 2);
  EXPECT_THAT(ended.last_error(), AllOf(StartsWith("gm_data: "), HasSubstr("cat/wrong.jpg"),
                                        HasSubstr(GetParam().reason)));
  EXPECT_THAT(out.names(), IsEmpty());
  EXPECT_LT(ended.peak_bytes, int64_t{600} << 20) << "memory was allocated for the declared size";

  const auto skipped =
      gm_data({"pack", text(in.path()), "--size", "8", "--skip-bad", "-o", text(out / "a.h5")});
  EXPECT_EQ(skipped.status, 0);
  EXPECT_EQ(ImageDataset(out / "a.h5").size(), 1);
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, BadImages,
    ::testing::Values(
        BadImage{"huge_png", huge_png, "declares 60000 x 60000 pixels"},
        BadImage{"huge_jpeg", huge_jpeg, "declares 65000 x 65000 pixels"},
        BadImage{"empty_png", empty_png, "declares 16000 x 16000 pixels, and is cut off"},
        BadImage{"empty_jpeg", empty_jpeg, "declares 16000 x 16000 pixels, and is cut off"},
        BadImage{"webp", [] { return std::string("RIFF\x1a\0\0\0WEBPVP8 ", 16); },
                 "is a WebP image, neither a JPEG nor a PNG file; convert it or leave it out"},
        BadImage{"cmyk", [] { return image_file("cmyk"); }, "CMYK"},
        BadImage{"sixteen_bit", [] { return image_file("sixteen_bit"); }, "16 bits"},
        BadImage{"transparent", [] { return image_file("transparent"); }, "transparent pixels"},
        BadImage{"truncated_jpeg", [] { return image_file("truncated_jpeg"); },
                 "not an intact JPEG"},
        BadImage{"truncated_png", [] { return image_file("truncated_png"); }, "not an intact PNG"},
        BadImage{"text", [] { return std::string("hello\n"); }, "neither a JPEG nor a PNG"},
        BadImage{"empty", [] { return std::string(); }, "neither a JPEG nor a PNG"}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(DataProgram, ReportsErrorsInTheCommandLine) {
  const TemporaryFolder folder;
  write_bytes(folder / "in" / "a.jpg", image_file("jpeg_420"));
  const auto in = text(folder / "in"), out = text(folder / "a.h5"), image = text(folder / "a.png");
  const std::vector<std::pair<std::vector<std::string>, const char*>> cases{
      {{}, "subcommand"},
      {{"unpack"}, "subcommand"},
      {{"pack"}, "required"},
      {{"pack", in}, "--out is required"},
      {{"pack", in, "-o", out}, "--size"},
      {{"pack", in, "-o", out, "--size", "0"}, "--size"},
      {{"pack", in, "-o", out, "--size", "many"}, "--size"},
      {{"pack", in, "-o", out, "--size", "8", "--fit", "stretch"}, "--fit"},
      {{"pack", in, "-o", out, "--size", "8", "--shards", "2"}, "--shards is 2, but 1 to 1"},
      {{"pack", in, "-o", out, "--size", "8", "--holdout", "1"}, "--holdout"},
      {{"pack", in, "-o", out, "--size", "8", "--holdout", "-0.1"}, "--holdout"},
      {{"pack", in, "-o", out, "--size", "8", "--holdout", "some"}, "--holdout"},
      {{"pack", in, "-o", out, "--size", "8", "--colour"}, "--colour"},
      {{"pack", in, "-o", in, "--size", "8"}, "exists already"},
      {{"pack", "/nowhere", "-o", out, "--size", "8"}, "/nowhere: no such file or folder"},
      {{"masks"}, "--out is required"},
      {{"masks", "-o", image, "mask.kind=star"}, "expected rectangle, boxes"},
      {{"masks", "-o", image, "mask.coverage_min=0.9"}, "more than mask.coverage_max"},
      {{"masks", "-o", image, "mask.kind=files", "mask.path=/nowhere"}, "mask.path: /nowhere"},
      {{"masks", "-o", image, "a.toml", "b.toml"}, "a.toml and b.toml"},
      {{"info", "/nowhere"}, "/nowhere: no such file or folder"},
      {{"verify", "/nowhere"}, "/nowhere: no such file or folder"},
  };
  for (const auto& [arguments, reason] : cases) {
    const auto result = gm_data(arguments);
    EXPECT_EQ(result.status, 2) << result.last_error();
    EXPECT_THAT(result.last_error(), AllOf(StartsWith("gm_data: "), HasSubstr(reason)));
    EXPECT_THAT(folder.names(), testing::ElementsAre("in"));
  }
}

TEST(DataProgram, RefusesFilesThatAreNotDatasets) {
  const TemporaryFolder folder;
  silence_hdf5();
  write_bytes(folder / "text.h5", "hello");
  write_numbered_file(folder / "cut.h5", {8, 8, 3}, 100);
  fs::resize_file(folder / "cut.h5", 2000);
  ForeignFile(folder / "float.h5").add("images", H5T_IEEE_F32LE, {2, 8, 8, 3});
  ForeignFile(folder / "terabytes.h5")
      .add("images", H5T_STD_U8LE, {1'000'000'000, 32, 32, 3}, {.fill = false});
  ASSERT_LT(fs::file_size(folder / "terabytes.h5"), 3000U);
  const std::map<std::string, const char*> reasons{{"text.h5", "is not an HDF5 file"},
                                                   {"cut.h5", "cut short"},
                                                   {"float.h5", "/images is float32 [2,8,8,3]"},
                                                   {"terabytes.h5", "never filled"}};
  for (const auto& [name, reason] : reasons) {
    for (const char* command : {"info", "verify"}) {
      const auto result = gm_data({command, text(folder / name)});
      EXPECT_EQ(result.status, 2);
      EXPECT_THAT(result.last_error(),
                  AllOf(StartsWith("gm_data: " + text(folder / name)), HasSubstr(reason)));
    }
  }
}

TEST(DataProgram, VerifyFindsAChangedByte) {
  const TemporaryFolder folder;
  const auto path = folder / "a.h5";
  write_numbered_file(path, {8, 8, 3}, 100);
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(fs::file_size(path) / 2));
  file.put('\x7f');
  file.close();
  const auto result = gm_data({"verify", text(path)});
  EXPECT_EQ(result.status, 2);
  EXPECT_THAT(result.last_error(), HasSubstr("damaged: images (or labels) 0 to 99"));
}

TEST(DataProgram, AnUnwritableFolderIsNamedWithTheReason) {
  const TemporaryFolder folder;
  write_bytes(folder / "in" / "a.jpg", image_file("jpeg_420"));
  const auto pack_to = [&](const fs::path& out) {
    return gm_data({"pack", text(folder / "in"), "--size", "8", "-o", text(out)});
  };
  const auto into_file = pack_to(folder / "in" / "a.jpg" / "a.h5");
  EXPECT_EQ(into_file.status, 2);
  EXPECT_THAT(into_file.last_error(),
              HasSubstr("there is no folder " + text(folder / "in" / "a.jpg")));
  if (::geteuid() == 0) return;  // Root may write anywhere.
  fs::permissions(folder.path(), fs::perms::owner_read | fs::perms::owner_exec);
  const auto read_only = pack_to(folder / "a.h5");
  fs::permissions(folder.path(), fs::perms::owner_all);
  EXPECT_EQ(read_only.status, 2);
  EXPECT_THAT(read_only.last_error(), EndsWith("Permission denied"));
}

}  // namespace
}  // namespace gm
