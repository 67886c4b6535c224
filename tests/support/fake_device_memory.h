/// The fake device's memory, and pinned host memory.
#pragma once

#include <c10/core/Allocator.h>

#include <cstddef>
#include <mutex>

namespace gm::fake_device {

/// Guards all state of the fake device. Recursive: an operator that holds it frees tensors.
std::recursive_mutex& state_mutex();

/// Memory at addresses that no instruction may touch. A freed block is reused on the stream on
/// which it was allocated. Throws c10::Error when all memory is in use.
c10::Allocator& device_allocator();

/// Host memory of which is_pinned() is true.
c10::Allocator& pinned_allocator();
bool is_pinned(const void* address);

/// The block at `address` is used on `stream`: it must not be reused before that stream is done.
void record_block_on_stream(const void* address, int stream);

/// Where the host finds the contents of the device's memory at `address`.
void* contents_of(const void* address);

/// Whether `address` is one that contents_of() returns.
bool holds_contents(const void* address);

/// NaN in every floating point type, -1 in every integer type.
void fill_with_nan(void* host_address, size_t bytes);

}  // namespace gm::fake_device
