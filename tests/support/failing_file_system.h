/// Storage that fails at a chosen call: a refused call or a power cut.
#pragma once

#include <fstream>
#include <functional>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "checkpoint/file_system.h"

namespace gm {

/// Counts and records every call to the storage and its files. A failing write writes half of its
/// bytes.
class FailingStorage final : public Storage {
 public:
  static constexpr size_t kNever = std::numeric_limits<size_t>::max();
  enum class Fault {
    kRefusal,   ///< Only this call fails, as on a full disk on which space is freed.
    kPowerCut,  ///< This call and all later ones fail. Bytes that were not synced are lost.
    kPowerCutForgetsNames,  ///< Like kPowerCut. Also loses new names in unsynced folders.
  };

  /// The fault begins at call `index`, counted from 0.
  void fail_at(size_t index, Fault fault) {
    calls_.clear();
    fail_at_ = index;
    fault_ = fault;
  }
  /// The calls since fail_at(), such as "write model.safetensors".
  const std::vector<std::string>& calls() const { return calls_; }
  /// The files that were renamed before they were durable. Must stay empty.
  const std::vector<std::string>& renamed_too_early() const { return renamed_too_early_; }

  void create_folder(const std::filesystem::path& path) override {
    count("create_folder", path);
    const bool is_new = !std::filesystem::exists(path);
    disk_.create_folder(path);
    not_durable_.insert(path);
    if (is_new) add_name(path, [path] { std::filesystem::remove_all(path); });
  }
  std::unique_ptr<OutputFile> create_file(const std::filesystem::path& path) override {
    count("create_file", path);
    not_durable_.insert(path);
    not_durable_.insert(path.parent_path());
    add_name(path, [path] { std::filesystem::remove(path); });
    return std::make_unique<File>(*this, path);
  }
  void sync_folder(const std::filesystem::path& path) override {
    count("sync_folder", path);
    disk_.sync_folder(path);
    not_durable_.erase(path);
    std::erase_if(new_names_, [&](const NewName& name) { return name.folder == path; });
  }
  void rename(const std::filesystem::path& from, const std::filesystem::path& to) override {
    count("rename", to);
    for (const auto& path : not_durable_) {
      if (path.string().starts_with(from.string())) renamed_too_early_.push_back(path.string());
    }
    const auto old = std::filesystem::symlink_status(to);
    const auto old_target =
        std::filesystem::is_symlink(old) ? std::filesystem::read_symlink(to) : "";
    const std::string old_text =
        std::filesystem::is_regular_file(old) ? read_file(to, kLongestText) : "";
    disk_.rename(from, to);
    add_name(to, [from, to, old_target, old_text] {
      std::filesystem::rename(to, from);
      if (!old_target.empty()) std::filesystem::create_symlink(old_target, to);
      if (!old_text.empty()) std::ofstream(to, std::ios::binary) << old_text;
    });
  }
  void link(const std::filesystem::path& target, const std::filesystem::path& path) override {
    count("link", path);
    disk_.link(target, path);
    add_name(path, [path] { std::filesystem::remove(path); });
  }
  /// A power cut does not undo it. A failed removal covers that case.
  void remove(const std::filesystem::path& path) override {
    count("remove", path);
    disk_.remove(path);
  }

 private:
  class File final : public OutputFile {
   public:
    File(FailingStorage& storage, std::filesystem::path path)
        : storage_(storage), path_(std::move(path)), file_(storage.disk_.create_file(path_)) {}

    void write(std::span<const std::byte> bytes) override {
      try {
        storage_.count("write", path_);
      } catch (const Error&) {
        file_->write(bytes.first(bytes.size() / 2));
        throw;
      }
      file_->write(bytes);
    }
    void close() override {
      storage_.count("close", path_);
      file_->close();
      storage_.not_durable_.erase(path_);
    }

   private:
    FailingStorage& storage_;
    std::filesystem::path path_;
    std::unique_ptr<OutputFile> file_;
  };

  void count(const char* call, const std::filesystem::path& path) {
    const size_t index = calls_.size();
    calls_.push_back(std::string(call) + " " + path.filename().string());
    const bool fails = fault_ == Fault::kRefusal ? index == fail_at_ : index >= fail_at_;
    if (!fails) return;
    if (fault_ != Fault::kRefusal) lose_bytes();
    if (fault_ == Fault::kPowerCutForgetsNames) lose_names();
    throw Error("{}: no disk", calls_.back());
  }

  /// Empties all files that were not closed: the worst effect of a power cut.
  void lose_bytes() {
    for (const auto& path : not_durable_) {
      std::error_code gone;
      if (std::filesystem::is_regular_file(path, gone)) std::filesystem::resize_file(path, 0, gone);
    }
  }

  /// `undo` restores the previous content of the folder.
  struct NewName {
    std::filesystem::path folder;
    std::function<void()> undo;
  };
  void add_name(const std::filesystem::path& path, std::function<void()> undo) {
    new_names_.push_back({path.parent_path(), std::move(undo)});
  }
  void lose_names() {
    for (; !new_names_.empty(); new_names_.pop_back()) {
      try {
        new_names_.back().undo();
      } catch (const std::filesystem::filesystem_error&) {
        // The file was removed or renamed again later, and that may not have been undone.
      }
    }
  }

  static constexpr size_t kLongestText = 1 << 20;  // of a file that is replaced

  Disk disk_;
  size_t fail_at_ = kNever;
  Fault fault_ = Fault::kRefusal;
  std::vector<std::string> calls_;
  std::set<std::filesystem::path> not_durable_;
  std::vector<NewName> new_names_;
  std::vector<std::string> renamed_too_early_;
};

}  // namespace gm
