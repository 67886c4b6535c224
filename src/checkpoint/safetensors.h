/// Tensors in files: the safetensors format, readable by Python's `safetensors` and written by it.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <span>
#include <string>

namespace gm {

class Hash;

/// Tensors by name, as `safetensors.torch.load_file` gives them in Python.
using TensorMap = std::map<std::string, at::Tensor>;

/// Reads a whole file into contiguous CPU tensors.
///
/// Format: 8 bytes header length (little endian), a JSON header `{name: {dtype, shape,
/// data_offsets}}`, the tensors' bytes without gaps or overlaps
/// (https://github.com/huggingface/safetensors, README, "Format"). Everything that the header
/// claims is checked against the file's length before memory is allocated.
///
/// Throws InputError that names the file, and the tensor where one is to blame.
TensorMap load_safetensors(const std::filesystem::path& path);
/// The same; every byte of the file is added to `hash`, in order, as it is read.
TensorMap load_safetensors(const std::filesystem::path& path, Hash& hash);

/// Where a file's bytes go, in order.
using ByteSink = std::function<void(std::span<const std::byte>)>;

/// Gives `sink` the bytes of a safetensors file of `tensors`, each byte once. `metadata` becomes
/// the header's `__metadata__`.
///
/// Tensors may be of any layout; they must be on the CPU and of a type that the format knows:
/// float64/32/16, bfloat16, int64/32/16/8, uint8, bool. Throws Error for a tensor of another type
/// or device, before anything is written, and what `sink` throws.
void write_safetensors(const ByteSink& sink, const TensorMap& tensors,
                       const std::map<std::string, std::string>& metadata = {});

}  // namespace gm
