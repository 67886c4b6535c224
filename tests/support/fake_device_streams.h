/// The order of the fake device's streams, and what the host has to wait for.
///
/// Operators run at once, on the thread that starts them. What CUDA does not promise is checked: a
/// stream has a vector clock, which counts its own work and knows how much of the other streams'
/// work is ordered before its next operator. All functions are called with the state_mutex() held.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace gm::fake_device {

/// Of the calling thread. 0 is the default stream.
int current_stream();

enum class Use { kRead, kWrite };

/// The current stream uses `tensor`, on the device or pinned. Throws c10::Error if another stream
/// used the same bytes, one of the two writes, and nothing orders them. `name`: of the operator.
void use(const at::Tensor& tensor, Use kind, const std::string& name);

/// The block is freed, and reused only after `done_streams` are done with it.
void block_was_freed(const void* block, const std::set<int>& done_streams);

/// The block is no longer used by any stream.
void forget_uses(const void* block);

/// The host waits for the current stream; `why` is the name under which that is counted. Throws
/// c10::Error if the stream is recorded, and if the host changed pinned memory too early.
void wait_for_current_stream(const std::string& why);

/// Asynchronous copies between the device and pinned memory, of the same type and layout. Both
/// tensors stay alive until the host has waited for the copy. They throw c10::Error like use(), and
/// if the host changed pinned memory too early.
void start_upload(const at::Tensor& pinned, const at::Tensor& on_device);
void start_download(const at::Tensor& on_device, const at::Tensor& pinned);

/// A use of some bytes of a block.
struct PastUse {
  size_t begin, end;
  bool writes;
  int stream;
  int64_t time;  ///< Of the stream's own clock.
  std::string name;
};

/// While it exists, the current stream is recorded, and so is each stream that waits for it.
class Recording {
 public:
  /// Recorded operators are added to `nodes`. Throws c10::Error on the default stream.
  explicit Recording(std::vector<std::function<void()>>& nodes);
  /// Restores all memory that was written while recording: nothing was executed.
  ~Recording();
  Recording(const Recording&) = delete;
  Recording& operator=(const Recording&) = delete;

  /// Of the current stream; null if it is not recorded.
  static Recording* current();

  void add(std::function<void()> node) { nodes_.push_back(std::move(node)); }

  /// Throws c10::Error if the recorded stream does not wait for one that joined.
  void check_all_joined() const;

  int64_t id() const { return id_; }
  void join(int stream);
  void before_use(const at::Tensor& tensor, const PastUse& now);

 private:
  struct SavedBlock {
    c10::Storage storage;
    std::vector<PastUse> uses;
    std::vector<std::byte> bytes;
  };

  std::vector<std::function<void()>>& nodes_;
  const int stream_;
  const int64_t id_;
  std::map<const void*, SavedBlock> saved_;
  std::map<int, int64_t> last_use_;  // By stream.
};

}  // namespace gm::fake_device
