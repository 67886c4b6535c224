#include "eval/feature_set.h"

#include <ATen/ATen.h>

#include <fstream>

#include "base/cache_folder.h"
#include "base/error.h"
#include "base/files.h"
#include "base/hash.h"
#include "base/log.h"
#include "checkpoint/safetensors.h"
#include "comm/on_rank_zero.h"
#include "device/transfer.h"

namespace gm {
namespace {

/// The tensors of a set as they are stored.
TensorMap stored_tensors(const FeatureSet& set) {
  TensorMap tensors{{"mean", set.statistics.mean}, {"covariance", set.statistics.covariance}};
  if (set.features.defined()) tensors["features"] = set.features;
  return tensors;
}

FeatureSet empty_set(const FeatureKey& key, bool with_all) {
  const int64_t n = key.count, d = key.dimension;
  return {.statistics = {.count = n,
                         .mean = at::zeros({d}, at::kDouble),
                         .covariance = at::zeros({d, d}, at::kDouble)},
          .features = with_all ? at::zeros({n, d}, at::kFloat) : at::Tensor()};
}

/// Reads a file into the tensors of `set`. Returns whether it has all of them, in these shapes.
bool read_into(const FeatureSet& set, const std::filesystem::path& file) {
  if (!std::filesystem::exists(file)) return false;
  try {
    const TensorMap stored = load_safetensors(file);
    for (auto& [name, wanted] : stored_tensors(set)) {
      const auto found = stored.find(name);
      if (found == stored.end() || found->second.sizes() != wanted.sizes() ||
          found->second.scalar_type() != wanted.scalar_type() ||
          !found->second.isfinite().all().item<bool>()) {
        log_warning("{}: not these features; they are computed again", file.string());
        return false;
      }
      wanted.copy_(found->second);
    }
    return true;
  } catch (const InputError& error) {
    log_warning("stored features are damaged and are computed again: {}", error.what());
    return false;
  }
}

void write_set(const FeatureSet& set, const std::filesystem::path& file) {
  create_cache_folder(file.parent_path());
  StagedPath staged(file);
  std::ofstream stream(staged.path(), std::ios::binary);
  write_safetensors(
      [&](std::span<const std::byte> bytes) {
        stream.write(reinterpret_cast<const char*>(bytes.data()),
                     static_cast<std::streamsize>(bytes.size()));
      },
      stored_tensors(set));
  stream.close();
  if (!stream) throw Error("{}: cannot be written", file.string());
  staged.commit();
}

}  // namespace

FeatureCollector::FeatureCollector(int64_t count, int64_t dimension, bool keeps_all)
    : moments_(dimension) {
  if (keeps_all) all_ = at::zeros({count, dimension}, at::kFloat);
}

void FeatureCollector::add(const at::Tensor& indices, const at::Tensor& features) {
  const at::Tensor values = download(features);
  moments_.add(values);
  if (all_.defined()) all_.index_copy_(0, indices, values.to(at::kFloat));
}

FeatureSet FeatureCollector::of_all_ranks(Communicator& communicator) && {
  FeatureSet set{.statistics = moments_.of_all_ranks(communicator), .features = std::move(all_)};
  // The features of other ranks are zero here.
  if (set.features.defined()) communicator.all_reduce_sum(set.features);
  return set;
}

std::filesystem::path FeatureCache::file_of(const FeatureKey& key) const {
  const std::string text = fmt::format("features 2\n{}\n{}\n{}\n{}\n{}\n", key.data_hash, key.count,
                                       key.extractor, key.weights_sha256, key.resize);
  return folder_ / (Hash().add(text).hex() + ".features.safetensors");
}

std::optional<FeatureSet> FeatureCache::find(const FeatureKey& key, bool needs_all) {
  const FeatureSet set = empty_set(key, needs_all);
  const std::string is_there = text_from_rank_zero(
      communicator_, [&] { return read_into(set, file_of(key)) ? "yes" : "no"; });
  if (is_there != "yes") return std::nullopt;
  for (const auto& [name, tensor] : stored_tensors(set)) communicator_.broadcast(tensor, 0);
  return set;
}

void FeatureCache::store(const FeatureKey& key, const FeatureSet& set) {
  on_rank_zero(communicator_, [&] {
    try {
      write_set(set, file_of(key));
    } catch (const Error& error) {
      log_warning("the features of the images are not stored for the next time: {}", error.what());
    }
  });
}

}  // namespace gm
