// One HDF5 file of images: written by gm, written by other programs, and refused files.
#include "data/hdf5_images.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <functional>
#include <thread>

#include "base/error.h"
#include "support/expect_error.h"
#include "support/foreign_file.h"
#include "support/images.h"
#include "support/temporary_folder.h"

namespace gm {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

constexpr ImageShape kFileShape{4, 5, 3};

std::vector<uint8_t> read(const Hdf5Images& file, int64_t index) {
  std::vector<uint8_t> pixels(static_cast<size_t>(file.shape().bytes()));
  file.read_image(index, pixels);
  return pixels;
}

TEST(Hdf5Images, ReturnsWhatWasWritten) {
  const TemporaryFolder folder;
  write_numbered_file(folder / "a.h5", kFileShape, 300, {"cat", "dog", "wild"});
  const Hdf5Images file(folder / "a.h5");
  EXPECT_EQ(file.size(), 300);
  EXPECT_EQ(file.shape(), kFileShape);
  EXPECT_THAT(file.classes(), ElementsAre("cat", "dog", "wild"));
  EXPECT_TRUE(file.is_contiguous());
  EXPECT_TRUE(file.has_content_hash());
  for (const int64_t i : {0, 1, 127, 299}) {
    EXPECT_EQ(read(file, i), numbered_image(i, kFileShape));
    EXPECT_EQ(file.label(i), i % 3);
  }
  std::vector<uint8_t> two(static_cast<size_t>(2 * kFileShape.bytes()));
  file.read_images(7, 2, two);
  EXPECT_EQ(number_of(two.data()), 7);
  EXPECT_EQ(number_of(two.data() + kFileShape.bytes()), 8);
  EXPECT_THAT(file.labels(), SizeIs(300));
  file.verify();
}

TEST(Hdf5Images, HoldsImagesWithoutLabelsInSeveralBlocks) {
  const TemporaryFolder folder;
  constexpr ImageShape large{512, 512, 1};  // 16 images per block
  write_numbered_file(folder / "a.h5", large, 40);
  const Hdf5Images file(folder / "a.h5");
  EXPECT_FALSE(file.has_labels());
  EXPECT_THAT(file.classes(), SizeIs(0));
  EXPECT_EQ(read(file, 39), numbered_image(39, large));
  file.verify();
}

TEST(Hdf5Images, HoldsOutImagesByTheirContent) {
  const TemporaryFolder folder;
  write_numbered_file(folder / "a.h5", kFileShape, 4000, {}, 0, 0.25);
  write_numbered_file(folder / "later.h5", kFileShape, 3000, {}, 1000, 0.25);
  const Hdf5Images file(folder / "a.h5"), later(folder / "later.h5");
  EXPECT_TRUE(file.has_held_out());
  EXPECT_EQ(file.holdout(), 0.25);
  const auto held_out = file.held_out(), held_out_later = later.held_out();
  ASSERT_THAT(held_out, SizeIs(4000));
  // One sigma is 27.
  EXPECT_NEAR(static_cast<double>(std::ranges::count(held_out, 1)), 1000, 110);
  EXPECT_TRUE(std::equal(held_out.begin() + 1000, held_out.end(), held_out_later.begin()))
      << "independent of the position of an image";
  file.verify();
}

TEST(Hdf5Images, ALargerHoldoutContainsTheSmallerOne) {
  const TemporaryFolder folder;
  write_numbered_file(folder / "small.h5", kFileShape, 500, {}, 0, 0.1);
  write_numbered_file(folder / "large.h5", kFileShape, 500, {}, 0, 0.3);
  const auto small = Hdf5Images(folder / "small.h5").held_out();
  const auto large = Hdf5Images(folder / "large.h5").held_out();
  for (size_t i = 0; i < small.size(); ++i) EXPECT_LE(small[i], large[i]);
}

TEST(Hdf5Images, MayHaveNoHeldOutImages) {
  const TemporaryFolder folder;
  write_numbered_file(folder / "a.h5", kFileShape, 30);
  write_numbered_file(folder / "b.h5", kFileShape, 30, {}, 0, 0.5);
  const Hdf5Images plain(folder / "a.h5"), parted(folder / "b.h5");
  EXPECT_FALSE(plain.has_held_out());
  EXPECT_EQ(plain.holdout(), 0);
  EXPECT_THAT(plain.held_out(), SizeIs(0));
  EXPECT_NE(plain.content_hash(), parted.content_hash());
}

TEST(Hdf5Images, OtherProgramsMayHoldOutAnyImages) {
  const TemporaryFolder folder;
  const auto write = [&](const char* name, hsize_t count) {
    ForeignFile file(folder / name);
    file.add("images", H5T_STD_U8LE, {count, 4, 5, 3});
    file.add("held_out", H5T_STD_U8LE, {count});  // 0, 1, 2, ...
  };
  write("good.h5", 2);
  write("bad.h5", 3);
  const Hdf5Images good(folder / "good.h5"), bad(folder / "bad.h5");
  EXPECT_THAT(good.held_out(), ElementsAre(0, 1));
  EXPECT_EQ(good.holdout(), 0);
  expect_error<InputError>(
      [&] { bad.held_out(); },
      AllOf(HasSubstr("bad.h5"), HasSubstr("/held_out holds 2 for image 2, but only 0 and 1")));
}

TEST(Hdf5Images, VerifyFindsAWrongHeldOutFlag) {
  const TemporaryFolder folder;
  write_numbered_file(folder / "a.h5", kFileShape, 50, {}, 0, 0.5);
  auto values = Hdf5Images(folder / "a.h5").held_out();
  values[17] ^= 1;
  {
    const Hdf5Id file(GM_HDF5(H5Fopen((folder / "a.h5").c_str(), H5F_ACC_RDWR, H5P_DEFAULT)),
                      H5Fclose);
    const Hdf5Id dataset(GM_HDF5(H5Dopen2(file, "held_out", H5P_DEFAULT)), H5Dclose);
    GM_HDF5(H5Dwrite(dataset, H5T_NATIVE_UINT8, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()));
  }
  expect_error<InputError>([&] { Hdf5Images(folder / "a.h5").verify(); },
                           AllOf(HasSubstr("damaged: /held_out"), HasSubstr("image 17")));
}

TEST(Hdf5Images, RefusesIndicesOutsideTheFile) {
  const TemporaryFolder folder;
  write_numbered_file(folder / "a.h5", kFileShape, 3);
  const Hdf5Images file(folder / "a.h5");
  std::vector<uint8_t> pixels(static_cast<size_t>(kFileShape.bytes()));
  EXPECT_THROW(file.read_image(3, pixels), Error);
  EXPECT_THROW(file.read_image(-1, pixels), Error);
}

TEST(Hdf5Images, ReadsFromSeveralThreads) {
  const TemporaryFolder folder;
  write_numbered_file(folder / "a.h5", kFileShape, 500);
  ForeignFile(folder / "b.h5")
      .add("images", H5T_STD_U8LE, {200, 2, 2, 1}, {.chunk = {3, 2, 2, 1}, .gzip = 1});
  const Hdf5Images direct(folder / "a.h5"), through_hdf5(folder / "b.h5");
  const auto work = [&] {
    for (int64_t i = 0; i < 200; ++i) {
      ASSERT_EQ(number_of(read(direct, i).data()), i);
      ASSERT_EQ(read(through_hdf5, i)[0], static_cast<uint8_t>(4 * i));
    }
  };
  std::jthread first(work), second(work);
}

TEST(Hdf5Images, TheContentHashDependsOnlyOnContent) {
  const TemporaryFolder folder;
  write_numbered_file(folder / "a.h5", kFileShape, 20, {"cat", "dog"});
  write_numbered_file(folder / "same.h5", kFileShape, 20, {"cat", "dog"});
  write_numbered_file(folder / "names.h5", kFileShape, 20, {"cat", "fox"});
  write_numbered_file(folder / "pixels.h5", kFileShape, 20, {"cat", "dog"}, 1);
  write_numbered_file(folder / "plain.h5", kFileShape, 20);
  const auto hash = [&](const char* name) { return Hdf5Images(folder / name).content_hash(); };
  EXPECT_EQ(hash("a.h5"), hash("same.h5"));
  for (const char* other : {"names.h5", "pixels.h5", "plain.h5"})
    EXPECT_NE(hash("a.h5"), hash(other));
}

TEST(Hdf5Images, VerifyNamesTheDamagedImages) {
  const TemporaryFolder folder;
  constexpr ImageShape large{512, 512, 1};
  write_numbered_file(folder / "a.h5", large, 40);
  // Finds the image in the file by its pattern.
  const auto wanted = numbered_image(20, large);
  std::fstream file(folder / "a.h5", std::ios::in | std::ios::out | std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(file)), {});
  const size_t at = bytes.find(std::string(wanted.begin(), wanted.end()));
  ASSERT_NE(at, std::string::npos);
  file.clear();
  file.seekp(static_cast<std::streamoff>(at + 100'000));
  file.put(static_cast<char>(bytes[at + 100'000] ^ 1));
  file.close();
  const Hdf5Images damaged(folder / "a.h5");
  expect_error<InputError>(
      [&] { damaged.verify(); },
      AllOf(HasSubstr("a.h5"), HasSubstr("damaged: images (or labels) 16 to 31 are")));
}

TEST(Hdf5Images, ReadsChunkedAndCompressedFilesOfOtherPrograms) {
  const TemporaryFolder folder;
  const std::vector<std::pair<const char*, ForeignFile::Layout>> layouts{
      {"contiguous.h5", {}},
      {"chunked.h5", {.chunk = {7, 4, 5, 3}}},
      {"gzip.h5", {.chunk = {1, 4, 5, 3}, .gzip = 4}},
      {"odd.h5", {.chunk = {4, 3, 2, 2}}},
  };
  for (const auto& [name, layout] : layouts) {
    {
      ForeignFile file(folder / name);
      file.add("images", H5T_STD_U8LE, {30, 4, 5, 3}, layout);
      file.add_integers("labels", H5T_STD_I16BE, std::vector<int64_t>(30, 1));
      file.add_variable_strings("classes", {"zero", "one"});
    }
    const Hdf5Images file(folder / name);
    EXPECT_EQ(file.is_contiguous(), layout.chunk.empty());
    for (const int64_t i : {0, 13, 29}) {
      const auto pixels = read(file, i);
      for (size_t k = 0; k < pixels.size(); ++k)
        ASSERT_EQ(pixels[k], static_cast<uint8_t>(static_cast<size_t>(i) * 60 + k)) << name;
    }
    EXPECT_EQ(file.label(29), 1);
    EXPECT_THAT(file.classes(), ElementsAre("zero", "one"));
    EXPECT_FALSE(file.has_content_hash());
    EXPECT_EQ(file.content_hash(), Hdf5Images(folder / name).content_hash());
    expect_error<InputError>([&] { file.verify(); }, HasSubstr("holds no hashes"));
  }
}

TEST(Hdf5Images, ReadsClassNamesWithAnyPadding) {
  // The names that h5py 3.16 reads from each of them.
  const std::vector<std::pair<H5T_str_t, std::vector<std::string>>> expected{
      {H5T_STR_NULLTERM, {"cat", "dog  ", "seven77"}},
      {H5T_STR_NULLPAD, {"cat", "dog  ", "eight888"}},
      {H5T_STR_SPACEPAD, {"cat", "dog", "eight888"}}};
  for (const auto& [padding, names] : expected) {
    const TemporaryFolder folder;
    {
      ForeignFile file(folder / "a.h5");
      file.add("images", H5T_STD_U8LE, {3, 4, 5, 3});
      auto written = names;
      written[1] = "dog  ";
      file.add_fixed_strings("classes", written, 8, padding);
    }
    EXPECT_EQ(Hdf5Images(folder / "a.h5").classes(), names);
  }
}

// ---- Files that are open for writing ----------------------------------------------------------

/// A process that keeps a file open for writing until it is killed.
class Writer {
 public:
  explicit Writer(const std::function<hid_t()>& open_file) {
    int ready[2];
    if (::pipe(ready) != 0) throw std::runtime_error("pipe failed");
    process_ = ::fork();
    if (process_ == 0) {
      open_file();
      ::close(ready[1]);
      while (true) ::pause();
    }
    ::close(ready[1]);
    char end = 0;
    static_cast<void>(::read(ready[0], &end, 1));
    ::close(ready[0]);
  }
  ~Writer() { die(); }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  void die() {
    if (process_ == 0) return;
    ::kill(process_, SIGKILL);
    ::waitpid(std::exchange(process_, 0), nullptr, 0);
  }

 private:
  pid_t process_ = 0;
};

hid_t create_with_images(const std::filesystem::path& path, H5F_libver_t version) {
  const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
  H5Pset_libver_bounds(access, version, H5F_LIBVER_LATEST);
  const hid_t file = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access);
  const hsize_t extent[] = {2, 4, 5, 3};
  const hid_t space = H5Screate_simple(4, extent, nullptr);
  H5Dclose(H5Dcreate2(file, "images", H5T_STD_U8LE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  return file;
}

TEST(Hdf5Images, RefusesAFileThatIsOpenForWriting) {
  const TemporaryFolder folder;
  const auto refuse = [](const std::filesystem::path& path, const auto& message) {
    expect_error<InputError>([&] { Hdf5Images file(path); },
                             AllOf(HasSubstr(path.string()), message, Not(HasSubstr("cut short"))));
  };
  const auto new_format = folder / "new.h5", old_format = folder / "old.h5";
  Writer writer([&] {
    const hid_t file = create_with_images(new_format, H5F_LIBVER_LATEST);
    H5Fflush(file, H5F_SCOPE_GLOBAL);
    return file;
  });
  Writer slow_writer([&] { return create_with_images(old_format, H5F_LIBVER_EARLIEST); });
  refuse(new_format, HasSubstr("has it open for writing"));
  refuse(old_format, HasSubstr("has it open for writing"));
  writer.die();
  refuse(new_format, AllOf(HasSubstr("died before it closed it"),
                           HasSubstr("h5clear -s " + new_format.string())));
}

// ---- What is refused --------------------------------------------------------------------------

struct BadFile {
  const char* name;
  std::function<void(const std::filesystem::path&)> write;
  std::vector<const char*> message;
};

void PrintTo(const BadFile& bad, std::ostream* out) { *out << bad.name; }

void add_external(const std::filesystem::path& path) {
  ForeignFile file(path);
  const Hdf5Id creation(GM_HDF5(H5Pcreate(H5P_DATASET_CREATE)), H5Pclose);
  GM_HDF5(H5Pset_external(creation, "/etc/passwd", 0, 12));
  file.add_created("images", H5T_STD_U8LE, {1, 2, 2, 3}, creation, false);
}

void add_virtual(const std::filesystem::path& path) {
  ForeignFile file(path);
  const hsize_t extent[] = {1, 2, 2, 3};
  const Hdf5Id space(GM_HDF5(H5Screate_simple(4, extent, nullptr)), H5Sclose);
  const Hdf5Id creation(GM_HDF5(H5Pcreate(H5P_DATASET_CREATE)), H5Pclose);
  GM_HDF5(H5Pset_virtual(creation, space, "elsewhere.h5", "/images", space));
  file.add_created("images", H5T_STD_U8LE, {1, 2, 2, 3}, creation, false);
}

void cut_in_half(const std::filesystem::path& path) {
  write_numbered_file(path, kFileShape, 1000);
  std::filesystem::resize_file(path, std::filesystem::file_size(path) / 2);
}

/// Declares more images than its header has bytes for. HDF5 itself does not write such files.
void overstate_compact(const std::filesystem::path& path) {
  {
    ForeignFile file(path);
    const Hdf5Id creation(GM_HDF5(H5Pcreate(H5P_DATASET_CREATE)), H5Pclose);
    GM_HDF5(H5Pset_layout(creation, H5D_COMPACT));
    file.add_created("images", H5T_STD_U8LE, {77, 4, 5, 3}, creation, true);
  }
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(file)), {});
  // The current and the maximum extent.
  for (size_t at = 0; (at = bytes.find(std::string("M\0\0\0\0\0\0\0", 8), at)) != bytes.npos;)
    bytes[at + 1] = 1;
  file.clear();
  file.seekp(0);
  file << bytes;
}

/// A dataset with a filter, whose data is never written.
void add_filtered(const std::filesystem::path& path, H5Z_filter_t filter) {
  ForeignFile file(path);
  const Hdf5Id creation(GM_HDF5(H5Pcreate(H5P_DATASET_CREATE)), H5Pclose);
  const hsize_t chunk[] = {1, 4, 5, 3};
  GM_HDF5(H5Pset_chunk(creation, 4, chunk));
  if (filter == H5Z_FILTER_NBIT)
    GM_HDF5(H5Pset_nbit(creation));
  else
    GM_HDF5(H5Pset_scaleoffset(creation, H5Z_SO_INT, 0));
  file.add_created("images", H5T_STD_U8LE, {3, 4, 5, 3}, creation, false);
}

/// 1024 names of 100,000 letters. All of them refer to the same string in the file.
void repeat_a_name(const std::filesystem::path& path) {
  {
    ForeignFile file(path);
    file.add("images", H5T_STD_U8LE, {3, 4, 5, 3});
    std::vector<std::string> names(1024, "b");
    names[0] = std::string(100'000, 'a');
    file.add_variable_strings("classes", names);
  }
  // A string is stored as its length (4 bytes) and its location (12 bytes). The first replaces all
  // others.
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(file)), {});
  const size_t first = bytes.find(std::string("\xa0\x86\x01\0", 4));
  for (size_t i = 1; i < 1024; ++i) bytes.replace(first + 16 * i, 16, bytes.substr(first, 16));
  file.clear();
  file.seekp(0);
  file << bytes;
}

class RefusedHdf5Images : public ::testing::TestWithParam<BadFile> {};

TEST_P(RefusedHdf5Images, TheErrorNamesTheFileAndWhatWasExpected) {
  const TemporaryFolder folder;
  const auto path = folder / "bad.h5";
  GetParam().write(path);
  try {
    const Hdf5Images file(path);
    FAIL() << "was accepted";
  } catch (const InputError& error) {
    const std::string text = error.what();
    EXPECT_TRUE(text.starts_with(path.string() + ": ")) << text;
    for (const char* part : GetParam().message) EXPECT_THAT(text, HasSubstr(part));
  }
}

const auto kNothing = [](const std::filesystem::path&) {};
/// Writes a file with one dataset.
auto one(const char* name, hid_t type, std::vector<hsize_t> extent,
         ForeignFile::Layout layout = {}) {
  return
      [=](const std::filesystem::path& path) { ForeignFile(path).add(name, type, extent, layout); };
}

std::vector<BadFile> bad_files() {
  silence_hdf5();
  H5open();
  const std::vector<hsize_t> good{3, 4, 5, 3};
  return {
      {"missing", kNothing, {"no such file"}},
      {"folder",
       [](const auto& path) { std::filesystem::create_directory(path); },
       {"not a regular file"}},
      {"empty",
       [](const auto& path) { write_bytes(path, ""); },
       {"is not an HDF5 file", "gm_data pack"}},
      {"text", [](const auto& path) { write_bytes(path, "hello"); }, {"is not an HDF5 file"}},
      {"truncated", cut_in_half, {"cut short", "again"}},
      {"no_dataset", one("photos", H5T_STD_U8LE, good), {"no dataset /images"}},
      {"float",
       one("images", H5T_IEEE_F32LE, good),
       {"/images is float32 [3,4,5,3]", "uint8 [N,H,W,C]"}},
      {"signed", one("images", H5T_STD_I8LE, good), {"/images is int8", "uint8 [N,H,W,C]"}},
      {"rank_3", one("images", H5T_STD_U8LE, {3, 4, 5}), {"uint8 [3,4,5]", "[N,H,W,C]"}},
      {"scalar", one("images", H5T_STD_U8LE, {}), {"uint8 []", "[N,H,W,C]"}},
      {"channels_first", one("images", H5T_STD_U8LE, {3, 3, 32, 32}), {"channels last"}},
      {"two_channels", one("images", H5T_STD_U8LE, {3, 4, 5, 2}), {"1 or 3 channels"}},
      {"no_images", one("images", H5T_STD_U8LE, {0, 4, 5, 3}), {"it holds no images"}},
      {"wide", one("images", H5T_STD_U8LE, {1, 1, 9000, 1}), {"sides of 1 to 8192"}},
      {"three_terabytes",
       one("images", H5T_STD_U8LE, {1'000'000'000, 32, 32, 3}, {.fill = false}),
       {"3072000000000 bytes", "never filled"}},
      {"three_terabytes_of_chunks",
       one("images", H5T_STD_U8LE, {1'000'000'000, 32, 32, 3},
           {.chunk = {1000, 32, 32, 3}, .fill = false}),
       {"1000000 chunks", "only 0 are there"}},
      {"overflow",
       one("images", H5T_STD_U8LE, {hsize_t{1} << 62, 32, 32, 3},
           {.chunk = {1, 32, 32, 3}, .fill = false}),
       {"a size that no file can have"}},
      {"huge_chunks",
       one("images", H5T_STD_U8LE, {600, 1024, 1024, 1},
           {.chunk = {600, 1024, 1024, 1}, .fill = false}),
       {"chunks of 629145600 bytes"}},
      {"overstated_compact", overstate_compact, {"uint8 [333,4,5,3] (19980 bytes)"}},
      {"n_bit",
       [](const auto& path) { add_filtered(path, H5Z_FILTER_NBIT); },
       {"does not check the sizes"}},
      {"scale_offset",
       [](const auto& path) { add_filtered(path, H5Z_FILTER_SCALEOFFSET); },
       {"does not check the sizes"}},
      {"external", add_external, {"keeps its data in other files"}},
      {"virtual", add_virtual, {"keeps its data in other files"}},
      {"group",
       [](const auto& path) {
         const ForeignFile file(path);
         const Hdf5Id group(H5Gcreate2(file, "images", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT),
                            H5Gclose);
       },
       {"/images is not a dataset"}},
      {"external_link",
       [](const auto& path) {
         const ForeignFile file(path);
         GM_HDF5(
             H5Lcreate_external("other.h5", "/images", file, "images", H5P_DEFAULT, H5P_DEFAULT));
       },
       {"/images is a link"}},
      {"version_3",
       [](const auto& path) {
         ForeignFile file(path);
         file.add("images", H5T_STD_U8LE, {3, 4, 5, 3});
         file.add_integer_attribute("format_version", 3);
       },
       {"format version 3", "reads versions 1 and 2"}},
      {"version_2_without_held_out",
       [](const auto& path) {
         ForeignFile file(path);
         file.add("images", H5T_STD_U8LE, {3, 4, 5, 3});
         file.add_integer_attribute("format_version", 2);
         file.add_integer_attribute("holdout", 0);
       },
       {"format version 2", "/held_out, which says which part, is missing"}},
      {"version_2_without_holdout",
       [](const auto& path) {
         ForeignFile file(path);
         file.add("images", H5T_STD_U8LE, {3, 4, 5, 3});
         file.add("held_out", H5T_STD_U8LE, {3}, {.chunk = {3}});
         file.add_integer_attribute("format_version", 2);
       },
       {"format version 2", "the attribute holdout, which says which part, is missing"}},
      {"few_labels",
       [](const auto& path) {
         ForeignFile file(path);
         file.add("images", H5T_STD_U8LE, {3, 4, 5, 3});
         file.add_integers("labels", H5T_STD_I64LE, {1, 2});
       },
       {"/labels is int64 [2]", "int64 [3]"}},
      {"float_labels",
       [](const auto& path) {
         ForeignFile file(path);
         file.add("images", H5T_STD_U8LE, {3, 4, 5, 3});
         file.add("labels", H5T_IEEE_F64LE, {3});
       },
       {"/labels is float64 [3]"}},
      {"few_held_out",
       [](const auto& path) {
         ForeignFile file(path);
         file.add("images", H5T_STD_U8LE, {3, 4, 5, 3});
         file.add("held_out", H5T_STD_U8LE, {2});
       },
       {"/held_out is uint8 [2]", "uint8 [3]"}},
      {"held_out_of_another_type",
       [](const auto& path) {
         ForeignFile file(path);
         file.add("images", H5T_STD_U8LE, {3, 4, 5, 3});
         file.add_integers("held_out", H5T_STD_I64LE, {0, 1, 0});
       },
       {"/held_out is int64 [3]", "uint8 [3]"}},
      {"holdout_is_no_fraction",
       [](const auto& path) {
         ForeignFile file(path);
         file.add("images", H5T_STD_U8LE, {3, 4, 5, 3});
         file.add("held_out", H5T_STD_U8LE, {3}, {.chunk = {3}});
         file.add_integer_attribute("holdout", 1);
       },
       {"attribute holdout is not one number"}},
      {"classes_elsewhere",
       [](const auto& path) {
         ForeignFile file(path);
         file.add("images", H5T_STD_U8LE, {3, 4, 5, 3});
         GM_HDF5(
             H5Lcreate_external("other.h5", "/names", file, "classes", H5P_DEFAULT, H5P_DEFAULT));
       },
       {"/classes is a link"}},
      {"gigabytes_of_classes",
       [](const auto& path) {
         ForeignFile file(path);
         file.add("images", H5T_STD_U8LE, {3, 4, 5, 3});
         const Hdf5Id type(GM_HDF5(H5Tcopy(H5T_C_S1)), H5Tclose);
         GM_HDF5(H5Tset_size(type, 4096));
         file.add("classes", type, {1 << 20}, {.fill = false});
       },
       {"/classes holds more than 67108864 bytes of names"}},
      {"one_long_class_a_thousand_times", repeat_a_name, {"/classes holds more than 67108864"}},
      {"classes_are_numbers",
       [](const auto& path) {
         ForeignFile file(path);
         file.add("images", H5T_STD_U8LE, {3, 4, 5, 3});
         file.add_integers("classes", H5T_STD_I64LE, {1, 2});
       },
       {"/classes is int64 [2]", "list of names"}},
  };
}

INSTANTIATE_TEST_SUITE_P(Kinds, RefusedHdf5Images, ::testing::ValuesIn(bad_files()),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace gm
