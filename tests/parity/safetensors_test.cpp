// Files that Python's safetensors wrote: gm reads the same tensors, and writes the same bytes.
#include "checkpoint/safetensors.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "answers.h"
#include "base/files.h"
#include "support/save_safetensors.h"
#include "support/temporary_folder.h"

namespace gm {
namespace {

constexpr size_t kLimit = 1 << 20;

/// 0, 1, 2, ..., as in safetensors_answers.py.
at::Tensor counting(at::ScalarType type, at::IntArrayRef shape) {
  const at::Tensor values = at::arange(c10::multiply_integers(shape), at::kLong);
  return (type == at::kBool ? values.remainder(2) : values).to(type).reshape(shape);
}

TensorMap expected_tensors() {
  return {
      {"bfloat16", counting(at::kBFloat16, {5})},
      {"bool", counting(at::kBool, {3})},
      {"empty", counting(at::kFloat, {2, 0, 3})},
      {"float16", counting(at::kHalf, {2, 2})},
      {"float32", counting(at::kFloat, {2, 3, 4})},
      {"float64", counting(at::kDouble, {3, 1})},
      {"int16", counting(at::kShort, {3})},
      {"int32", counting(at::kInt, {7})},
      {"int64", counting(at::kLong, {2, 2})},
      {"int8", counting(at::kChar, {5})},
      {"scalar", at::scalar_tensor(0.1F)},
      {"uint8", counting(at::kByte, {4})},
      {"Gewicht für \"猫\"", counting(at::kFloat, {1})},
  };
}

TEST(SafetensorsParity, ReadsWhatPythonWrote) {
  const TensorMap read = load_safetensors(parity::answer("safetensors_types.bytes"));
  const TensorMap expected = expected_tensors();
  ASSERT_EQ(read.size(), expected.size());
  for (const auto& [name, tensor] : expected) {
    ASSERT_TRUE(read.contains(name)) << name;
    EXPECT_EQ(read.at(name).scalar_type(), tensor.scalar_type()) << name;
    EXPECT_TRUE(read.at(name).equal(tensor)) << name;
  }
}

TEST(SafetensorsParity, WritesTheBytesThatPythonWrites) {
  const TemporaryFolder folder;
  save_safetensors(folder / "ours", expected_tensors(), {{"format", "pt"}});
  EXPECT_EQ(read_file(folder / "ours", kLimit),
            read_file(parity::answer("safetensors_types.bytes"), kLimit));
}

}  // namespace
}  // namespace gm
