#include "run/run_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <ranges>
#include <stop_token>
#include <string>
#include <thread>

#include "base/error.h"
#include "base/host.h"
#include "base/interruptible_wait.h"
#include "base/log.h"
#include "base/running_time.h"
#include "base/signals.h"

namespace gm {
namespace fs = std::filesystem;
namespace {

using namespace std::chrono_literals;

constexpr auto kHeartbeatInterval = 2s;
/// How long the lock of another host is watched: several heartbeats, because network file systems
/// show them late.
constexpr double kWatchSeconds = 10;

}  // namespace

/// The content of the lock file: the process that holds the lock.
struct LockOwner {
  std::string host;    ///< For messages only.
  std::string kernel;  ///< Boot id: file locks work within one kernel; host names are not reliable.
  int64_t process = 0;
  int64_t beat = 0;

  bool is(const LockOwner& other) const {
    return kernel == other.kernel && process == other.process;
  }
};

namespace {

LockOwner myself() {
  std::string kernel;
  std::ifstream("/proc/sys/kernel/random/boot_id") >> kernel;
  return {.host = host_name(), .kernel = kernel, .process = ::getpid()};
}

/// Whether it was a process of this host.
bool is_gone(const LockOwner& owner) {
  return owner.kernel == myself().kernel &&
         ::kill(static_cast<pid_t>(owner.process), /*signal=*/0) != 0 && errno == ESRCH;
}

/// Always of the same length, so that it can be rewritten on a full disk.
std::string lock_text(const LockOwner& owner) {
  const nlohmann::ordered_json json{{"host", owner.host},
                                    {"kernel", owner.kernel},
                                    {"process", owner.process},
                                    {"beat", owner.beat}};
  std::string text = json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  text.resize(511, ' ');
  return text + '\n';
}

std::optional<LockOwner> owner_in(const std::string& text) {
  const auto json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  try {
    return LockOwner{json.at("host"), json.at("kernel"), json.at("process"), json.at("beat")};
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;  // empty, or truncated because the owner died
  }
}

[[noreturn]] void refuse_second_run(const fs::path& run_dir,
                                    const std::optional<LockOwner>& owner) {
  if (!owner) {
    throw InputError("{}: another process has just started to train here", run_dir.string());
  }
  throw InputError(
      "{}: process {} on {} trains here; wait until it ends, or choose another folder with "
      "run.dir=...",
      run_dir.string(), owner->process, owner->host);
}

}  // namespace

/// The lock file: open, locked on this host, and not replaced by another file at its path.
class RunLock::File {
 public:
  /// Null when another process of this host holds it.
  static std::unique_ptr<File> lock(const fs::path& path) {
    while (true) {
      std::unique_ptr<File> file(new File(path));
      file->locked_ = ::flock(file->descriptor_, LOCK_EX | LOCK_NB) == 0;
      if (!file->locked_ && errno == EWOULDBLOCK) return nullptr;
      // If its owner removed the file between our open and lock, the lock is worthless: try again.
      if (file->is_what_the_path_names()) return file;
    }
  }
  ~File() { ::close(descriptor_); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  /// False if the file system does not support locks.
  bool is_locked() const { return locked_; }

  /// The owner in the file at `path`. Opens the file again: only then does a network file system
  /// show what another host has written.
  static std::optional<LockOwner> owner(const fs::path& path) {
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return std::nullopt;
    std::array<char, 512> text{};
    const ssize_t bytes = ::pread(descriptor, text.data(), text.size(), 0);
    ::close(descriptor);
    return owner_in({text.data(), static_cast<size_t>(std::max<ssize_t>(0, bytes))});
  }
  std::optional<LockOwner> owner() const { return owner(path_); }

  /// Returns when other hosts can read it; false when the write fails.
  bool write(const LockOwner& owner) {
    const std::string text = lock_text(owner);
    const auto length = static_cast<ssize_t>(text.size());
    errno = ENOSPC;  // the reason for an incomplete write
    return ::pwrite(descriptor_, text.data(), text.size(), 0) == length &&
           ::fdatasync(descriptor_) == 0;
  }

  void remove() {
    if (is_what_the_path_names()) ::unlink(path_.c_str());
  }

 private:
  explicit File(fs::path path)
      : path_(std::move(path)),
        descriptor_(::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666)) {
    if (descriptor_ < 0) {
      throw InputError(
          "{}: the run directory cannot be written: {}; choose another with run.dir=...",
          path_.string(), std::strerror(errno));
    }
  }

  bool is_what_the_path_names() const {
    struct stat mine {
    }, named{};
    return ::fstat(descriptor_, &mine) == 0 && ::stat(path_.c_str(), &named) == 0 &&
           mine.st_ino == named.st_ino && mine.st_dev == named.st_dev;
  }

  fs::path path_;
  int descriptor_;
  bool locked_ = false;
};

/// Writes heartbeats for other hosts, and checks that this process still owns the lock.
class RunLock::Heartbeat {
 public:
  Heartbeat(File& file, LockOwner me, const std::function<void(const std::string&)>& on_lost)
      : thread_([&file, &on_lost, me](const std::stop_token& stop) mutable {
          while (!wait_for_stop(kHeartbeatInterval, stop)) {
            const auto owner = file.owner();
            if (owner && !owner->is(me)) return on_lost(lost_to(*owner));
            me.beat += 1;
            file.write(me);  // a failed heartbeat looks like a late one
          }
        }) {}

 private:
  static std::string lost_to(const LockOwner& owner) {
    return fmt::format(
        "process {} on {} has taken over this run's directory; its results now come from that "
        "process",
        owner.process, owner.host);
  }

  std::jthread thread_;
};

RunLock::RunLock(const fs::path& run_dir, std::function<void(const std::string&)> on_lost)
    : run_dir_(run_dir), on_lost_(std::move(on_lost)) {
  try {
    for (fs::path missing = fs::absolute(run_dir); !fs::exists(missing);
         missing = missing.parent_path()) {
      made_.insert(made_.begin(), missing);
    }
    for (const fs::path& folder : made_) fs::create_directory(folder);
    take();
  } catch (const fs::filesystem_error& error) {
    remove_empty_folders();
    throw InputError("{}: the run directory cannot be made: {}; choose another with run.dir=...",
                     run_dir.string(), error.code().message());
  } catch (...) {
    remove_empty_folders();
    throw;
  }
}

RunLock::~RunLock() {
  heartbeat_.reset();
  const auto owner = file_->owner();
  if (owner && owner->is(myself())) file_->remove();
  file_.reset();
  remove_empty_folders();
}

std::string RunLock::identity(const fs::path& run_dir) {
  fs::path folder = fs::absolute(run_dir).lexically_normal();
  if (!folder.has_filename()) folder = folder.parent_path();  // "runs/cats/"
  // A network file system shows what another host has created once a folder is opened again.
  std::error_code ignored;
  for (const fs::path& seen : {folder.parent_path(), folder}) {
    fs::directory_iterator(seen, ignored);
  }
  const auto owner = File::owner(run_dir / ".lock");
  return owner ? fmt::format("{} {} {}", owner->host, owner->kernel, owner->process) : "";
}

std::optional<std::string> RunLock::holder(const fs::path& run_dir) {
  const auto owner = File::owner(run_dir / ".lock");
  if (!owner || is_gone(*owner)) return std::nullopt;
  return fmt::format("process {} on {}", owner->process, owner->host);
}

void RunLock::take() {
  const fs::path path = run_dir_ / ".lock";
  file_ = File::lock(path);
  if (!file_) refuse_second_run(run_dir_, File::owner(path));
  const LockOwner me = myself();
  const auto owner = file_->owner();
  const bool of_another_host = owner && (owner->kernel != me.kernel || !file_->is_locked());
  if (of_another_host) watch(*owner);
  if (!file_->write(me)) {
    file_->remove();
    throw InputError("{}: cannot be written: {}; make room, or choose another run.dir",
                     path.string(), std::strerror(errno));
  }
  if (of_another_host) confirm(me);
  heartbeat_ = std::make_unique<Heartbeat>(*file_, me, on_lost_);
}

/// Throws InputError when `owner` still writes heartbeats; otherwise its lock can be taken over.
void RunLock::watch(const LockOwner& owner) const {
  log_info("{}: process {} on {} has locked this run; checking whether it is still alive",
           run_dir_.string(), owner.process, owner.host);
  // Excludes the time while this process is stopped: it may miss heartbeats then.
  RunningTime watched;
  while (watched.seconds() < kWatchSeconds) {
    throw_if_stop_requested();
    const auto now = file_->owner();
    if (now && !(now->is(owner) && now->beat == owner.beat)) refuse_second_run(run_dir_, now);
    std::this_thread::sleep_for(100ms);
  }
  log_warning("{}: taken over from process {} on {}, which is gone", run_dir_.string(),
              owner.process, owner.host);
}

/// Other processes may have waited for the same dead owner: the last one that wrote its name gets
/// the run.
void RunLock::confirm(const LockOwner& me) const {
  std::this_thread::sleep_for(kHeartbeatInterval);
  const auto now = file_->owner();
  if (!now || !now->is(me)) refuse_second_run(run_dir_, now);
}

void RunLock::remove_empty_folders() {
  std::error_code not_empty;
  for (const fs::path& folder : made_ | std::views::reverse) fs::remove(folder, not_empty);
}

}  // namespace gm
