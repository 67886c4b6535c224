#include "checkpoint/checkpoint_store.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <system_error>

#include "base/error.h"
#include "base/files.h"
#include "base/hash.h"
#include "base/log.h"

namespace gm {
namespace fs = std::filesystem;
namespace {

using Json = nlohmann::ordered_json;

constexpr int kFormatVersion = 1;
constexpr const char* kManifest = "manifest.json";
constexpr const char* kLatest = "latest";
constexpr const char* kFolderPrefix = "step-";
constexpr const char* kTensorSuffix = ".safetensors";
constexpr size_t kManifestLimitBytes = 1 << 20;

/// The step in a checkpoint folder's name; nothing for any other name.
std::optional<int64_t> step_of(const fs::path& folder) {
  const std::string name = folder.filename().string();
  constexpr size_t kMinDigits = 8, kMaxDigits = 18;  // what an int64_t holds for certain
  if (!name.starts_with(kFolderPrefix)) return std::nullopt;
  const std::string digits = name.substr(std::string_view(kFolderPrefix).size());
  const bool plausible = digits.size() >= kMinDigits && digits.size() <= kMaxDigits &&
                         digits.find_first_not_of("0123456789") == std::string::npos;
  if (!plausible) return std::nullopt;
  return std::stoll(digits);
}

/// A field of the manifest that must be there and of type T.
template <typename T>
T field(const Json& object, const char* name, const fs::path& manifest) {
  try {
    return object.at(name).get<T>();
  } catch (const Json::exception&) {
    throw InputError("{}: \"{}\" is missing or of the wrong type", manifest.string(), name);
  }
}

Json read_manifest(const fs::path& manifest) {
  Json json = Json::parse(read_file(manifest, kManifestLimitBytes), nullptr,
                          /*allow_exceptions=*/false);
  if (!json.is_object()) throw InputError("{}: no JSON object", manifest.string());
  const int version = field<int>(json, "format_version", manifest);
  if (version != kFormatVersion) {
    throw InputError("{}: a checkpoint of format version {}; this program reads version {}",
                     manifest.string(), version, kFormatVersion);
  }
  return json;
}

Json manifest_of(const CheckpointInfo& info, const fs::path& folder,
                 const std::map<std::string, TensorMap>& files) {
  Json json{
      {"format_version", kFormatVersion}, {"step", info.step},   {"images", info.images},
      {"updates", info.updates},          {"world", info.world}, {"config_hash", info.config_hash},
      {"files", Json::object()}};
  for (const auto& [name, tensors] : files) {
    const std::string file = name + kTensorSuffix;
    json["files"][file] = {{"bytes", fs::file_size(folder / file)},
                           {"xxh3_128", hash_file(folder / file)}};
  }
  return json;
}

}  // namespace

Checkpoint::Checkpoint(fs::path folder) : folder_(std::move(folder)) {
  const fs::path manifest = folder_ / kManifest;
  const Json json = read_manifest(manifest);
  info_ = {.step = field<int64_t>(json, "step", manifest),
           .images = field<int64_t>(json, "images", manifest),
           .updates = field<int64_t>(json, "updates", manifest),
           .world = field<int>(json, "world", manifest),
           .config_hash = field<std::string>(json, "config_hash", manifest)};
  const Json files = field<Json>(json, "files", manifest);
  for (const auto& [name, record] : files.items()) {
    if (fs::path(name).filename() != name) {
      throw InputError("{}: \"{}\" is no file of this folder", manifest.string(), name);
    }
    files_[name] = {.bytes = field<uint64_t>(record, "bytes", manifest),
                    .hash = field<std::string>(record, "xxh3_128", manifest)};
    check_length(name);
  }
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

TensorMap Checkpoint::load(const std::string& name) const {
  const auto record = files_.find(name + kTensorSuffix);
  if (record == files_.end()) {
    throw InputError("{}: the checkpoint has no {}{}", folder_.string(), name, kTensorSuffix);
  }
  if (hash_file(file(name)) != record->second.hash) {
    throw InputError("{}: its hash is not the one in {}: the checkpoint is damaged",
                     file(name).string(), kManifest);
  }
  return load_safetensors(file(name));
}

CheckpointStore::CheckpointStore(fs::path run_dir, int64_t keep)
    : root_(std::move(run_dir) / "checkpoints"), keep_(keep) {}

fs::path CheckpointStore::folder_of(int64_t step) const {
  return root_ / fmt::format("{}{:08d}", kFolderPrefix, step);
}

fs::path CheckpointStore::save(const CheckpointInfo& info,
                               const std::map<std::string, TensorMap>& files) {
  const fs::path folder = folder_of(info.step);
  try {
    fs::create_directories(root_);
    StagedPath staged(folder);
    fs::create_directory(staged.path());
    for (const auto& [name, tensors] : files) {
      save_safetensors(staged.path() / (name + kTensorSuffix), tensors);
    }
    const Json manifest = manifest_of(info, staged.path(), files);
    write_file_atomically(staged.path() / kManifest, manifest.dump(2) + "\n");
    fs::remove_all(folder);  // a repeated step: rename replaces no folder
    staged.commit();
    point_latest_to(folder);
  } catch (const fs::filesystem_error& error) {
    throw Error("{}: the checkpoint cannot be written: {}", folder.string(),
                error.code().message());
  }
  try {
    remove_old();
  } catch (const fs::filesystem_error& error) {
    log_warning("{}: old checkpoints cannot be removed: {}", root_.string(), error.what());
  }
  return folder;
}

void CheckpointStore::point_latest_to(const fs::path& folder) const {
  StagedPath staged(root_ / kLatest);
  fs::create_directory_symlink(folder.filename(), staged.path());
  staged.commit();
}

void CheckpointStore::remove_old() const {
  if (keep_ == 0) return;
  const auto folders = list();
  const auto surplus = std::max<int64_t>(0, std::ssize(folders) - keep_);
  for (const fs::path& folder : std::span(folders).first(static_cast<size_t>(surplus))) {
    std::error_code reason;
    fs::remove_all(folder, reason);
    if (reason) {
      log_warning("{}: the old checkpoint cannot be removed: {}", folder.string(),
                  reason.message());
    }
  }
}

std::optional<fs::path> CheckpointStore::latest() const {
  const fs::path link = root_ / kLatest;
  if (!fs::is_symlink(fs::symlink_status(link))) return std::nullopt;
  const fs::path target = fs::read_symlink(link);
  const fs::path folder = root_ / target;
  if (target.has_parent_path() || !step_of(target) || !fs::is_directory(folder)) {
    throw InputError("{}: points to {}, which is no checkpoint", link.string(), target.string());
  }
  return folder;
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

}  // namespace gm
