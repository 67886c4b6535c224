#include "eval/feature_set.h"

#include <ATen/ATen.h>

#include <cmath>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <stdexcept>

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

using Metadata = std::map<std::string, std::string>;

/// The tensors of a set as they are stored.
TensorMap stored_tensors(const FeatureSet& set) {
  TensorMap tensors{{"mean", set.statistics.mean}, {"covariance", set.statistics.covariance}};
  if (set.features.defined()) tensors["features"] = set.features;
  return tensors;
}

Metadata metadata_of(const FeatureKey& key) {
  return {{"data_hash", key.data_hash}, {"count", std::to_string(key.count)},
          {"extractor", key.extractor}, {"extractor_sha256", key.extractor_sha256},
          {"resize", key.resize},       {"dimension", std::to_string(key.dimension)}};
}

/// A count in metadata. Throws std::exception if it is none.
int64_t count_in(const Metadata& metadata, const char* name) {
  const std::string& text = metadata.at(name);
  size_t length = 0;
  const int64_t count = std::stoll(text, &length);
  if (length != text.size() || count < 1) throw std::invalid_argument(name);
  return count;
}

FeatureKey key_of(const Metadata& metadata, const std::filesystem::path& file) {
  try {
    return {.data_hash = metadata.at("data_hash"),
            .count = count_in(metadata, "count"),
            .extractor = metadata.at("extractor"),
            .extractor_sha256 = metadata.at("extractor_sha256"),
            .resize = metadata.at("resize"),
            .dimension = count_in(metadata, "dimension")};
  } catch (const std::exception&) {
    throw InputError(
        "{}: not a file of features that gm wrote; evaluations with fd or kid write them into "
        "data.cache",
        file.string());
  }
}

FeatureSet empty_set(const FeatureKey& key, bool with_all) {
  const int64_t n = key.count, d = key.dimension;
  return {.statistics = {.count = n,
                         .mean = at::zeros({d}, at::kDouble),
                         .covariance = at::zeros({d, d}, at::kDouble)},
          .features = with_all ? at::zeros({n, d}, at::kFloat) : at::Tensor()};
}

/// Throws InputError unless `stored` has the tensor, finite and of this shape and type.
void require_tensor(const TensorMap& stored, const std::string& name, at::IntArrayRef shape,
                    at::ScalarType type, const std::filesystem::path& file) {
  const auto found = stored.find(name);
  if (found == stored.end() && name == "features") {
    throw InputError(
        "{}: holds statistics only, which are enough for fd, but not for kid, precision and "
        "recall; "
        "an evaluation of the images with one of these stores the features of each image",
        file.string());
  }
  if (found == stored.end()) throw InputError("{}: has no tensor {}", file.string(), name);
  if (found->second.sizes() != shape || found->second.scalar_type() != type ||
      !found->second.isfinite().all().item<bool>()) {
    throw InputError("{}: the tensor {} has another shape, or values that are not finite",
                     file.string(), name);
  }
}

/// Reads the tensors on one rank.
FeatureSet read_set(const std::filesystem::path& file, const FeatureKey& key, bool needs_all) {
  const TensorMap stored = load_safetensors(file);
  const int64_t n = key.count, d = key.dimension;
  require_tensor(stored, "mean", {d}, at::kDouble, file);
  require_tensor(stored, "covariance", {d, d}, at::kDouble, file);
  if (needs_all) require_tensor(stored, "features", {n, d}, at::kFloat, file);
  return {
      .statistics = {.count = n, .mean = stored.at("mean"), .covariance = stored.at("covariance")},
      .features = needs_all ? stored.at("features") : at::Tensor()};
}

void write_tensors(const TensorMap& tensors, const Metadata& metadata,
                   const std::filesystem::path& file) {
  create_cache_folder(file.parent_path());
  StagedPath staged(file);
  std::ofstream stream(staged.path(), std::ios::binary);
  write_safetensors(
      [&](std::span<const std::byte> bytes) {
        stream.write(reinterpret_cast<const char*>(bytes.data()),
                     static_cast<std::streamsize>(bytes.size()));
      },
      tensors, metadata);
  stream.close();
  if (!stream) throw Error("{}: cannot be written", file.string());
  staged.commit();
}

/// A failure is a warning.
void store_tensors(const TensorMap& tensors, const Metadata& metadata,
                   const std::filesystem::path& file) {
  try {
    write_tensors(tensors, metadata, file);
  } catch (const Error& error) {
    log_warning("the features of the images are not stored for the next time: {}", error.what());
  }
}

/// Part of the name of files with a floor: another one if the halves are drawn, or the distance is
/// computed, in another way.
constexpr int kFloorVersion = 2;

/// Identifies a key in the name of a file.
std::string hash_of(const FeatureKey& key) {
  std::string text = "features 2\n";
  for (const auto& [name, value] : metadata_of(key)) text += name + " " + value + "\n";
  return Hash().add(text).hex();
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

FeatureKey stored_key(const std::filesystem::path& file, Communicator& communicator) {
  const std::string text = text_from_rank_zero(communicator, [&] {
    const Metadata metadata = load_safetensors_metadata(file);
    key_of(metadata, file);
    return nlohmann::json(metadata).dump();
  });
  return key_of(nlohmann::json::parse(text).get<Metadata>(), file);
}

FeatureSet load_features(const std::filesystem::path& file, const FeatureKey& key, bool needs_all,
                         Communicator& communicator) {
  FeatureSet set;
  // The other ranks allocate memory only after rank 0 has compared the key with the file.
  on_rank_zero(communicator, [&] { set = read_set(file, key, needs_all); });
  if (communicator.rank() != 0) set = empty_set(key, needs_all);
  for (const auto& [name, tensor] : stored_tensors(set)) communicator.broadcast(tensor, 0);
  return set;
}

bool holds_all_features(const std::filesystem::path& file, Communicator& communicator) {
  const std::string answer = text_from_rank_zero(communicator, [&] {
    return std::string(load_safetensors_names(file).contains("features") ? "yes" : "no");
  });
  return answer == "yes";
}

std::filesystem::path FeatureCache::file_of(const FeatureKey& key) const {
  return folder_ / (hash_of(key) + ".features.safetensors");
}

std::filesystem::path FeatureCache::floor_file_of(const FeatureKey& key, int64_t half) const {
  return folder_ / fmt::format("{}.floor{}-{}.safetensors", hash_of(key), kFloorVersion, half);
}

std::optional<FeatureSet> FeatureCache::find(const FeatureKey& key, bool needs_all) {
  const std::filesystem::path file = file_of(key);
  const std::string is_there = text_from_rank_zero(
      communicator_, [&] { return std::filesystem::exists(file) ? "yes" : "no"; });
  if (is_there != "yes") return std::nullopt;
  try {
    if (needs_all && !holds_all_features(file, communicator_)) return std::nullopt;
    return load_features(file, key, needs_all, communicator_);
  } catch (const InputError& error) {
    if (communicator_.rank() == 0) log_warning("the features are computed again: {}", error.what());
    return std::nullopt;
  }
}

void FeatureCache::store(const FeatureKey& key, const FeatureSet& set) {
  on_rank_zero(communicator_,
               [&] { store_tensors(stored_tensors(set), metadata_of(key), file_of(key)); });
}

std::optional<double> FeatureCache::find_floor(const FeatureKey& key, int64_t half) {
  const at::Tensor distance = at::full({1}, std::nan(""), at::kDouble);
  on_rank_zero(communicator_, [&] {
    const std::filesystem::path file = floor_file_of(key, half);
    if (!std::filesystem::exists(file)) return;
    try {
      const TensorMap stored = load_safetensors(file);
      require_tensor(stored, "distance", {1}, at::kDouble, file);
      distance.copy_(stored.at("distance"));
    } catch (const InputError& error) {
      log_warning("the distance between halves is computed again: {}", error.what());
    }
  });
  communicator_.broadcast(distance, 0);
  const auto found = distance.item<double>();
  return std::isnan(found) ? std::nullopt : std::optional(found);
}

void FeatureCache::store_floor(const FeatureKey& key, int64_t half, double distance) {
  const TensorMap tensors{{"distance", at::full({1}, distance, at::kDouble)}};
  on_rank_zero(communicator_,
               [&] { store_tensors(tensors, metadata_of(key), floor_file_of(key, half)); });
}

}  // namespace gm
