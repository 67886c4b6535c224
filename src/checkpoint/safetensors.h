/// Reads and writes the safetensors format, compatible with Python's `safetensors`.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <set>
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
/// Throws InputError that names the file, and the tensor if one is wrong.
TensorMap load_safetensors(const std::filesystem::path& path);
/// The same; every byte of the file is added to `hash`, in order, as it is read.
TensorMap load_safetensors(const std::filesystem::path& path, Hash& hash);

/// The `__metadata__` of a file's header; empty if there is none. Reads no tensors. Throws
/// InputError that names the file.
std::map<std::string, std::string> load_safetensors_metadata(const std::filesystem::path& path);

/// The names of a file's tensors. Reads no tensors. Throws InputError that names the file.
std::set<std::string> load_safetensors_names(const std::filesystem::path& path);

/// Receives the bytes of a file, in order.
using ByteSink = std::function<void(std::span<const std::byte>)>;

/// Writes a safetensors file of `tensors` to `sink`, each byte once. `metadata` becomes the
/// header's `__metadata__`.
///
/// Tensors may have any layout. They must be on the CPU and of a type that the format supports:
/// float64/32/16, bfloat16, int64/32/16/8, uint8, bool. Throws Error for a tensor of another type
/// or device, before anything is written, and whatever `sink` throws.
void write_safetensors(const ByteSink& sink, const TensorMap& tensors,
                       const std::map<std::string, std::string>& metadata = {});

}  // namespace gm
