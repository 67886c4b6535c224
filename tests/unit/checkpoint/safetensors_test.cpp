// Saved tensors can be loaded again, and malformed files are refused.
#include "checkpoint/safetensors.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/error.h"
#include "base/files.h"
#include "base/hash.h"
#include "support/expect_error.h"
#include "support/file_size_limit.h"
#include "support/save_safetensors.h"
#include "support/temporary_folder.h"

namespace gm {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class SafetensorsTest : public ::testing::Test {
 protected:
  /// Writes a file with this header and `data_bytes` bytes of data.
  void write_file(const std::string& header, size_t data_bytes) {
    const uint64_t header_bytes = header.size();
    std::ofstream file(path_, std::ios::binary);
    file.write(reinterpret_cast<const char*>(&header_bytes), sizeof header_bytes);
    file << header << std::string(data_bytes, '\0');
  }
  void write_bytes(const std::string& bytes) { std::ofstream(path_, std::ios::binary) << bytes; }
  template <class Matcher>
  void expect_refused(const Matcher& message) {
    expect_error<InputError>([&] { load_safetensors(path_); },
                             AllOf(HasSubstr(path_.string() + ": "), message));
  }
  template <class Matcher>
  void expect_header_refused(const std::string& header, size_t data_bytes, const Matcher& message) {
    write_file(header, data_bytes);
    expect_refused(message);
  }

  TemporaryFolder folder_;
  std::filesystem::path path_ = folder_ / "weights.safetensors";
};

TEST_F(SafetensorsTest, LoadsWhatWasSaved) {
  const TensorMap tensors{{"a.weight", at::randn({3, 4, 5})},
                          {"a.bias", at::randn({7}, at::kDouble)},
                          {"count", at::scalar_tensor(INT64_MIN, at::kLong)},
                          {"half", at::randn({3}).to(at::kBFloat16)},
                          {"none", at::empty({0, 5})}};
  save_safetensors(path_, tensors, {{"made by", "a test"}});
  const TensorMap loaded = load_safetensors(path_);
  ASSERT_EQ(loaded.size(), tensors.size());
  for (const auto& [name, tensor] : tensors) {
    EXPECT_EQ(loaded.at(name).scalar_type(), tensor.scalar_type());
    EXPECT_TRUE(loaded.at(name).equal(tensor)) << name;
  }
}

TEST_F(SafetensorsTest, AnyLayoutIsSavedInItsLogicalOrder) {
  const at::Tensor channels_last =
      at::arange(24, at::kFloat).reshape({1, 2, 3, 4}).contiguous(at::MemoryFormat::ChannelsLast);
  const at::Tensor strided = at::arange(10, at::kInt).slice(0, 0, 10, 3);
  save_safetensors(path_, {{"channels_last", channels_last}, {"strided", strided}});
  const TensorMap loaded = load_safetensors(path_);
  EXPECT_TRUE(loaded.at("channels_last").is_contiguous());
  EXPECT_TRUE(loaded.at("channels_last").equal(channels_last));
  EXPECT_TRUE(loaded.at("strided").equal(strided));
}

TEST_F(SafetensorsTest, IsHashedWhileItIsRead) {
  // The file stores the larger type first; the map is sorted by name.
  save_safetensors(path_, {{"a", at::randn({100})}, {"b", at::randn({3}, at::kDouble)}});
  Hash hash;
  EXPECT_EQ(load_safetensors(path_, hash).size(), 2U);
  EXPECT_EQ(hash.hex(), hash_file(path_));
}

TEST_F(SafetensorsTest, MetadataAreReadWithoutTheTensors) {
  save_safetensors(path_, {{"a", at::zeros({2})}}, {{"made by", "a test"}, {"count", "2"}});
  const std::map<std::string, std::string> expected{{"made by", "a test"}, {"count", "2"}};
  EXPECT_EQ(load_safetensors_metadata(path_), expected);
  save_safetensors(path_, {{"a", at::zeros({2})}});
  EXPECT_TRUE(load_safetensors_metadata(path_).empty());
  write_file(R"({"__metadata__": [1]})", 0);
  expect_error<InputError>([&] { load_safetensors_metadata(path_); },
                           HasSubstr("__metadata__ is not an object"));
  write_file(R"({"__metadata__": {"a": 1}})", 0);
  expect_error<InputError>([&] { load_safetensors_metadata(path_); },
                           HasSubstr("the value of \"a\" is not a text"));
}

TEST_F(SafetensorsTest, NamesAreReadWithoutTheTensors) {
  save_safetensors(path_, {{"a", at::zeros({2})}, {"b", at::zeros({3})}}, {{"made by", "a test"}});
  EXPECT_EQ(load_safetensors_names(path_), (std::set<std::string>{"a", "b"}));
}

TEST_F(SafetensorsTest, AFileMayHoldNoTensors) {
  save_safetensors(path_, {});
  EXPECT_TRUE(load_safetensors(path_).empty());
}

TEST_F(SafetensorsTest, EqualContentMakesEqualBytes) {
  save_safetensors(path_, {{"b", at::ones({2})}, {"a", at::zeros({3})}}, {{"y", "1"}, {"x", "2"}});
  save_safetensors(folder_ / "again", {{"a", at::zeros({3})}, {"b", at::ones({2})}},
                   {{"x", "2"}, {"y", "1"}});
  EXPECT_EQ(read_file(path_, 1000), read_file(folder_ / "again", 1000));
}

TEST_F(SafetensorsTest, UnsupportedTensorsAreRefused) {
  expect_error<Error>(
      [&] {
        save_safetensors(path_, {{"c", at::zeros({2}, at::kComplexFloat)}});
      },
      HasSubstr("tensor \"c\" has type ComplexFloat"));
  expect_error<Error>(
      [&] {
        save_safetensors(path_, {{"__metadata__", at::zeros({2})}});
      },
      HasSubstr("__metadata__"));
  EXPECT_EQ(std::filesystem::file_size(path_), 0U) << "nothing is written before the checks";
}

TEST_F(SafetensorsTest, AFailedWriteIsAnError) {
  const FileSizeLimit limit(4096);
  expect_error<Error>(
      [&] {
        save_safetensors(path_, {{"a", at::zeros({10'000})}});
      },
      HasSubstr("writing failed: File too large"));
}

TEST_F(SafetensorsTest, AMissingFolderIsAnError) {
  expect_error<Error>([&] { save_safetensors(folder_ / "none" / "a", {}); },
                      HasSubstr("creating failed: No such file"));
}

TEST_F(SafetensorsTest, FilesOfOtherFormatsAreRefused) {
  expect_refused(HasSubstr("No such file"));
  write_bytes("");
  expect_refused(HasSubstr("too short"));
  write_bytes("1234567");
  expect_refused(HasSubstr("too short"));
  write_bytes("PK\x03\x04 this is a zip file of pickles");
  expect_refused(HasSubstr("declares a header of"));
  write_file("this is not JSON", 0);
  expect_refused(HasSubstr("not a JSON object"));
  write_file("[1, 2]", 0);
  expect_refused(HasSubstr("not a JSON object"));
  write_file("", 0);
  expect_refused(HasSubstr("not a JSON object"));
  expect_error<InputError>([&] { load_safetensors(folder_.path()); }, HasSubstr("is not a file"));
}

TEST_F(SafetensorsTest, AHeaderLengthBeyondTheFileIsRefusedBeforeItIsAllocated) {
  write_bytes(std::string("\xff\xff\xff\xff\xff\xff\xff\xff", 8) + "{}");
  expect_refused(HasSubstr("declares a header of 18446744073709551615 bytes"));
}

TEST_F(SafetensorsTest, DeepNestingIsRefused) {
  write_file("{\"a\":" + std::string(1'000'000, '[') + std::string(1'000'000, ']') + "}", 0);
  expect_refused(HasSubstr("nested too deeply"));
}

TEST_F(SafetensorsTest, BracketsInNamesDoNotCountAsNesting) {
  save_safetensors(path_, {{"[[[[[[[[{{{{\\\"", at::ones({1})}});
  EXPECT_EQ(load_safetensors(path_).size(), 1U);
}

TEST_F(SafetensorsTest, ATruncatedFileIsRefusedAtEveryLength) {
  save_safetensors(path_, {{"a", at::ones({3})}, {"b", at::ones({2, 2})}});
  const std::string whole = read_file(path_, 1000);
  for (size_t length = 0; length < whole.size(); ++length) {
    write_bytes(whole.substr(0, length));
    EXPECT_THROW(load_safetensors(path_), InputError) << length;
  }
  write_bytes(whole + "x");
  expect_refused(HasSubstr("1 bytes follow the last tensor"));
}

TEST_F(SafetensorsTest, OffsetsOutsideTheFileAreRefused) {
  expect_header_refused(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 7,
                        HasSubstr("tensor \"a\": its data_offsets lie outside the file's 7 bytes"));
  expect_header_refused(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}})", 8,
                        HasSubstr("outside"));
  expect_header_refused(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[-8,0]}})", 8,
                        HasSubstr("holds -8, which is not a count"));
  expect_header_refused(
      R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,18446744073709551615]}})", 8,
      HasSubstr("not a count"));
}

TEST_F(SafetensorsTest, AShapeThatDoesNotFitItsBytesIsRefused) {
  expect_header_refused(R"({"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})", 8,
                        HasSubstr("tensor \"a\": shape [3] needs 12 bytes, but data_offsets give "
                                  "it 8"));
  // The product wraps round to 8 in 64 bits.
  expect_header_refused(
      R"({"a":{"dtype":"F32","shape":[4611686018427387904,2,2,2],"data_offsets":[0,0]}})", 0,
      HasSubstr("too large"));
  expect_header_refused(R"({"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,8]}})", 8,
                        HasSubstr("1.5, which is not a count"));
  expect_header_refused(R"({"a":{"dtype":"F32","shape":8,"data_offsets":[0,8]}})", 8,
                        HasSubstr("shape is not an array"));
  expect_header_refused(
      R"({"a":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,2],"data_offsets":[0,8]}})",
      8, HasSubstr("shape is not an array of at most 16"));
}

TEST_F(SafetensorsTest, GapsAndOverlapsAreRefused) {
  expect_header_refused(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},)"
                        R"("b":{"dtype":"U8","shape":[2],"data_offsets":[3,5]}})",
                        5, HasSubstr("tensor \"b\": begins at byte 3 of the data, but 2 was"));
  expect_header_refused(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},)"
                        R"("b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}})",
                        3, HasSubstr("overlap"));
  expect_header_refused(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}})", 3,
                        HasSubstr("a gap"));
}

TEST_F(SafetensorsTest, InvalidEntriesAreRefused) {
  expect_header_refused(R"({"a":{"dtype":"F32","shape":[2]}})", 8,
                        HasSubstr("tensor \"a\": needs exactly dtype, shape and data_offsets"));
  expect_header_refused(R"({"a":7})", 0, HasSubstr("needs exactly"));
  expect_header_refused(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"more":1}})", 8,
                        HasSubstr("needs exactly"));
  expect_header_refused(R"({"a":{"dtype":"C64","shape":[1],"data_offsets":[0,8]}})", 8,
                        HasSubstr("dtype \"C64\" is not supported"));
  expect_header_refused(R"({"a":{"dtype":4,"shape":[2],"data_offsets":[0,8]}})", 8,
                        HasSubstr("dtype 4 is not supported"));
}

}  // namespace
}  // namespace gm
