/// The checkpoints of a run: folders that are there whole or not at all. The folders are what
/// counts; `latest` names the newest for people and their tools.
///
///     RUN/checkpoints/latest -> step-00002000      a relative symbolic link
///     RUN/checkpoints/step-00002000/manifest.json  what it is, a length and a hash of each file
///                                  /model.safetensors, ema.safetensors, optimizer.safetensors
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

/// What a run computes, as hashes: of the keys that may not change, and of the images.
struct RunIdentity {
  /// Of the rules by which the hashes are made (config/run_identity.h). A manifest tells it; those
  /// of before it was written are of version 1.
  static constexpr int64_t kVersion = 1;

  std::string config_hash = {};
  std::string data_hash = {};
};

/// What a manifest says besides lengths and hashes.
struct CheckpointInfo {
  RunState state = {};
  std::map<std::string, int64_t> updates = {};  ///< By phase: Adam's own count of its steps.
  int world = 1;                                ///< Ranks that trained.
  RunIdentity identity = {};
};

/// The info in the text of a manifest; `where` names it in messages. Throws InputError when it is
/// not one, or of another format or identity version.
CheckpointInfo parse_manifest(std::string_view text, const std::string& where);

/// A saved checkpoint, opened for reading.
class Checkpoint {
 public:
  /// Reads the manifest, verifies it by the hash that it has of itself, and compares each file's
  /// length with it. Throws InputError when the folder is not a checkpoint, its format is of
  /// another version, the manifest was damaged, or a file is missing or of another length.
  explicit Checkpoint(std::filesystem::path folder);

  const std::filesystem::path& folder() const { return folder_; }
  const CheckpointInfo& info() const { return info_; }
  /// The manifest as it lies in the folder: for other ranks, who may not see it.
  const std::string& manifest() const { return manifest_; }
  /// Whether it has the tensors `name`: "model", "ema", ...
  bool has(const std::string& name) const;
  /// Tensors of `name`.safetensors, whose hash was compared with the manifest's while they were
  /// read. Throws InputError when there are none or they were damaged.
  TensorMap load(const std::string& name) const;
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

  std::filesystem::path folder_;
  std::string manifest_;
  CheckpointInfo info_;
  std::map<std::string, FileRecord> files_;  // by file name
};

/// Writes and finds a run's checkpoints. Only one thread of one process of a world may save.
class CheckpointStore {
 public:
  /// `keep` newest checkpoints survive a save; 0 keeps all. `storage` outlives the store.
  explicit CheckpointStore(const std::filesystem::path& run_dir, int64_t keep = 0,
                           Storage& storage = disk());

  /// Writes a new checkpoint, each byte once, beside its place; makes it durable, renames it,
  /// points `latest` to it, then removes the oldest. Throws Error when the disk refuses: the older
  /// checkpoints are then as before. A failed removal is only a warning, and so, once, is a
  /// `latest` that cannot be made: there are disks without symbolic links.
  ///
  /// A folder of the same step is replaced. There is one only if the disk refused after it had its
  /// name: for the blink of an eye neither is there.
  ///
  /// Returns the new folder.
  std::filesystem::path save(const CheckpointInfo& info, const CheckpointTensors& files);

  /// Makes `checkpoint`, one of the candidates, the newest: `latest` names it, and the newer ones,
  /// which could not be used, become NAME.rejected, where nobody looks for a checkpoint. Left in
  /// place, one that could not be read for an hour would come back beside the steps that were done
  /// anew. A folder `latest` that is chosen becomes the folder of its step. Throws Error when the
  /// disk refuses.
  void roll_back_to(const Checkpoint& checkpoint);

  /// Where the checkpoint of `step` lies, whether it exists or not.
  std::filesystem::path folder_of(int64_t step) const;
  /// The folders of all steps, oldest first.
  std::vector<std::filesystem::path> list() const;
  /// Where a checkpoint may be found, newest first: the folders of all steps, and `latest` where it
  /// is a folder. Tools that follow links make one when they copy a run, and it may be all that
  /// they copied.
  std::vector<std::filesystem::path> candidates() const;
  /// Opens one of them. Throws InputError as Checkpoint does, and when it is another step's than
  /// its name says.
  Checkpoint open(const std::filesystem::path& candidate) const;

  static Storage& disk();

 private:
  void write_staged(const CheckpointInfo& info, const CheckpointTensors& files);
  void put_in_place(const std::filesystem::path& folder);
  void point_latest_to(const std::filesystem::path& folder);
  void make_room_for_latest();
  void set_aside(const std::filesystem::path& folder);
  void remove_old();
  void remove_or_warn(const std::filesystem::path& path);

  std::filesystem::path root_;
  int64_t keep_;
  Storage& storage_;
  bool warned_of_latest_ = false;
};

}  // namespace gm
