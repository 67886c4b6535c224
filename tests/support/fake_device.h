/// A device for tests on a machine without a GPU. It computes what the CPU computes, and throws
/// where a GPU would be slow or silently wrong.
///
/// A test program that links fake_device*.cpp has the device `fake_device::device()`, of type
/// PrivateUse1, beside the CPU. It is then the accelerator of the whole program, so such a program
/// must not load the CUDA libraries. Its rules are those of CUDA:
/// - The host cannot touch its memory: reading it ends the program with SIGSEGV. Memory that nobody
///   has written holds NaN.
/// - Operands must be on the device. Only scalars of dimension 0 may be on the CPU.
/// - Streams are ordered by events, and by the host when it waits. Two streams may not use the same
///   bytes in an undefined order if one of them writes. Freed memory is reused by the stream that
///   allocated it, so other streams that used it must be ordered before or be told by
///   Tensor::record_stream.
/// - A copy to or from pinned memory with `non_blocking` is complete when the host has waited for
///   it. Until then pinned memory that it writes holds NaN, and the host must not change pinned
///   memory that it reads.
/// - Group norm answers in contiguous NCHW, convolution channels last if its input or weight is.
///
/// All mistakes are thrown as c10::Error by the operator or the wait that shows them. Any thread
/// may use the device. What one thread has waited for counts as waited for by all.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>
#include <c10/core/Stream.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace gm::fake_device {

at::Device device();

/// A stream beside the default one, for c10::StreamGuard. There are 32, given in turn.
c10::Stream new_stream();

/// The host waits for all streams. A test that leaves work on its own streams ends with it: its
/// memory is reused by the next test. Throws c10::Error like every wait.
void synchronize();

/// What the program has asked of the device since it started.
struct Counts {
  int64_t operators = 0;   ///< Including copies. The replay of a graph is one.
  int64_t host_waits = 0;  ///< For example item(), or a copy that is not asynchronous.
  std::map<std::string, int64_t> operators_by_name;  ///< "add_" for aten::add_, "gm::NAME", "copy".
  std::map<std::string, int64_t> host_waits_by_name;

  /// What happened since `before`. Names that did not occur are left out.
  Counts operator-(const Counts& before) const;
};

Counts counts();

/// What `body` asks of the device.
Counts counts_of(const std::function<void()>& body);

/// Operators recorded once and run again on the same memory, like a CUDA graph.
class Graph {
 public:
  /// Records what `body` starts on the current stream, and on streams that wait for its events.
  /// As with CUDA nothing is executed: afterwards all memory holds what it held before, and new
  /// tensors hold NaN until the first replay. A scalar on the CPU is recorded with its value. The
  /// graph keeps the recorded memory alive.
  ///
  /// Throws c10::Error if the current stream is the default one, if the host waits in `body`, if
  /// the recorded streams wait for others or the other way round, and if a stream that joined is
  /// not waited for at the end. Exceptions of `body` end the recording.
  explicit Graph(const std::function<void()>& body);

  /// Runs the operators on the current stream. Throws c10::Error like the operators themselves.
  void replay() const;

  /// The number of recorded operators.
  size_t size() const { return nodes_.size(); }

 private:
  std::vector<std::function<void()>> nodes_;
};

/// Starts an operator of a test's own, such as a collective, on the current stream. `body` runs at
/// once, or with each replay if the stream is recorded. It may use the contents() of the tensors.
/// Throws c10::Error if it is not ordered after other streams, and what `body` throws.
void launch(const std::string& name, const std::vector<at::Tensor>& reads,
            const std::vector<at::Tensor>& writes, const std::function<void()>& body);

/// The memory of `tensor`, on the device, as a CPU tensor. It is not kept alive.
at::Tensor contents(const at::Tensor& tensor);

}  // namespace gm::fake_device
