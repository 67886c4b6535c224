// Image files that are written by several processes, one after the other.
#include "data/pack/hdf5_image_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "base/files.h"
#include "data/hdf5.h"
#include "data/hdf5_images.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace gm {
namespace {

using testing::AllOf;
using testing::HasSubstr;

// A block of 4 MiB has five of these images.
constexpr ImageShape kLargeShape{512, 512, 3};
constexpr int64_t kLargeImages = 12;
const std::vector<std::string> kTwoClasses{"cat", "dog"};

std::vector<uint8_t> large_image(int64_t index) {
  std::vector<uint8_t> pixels(static_cast<size_t>(kLargeShape.bytes()));
  for (size_t i = 0; i < pixels.size(); ++i) {
    pixels[i] = static_cast<uint8_t>(i * 7 + static_cast<size_t>(index) * 31);
  }
  return pixels;
}

void append(Hdf5ImageWriter& writer, int64_t first, int64_t end) {
  for (int64_t i = first; i < end; ++i) writer.append(large_image(i), i % 2);
}

/// Appends the images, and saves and resumes after each of `stops`.
void write_with_stops(const std::filesystem::path& path, const std::vector<int64_t>& stops) {
  auto writer = std::make_unique<Hdf5ImageWriter>(path, kLargeShape, kLargeImages, kTwoClasses);
  writer->write_text_attribute("note", "what these images are");
  writer->save();
  int64_t done = 0;
  for (const int64_t stop : stops) {
    append(*writer, done, stop);
    writer->save();
    append(*writer, stop, std::min(stop + 1, kLargeImages));  // lost
    // A copy has what is on the disk. HDF5 would share the file itself with the first writer.
    const std::filesystem::path copy = path.string() + ".copy";
    std::filesystem::copy_file(path, copy);
    writer.reset();
    std::filesystem::rename(copy, path);
    writer = Hdf5ImageWriter::resume(path, kLargeShape, kLargeImages, kTwoClasses);
    EXPECT_EQ(writer->written(), stop);
    done = stop;
  }
  append(*writer, done, kLargeImages);
  writer->close();
}

TEST(Hdf5ImageWriterResume, GivesTheBytesOfAnUndisturbedFile) {
  const TemporaryFolder folder;
  write_with_stops(folder / "whole.h5", {});
  const std::string expected = read_file(folder / "whole.h5", size_t{64} << 20);
  const Hdf5Images whole(folder / "whole.h5");
  whole.verify();
  EXPECT_EQ(whole.size(), kLargeImages);
  EXPECT_EQ(whole.classes(), kTwoClasses);
  EXPECT_EQ(whole.label(3), 1);
  for (const auto& stops : std::vector<std::vector<int64_t>>{{0}, {3}, {5, 5, 7}, {11, 12}}) {
    const auto path = folder / "stopped.h5";
    std::filesystem::remove(path);
    write_with_stops(path, stops);
    Hdf5Images(path).verify();
    EXPECT_TRUE(read_file(path, size_t{64} << 20) == expected) << testing::PrintToString(stops);
  }
}

TEST(Hdf5ImageWriterResume, ReplacesAnEndThatIsNotComplete) {
  const TemporaryFolder folder;
  const auto path = folder / "a.h5";
  constexpr ImageShape kTiny{2, 2, 1};
  {
    Hdf5ImageWriter writer(path, kTiny, 1, kTwoClasses);
    writer.append(std::vector<uint8_t>{1, 2, 3, 4}, 1);
    writer.save();
  }
  {
    const Hdf5Id file(GM_HDF5(H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT)), H5Fclose);
    write_hdf5_strings(file, "/classes", kTwoClasses);
    write_hdf5_strings(file, "/block_hashes", {"not all of it"});
  }
  Hdf5ImageWriter::resume(path, kTiny, 1, kTwoClasses)->close();
  const Hdf5Images images(path);
  images.verify();
  EXPECT_EQ(images.classes(), kTwoClasses);
}

TEST(Hdf5ImageWriterResume, RefusesOtherFiles) {
  const TemporaryFolder folder;
  constexpr ImageShape kTiny{2, 2, 1};
  const std::vector<uint8_t> pixels(4);
  const auto resume = [&](int64_t images) {
    return Hdf5ImageWriter::resume(folder / "a.h5", kTiny, images, {});
  };
  Hdf5ImageWriter writer(folder / "a.h5", kTiny, 2, {});
  writer.append(pixels, 0);
  writer.save();
  EXPECT_EQ(resume(2)->written(), 1);
  expect_error<InputError>([&] { resume(3); }, AllOf(HasSubstr("a.h5: cannot be resumed"),
                                                     HasSubstr("uint8 [3,2,2,1] is expected")));
  expect_error<InputError>(
      [&] { Hdf5ImageWriter::resume(folder / "a.h5", kTiny, 2, kTwoClasses); },
      AllOf(HasSubstr("a.h5: cannot be resumed"), HasSubstr("no dataset /labels")));
  writer.append(pixels, 0);
  writer.close();
  expect_error<InputError>([&] { resume(2); }, HasSubstr("not an unfinished file"));
  write_file_atomically(folder / "a.h5", "damaged");
  expect_error<InputError>([&] { resume(2); }, HasSubstr("a.h5: cannot be resumed"));
}

}  // namespace
}  // namespace gm
