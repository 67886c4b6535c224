/// Tensors in files: the safetensors format, readable by Python's `safetensors` and written by it.
#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <map>
#include <string>

namespace gm {

/// Tensors by name, as `safetensors.torch.load_file` gives them in Python.
using TensorMap = std::map<std::string, at::Tensor>;

/// Reads a whole file into contiguous CPU tensors.
///
/// Format: 8 bytes header length (little endian), a JSON header `{name: {dtype, shape,
/// data_offsets}}`, the tensors' bytes without holes or overlaps
/// (https://github.com/huggingface/safetensors, README, "Format"). Everything that the header
/// claims is checked against the file's length before memory is allocated.
///
/// Throws InputError that names the file, and the tensor where one is to blame.
TensorMap load_safetensors(const std::filesystem::path& path);

/// Writes `tensors` to `path` (an existing file is overwritten in place: stage it for an atomic
/// replacement). `metadata` becomes the header's `__metadata__`.
///
/// Tensors may be of any layout; they must be on the CPU and of a type that the format knows:
/// float64/32/16, bfloat16, int64/32/16/8, uint8, bool. Throws Error with the system's reason when
/// the disk refuses, and for a tensor of another type or device.
void save_safetensors(const std::filesystem::path& path, const TensorMap& tensors,
                      const std::map<std::string, std::string>& metadata = {});

}  // namespace gm
