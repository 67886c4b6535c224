#include "support/fake_device.h"

#include <ATen/ATen.h>
#include <c10/core/Event.h>
#include <c10/core/StreamGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/variable.h>
#include <torch/library.h>

#include <csignal>
#include <cstdlib>
#include <functional>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "support/expect_error.h"

namespace gm {
namespace {

using at::Tensor;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

at::TensorOptions on_device() {
  return at::TensorOptions(at::kFloat).device(fake_device::device());
}

Tensor to_device(const Tensor& x) { return x.to(fake_device::device()); }

Tensor pinned(const Tensor& x) {
  Tensor copy = at::empty_like(x, x.options().pinned_memory(true));
  copy.copy_(x);
  return copy;
}

c10::Stream current_stream() {
  return c10::impl::VirtualGuardImpl(at::kPrivateUse1).getStream(fake_device::device());
}

/// What `from` has started comes before what `to` starts next.
void order(const c10::Stream& from, const c10::Stream& to) {
  c10::Event event(at::kPrivateUse1);
  event.record(from);
  event.block(to);
}

template <class Act, class Matcher>
void expect_refused(Act act, const Matcher& message) {
  expect_error<c10::Error>(act, message);
}

/// Memory that a test used on a stream of its own is reused by the next test.
class FakeDeviceTest : public testing::Test {
 protected:
  void TearDown() override { fake_device::synchronize(); }
};

// ---- Memory ------------------------------------------------------------------------------------

class FakeDeviceMemory : public FakeDeviceTest {
 protected:
  // Forking without it would lose the threads of LibTorch.
  FakeDeviceMemory() { GTEST_FLAG_SET(death_test_style, "threadsafe"); }

  template <class Act>
  static void expect_segmentation_fault(Act act) {
    EXPECT_EXIT(
        {
          std::signal(SIGSEGV, SIG_DFL);  // Not the handler of a sanitizer.
          act();
          std::_Exit(0);
        },
        testing::KilledBySignal(SIGSEGV), "");
  }
};

TEST_F(FakeDeviceMemory, CannotBeReadByTheHost) {
  const Tensor x = at::ones({4}, on_device());
  expect_segmentation_fault([&] {
    const volatile float value = x.const_data_ptr<float>()[2];
    static_cast<void>(value);
  });
}

TEST_F(FakeDeviceMemory, CannotBeWrittenByTheHost) {
  const Tensor x = at::ones({4}, on_device());
  expect_segmentation_fault([&] { *static_cast<volatile float*>(x.data_ptr()) = 2; });
}

TEST_F(FakeDeviceMemory, HoldsNanWhenItIsNew) {
  EXPECT_TRUE(at::empty({5, 7}, on_device()).cpu().isnan().all().item<bool>());
  EXPECT_TRUE(at::empty({5}, at::TensorOptions().pinned_memory(true)).isnan().all().item<bool>());
}

TEST_F(FakeDeviceMemory, HoldsNanWhenItIsReused) {
  Tensor x = at::zeros({123}, on_device());
  const void* address = x.const_data_ptr();
  x = Tensor();
  const Tensor y = at::empty({123}, on_device());
  ASSERT_EQ(y.const_data_ptr(), address);
  EXPECT_TRUE(y.cpu().isnan().all().item<bool>());
}

TEST_F(FakeDeviceMemory, IsSharedByViews) {
  const Tensor x = to_device(at::arange(24).view({2, 3, 4}));
  x.transpose(0, 2).select(0, 1).fill_(-1);
  x.flatten().slice(0, 0, 24, 5).mul_(10);
  x.unfold(1, 2, 1).select(1, 1).add_(100);
  Tensor expected = at::arange(24).view({2, 3, 4});
  expected.transpose(0, 2).select(0, 1).fill_(-1);
  expected.flatten().slice(0, 0, 24, 5).mul_(10);
  expected.unfold(1, 2, 1).select(1, 1).add_(100);
  EXPECT_TRUE(x.cpu().equal(expected));
}

TEST_F(FakeDeviceMemory, KeepsItsContentsWhenATensorGrows) {
  Tensor x = to_device(at::arange(3));
  x.resize_({2, 4});
  EXPECT_TRUE(x.cpu().flatten().slice(0, 0, 3).equal(at::arange(3)));
  Tensor y = at::empty({0}, on_device());
  y.set_(x);
  EXPECT_EQ(y.const_data_ptr(), x.const_data_ptr());
  EXPECT_EQ(y.sizes(), x.sizes());
}

TEST_F(FakeDeviceMemory, GrowsForAnOutputArgument) {
  Tensor sum = at::empty({0}, on_device());
  at::add_out(sum, at::ones({3}, on_device()), at::ones({3}, on_device()));
  EXPECT_TRUE(sum.cpu().equal(at::full({3}, 2.0)));
}

// ---- Operators ---------------------------------------------------------------------------------

using FakeDeviceOperators = FakeDeviceTest;

struct Answer {
  Tensor output, weight_gradient, input_gradient;
};

/// Forward and backward through a convolution, group norm, SiLU and views.
Answer network_on(const at::Device& device) {
  at::manual_seed(1);
  const Tensor images = at::randn({4, 8, 6, 6}).to(device).requires_grad_();
  const Tensor weight = at::randn({8, 8, 3, 3}).to(device).requires_grad_();
  const Tensor gamma = at::randn({8}).to(device).requires_grad_();
  Tensor y = at::conv2d(images, weight, /*bias=*/gamma, /*stride=*/1, /*padding=*/1);
  y = at::silu(at::group_norm(y, 4, gamma, {}, 1e-5));
  y = y.permute({0, 2, 3, 1}).reshape({4, 36, 8}).softmax(1).slice(1, 2, 9).square().sum();
  y.backward();
  return {y.detach().cpu(), weight.grad().cpu(), images.grad().cpu()};
}

TEST_F(FakeDeviceOperators, EqualThoseOfTheCpu) {
  const Answer expected = network_on(at::kCPU), answer = network_on(fake_device::device());
  EXPECT_TRUE(answer.output.equal(expected.output));
  EXPECT_TRUE(answer.weight_gradient.equal(expected.weight_gradient));
  EXPECT_TRUE(answer.input_gradient.equal(expected.input_gradient));
}

TEST_F(FakeDeviceOperators, RefuseATensorOnTheCpu) {
  const Tensor x = at::ones({2, 3}, on_device()), y = at::ones({2, 3});
  expect_refused([&] { x.add(y); }, HasSubstr("add: the argument other [2, 3] is on cpu"));
  expect_refused([&] { x.index_select(0, at::tensor({1})); },
                 AllOf(HasSubstr("index_select"), HasSubstr("index")));
  expect_refused([&] { at::cat({x, y}); }, AllOf(HasSubstr("cat"), HasSubstr("tensors")));
}

TEST_F(FakeDeviceOperators, AcceptAScalarOnTheCpuToRead) {
  const Tensor x = at::ones({3}, on_device()), scalar = at::scalar_tensor(2.0);
  EXPECT_TRUE(x.mul(scalar).cpu().equal(at::full({3}, 2.0)));
  expect_refused([&] { scalar.add_(at::ones({}, on_device())); }, HasSubstr("self"));
  expect_refused([&] { at::stack({x.select(0, 0), scalar}); }, HasSubstr("cpu"));
}

TEST_F(FakeDeviceOperators, NormalizeGroupsInNchw) {
  const Tensor cpu = at::randn({2, 4, 3, 3}).contiguous(at::MemoryFormat::ChannelsLast);
  const Tensor x = to_device(cpu).requires_grad_();
  ASSERT_TRUE(x.is_contiguous(at::MemoryFormat::ChannelsLast));
  const Tensor y = at::group_norm(x, 2);
  EXPECT_TRUE(y.is_contiguous());
  y.square().sum().backward();
  EXPECT_TRUE(x.grad().cpu().isfinite().all().item<bool>());
  EXPECT_TRUE(y.detach().cpu().allclose(at::group_norm(cpu, 2), 1e-5, 1e-6));
}

TEST_F(FakeDeviceOperators, ConvolveInTheLayoutOfTheInput) {
  const Tensor weight = at::randn({8, 4, 3, 3}, on_device()).requires_grad_();
  for (const auto format : {at::MemoryFormat::Contiguous, at::MemoryFormat::ChannelsLast}) {
    const Tensor x = at::randn({2, 4, 5, 5}, on_device()).contiguous(format).requires_grad_();
    std::optional<Tensor> y;
    const auto counts = fake_device::counts_of([&] { y = at::conv2d(x, weight); });
    EXPECT_THAT(counts.operators_by_name, ElementsAre(Pair("convolution", 1)));
    EXPECT_TRUE(y->is_contiguous(format));
    y->sum().backward();
    EXPECT_TRUE(x.grad().is_contiguous(format));
  }
}

TEST_F(FakeDeviceOperators, TransposeAConvolution) {
  const Tensor weight = at::randn({4, 6, 2, 2}), bias = at::randn({6}), x = at::randn({1, 4, 3, 3});
  const Tensor b = to_device(bias).requires_grad_();
  const Tensor y = at::conv_transpose2d(to_device(x), to_device(weight), b, 2);
  EXPECT_TRUE(y.detach().cpu().allclose(at::conv_transpose2d(x, weight, bias, 2)));
  y.sum().backward();
  EXPECT_TRUE(b.grad().cpu().equal(at::full({6}, 36.0)));
}

// An operator of gm with a kernel for the CPU only.
TORCH_LIBRARY_FRAGMENT(gm, library) {
  library.def("fake_device_test_double(Tensor x) -> Tensor");
  library.impl("fake_device_test_double", c10::DispatchKey::CPU,
               [](const Tensor& x) { return x * 2; });
}

TEST_F(FakeDeviceOperators, IncludeThoseOfGm) {
  const auto twice = c10::Dispatcher::singleton()
                         .findSchemaOrThrow("gm::fake_device_test_double", "")
                         .typed<Tensor(const Tensor&)>();
  const Tensor x = at::ones({3}, on_device());
  const auto counts =
      fake_device::counts_of([&] { EXPECT_TRUE(twice.call(x).cpu().equal(at::full({3}, 2.0))); });
  EXPECT_EQ(counts.operators_by_name.at("gm::fake_device_test_double"), 1);
  EXPECT_FALSE(twice.hasKernelForDispatchKey(c10::DispatchKey::PrivateUse1));
}

TEST_F(FakeDeviceOperators, MayBeATestsOwn) {
  const Tensor x = at::ones({3}, on_device());
  const auto counts = fake_device::counts_of(
      [&] { fake_device::launch("halve", {}, {x}, [&] { fake_device::contents(x).div_(2); }); });
  EXPECT_THAT(counts.operators_by_name, ElementsAre(Pair("halve", 1)));
  EXPECT_TRUE(x.cpu().equal(at::full({3}, 0.5)));
}

// ---- Counts ------------------------------------------------------------------------------------

using FakeDeviceCounts = FakeDeviceTest;

TEST_F(FakeDeviceCounts, NameOperators) {
  const Tensor x = at::ones({3}, on_device());
  const auto counts = fake_device::counts_of([&] { x.add_(x * x).view({3, 1}).neg().add_(1); });
  EXPECT_EQ(counts.operators, 4);
  EXPECT_THAT(counts.operators_by_name,
              ElementsAre(Pair("add_", 2), Pair("mul", 1), Pair("neg", 1)));
  EXPECT_EQ(counts.host_waits, 0);
}

TEST_F(FakeDeviceCounts, CountAKernelOfCudaOnce) {
  const Tensor x = at::ones({2, 4}, on_device());
  const auto counts = fake_device::counts_of([&] { at::silu_backward(x, at::layer_norm(x, {4})); });
  EXPECT_THAT(counts.operators_by_name,
              ElementsAre(Pair("native_layer_norm", 1), Pair("silu_backward", 1)));
}

TEST_F(FakeDeviceCounts, NameWhatTheHostWaitsFor) {
  const Tensor x = at::ones({3}, on_device()), mask = x > 0;
  c10::Event event(at::kPrivateUse1);
  event.record(current_stream());
  const auto counts = fake_device::counts_of([&] {
    x.sum().item<float>();
    x.cpu();
    to_device(at::ones({2}));
    at::ones({2}).to(fake_device::device(), /*non_blocking=*/true);  // Pageable.
    x.nonzero();
    x.index({mask});
    x.equal(x);
    event.synchronize();
    current_stream().synchronize();
    fake_device::synchronize();
  });
  EXPECT_THAT(counts.host_waits_by_name,
              ElementsAre(Pair("copy to the device", 2), Pair("copy to the host", 1),
                          Pair("equal", 1), Pair("index", 1), Pair("item", 1), Pair("nonzero", 1),
                          Pair("synchronize device", 1), Pair("synchronize event", 1),
                          Pair("synchronize stream", 1)));
  EXPECT_EQ(counts.host_waits, 10);
}

TEST_F(FakeDeviceCounts, SeeThatAPinnedCopyDoesNotWait) {
  const Tensor from = pinned(at::ones({2, 3})), to = pinned(at::ones({2, 3}));
  const Tensor x = at::empty({2, 3}, on_device());
  const auto none = fake_device::counts_of([&] {
    x.copy_(from, /*non_blocking=*/true);
    to.copy_(x, /*non_blocking=*/true);
  });
  EXPECT_THAT(none.host_waits_by_name, IsEmpty());
  const auto other_type = fake_device::counts_of([&] {
    x.copy_(pinned(at::ones({2, 3}, at::kDouble)), /*non_blocking=*/true);
  });
  EXPECT_EQ(other_type.host_waits, 1);
  const auto other_layout = fake_device::counts_of([&] {
    x.copy_(pinned(at::ones({3, 2})).t(), /*non_blocking=*/true);
  });
  EXPECT_EQ(other_layout.host_waits, 1);
}

// ---- Streams -----------------------------------------------------------------------------------

class FakeDeviceStreams : public FakeDeviceTest {
 protected:
  /// `first` on the default stream and `second` on another are refused without an event.
  template <class First, class Second>
  void expect_event_needed(First first, Second second, const char* message) const {
    first();
    {
      const c10::StreamGuard guard(side_);
      expect_refused(second, AllOf(HasSubstr(message), HasSubstr("no event")));
    }
    fake_device::synchronize();
    first();
    order(current_stream(), side_);
    const c10::StreamGuard guard(side_);
    EXPECT_NO_THROW(second());
  }

  const c10::Stream side_ = fake_device::new_stream();
  const Tensor x_ = at::ones({8}, on_device());
};

TEST_F(FakeDeviceStreams, NeedAnEventToReadWhatAnotherWrites) {
  expect_event_needed([&] { x_.fill_(2); }, [&] { x_.neg(); },
                      "reads what fill_ on stream 0 writes");
}

TEST_F(FakeDeviceStreams, NeedAnEventToWriteWhatAnotherReads) {
  fake_device::synchronize();
  expect_event_needed([&] { x_.neg(); }, [&] { x_.fill_(2); }, "writes what neg on stream 0 reads");
}

TEST_F(FakeDeviceStreams, NeedAnEventToWriteWhatAnotherWrites) {
  expect_event_needed([&] { x_.fill_(2); }, [&] { x_.zero_(); },
                      "writes what fill_ on stream 0 writes");
}

TEST_F(FakeDeviceStreams, MayBothRead) {
  fake_device::synchronize();
  x_.neg();
  const c10::StreamGuard guard(side_);
  EXPECT_NO_THROW(x_.neg());
}

TEST_F(FakeDeviceStreams, MayUseDifferentPartsOfATensor) {
  fake_device::synchronize();
  x_.slice(0, 0, 4).fill_(2);
  const c10::StreamGuard guard(side_);
  EXPECT_NO_THROW(x_.slice(0, 4, 8).fill_(2));
  expect_refused([&] { x_.slice(0, 3, 8).fill_(2); }, HasSubstr("no event"));
}

TEST_F(FakeDeviceStreams, NeedAnEventAfterTheLastUse) {
  c10::Event early(at::kPrivateUse1);
  early.record(current_stream());
  x_.fill_(2);
  early.block(side_);
  const c10::StreamGuard guard(side_);
  expect_refused([&] { x_.neg(); }, HasSubstr("no event"));
}

TEST_F(FakeDeviceStreams, AreOrderedThroughAThird) {
  const c10::Stream third = fake_device::new_stream();
  x_.fill_(2);
  order(current_stream(), third);
  order(third, side_);
  const c10::StreamGuard guard(side_);
  EXPECT_NO_THROW(x_.zero_());
}

TEST_F(FakeDeviceStreams, AreOrderedByTheHost) {
  x_.fill_(2);
  x_.sum().item<float>();
  const c10::StreamGuard guard(side_);
  EXPECT_NO_THROW(x_.zero_());
}

TEST_F(FakeDeviceStreams, AreOrderedByACopyThatTheHostWaitsFor) {
  x_.copy_(at::ones({8}));
  const c10::StreamGuard guard(side_);
  EXPECT_NO_THROW(x_.zero_());
}

TEST_F(FakeDeviceStreams, MustBeDoneWithMemoryThatIsFreed) {
  for (const bool is_recorded : {false, true}) {
    Tensor x = at::ones({777}, on_device());
    order(current_stream(), side_);
    {
      const c10::StreamGuard guard(side_);
      x.neg();
    }
    if (is_recorded) x.record_stream(side_);
    x = Tensor();
    const Tensor reuses = at::empty({777}, on_device());
    if (is_recorded) {
      EXPECT_NO_THROW(reuses.fill_(1));
    } else {
      expect_refused([&] { reuses.fill_(1); }, HasSubstr("freed without record_stream"));
    }
    fake_device::synchronize();
  }
}

TEST_F(FakeDeviceStreams, RunBackwardOnTheStreamOfForward) {
  const Answer expected = network_on(at::kCPU);
  const c10::StreamGuard guard(side_);
  EXPECT_TRUE(network_on(fake_device::device()).weight_gradient.equal(expected.weight_gradient));
}

TEST_F(FakeDeviceStreams, BelongToThreads) {
  const c10::StreamGuard guard(side_);
  std::optional<c10::Stream> of_thread;
  std::thread([&] { of_thread = current_stream(); }).join();
  EXPECT_EQ(current_stream(), side_);
  EXPECT_EQ(of_thread->id(), 0);
}

TEST_F(FakeDeviceStreams, MayBeUsedByManyThreads) {
  std::vector<std::thread> threads;
  std::vector<Tensor> sums(4);
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&sums, i] {
      const c10::StreamGuard guard(fake_device::new_stream());
      Tensor sum = at::zeros({64}, on_device());
      for (int n = 0; n < 100; ++n) sum = sum + i;
      sums[i] = sum.cpu();
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(sums[i].equal(at::full({64}, 100.0 * i)));
}

// ---- Copies with pinned memory -----------------------------------------------------------------

using FakeDeviceCopies = FakeDeviceTest;

TEST_F(FakeDeviceCopies, RefuseAPinnedBufferThatIsOverwrittenTooEarly) {
  const Tensor buffer = pinned(at::ones({16}));
  const Tensor x = at::empty({16}, on_device());
  x.copy_(buffer, /*non_blocking=*/true);
  buffer.fill_(2);
  expect_refused([&] { x.cpu(); }, HasSubstr("changed pinned memory [16]"));
  EXPECT_NO_THROW(x.cpu());
}

TEST_F(FakeDeviceCopies, RefuseItAlsoWhenTheBufferIsCopiedAgain) {
  const Tensor buffer = pinned(at::ones({16}));
  const Tensor x = at::empty({16}, on_device()), y = at::empty({16}, on_device());
  x.copy_(buffer, /*non_blocking=*/true);
  buffer.fill_(2);
  expect_refused([&] { y.copy_(buffer, /*non_blocking=*/true); },
                 HasSubstr("changed pinned memory"));
}

TEST_F(FakeDeviceCopies, AcceptAPinnedBufferThatIsOverwrittenAfterItsEvent) {
  const Tensor buffer = pinned(at::ones({16}));
  const Tensor x = at::empty({16}, on_device());
  x.copy_(buffer, /*non_blocking=*/true);
  c10::Event event(at::kPrivateUse1);
  event.record(current_stream());
  event.synchronize();
  buffer.fill_(2);
  EXPECT_TRUE(x.cpu().equal(at::ones({16})));
}

TEST_F(FakeDeviceCopies, RefuseAnEventFromBeforeTheUpload) {
  const Tensor buffer = pinned(at::ones({16}));
  const Tensor x = at::empty({16}, on_device());
  c10::Event early(at::kPrivateUse1);
  early.record(current_stream());
  x.copy_(buffer, /*non_blocking=*/true);
  early.synchronize();
  buffer.fill_(2);
  expect_refused([&] { x.cpu(); }, HasSubstr("changed pinned memory"));
}

TEST_F(FakeDeviceCopies, KeepAPinnedBufferThatIsFreed) {
  Tensor buffer = pinned(at::full({16}, 3.0));
  const Tensor x = at::empty({16}, on_device());
  const auto storage = buffer.storage().getWeakStorageImpl();
  x.copy_(buffer, /*non_blocking=*/true);
  buffer = Tensor();
  EXPECT_FALSE(storage.expired());
  EXPECT_TRUE(x.cpu().equal(at::full({16}, 3.0)));
  EXPECT_TRUE(storage.expired());
}

TEST_F(FakeDeviceCopies, ShowNanToAHostThatReadsADownloadTooEarly) {
  const Tensor buffer = pinned(at::zeros({16}));
  const Tensor x = at::ones({16}, on_device());
  c10::Event event(at::kPrivateUse1);
  buffer.copy_(x, /*non_blocking=*/true);
  event.record(current_stream());
  x.fill_(2);  // Comes after the copy.
  EXPECT_TRUE(buffer.isnan().all().item<bool>());
  event.synchronize();
  EXPECT_TRUE(buffer.equal(at::ones({16})));
}

TEST_F(FakeDeviceCopies, ShowADownloadToAHostThatAsksTheEvent) {
  const Tensor buffer = pinned(at::zeros({16}));
  buffer.copy_(at::ones({16}, on_device()), /*non_blocking=*/true);
  c10::Event event(at::kPrivateUse1);
  event.record(current_stream());
  EXPECT_TRUE(event.query());
  EXPECT_TRUE(buffer.equal(at::ones({16})));
}

TEST_F(FakeDeviceCopies, NeedAnEventBetweenStreams) {
  const Tensor buffer = pinned(at::ones({16}));
  const Tensor x = at::empty({16}, on_device());
  const c10::Stream copies = fake_device::new_stream();
  {
    const c10::StreamGuard guard(copies);
    x.copy_(buffer, /*non_blocking=*/true);
  }
  expect_refused([&] { x.neg(); }, HasSubstr("no event"));
  order(copies, current_stream());
  EXPECT_TRUE(x.neg().cpu().equal(at::full({16}, -1.0)));
}

TEST_F(FakeDeviceCopies, PassThroughPinnedMemoryInTheOrderOfTheStream) {
  const Tensor buffer = pinned(at::zeros({16}));
  const Tensor x = at::ones({16}, on_device()), y = at::empty({16}, on_device());
  buffer.copy_(x, /*non_blocking=*/true);
  y.copy_(buffer, /*non_blocking=*/true);
  buffer.copy_(x * 2, /*non_blocking=*/true);
  EXPECT_TRUE(y.cpu().equal(at::ones({16})));
  EXPECT_TRUE(buffer.equal(at::full({16}, 2.0)));
}

// ---- Graphs ------------------------------------------------------------------------------------

class FakeDeviceGraph : public FakeDeviceTest {
 protected:
  FakeDeviceGraph() : guard_(fake_device::new_stream()) {}

  void expect_not_recordable(const std::function<void()>& body, const char* message) const {
    expect_refused([&] { const fake_device::Graph graph(body); }, HasSubstr(message));
  }

  const c10::StreamGuard guard_;
};

/// Adam on a small problem, with the learning rate in a tensor on the device.
class Adam {
 public:
  Adam() {
    at::manual_seed(1);
    parameters_ = at::randn({64}).to(fake_device::device()).requires_grad_();
    parameters_.mutable_grad() = at::zeros({64}, on_device());
    target_ = to_device(at::randn({64}));
    first_ = at::zeros({64}, on_device());
    second_ = at::zeros({64}, on_device());
    step_ = at::zeros({}, on_device());
    rate_ = at::zeros({}, on_device());
  }

  void set_rate(double rate) { rate_.fill_(rate); }

  void step() {
    parameters_.grad().zero_();
    (parameters_ - target_).square().sum().backward();
    const at::NoGradGuard no_grad;
    step_.add_(1);
    at::_fused_adam_({parameters_.detach()}, {parameters_.grad()}, {first_}, {second_}, {}, {step_},
                     rate_, 0.9, 0.999, 0.0, 1e-8, false, false);
  }

  Tensor parameters() const { return parameters_.detach().cpu(); }

 private:
  Tensor parameters_, target_, first_, second_, step_, rate_;
};

TEST_F(FakeDeviceGraph, ReplaysWhatItRecorded) {
  Adam eager, recorded;
  const Tensor start = recorded.parameters();
  const fake_device::Graph graph([&] { recorded.step(); });
  EXPECT_TRUE(recorded.parameters().equal(start));  // Recording changes nothing.
  for (int i = 0; i < 50; ++i) {
    const double rate = 0.1 * (1 - i / 50.0);
    eager.set_rate(rate);
    eager.step();
    recorded.set_rate(rate);
    const auto counts = fake_device::counts_of([&] { graph.replay(); });
    ASSERT_EQ(counts.operators, 1);
  }
  EXPECT_TRUE(recorded.parameters().equal(eager.parameters()));
  EXPECT_FALSE(recorded.parameters().equal(start));
}

TEST_F(FakeDeviceGraph, GivesNewTensorsTheirValuesAtReplay) {
  const Tensor x = at::ones({4}, on_device());
  Tensor y;
  const fake_device::Graph graph([&] { y = x * 2 + 1; });
  EXPECT_EQ(graph.size(), 2U);
  EXPECT_TRUE(y.cpu().isnan().all().item<bool>());
  graph.replay();
  EXPECT_TRUE(y.cpu().equal(at::full({4}, 3.0)));
  x.fill_(5);
  graph.replay();
  EXPECT_TRUE(y.cpu().equal(at::full({4}, 11.0)));
}

TEST_F(FakeDeviceGraph, KeepsItsMemoryAlive) {
  const Tensor x = at::ones({333}, on_device());
  const fake_device::Graph graph([&] { x.add_(x * 2); });
  const Tensor other = at::zeros({333}, on_device());
  graph.replay();
  EXPECT_TRUE(other.cpu().equal(at::zeros({333})));
  EXPECT_TRUE(x.cpu().equal(at::full({333}, 3.0)));
}

TEST_F(FakeDeviceGraph, RecordsTheValueOfAScalarOnTheCpu) {
  const Tensor x = at::ones({4}, on_device()), scalar = at::scalar_tensor(2.0);
  const fake_device::Graph graph([&] { x.mul_(scalar); });
  scalar.fill_(100);
  graph.replay();
  EXPECT_TRUE(x.cpu().equal(at::full({4}, 2.0)));
}

TEST_F(FakeDeviceGraph, CopiesPinnedMemoryAtReplay) {
  const Tensor from = pinned(at::ones({4})), to = pinned(at::zeros({4}));
  const Tensor x = at::empty({4}, on_device());
  const fake_device::Graph graph([&] {
    x.copy_(from, /*non_blocking=*/true);
    to.copy_(x, /*non_blocking=*/true);
  });
  EXPECT_TRUE(to.equal(at::zeros({4})));
  for (const double value : {3.0, 4.0}) {
    from.fill_(value);
    graph.replay();
    EXPECT_TRUE(to.isnan().all().item<bool>());
    current_stream().synchronize();
    EXPECT_TRUE(to.equal(at::full({4}, value)));
  }
}

TEST_F(FakeDeviceGraph, RefusesThatTheHostWaits) {
  const Tensor x = at::ones({4}, on_device()), host = at::ones({4});
  expect_not_recordable([&] { x.sum().item<float>(); }, "item");
  expect_not_recordable([&] { x.cpu(); }, "copy to the host");
  expect_not_recordable([&] { x.copy_(host); }, "copy to the device");
  expect_not_recordable([&] { x.copy_(host, /*non_blocking=*/true); }, "copy to the device");
  expect_not_recordable([&] { x.nonzero(); }, "nonzero");
  expect_not_recordable([&] { current_stream().synchronize(); }, "synchronize stream");
  expect_not_recordable([] { fake_device::synchronize(); }, "synchronize device");
  EXPECT_NO_THROW(x.sum().item<float>());
}

TEST_F(FakeDeviceGraph, RefusesTheDefaultStream) {
  const c10::StreamGuard guard(
      c10::impl::VirtualGuardImpl(at::kPrivateUse1).getDefaultStream(fake_device::device()));
  expect_not_recordable([] {}, "default stream");
}

TEST_F(FakeDeviceGraph, RefusesGradientsOfTheDefaultStream) {
  const Tensor parameter = at::ones({4}, on_device()).requires_grad_();
  std::shared_ptr<torch::autograd::Node> accumulator;  // As one with a hook is kept.
  {
    const c10::StreamGuard guard(
        c10::impl::VirtualGuardImpl(at::kPrivateUse1).getDefaultStream(fake_device::device()));
    accumulator = torch::autograd::impl::grad_accumulator(parameter);
  }
  expect_not_recordable([&] { parameter.square().sum().backward(); }, "default stream");
}

TEST_F(FakeDeviceGraph, RecordsStreamsThatJoin) {
  const Tensor x = at::ones({4}, on_device());
  const c10::Stream side = fake_device::new_stream();
  const auto fork = [&] {
    order(current_stream(), side);
    const c10::StreamGuard guard(side);
    x.mul_(2);
  };
  const fake_device::Graph graph([&] {
    fork();
    order(side, current_stream());
    x.add_(1);
  });
  graph.replay();
  EXPECT_TRUE(x.cpu().equal(at::full({4}, 3.0)));
  expect_not_recordable(fork, "does not wait for stream");
}

TEST_F(FakeDeviceGraph, RefusesEventsFromOutside) {
  const c10::Stream side = fake_device::new_stream();
  expect_not_recordable([&] { order(side, current_stream()); }, "from outside");
  c10::Event inside(at::kPrivateUse1);
  const fake_device::Graph graph([&] { inside.record(current_stream()); });
  expect_refused([&] { inside.block(side); }, HasSubstr("only in a graph"));
  expect_refused([&] { inside.synchronize(); }, HasSubstr("in a graph"));
}

TEST_F(FakeDeviceGraph, IsOrderedByEventsWhenItReplays) {
  const Tensor x = at::ones({4}, on_device());
  const fake_device::Graph graph([&] { x.add_(1); });
  fake_device::synchronize();
  graph.replay();
  const c10::StreamGuard guard(fake_device::new_stream());
  expect_refused([&] { x.neg(); }, HasSubstr("no event"));
}

TEST_F(FakeDeviceGraph, DoesNotRecordOtherThreads) {
  const Tensor x = at::ones({4}, on_device());
  Tensor uploaded;
  const fake_device::Graph graph([&] {
    x.add_(1);
    std::thread([&] { uploaded = to_device(at::ones({4})).neg().cpu(); }).join();
  });
  EXPECT_EQ(graph.size(), 1U);
  EXPECT_TRUE(uploaded.equal(at::full({4}, -1.0)));
}

}  // namespace
}  // namespace gm
