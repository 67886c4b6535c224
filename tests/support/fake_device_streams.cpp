#include "support/fake_device_streams.h"

#include <ATen/ATen.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <mutex>
#include <string_view>

#include "support/fake_device.h"
#include "support/fake_device_counts.h"
#include "support/fake_device_memory.h"

namespace gm::fake_device {
namespace {

constexpr int kStreams = 33;
using Clock = std::array<int64_t, kStreams>;

void advance(Clock& clock, const Clock& to) {
  for (int i = 0; i < kStreams; ++i) clock[i] = std::max(clock[i], to[i]);
}

struct Event {
  Clock reached;
  int64_t recording;  // Its id; 0: none.
};

struct Upload {
  at::Tensor pinned;
  size_t checksum;
  int stream;
  int64_t time;
};

struct Download {
  at::Tensor values, pinned;
  int stream;
  int64_t time;
};

struct State {
  State() {
    for (int i = 0; i < kStreams; ++i) clocks[i][i] = 1;
  }

  std::array<Clock, kStreams> clocks{};
  Clock host{};                                      // The work that the host has waited for.
  std::map<const void*, std::vector<PastUse>> uses;  // By block.
  std::vector<Upload> uploads;                       // Both: not yet waited for.
  std::vector<Download> downloads;
  std::array<Recording*, kStreams> recordings{};
  int64_t recordings_made = 0;
  int streams_given = 0;
};

State& state() {
  static auto& instance = *new State;
  return instance;
}

thread_local int stream_of_thread = 0;

// ---- Uses -------------------------------------------------------------------------------------

const void* block_of(const at::Tensor& tensor) { return tensor.storage().data(); }

/// The bytes between the first and the last element.
PastUse use_now(const at::Tensor& tensor, Use kind, const std::string& name) {
  int64_t last = tensor.storage_offset();
  for (int64_t i = 0; i < tensor.dim(); ++i) last += (tensor.size(i) - 1) * tensor.stride(i);
  const auto width = static_cast<int64_t>(tensor.element_size());
  const int stream = current_stream();
  return {.begin = static_cast<size_t>(tensor.storage_offset() * width),
          .end = static_cast<size_t>((last + 1) * width),
          .writes = kind == Use::kWrite,
          .stream = stream,
          .time = state().clocks[stream][stream],
          .name = name};
}

void check_order(const PastUse& before, const PastUse& now) {
  const bool overlap = before.begin < now.end && now.begin < before.end;
  if (!overlap || !(before.writes || now.writes)) return;
  TORCH_CHECK(state().clocks[now.stream][before.stream] >= before.time, "fake device: ", now.name,
              " on stream ", now.stream, now.writes ? " writes" : " reads", " what ", before.name,
              " on stream ", before.stream, before.writes ? " writes" : " reads",
              ", and no event orders them");
}

/// Whether everything that is ordered after `now` is also ordered after `before`.
bool is_replaced(const PastUse& before, const PastUse& now) {
  const bool inside = now.begin <= before.begin && before.end <= now.end;
  return inside && (now.writes || (!before.writes && before.stream == now.stream));
}

// ---- Copies that the host has not waited for --------------------------------------------------

/// Of a dense tensor on the CPU.
size_t checksum(const at::Tensor& dense) {
  return std::hash<std::string_view>()(
      {static_cast<const char*>(dense.const_data_ptr()), dense.nbytes()});
}

void check_uploads() {
  auto& uploads = state().uploads;
  const auto changed = std::ranges::find_if(
      uploads, [](const Upload& upload) { return checksum(upload.pinned) != upload.checksum; });
  if (changed == uploads.end()) return;
  const at::Tensor pinned = changed->pinned;
  uploads.erase(changed);  // Reported once, so that the next test can continue.
  TORCH_CHECK(false, "fake device: the host changed pinned memory ", pinned.sizes(),
              " before it waited for its copy to the device");
}

/// Only now the host may see the values.
template <class Predicate>
void finish_downloads(Predicate is_finished) {
  const at::AutoDispatchBelowADInplaceOrView below_autograd;
  std::erase_if(state().downloads, [&](const Download& download) {
    if (!is_finished(download)) return false;
    download.pinned.copy_(download.values);
    return true;
  });
}

/// The host has waited for all work up to `reached`.
void host_reached(const Clock& reached) {
  check_uploads();
  const auto is_finished = [&](const auto& copy) { return copy.time <= reached[copy.stream]; };
  std::erase_if(state().uploads, is_finished);
  finish_downloads(is_finished);
  advance(state().host, reached);
}

void host_reached_stream(int stream) {
  Clock& clock = state().clocks[stream];
  const Clock reached = clock;
  ++clock[stream];  // What the stream starts from here on was not waited for.
  host_reached(reached);
}

void refuse_wait(const Recording* recording, const std::string& why) {
  TORCH_CHECK(recording == nullptr, "fake device: the host waits while a graph is recorded: ", why);
}

// ---- Events ------------------------------------------------------------------------------------

Recording* recording_with_id(int64_t id) {
  for (Recording* recording : state().recordings)
    if (recording != nullptr && recording->id() == id) return recording;
  return nullptr;
}

void record_event(Event& event, int stream) {
  Clock& clock = state().clocks[stream];
  const Recording* recording = state().recordings[stream];
  advance(clock, state().host);
  event = {.reached = clock, .recording = recording == nullptr ? 0 : recording->id()};
  ++clock[stream];
}

void make_wait(int stream, const Event& event) {
  const Recording* of_stream = state().recordings[stream];
  if (event.recording != 0 && of_stream == nullptr) {
    Recording* recording = recording_with_id(event.recording);
    TORCH_CHECK(recording != nullptr, "fake device: stream ", stream,
                " waits for an event that was recorded only in a graph");
    recording->join(stream);
  } else {
    TORCH_CHECK(event.recording == (of_stream == nullptr ? 0 : of_stream->id()),
                "fake device: stream ", stream,
                " is recorded and waits for an event from outside of the graph");
  }
  advance(state().clocks[stream], event.reached);
}

void host_reached_event(const Event& event) {
  TORCH_CHECK(event.recording == 0, "fake device: the host waits for an event in a graph");
  host_reached(event.reached);
}

c10::Stream stream_with_id(int id) { return c10::Stream(c10::Stream::UNSAFE, device(), id); }

/// What LibTorch's guards, streams and events call.
class Guard final : public c10::impl::DeviceGuardImplInterface {
 public:
  c10::DeviceType type() const override { return c10::kPrivateUse1; }
  c10::Device exchangeDevice(c10::Device /*to*/) const override { return device(); }
  c10::Device getDevice() const override { return device(); }
  void setDevice(c10::Device /*to*/) const override {}
  void uncheckedSetDevice(c10::Device /*to*/) const noexcept override {}
  c10::DeviceIndex deviceCount() const noexcept override { return 1; }

  c10::Stream getStream(c10::Device /*of*/) const override {
    return stream_with_id(current_stream());
  }
  c10::Stream getDefaultStream(c10::Device /*of*/) const override { return stream_with_id(0); }
  c10::Stream getStreamFromGlobalPool(c10::Device /*of*/, bool /*priority*/) const override {
    const std::scoped_lock lock(state_mutex());
    return stream_with_id(1 + state().streams_given++ % (kStreams - 1));
  }
  c10::Stream getNewStream(c10::Device of, int /*priority*/) const override {
    return getStreamFromGlobalPool(of, false);
  }
  c10::Stream exchangeStream(c10::Stream to) const override {
    return stream_with_id(std::exchange(stream_of_thread, id_of(to)));
  }

  void record(void** event, const c10::Stream& stream, c10::DeviceIndex /*of*/,
              c10::EventFlag /*flag*/) const override {
    const std::scoped_lock lock(state_mutex());
    if (*event == nullptr) *event = new Event;
    record_event(*static_cast<Event*>(*event), id_of(stream));
  }
  void block(void* event, const c10::Stream& stream) const override {
    const std::scoped_lock lock(state_mutex());
    if (event != nullptr) make_wait(id_of(stream), *static_cast<Event*>(event));
  }
  void destroyEvent(void* event, c10::DeviceIndex /*of*/) const noexcept override {
    delete static_cast<Event*>(event);
  }
  bool queryEvent(void* event) const override {
    const std::scoped_lock lock(state_mutex());
    if (event != nullptr) host_reached_event(*static_cast<Event*>(event));
    return true;
  }
  void synchronizeEvent(void* event) const override {
    const std::scoped_lock lock(state_mutex());
    if (event == nullptr) return;
    count_host_wait("synchronize event");
    host_reached_event(*static_cast<Event*>(event));
  }

  bool queryStream(const c10::Stream& stream) const override {
    const std::scoped_lock lock(state_mutex());
    refuse_wait(state().recordings[id_of(stream)], "query stream");
    host_reached_stream(id_of(stream));
    return true;
  }
  void synchronizeStream(const c10::Stream& stream) const override {
    const std::scoped_lock lock(state_mutex());
    refuse_wait(state().recordings[id_of(stream)], "synchronize stream");
    count_host_wait("synchronize stream");
    host_reached_stream(id_of(stream));
  }
  void synchronizeDevice(c10::DeviceIndex /*of*/) const override {
    const std::scoped_lock lock(state_mutex());
    for (const Recording* recording : state().recordings)
      refuse_wait(recording, "synchronize device");
    count_host_wait("synchronize device");
    for (int stream = 0; stream < kStreams; ++stream) host_reached_stream(stream);
  }

  void recordDataPtrOnStream(const c10::DataPtr& data, const c10::Stream& stream) const override {
    record_block_on_stream(data.get(), id_of(stream));
  }

 private:
  static int id_of(const c10::Stream& stream) { return static_cast<int>(stream.id()); }
};

C10_REGISTER_GUARD_IMPL(PrivateUse1, Guard);

}  // namespace

int current_stream() { return stream_of_thread; }

void use(const at::Tensor& tensor, Use kind, const std::string& name) {
  if (tensor.numel() == 0) return;
  const PastUse now = use_now(tensor, kind, name);
  if (Recording* recording = Recording::current()) recording->before_use(tensor, now);
  advance(state().clocks[now.stream], state().host);
  auto& uses = state().uses[block_of(tensor)];
  for (const PastUse& before : uses) check_order(before, now);
  std::erase_if(uses, [&](const PastUse& before) { return is_replaced(before, now); });
  uses.push_back(now);
}

void block_was_freed(const void* block, const std::set<int>& done_streams) {
  const auto uses = state().uses.find(block);
  if (uses == state().uses.end()) return;
  std::erase_if(uses->second,
                [&](const PastUse& before) { return done_streams.contains(before.stream); });
  // Seen only where the next owner of the memory is not ordered after this use.
  for (PastUse& before : uses->second)
    if (!before.name.ends_with(')')) before.name += " (memory freed without record_stream)";
}

void forget_uses(const void* block) { state().uses.erase(block); }

void wait_for_current_stream(const std::string& why) {
  refuse_wait(Recording::current(), why);
  count_host_wait(why);
  host_reached_stream(current_stream());
}

void start_upload(const at::Tensor& pinned, const at::Tensor& on_device) {
  use(pinned, Use::kRead, "copy");
  use(on_device, Use::kWrite, "copy");
  check_uploads();
  // The device has the values before the host may see them.
  finish_downloads([&](const Download& d) { return block_of(d.pinned) == block_of(pinned); });
  contents(on_device).copy_(pinned);
  const int stream = current_stream();
  state().uploads.push_back({.pinned = pinned.variable_data(),
                             .checksum = checksum(pinned),
                             .stream = stream,
                             .time = state().clocks[stream][stream]});
}

void start_download(const at::Tensor& on_device, const at::Tensor& pinned) {
  use(on_device, Use::kRead, "copy");
  use(pinned, Use::kWrite, "copy");
  check_uploads();
  // From here on it is the device that changes this memory, not the host.
  std::erase_if(state().uploads,
                [&](const Upload& u) { return block_of(u.pinned) == block_of(pinned); });
  const int stream = current_stream();
  state().downloads.push_back({.values = contents(on_device).clone(),
                               .pinned = pinned.variable_data(),
                               .stream = stream,
                               .time = state().clocks[stream][stream]});
  fill_with_nan(pinned.mutable_data_ptr(), pinned.nbytes());
}

Recording::Recording(std::vector<std::function<void()>>& nodes)
    : nodes_(nodes), stream_(current_stream()), id_(++state().recordings_made) {
  TORCH_CHECK(state().recordings[stream_] == nullptr, "fake device: the stream is being recorded");
  join(stream_);
}

Recording::~Recording() {
  for (const auto& [block, saved] : saved_) {
    if (!saved.bytes.empty())
      std::memcpy(contents_of(block), saved.bytes.data(), saved.bytes.size());
    state().uses[block] = saved.uses;
  }
  std::ranges::replace(state().recordings, this, nullptr);
}

Recording* Recording::current() { return state().recordings[current_stream()]; }

void Recording::join(int stream) {
  TORCH_CHECK(stream != 0,
              "fake device: the default stream cannot be recorded. Use a c10::StreamGuard, also "
              "where the hooks of parameters are added: backward returns to that stream");
  state().recordings[stream] = this;
}

void Recording::before_use(const at::Tensor& tensor, const PastUse& now) {
  last_use_[now.stream] = now.time;
  const void* block = block_of(tensor);
  const auto [saved, is_first] = saved_.try_emplace(block);
  if (is_first) {
    saved->second.storage = tensor.storage();
    saved->second.uses = state().uses[block];
  }
  if (now.writes && tensor.is_privateuseone() && saved->second.bytes.empty()) {
    const auto* begin = static_cast<const std::byte*>(contents_of(block));
    saved->second.bytes.assign(begin, begin + tensor.storage().nbytes());
  }
}

void Recording::check_all_joined() const {
  for (const auto& [stream, time] : last_use_) {
    TORCH_CHECK(state().clocks[stream_][stream] >= time, "fake device: the recorded stream ",
                stream_, " does not wait for stream ", stream);
  }
}

}  // namespace gm::fake_device
