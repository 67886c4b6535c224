#include "support/fake_device.h"

#include <ATen/ATen.h>
#include <ATen/detail/PrivateUse1HooksInterface.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <mutex>
#include <optional>
#include <utility>

#include "support/fake_device_counts.h"
#include "support/fake_device_memory.h"
#include "support/fake_device_streams.h"

namespace gm::fake_device {
namespace {

/// What LibTorch asks of an accelerator. Autograd and pinned memory need it.
class Hooks final : public at::PrivateUse1HooksInterface {
 public:
  bool isBuilt() const override { return true; }
  bool isAvailable() const override { return true; }
  bool hasPrimaryContext(c10::DeviceIndex /*of*/) const override { return true; }
  c10::DeviceIndex deviceCount() const override { return 1; }
  c10::DeviceIndex getCurrentDevice() const override { return 0; }
  void setCurrentDevice(c10::DeviceIndex /*to*/) const override {}
  c10::DeviceIndex exchangeDevice(c10::DeviceIndex /*to*/) const override { return 0; }
  c10::DeviceIndex maybeExchangeDevice(c10::DeviceIndex /*to*/) const override { return 0; }
  at::Device getDeviceFromPtr(void* /*data*/) const override { return device(); }

  bool isPinnedPtr(const void* address) const override { return is_pinned(address); }
  at::Allocator* getPinnedMemoryAllocator() const override { return &pinned_allocator(); }

  /// The CPU's kernels draw the random numbers.
  const at::Generator& getDefaultGenerator(c10::DeviceIndex /*of*/) const override {
    return at::globalContext().defaultGenerator(at::kCPU);
  }
};

[[maybe_unused]] const bool kIsRegistered = [] {
  static Hooks hooks;
  at::RegisterPrivateUse1HooksInterface(&hooks);
  c10::register_privateuse1_backend("fake");
  c10::SetAllocator(at::kPrivateUse1, &device_allocator());
  return true;
}();

Counts& counts_so_far() {
  static auto& instance = *new Counts;
  return instance;
}

std::map<std::string, int64_t> difference(std::map<std::string, int64_t> after,
                                          const std::map<std::string, int64_t>& before) {
  for (const auto& [name, count] : before) after[name] -= count;
  std::erase_if(after, [](const auto& entry) { return entry.second == 0; });
  return after;
}

c10::impl::VirtualGuardImpl guard() { return c10::impl::VirtualGuardImpl(at::kPrivateUse1); }

}  // namespace

at::Device device() { return {at::kPrivateUse1, 0}; }

c10::Stream new_stream() { return guard().getStreamFromGlobalPool(device()); }

void synchronize() { guard().synchronizeDevice(0); }

Counts Counts::operator-(const Counts& before) const {
  return {.operators = operators - before.operators,
          .host_waits = host_waits - before.host_waits,
          .operators_by_name = difference(operators_by_name, before.operators_by_name),
          .host_waits_by_name = difference(host_waits_by_name, before.host_waits_by_name)};
}

Counts counts() {
  const std::scoped_lock lock(state_mutex());
  return counts_so_far();
}

Counts counts_of(const std::function<void()>& body) {
  const Counts before = counts();
  body();
  return counts() - before;
}

void count_operator(const std::string& name) {
  ++counts_so_far().operators;
  ++counts_so_far().operators_by_name[name];
}

void count_host_wait(const std::string& name) {
  ++counts_so_far().host_waits;
  ++counts_so_far().host_waits_by_name[name];
}

Graph::Graph(const std::function<void()>& body) {
  // Not locked while `body` runs: backward runs operators on another thread.
  std::unique_lock lock(state_mutex());
  std::optional<Recording> recording(std::in_place, nodes_);
  lock.unlock();
  try {
    body();
  } catch (...) {
    lock.lock();
    recording.reset();
    throw;
  }
  lock.lock();
  recording->check_all_joined();
}

void Graph::replay() const {
  const std::scoped_lock lock(state_mutex());
  TORCH_CHECK(Recording::current() == nullptr, "fake device: a graph cannot be part of a graph");
  count_operator("graph");
  for (const auto& node : nodes_) node();
}

void launch(const std::string& name, const std::vector<at::Tensor>& reads,
            const std::vector<at::Tensor>& writes, const std::function<void()>& body) {
  const std::scoped_lock lock(state_mutex());
  count_operator(name);
  const auto use_all = [=] {
    for (const at::Tensor& x : reads) use(x, Use::kRead, name);
    for (const at::Tensor& x : writes) use(x, Use::kWrite, name);
  };
  use_all();
  if (Recording* recording = Recording::current()) {
    recording->add([=] {
      use_all();
      body();
    });
  } else {
    body();
  }
}

at::Tensor contents(const at::Tensor& tensor) {
  TORCH_CHECK(tensor.is_privateuseone(), "fake device: a tensor on ", tensor.device());
  const auto options = at::TensorOptions(tensor.dtype()).device(at::kCPU);
  // LibTorch gives a tensor without elements no address.
  if (tensor.numel() == 0) return at::empty(tensor.sizes(), options);
  return at::from_blob(contents_of(tensor.data_ptr()), tensor.sizes(), tensor.strides(), options);
}

}  // namespace gm::fake_device
