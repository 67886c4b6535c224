#include "checkpoint/checkpoint_store.h"

#include <algorithm>
#include <system_error>

#include "base/bounded_json.h"
#include "base/error.h"
#include "base/files.h"
#include "base/hash.h"
#include "base/log.h"

namespace gm {
namespace fs = std::filesystem;
namespace {

constexpr int kFormatVersion = 3;
constexpr const char* kManifest = "manifest.json";
constexpr const char* kLatest = "latest";
constexpr const char* kBest = "best.json";
constexpr const char* kFolderPrefix = "step-";
constexpr const char* kTensorSuffix = ".safetensors";
constexpr const char* kOwnHash = "manifest_xxh3_128";
constexpr size_t kManifestLimitBytes = 1 << 24;  // the names of many classes
/// An object of objects of records.
constexpr int kManifestDepth = 3;

// Left behind by a save that was killed; the next save removes them.
constexpr const char* kStaged = ".new.partial";
constexpr const char* kReplaced = ".replaced.partial";
constexpr const char* kStagedLatest = ".latest.partial";
constexpr const char* kStagedBest = ".best.partial";

/// The suffix of a rejected folder, which is then no longer a checkpoint.
constexpr const char* kRejected = ".rejected";

/// The target of a symbolic link; nullopt if `link` is not one.
std::optional<fs::path> target_of(const fs::path& link) {
  if (!fs::is_symlink(fs::symlink_status(link))) return std::nullopt;
  return fs::read_symlink(link);
}

bool is_folder_itself(const fs::path& path) { return fs::is_directory(fs::symlink_status(path)); }

/// The step in the manifest of a folder. nullopt if there is no manifest; -1, less than any step,
/// if it is damaged.
std::optional<int64_t> manifest_step(const fs::path& folder) {
  constexpr int64_t kUnknown = -1;
  const fs::path manifest = folder / kManifest;
  if (!fs::exists(manifest)) return std::nullopt;
  try {
    return parse_manifest(read_file(manifest, kManifestLimitBytes), manifest.string()).state.step;
  } catch (const InputError&) {
    return kUnknown;
  }
}

/// Whether every file of `other` is in `folder` as well, byte for byte.
bool holds_all_of(const fs::path& folder, const fs::path& other) {
  const fs::directory_iterator entries(other);
  return std::all_of(begin(entries), end(entries), [&](const fs::directory_entry& entry) {
    const fs::path twin = folder / entry.path().filename();
    return entry.is_regular_file() && fs::is_regular_file(twin) &&
           hash_file(entry.path()) == hash_file(twin);
  });
}

/// Names of classes may come from files that are not UTF-8: bad bytes are replaced.
template <class Json>
std::string manifest_dump(const Json& manifest, int indent = -1) {
  return manifest.dump(indent, ' ', false, nlohmann::json::error_handler_t::replace);
}

/// The hash of a manifest without its own hash. The order of the names does not matter.
std::string hash_of(nlohmann::json manifest) {
  manifest.erase(kOwnHash);
  return Hash().add(manifest_dump(manifest)).hex();
}

/// The manifest of a checkpoint; every error names it.
class ManifestReader {
 public:
  ManifestReader(std::string_view text, std::string where)
      : where_(std::move(where)), json_(parse_bounded_object(text, kManifestDepth)) {
    if (json_.is_null()) throw InputError("{}: not a JSON object, or nested too deeply", where_);
    const int64_t version = count(json_, "format_version");
    if (version != kFormatVersion) {
      throw InputError("{}: a checkpoint of format version {}; this program reads version {}",
                       where_, version, kFormatVersion);
    }
    const int64_t identity =
        json_.contains("identity_version") ? count(json_, "identity_version") : 1;
    if (identity != RunIdentity::kVersion) {
      throw InputError(
          "{}: has identity version {}, which a newer gm writes; this program reads version {}",
          where_, identity, RunIdentity::kVersion);
    }
    if (field<std::string>(json_, kOwnHash) != hash_of(json_)) {
      throw InputError("{}: its hash does not match its content: the checkpoint is damaged",
                       where_);
    }
  }

  CheckpointInfo info() const {
    CheckpointInfo info{.state = {.step = count(json_, "step"),
                                  .samples = count(json_, "images"),
                                  .nonfinite_in_a_row = count(json_, "nonfinite_in_a_row")},
                        .world = static_cast<int>(count(json_, "world")),
                        .identity = {.config_hash = field<std::string>(json_, "config_hash"),
                                     .data_hash = field<std::string>(json_, "data_hash")}};
    const Json& updates = object(json_, "updates");
    for (const auto& [phase, number] : updates.items()) {
      info.updates[phase] = count(updates, phase);
    }
    if (json_.contains("sample_shape")) {
      info.sample_shape = field<std::vector<int64_t>>(json_, "sample_shape");
    }
    if (json_.contains("classes")) info.classes = count(json_, "classes");
    if (json_.contains("class_names")) {
      info.class_names = field<std::vector<std::string>>(json_, "class_names");
    }
    if (!info.class_names.empty() && std::ssize(info.class_names) != info.classes) {
      throw InputError("{}: \"class_names\" has {} names for {} classes", where_,
                       info.class_names.size(), info.classes);
    }
    return info;
  }

  /// Calls `add(name, bytes, hash)` for every file.
  template <class Add>
  void each_file(const Add& add) const {
    for (const auto& [name, record] : object(json_, "files").items()) {
      if (name.empty() || name.starts_with('.') || fs::path(name).filename() != name) {
        throw InputError("{}: \"{}\" is not a file of this folder", where_, name);
      }
      add(name, static_cast<uint64_t>(count(record, "bytes")),
          field<std::string>(record, "xxh3_128"));
    }
  }

 private:
  using Json = nlohmann::json;

  template <typename T>
  T field(const Json& object, const std::string& name) const {
    try {
      return object.at(name).get<T>();
    } catch (const Json::exception&) {
      throw InputError("{}: \"{}\" is missing or of the wrong type", where_, name);
    }
  }

  int64_t count(const Json& object, const std::string& name) const {
    const bool is_count = object.is_object() && object.contains(name) &&
                          object.at(name).is_number_unsigned() &&
                          object.at(name).get<uint64_t>() <= kMaxCount;
    if (!is_count) {
      throw InputError("{}: \"{}\" is missing or not a count", where_, name);
    }
    return object.at(name).get<int64_t>();
  }

  const Json& object(const Json& parent, const std::string& name) const {
    const auto found = parent.find(name);
    if (found == parent.end() || !found->is_object()) {
      throw InputError("{}: \"{}\" is missing or of the wrong type", where_, name);
    }
    return *found;
  }

  static constexpr uint64_t kMaxCount = 1'000'000'000'000'000;

  std::string where_;
  Json json_;
};

/// Counts and hashes a file's bytes on their way to the disk.
class HashedFile {
 public:
  explicit HashedFile(std::unique_ptr<OutputFile> file) : file_(std::move(file)) {}

  void write(std::span<const std::byte> bytes) {
    file_->write(bytes);
    hash_.add(bytes);
    bytes_ += bytes.size();
  }

  /// Syncs the file to disk and returns its record for the manifest.
  nlohmann::ordered_json close() {
    file_->close();
    return {{"bytes", bytes_}, {"xxh3_128", hash_.hex()}};
  }

 private:
  std::unique_ptr<OutputFile> file_;
  Hash hash_;
  uint64_t bytes_ = 0;
};

std::string manifest_text(const CheckpointInfo& info, const nlohmann::ordered_json& files) {
  nlohmann::ordered_json json{{"format_version", kFormatVersion},
                              {"step", info.state.step},
                              {"images", info.state.samples},
                              {"nonfinite_in_a_row", info.state.nonfinite_in_a_row},
                              {"updates", info.updates},
                              {"world", info.world},
                              {"identity_version", RunIdentity::kVersion},
                              {"config_hash", info.identity.config_hash},
                              {"data_hash", info.identity.data_hash},
                              {"sample_shape", info.sample_shape},
                              {"classes", info.classes},
                              {"class_names", info.class_names},
                              {"files", files}};
  json[kOwnHash] = hash_of(json);
  return manifest_dump(json, /*indent=*/2) + "\n";
}

}  // namespace

std::optional<int64_t> step_of(const fs::path& folder) {
  const std::string name = folder.filename().string();
  constexpr size_t kMinDigits = 8, kMaxDigits = 18;  // always fits into an int64_t
  if (!name.starts_with(kFolderPrefix)) return std::nullopt;
  const std::string digits = name.substr(std::string_view(kFolderPrefix).size());
  const bool plausible = digits.size() >= kMinDigits && digits.size() <= kMaxDigits &&
                         digits.find_first_not_of("0123456789") == std::string::npos;
  if (!plausible) return std::nullopt;
  return std::stoll(digits);
}

CheckpointInfo parse_manifest(std::string_view text, const std::string& where) {
  return ManifestReader(text, where).info();
}

Checkpoint::Checkpoint(fs::path folder) : folder_(std::move(folder)) {
  const fs::path path = folder_ / kManifest;
  manifest_ = read_file(path, kManifestLimitBytes);
  const ManifestReader manifest(manifest_, path.string());
  info_ = manifest.info();
  manifest.each_file([this](const std::string& name, uint64_t bytes, const std::string& hash) {
    files_[name] = {.bytes = bytes, .hash = hash};
    check_length(name);
  });
}

void Checkpoint::check_length(const std::string& name) const {
  const fs::path path = folder_ / name;
  std::error_code reason;
  const auto bytes = fs::file_size(path, reason);
  if (reason) throw InputError("{}: {}", path.string(), reason.message());
  if (bytes != files_.at(name).bytes) {
    throw InputError("{}: has {} bytes, but {} says {}: the checkpoint is damaged", path.string(),
                     bytes, kManifest, files_.at(name).bytes);
  }
}

bool Checkpoint::has(const std::string& name) const {
  return files_.contains(name + kTensorSuffix);
}

fs::path Checkpoint::file(const std::string& name) const {
  return folder_ / (name + kTensorSuffix);
}

const Checkpoint::FileRecord& Checkpoint::record(const std::string& name) const {
  const auto found = files_.find(name + kTensorSuffix);
  if (found != files_.end()) return found->second;
  throw InputError("{}: the checkpoint has no {}{}", folder_.string(), name, kTensorSuffix);
}

const std::string& Checkpoint::hash(const std::string& name) const { return record(name).hash; }

TensorMap Checkpoint::load(const std::string& name) const {
  const std::string& expected = record(name).hash;
  Hash hash;
  TensorMap tensors = load_safetensors(file(name), hash);
  if (hash.hex() != expected) {
    throw InputError("{}: its hash does not match the one in {}: the checkpoint is damaged",
                     file(name).string(), kManifest);
  }
  return tensors;
}

CheckpointTensors Checkpoint::load_all() const {
  CheckpointTensors tensors;
  for (const auto& [file, record] : files_) {
    const std::string name = fs::path(file).stem().string();
    tensors[name] = load(name);
  }
  return tensors;
}

CheckpointStore::CheckpointStore(const fs::path& run_dir, int64_t keep, Storage& storage)
    : root_(run_dir / "checkpoints"), keep_(keep), storage_(storage) {}

Storage& CheckpointStore::disk() {
  static Disk disk;
  return disk;
}

fs::path CheckpointStore::folder_of(int64_t step) const {
  return root_ / fmt::format("{}{:08d}", kFolderPrefix, step);
}

fs::path CheckpointStore::save(const CheckpointInfo& info, const CheckpointTensors& files) {
  const fs::path folder = folder_of(info.state.step);
  storage_.create_folder(root_);
  storage_.sync_folder(root_.parent_path());
  try {
    write_staged(info, files);
    put_in_place(folder);
  } catch (const std::exception&) {
    remove_or_warn(root_ / kStaged);  // frees the space on a full disk
    throw;
  }
  point_latest_to(folder);
  remove_old_or_warn();
  return folder;
}

void CheckpointStore::write_staged(const CheckpointInfo& info, const CheckpointTensors& files) {
  const fs::path staged = root_ / kStaged;
  storage_.remove(root_ / kStagedBest);
  storage_.remove(staged);
  storage_.create_folder(staged);
  nlohmann::ordered_json records = nlohmann::ordered_json::object();
  for (const auto& [name, tensors] : files) {
    HashedFile file(storage_.create_file(staged / (name + kTensorSuffix)));
    write_safetensors([&](auto bytes) { file.write(bytes); }, tensors);
    records[name + kTensorSuffix] = file.close();
  }
  write_text(staged / kManifest, manifest_text(info, records));
  storage_.sync_folder(staged);
}

void CheckpointStore::write_text(const fs::path& path, const std::string& text) {
  const auto file = storage_.create_file(path);
  file->write(std::as_bytes(std::span(text)));
  file->close();
}

void CheckpointStore::put_in_place(const fs::path& folder) {
  const fs::path replaced = root_ / kReplaced;
  storage_.remove(replaced);
  // rename() does not replace a folder that holds files.
  if (fs::exists(folder)) storage_.rename(folder, replaced);
  storage_.rename(root_ / kStaged, folder);
  storage_.sync_folder(root_);
  remove_or_warn(replaced);
}

/// A convenience: if it fails, no data is lost.
void CheckpointStore::point_latest_to(const fs::path& folder) {
  const fs::path latest = root_ / kLatest, staged = root_ / kStagedLatest;
  if (warned_of_latest_ && is_folder_itself(latest))
    return;  // trying again would hash all its files
  try {
    storage_.remove(staged);
    make_room_for_latest();
    storage_.link(folder.filename(), staged);
    storage_.rename(staged, latest);
    storage_.sync_folder(root_);
  } catch (const std::exception& error) {
    if (std::exchange(warned_of_latest_, true)) return;
    log_warning("{} cannot name the newest checkpoint, {}: {}; gm finds it by its step",
                latest.string(), folder.filename().string(), error.what());
  }
}

/// If a copying tool made a folder from the link, removes it, but only if all its files exist in
/// the folder of its step.
void CheckpointStore::make_room_for_latest() {
  const fs::path latest = root_ / kLatest, staged = root_ / kStagedLatest;
  if (!is_folder_itself(latest)) return;
  const fs::path original = folder_of(manifest_step(latest).value_or(0));
  if (!holds_all_of(original, latest)) {
    throw Error("it is a folder with files that are in no other folder, and is left alone");
  }
  storage_.rename(latest, staged);
  storage_.remove(staged);
}

void CheckpointStore::mark_best(const BestCheckpoint& best) {
  const nlohmann::ordered_json json{{"step", best.step},
                                    {"figure", best.figure},
                                    {"value", best.value},
                                    {"provenance_hash", best.provenance_hash}};
  write_text(root_ / kStagedBest, json.dump() + "\n");
  storage_.rename(root_ / kStagedBest, root_ / kBest);
  storage_.sync_folder(root_);
  remove_old_or_warn();
}

std::optional<BestCheckpoint> CheckpointStore::best() const {
  try {
    return read_best();
  } catch (const std::exception& error) {
    log_warning("the best checkpoint is unknown: {}", error.what());
    return std::nullopt;
  }
}

/// Throws std::exception if best.json cannot be read.
std::optional<BestCheckpoint> CheckpointStore::read_best() const {
  const fs::path path = root_ / kBest;
  if (!fs::exists(path)) return std::nullopt;
  BestCheckpoint best;
  const auto json = parse_bounded_object(read_file(path, kManifestLimitBytes), /*max_depth=*/1);
  try {
    best = {.step = json.at("step").get<int64_t>(),
            .figure = json.at("figure").get<std::string>(),
            .value = json.at("value").get<double>(),
            .provenance_hash = json.value("provenance_hash", "")};
  } catch (const nlohmann::json::exception& error) {
    throw InputError("{}: is damaged: {}", path.string(), error.what());
  }
  if (!fs::is_directory(folder_of(best.step))) return std::nullopt;
  return best;
}

void CheckpointStore::roll_back_to(const Checkpoint& checkpoint) {
  const int64_t step = checkpoint.info().state.step;
  const fs::path folder = folder_of(step), latest = root_ / kLatest;
  if (checkpoint.folder() == latest) {
    if (fs::exists(folder)) set_aside(folder);  // it was tried first and could not be used
    storage_.rename(latest, folder);
  } else if (is_folder_itself(latest) && manifest_step(latest) > step) {
    set_aside(latest);
  }
  // First, so that `latest` never names a folder that is gone.
  if (target_of(latest) != folder.filename()) point_latest_to(folder);
  for (const fs::path& other : list()) {
    if (step_of(other) > step) set_aside(other);
  }
}

void CheckpointStore::set_aside(const fs::path& folder) {
  fs::path aside = folder;
  aside += kRejected;
  storage_.remove(aside);
  storage_.rename(folder, aside);
  log_warning("{}: set aside as {}", folder.string(), aside.filename().string());
}

/// Throws std::exception, and removes nothing, if it is unknown which checkpoint is the best.
void CheckpointStore::remove_old() {
  if (keep_ == 0) return;
  const auto folders = list();
  const auto surplus = std::max<int64_t>(0, std::ssize(folders) - keep_);
  const auto kept = read_best();
  for (const fs::path& folder : std::span(folders).first(static_cast<size_t>(surplus))) {
    if (!kept || folder != folder_of(kept->step)) remove_or_warn(folder);
  }
}

void CheckpointStore::remove_old_or_warn() {
  try {
    remove_old();
  } catch (const std::exception& error) {
    log_warning("old checkpoints could not be removed: {}", error.what());
  }
}

void CheckpointStore::remove_or_warn(const fs::path& path) {
  try {
    storage_.remove(path);
  } catch (const Error& error) {
    log_warning("an old checkpoint could not be removed: {}", error.what());
  }
}

std::vector<fs::path> CheckpointStore::list() const {
  std::vector<fs::path> folders;
  if (!fs::is_directory(root_)) return folders;
  for (const auto& entry : fs::directory_iterator(root_)) {
    if (step_of(entry.path()) && entry.is_directory()) folders.push_back(entry.path());
  }
  std::ranges::sort(folders, {}, step_of);
  return folders;
}

std::vector<fs::path> CheckpointStore::candidates() const {
  std::vector<fs::path> folders = list();
  std::ranges::reverse(folders);
  const fs::path latest = root_ / kLatest;
  const auto step = is_folder_itself(latest) ? manifest_step(latest) : std::nullopt;
  if (step) {
    const auto is_older = [&](const fs::path& folder) { return step_of(folder) < step; };
    folders.insert(std::ranges::find_if(folders, is_older), latest);
  }
  return folders;
}

Checkpoint CheckpointStore::open(const fs::path& candidate) const {
  Checkpoint checkpoint(candidate);
  const int64_t step = checkpoint.info().state.step;
  if (candidate.filename() != kLatest && candidate != folder_of(step)) {
    throw InputError("{}: holds the checkpoint of step {}", candidate.string(), step);
  }
  return checkpoint;
}

}  // namespace gm
