/// The checkpoints of a run: folders that are written atomically. gm itself relies only on the
/// folders; `latest` names the newest one for people and their tools.
///
///     RUN/checkpoints/latest -> step-00002000      a relative symbolic link
///     RUN/checkpoints/step-00002000/manifest.json  what it is, a length and a hash of each file
///                                  /model.safetensors, ema.safetensors, optimizer.safetensors
///     RUN/checkpoints/best.json                    which checkpoint is the best, and by what
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/file_system.h"
#include "checkpoint/run_state.h"
#include "checkpoint/safetensors.h"

namespace gm {

/// The tensors of a checkpoint by file: "model" becomes model.safetensors.
using CheckpointTensors = std::map<std::string, TensorMap>;

/// Hashes of what a run computes: of the keys that must not change, and of the images.
struct RunIdentity {
  /// The version of the rules for the hashes (config/run_identity.h). It is stored in the manifest;
  /// manifests without it have version 1.
  static constexpr int64_t kVersion = 1;

  std::string config_hash = {};
  std::string data_hash = {};
};

/// The content of a manifest besides lengths and hashes.
struct CheckpointInfo {
  RunState state = {};
  std::map<std::string, int64_t> updates = {};  ///< By phase: Adam's step count.
  int world = 1;                                ///< Ranks that trained.
  RunIdentity identity = {};
  std::vector<int64_t> sample_shape = {};  ///< [C,H,W] of an image; empty in older checkpoints.
  int64_t classes = 0;  ///< Whose labels the run trains on; 0 if on none, and in older checkpoints.
  std::vector<std::string> class_names = {};  ///< Of these; empty if they have no names.
};

/// Parses the text of a manifest; `where` names it in messages. Throws InputError if it is not a
/// manifest, or has another format or identity version.
CheckpointInfo parse_manifest(std::string_view text, const std::string& where);

/// A saved checkpoint, opened for reading.
class Checkpoint {
 public:
  /// Reads the manifest, verifies its own hash, and compares each file's length with the manifest.
  /// Throws InputError if the folder is not a checkpoint, has another format version, the manifest
  /// is damaged, or a file is missing or has another length.
  explicit Checkpoint(std::filesystem::path folder);

  const std::filesystem::path& folder() const { return folder_; }
  const CheckpointInfo& info() const { return info_; }
  /// The text of the manifest, for other ranks, which may not see the folder.
  const std::string& manifest() const { return manifest_; }
  /// Whether it has the tensors `name`: "model", "ema", ...
  bool has(const std::string& name) const;
  /// Reads the tensors of `name`.safetensors and compares the file's hash with the manifest. Throws
  /// InputError if there is no such file or it is damaged.
  TensorMap load(const std::string& name) const;
  /// The hash of the file that load(name) reads. Throws InputError if there is no such file.
  const std::string& hash(const std::string& name) const;
  /// All of them. Throws InputError when any file is damaged.
  CheckpointTensors load_all() const;
  /// The file that load(name) reads, for messages.
  std::filesystem::path file(const std::string& name) const;

 private:
  struct FileRecord {
    uint64_t bytes = 0;
    std::string hash;
  };

  void check_length(const std::string& name) const;
  const FileRecord& record(const std::string& name) const;

  std::filesystem::path folder_;
  std::string manifest_;
  CheckpointInfo info_;
  std::map<std::string, FileRecord> files_;  // by file name
};

/// The step in the name of a checkpoint folder, such as step-00002000; nullopt for any other name.
std::optional<int64_t> step_of(const std::filesystem::path& folder);

/// Why a checkpoint is the best of a run so far.
struct BestCheckpoint {
  int64_t step = 0;
  std::string figure = {};  ///< Of an evaluation: "loss_held_out".
  double value = 0;
  /// Of the evaluation: with another one, the value cannot be compared. Empty: not known.
  std::string provenance_hash = {};
};

/// Writes and finds a run's checkpoints. Only one thread of one process of a world may save.
class CheckpointStore {
 public:
  /// A save keeps the `keep` newest checkpoints, and the best one; 0 keeps all. `storage` outlives
  /// the store.
  explicit CheckpointStore(const std::filesystem::path& run_dir, int64_t keep = 0,
                           Storage& storage = disk());

  /// Writes a new checkpoint, each byte once, next to its final path; syncs it to disk, renames it,
  /// points `latest` to it, then removes the oldest. Throws Error if the disk fails: the older
  /// checkpoints are then unchanged. A failed removal is only a warning. So is a `latest` that
  /// cannot be created (some disks have no symbolic links), but only once.
  ///
  /// A folder of the same step is replaced. It exists only if the disk failed after the folder had
  /// been renamed. For a very short time during the replacement, neither folder exists.
  ///
  /// Returns the new folder.
  std::filesystem::path save(const CheckpointInfo& info, const CheckpointTensors& files);

  /// Makes the saved checkpoint of best.step the best one, in best.json. It is kept until another
  /// one is the best. Throws Error if the disk fails: best.json is then unchanged. Not called
  /// during a save.
  void mark_best(const BestCheckpoint& best);
  /// The best one; nullopt if none is marked, or if it does not exist any more. If best.json cannot
  /// be read, that is a warning, and the best one is unknown: then a save removes no checkpoint.
  std::optional<BestCheckpoint> best() const;

  /// Makes `checkpoint`, one of the candidates, the newest one: `latest` names it, and the newer
  /// ones, which could not be used, are renamed to NAME.rejected, a name that is never read as a
  /// checkpoint. Otherwise one that was unreadable for an hour would come back among the
  /// checkpoints of the repeated steps. If `checkpoint` is a folder `latest`, it becomes the folder
  /// of its step. Throws Error if the disk fails.
  void roll_back_to(const Checkpoint& checkpoint);

  /// The folder of the checkpoint of `step`, whether it exists or not.
  std::filesystem::path folder_of(int64_t step) const;
  /// The folders of all steps, oldest first.
  std::vector<std::filesystem::path> list() const;
  /// The folders that may hold a checkpoint, newest first: the folders of all steps, and `latest`
  /// if it is a folder. Tools that follow links make such a folder when they copy a run, and it may
  /// be the only one that they copied.
  std::vector<std::filesystem::path> candidates() const;
  /// Opens a candidate. Throws InputError as Checkpoint does, and if its step is not the one in its
  /// name.
  Checkpoint open(const std::filesystem::path& candidate) const;

  static Storage& disk();

 private:
  std::optional<BestCheckpoint> read_best() const;
  void write_staged(const CheckpointInfo& info, const CheckpointTensors& files);
  void write_text(const std::filesystem::path& path, const std::string& text);
  void put_in_place(const std::filesystem::path& folder);
  void point_latest_to(const std::filesystem::path& folder);
  void make_room_for_latest();
  void set_aside(const std::filesystem::path& folder);
  void remove_old();
  void remove_old_or_warn();
  void remove_or_warn(const std::filesystem::path& path);

  std::filesystem::path root_;
  int64_t keep_;
  Storage& storage_;
  bool warned_of_latest_ = false;
};

}  // namespace gm
