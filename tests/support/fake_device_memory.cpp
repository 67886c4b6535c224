#include "support/fake_device_memory.h"

#include <c10/util/Exception.h>
#include <sys/mman.h>

#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "support/fake_device.h"
#include "support/fake_device_streams.h"

namespace gm::fake_device {
namespace {

constexpr size_t kCapacity = size_t{32}
                             << 30;  // Reserved, not used: the system is asked for no page.
constexpr size_t kAlignment = 512;

size_t rounded_up(size_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

/// Two halves of address space: the device's addresses, and behind them their contents. The first
/// half stays protected, so an address that reaches the host by mistake is found at its first use.
class Memory {
 public:
  Memory() {
    void* both = ::mmap(nullptr, 2 * kCapacity, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    TORCH_CHECK(both != MAP_FAILED && ::mprotect(both, kCapacity, PROT_NONE) == 0,
                "fake device: no address space");
    begin_ = static_cast<std::byte*>(both);
  }

  void* allocate(size_t bytes) {
    const int stream = current_stream();
    const size_t size = rounded_up(bytes);
    auto& free = free_[{stream, size}];
    if (!free.empty()) {
      void* reused = free.back();
      free.pop_back();
      return reused;
    }
    TORCH_CHECK(used_ + size <= kCapacity, "fake device: out of memory");
    void* block = begin_ + std::exchange(used_, used_ + size);
    blocks_[block] = {.size = size, .stream = stream, .recorded_on = {}};
    fill_with_nan(contents_of(block), size);
    return block;
  }

  void release(void* address) {
    Block& block = blocks_.at(address);
    fill_with_nan(contents_of(address), block.size);
    free_[{block.stream, block.size}].push_back(address);
    block_was_freed(address, std::exchange(block.recorded_on, {}));
  }

  void record_on_stream(const void* address, int stream) {
    if (const auto block = blocks_.find(address); block != blocks_.end())
      block->second.recorded_on.insert(stream);
  }

  bool is_device_address(const void* address) const { return is_in(address, begin_); }
  bool holds_contents(const void* address) const { return is_in(address, begin_ + kCapacity); }

 private:
  struct Block {
    size_t size = 0;
    int stream = 0;
    std::set<int> recorded_on;
  };

  static bool is_in(const void* address, const std::byte* half) {
    return std::less_equal<>()(half, address) && std::less<>()(address, half + kCapacity);
  }

  std::byte* begin_ = nullptr;
  size_t used_ = 0;
  std::map<const void*, Block> blocks_;
  std::map<std::pair<int, size_t>, std::vector<void*>> free_;  // By stream and size.
};

// Never destroyed: tensors in static variables are freed after the end of main().
Memory& memory() {
  static auto& instance = *new Memory;
  return instance;
}

class DeviceAllocator final : public c10::Allocator {
 public:
  c10::DataPtr allocate(size_t bytes) override {
    const std::scoped_lock lock(state_mutex());
    void* block = bytes == 0 ? nullptr : memory().allocate(bytes);
    return {block, block, &release, device()};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &release; }
  void copy_data(void* to, const void* from, size_t bytes) const override {
    std::memcpy(contents_of(to), contents_of(from), bytes);
  }

 private:
  static void release(void* block) {
    const std::scoped_lock lock(state_mutex());
    if (block != nullptr) memory().release(block);
  }
};

/// Start and size of each pinned block.
std::map<const void*, size_t, std::less<>>& pinned_blocks() {
  static auto& blocks = *new std::map<const void*, size_t, std::less<>>;
  return blocks;
}

class PinnedAllocator final : public c10::Allocator {
 public:
  c10::DataPtr allocate(size_t bytes) override {
    const size_t size = rounded_up(bytes);
    void* block = size == 0 ? nullptr : std::aligned_alloc(kAlignment, size);
    TORCH_CHECK(size == 0 || block != nullptr, "fake device: no pinned memory");
    if (block != nullptr) {
      fill_with_nan(block, size);
      const std::scoped_lock lock(state_mutex());
      pinned_blocks()[block] = size;
    }
    return {block, block, &release, c10::Device(c10::kCPU)};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &release; }
  void copy_data(void* to, const void* from, size_t bytes) const override {
    std::memcpy(to, from, bytes);
  }

 private:
  static void release(void* block) {
    const std::scoped_lock lock(state_mutex());
    pinned_blocks().erase(block);
    forget_uses(block);
    std::free(block);
  }
};

}  // namespace

std::recursive_mutex& state_mutex() {
  static auto& mutex = *new std::recursive_mutex;
  return mutex;
}

c10::Allocator& device_allocator() {
  static DeviceAllocator allocator;
  return allocator;
}

c10::Allocator& pinned_allocator() {
  static PinnedAllocator allocator;
  return allocator;
}

bool is_pinned(const void* address) {
  const std::scoped_lock lock(state_mutex());
  const auto after = pinned_blocks().upper_bound(address);
  if (after == pinned_blocks().begin()) return false;
  const auto& [block, size] = *std::prev(after);
  return std::less<>()(address,
                       static_cast<const void*>(static_cast<const std::byte*>(block) + size));
}

void record_block_on_stream(const void* address, int stream) {
  const std::scoped_lock lock(state_mutex());
  memory().record_on_stream(address, stream);
}

void* contents_of(const void* address) {
  TORCH_CHECK(memory().is_device_address(address), "fake device: not an address of its memory");
  return static_cast<std::byte*>(const_cast<void*>(address)) + kCapacity;
}

bool holds_contents(const void* address) { return memory().holds_contents(address); }

void fill_with_nan(void* host_address, size_t bytes) { std::memset(host_address, 0xff, bytes); }

}  // namespace gm::fake_device
