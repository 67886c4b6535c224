#include "train/run_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
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
#include "base/log.h"
#include "base/pause.h"
#include "base/running_time.h"
#include "base/signals.h"

namespace gm {
namespace fs = std::filesystem;
namespace {

using namespace std::chrono_literals;

constexpr auto kBeat = 2s;
/// How long another host's lock is watched: a few beats, as network disks show them late.
constexpr double kWatchSeconds = 10;

}  // namespace

/// What the file says of who has the run.
struct LockOwner {
  std::string host;    ///< For people.
  std::string kernel;  ///< Boot id: what locks of one kernel see is what counts, not a name.
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

/// Always of one length, so that rewriting it needs no room on a full disk.
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
    return std::nullopt;  // empty, or cut off by its owner's death
  }
}

[[noreturn]] void refuse_second_run(const fs::path& run_dir,
                                    const std::optional<LockOwner>& owner) {
  if (!owner) {
    throw InputError("{}: another process has just begun to train here", run_dir.string());
  }
  throw InputError(
      "{}: process {} on {} trains here; wait for its end, or choose another folder with "
      "run.dir=...",
      run_dir.string(), owner->process, owner->host);
}

}  // namespace

/// The lock file, open and locked on this host, and still the one that its path names.
class RunLock::File {
 public:
  /// Null when another process of this host holds it.
  static std::unique_ptr<File> lock(const fs::path& path) {
    while (true) {
      std::unique_ptr<File> file(new File(path));
      file->locked_ = ::flock(file->descriptor_, LOCK_EX | LOCK_NB) == 0;
      if (!file->locked_ && errno == EWOULDBLOCK) return nullptr;
      // Its owner may have removed it between our opening and locking; then it locks nothing.
      if (file->is_what_the_path_names()) return file;
    }
  }
  ~File() { ::close(descriptor_); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  /// False where the file system knows no locks.
  bool is_locked() const { return locked_; }

  /// Of the file at `path`, opened anew: only then is what a network disk shows as another host
  /// left it.
  static std::optional<LockOwner> owner(const fs::path& path) {
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return std::nullopt;
    std::array<char, 512> text{};
    const ssize_t bytes = ::pread(descriptor, text.data(), text.size(), 0);
    ::close(descriptor);
    return owner_in({text.data(), static_cast<size_t>(std::max<ssize_t>(0, bytes))});
  }
  std::optional<LockOwner> owner() const { return owner(path_); }

  /// Returns when other hosts can read it; false when the disk refuses.
  bool write(const LockOwner& owner) {
    const std::string text = lock_text(owner);
    const auto length = static_cast<ssize_t>(text.size());
    errno = ENOSPC;  // what a write that is cut short means
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

/// Shows the other hosts that the owner lives, and looks whether it still is the owner.
class RunLock::Heart {
 public:
  Heart(File& file, LockOwner me, const std::function<void(const std::string&)>& on_lost)
      : thread_([&file, &on_lost, me](const std::stop_token& stop) mutable {
          while (!wait_for_stop(kBeat, stop)) {
            const auto owner = file.owner();
            if (owner && !owner->is(me)) return on_lost(lost_to(*owner));
            me.beat += 1;
            file.write(me);  // a beat that fails looks like a late one
          }
        }) {}

 private:
  static std::string lost_to(const LockOwner& owner) {
    return fmt::format(
        "process {} on {} has taken over this run's directory; its results are that process's now",
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
  heart_.reset();
  const auto owner = file_->owner();
  if (owner && owner->is(myself())) file_->remove();
  file_.reset();
  remove_empty_folders();
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
  heart_ = std::make_unique<Heart>(*file_, me, on_lost_);
}

/// Refuses when `owner` beats; its lock is free when it does not.
void RunLock::watch(const LockOwner& owner) const {
  log_info("{}: process {} on {} has locked this run; looking whether it lives", run_dir_.string(),
           owner.process, owner.host);
  RunningTime watched;  // a beat may have come while this process was stopped
  while (watched.seconds() < kWatchSeconds) {
    throw_if_stop_requested();
    const auto now = file_->owner();
    if (now && !(now->is(owner) && now->beat == owner.beat)) refuse_second_run(run_dir_, now);
    std::this_thread::sleep_for(100ms);
  }
  log_warning("{}: taken over from process {} on {}, which is gone", run_dir_.string(),
              owner.process, owner.host);
}

/// Others may have waited for the same dead owner: the last to write its name has the run.
void RunLock::confirm(const LockOwner& me) const {
  std::this_thread::sleep_for(kBeat);
  const auto now = file_->owner();
  if (!now || !now->is(me)) refuse_second_run(run_dir_, now);
}

void RunLock::remove_empty_folders() {
  std::error_code not_empty;
  for (const fs::path& folder : made_ | std::views::reverse) fs::remove(folder, not_empty);
}

}  // namespace gm
