/// The checkpoints of a run: folders that are there whole or not at all, and `latest`, which names
/// the newest.
///
///     RUN/checkpoints/latest -> step-00002000      a relative symbolic link
///     RUN/checkpoints/step-00002000/manifest.json  what it is, and a length and a hash of each
///     file
///                                  /model.safetensors, ema.safetensors, ...
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "checkpoint/safetensors.h"

namespace gm {

/// Where a run stood when it was saved.
struct CheckpointInfo {
  int64_t step = 0;     ///< Optimizer steps done.
  int64_t images = 0;   ///< Images seen, by all ranks together.
  int64_t updates = 0;  ///< Steps that changed the weights: Adam's own count.
  int world = 1;        ///< Ranks that trained.
  std::string config_hash = {};
};

/// A saved checkpoint, opened for reading.
class Checkpoint {
 public:
  /// Reads the manifest and compares each file's length with it. Throws InputError when the folder
  /// is not a checkpoint, its format is of another version, or a file is missing or of another
  /// length.
  explicit Checkpoint(std::filesystem::path folder);

  const std::filesystem::path& folder() const { return folder_; }
  const CheckpointInfo& info() const { return info_; }
  /// Whether it has the tensors `name`: "model", "ema", ...
  bool has(const std::string& name) const;
  /// Tensors of `name`.safetensors, after their hash was compared with the manifest's. Throws
  /// InputError when there are none or they were damaged.
  TensorMap load(const std::string& name) const;
  /// The file that load(name) reads, for messages.
  std::filesystem::path file(const std::string& name) const;

 private:
  struct FileRecord {
    uint64_t bytes = 0;
    std::string hash;
  };

  void check_length(const std::string& name) const;

  std::filesystem::path folder_;
  CheckpointInfo info_;
  std::map<std::string, FileRecord> files_;  // by file name
};

/// Writes and finds a run's checkpoints. Only one process of a world may save.
class CheckpointStore {
 public:
  /// `keep` newest checkpoints survive a save; 0 keeps all.
  explicit CheckpointStore(std::filesystem::path run_dir, int64_t keep = 0);

  /// Writes `files` (name -> tensors, "model" becomes model.safetensors) as a new checkpoint, makes
  /// it durable, points `latest` to it, then removes old ones. A checkpoint of the same step is
  /// replaced. Throws Error when the disk refuses: the older checkpoints and `latest` are then as
  /// before. Returns the new folder.
  std::filesystem::path save(const CheckpointInfo& info,
                             const std::map<std::string, TensorMap>& files);

  /// Where the checkpoint of `step` lies, whether it exists or not.
  std::filesystem::path folder_of(int64_t step) const;
  /// The folder that `latest` names, or nothing before the first save. Throws InputError when
  /// `latest` points to no checkpoint.
  std::optional<std::filesystem::path> latest() const;
  /// All checkpoint folders, oldest first.
  std::vector<std::filesystem::path> list() const;

 private:
  void point_latest_to(const std::filesystem::path& folder) const;
  void remove_old() const;

  std::filesystem::path root_;
  int64_t keep_;
};

}  // namespace gm
