#include "data/image_manifest.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "base/bounded_json.h"
#include "base/error.h"
#include "base/files.h"
#include "data/folder_entries.h"
#include "data/hdf5_image_format.h"

namespace gm {
namespace fs = std::filesystem;
namespace {

using Json = nlohmann::json;

constexpr int64_t kManifestVersion = 1;
constexpr size_t kManifestLimitBytes = 32 << 20;
/// An object with an array of objects with an array of arrays.
constexpr int kManifestDepth = 5;
constexpr int64_t kMostImages = int64_t{1} << 40;
constexpr int64_t kMostBytes = int64_t{1} << 60;

/// Reads the fields of an object; every error names the file and the field.
class FieldReader {
 public:
  FieldReader(const Json& object, std::string where) : object_(object), where_(std::move(where)) {}

  const Json& field(const char* name, Json::value_t type) const {
    const auto found = object_.is_object() ? object_.find(name) : object_.end();
    if (found == object_.end() || found->type() != type) refuse(name);
    return *found;
  }
  int64_t integer(const char* name, int64_t least, int64_t most) const {
    return integer(object_.is_object() && object_.contains(name) ? object_.at(name) : Json(), name,
                   least, most);
  }
  bool flag(const char* name) const { return field(name, Json::value_t::boolean).get<bool>(); }
  std::string text(const char* name) const {
    return field(name, Json::value_t::string).get<std::string>();
  }
  const Json& array(const char* name) const { return field(name, Json::value_t::array); }
  double fraction(const char* name) const {
    const bool is_number = object_.contains(name) && object_.at(name).is_number();
    const double value = is_number ? object_.at(name).get<double>() : -1;
    if (!(value >= 0 && value < 1)) refuse(name);
    return value;
  }
  /// An array of `count` integers.
  std::vector<int64_t> integers(const Json& array, const char* name, size_t count, int64_t least,
                                int64_t most) const {
    if (!array.is_array() || array.size() != count) refuse(name);
    std::vector<int64_t> values;
    for (const Json& value : array) values.push_back(integer(value, name, least, most));
    return values;
  }
  [[noreturn]] void refuse(const char* name) const {
    throw InputError(
        "{}: \"{}\" is missing or not possible; write it again with gm_data manifest, or remove it",
        where_, name);
  }

 private:
  int64_t integer(const Json& value, const char* name, int64_t least, int64_t most) const {
    // An unsigned value above INT64_MAX would become negative.
    const bool fits = value.is_number_integer() &&
                      (!value.is_number_unsigned() || value.get<uint64_t>() <= INT64_MAX);
    if (!fits || value.get<int64_t>() < least || value.get<int64_t>() > most) refuse(name);
    return value.get<int64_t>();
  }

  const Json& object_;
  std::string where_;
};

Json to_json(const ImageManifest::File& file) {
  Json counts = Json::array();
  for (const auto& [label, training, held_out] : file.counts)
    counts.push_back({label, training, held_out});
  return {
      {"name", file.name},     {"format_version", file.format_version}, {"bytes", file.bytes},
      {"images", file.images}, {"content_hash", file.content_hash},     {"holdout", file.holdout},
      {"counts", counts}};
}

/// One line per file, for people who read or compare manifests.
std::string to_text(const ImageManifest& manifest) {
  const auto& [height, width, channels] = manifest.traits.shape;
  std::string files;
  for (const auto& file : manifest.files)
    files += fmt::format("{}\n  {}", files.empty() ? "" : ",", to_json(file).dump());
  return fmt::format(
      "{{\"format_version\": {},\n\"shape\": {},\n\"labels\": {},\n\"classes\": {},\n"
      "\"held_out\": {},\n\"files\": [{}\n]}}\n",
      kManifestVersion, Json{height, width, channels}.dump(), manifest.traits.has_labels,
      Json(manifest.traits.classes).dump(), manifest.traits.has_held_out, files);
}

std::vector<ImageManifest::Count> read_counts(const FieldReader& reader) {
  std::vector<ImageManifest::Count> counts;
  for (const Json& entry : reader.array("counts")) {
    const auto values = reader.integers(entry, "counts", 3, INT64_MIN, INT64_MAX);
    counts.push_back({values[0], values[1], values[2]});
  }
  return counts;
}

/// Whether the counts belong to that many images, one count for each label.
bool are_counts_of(int64_t images, const ImageManifest& manifest,
                   const std::vector<ImageManifest::Count>& counts) {
  const ImageManifest::Count* previous = nullptr;
  int64_t left = images;
  for (const auto& count : counts) {
    for (const int64_t part : {count.training, count.held_out}) {
      if (part < 0 || part > left) return false;
      left -= part;
    }
    const bool is_sorted = previous == nullptr || previous->label < count.label;
    const bool has_label = manifest.traits.has_labels || count.label == 0;
    const bool has_part = manifest.traits.has_held_out || count.held_out == 0;
    if (!is_sorted || !has_label || !has_part) return false;
    previous = &count;
  }
  return left == 0;
}

ImageManifest::File read_entry(const FieldReader& reader, const ImageManifest& manifest) {
  ImageManifest::File file{
      .name = reader.text("name"),
      .format_version = reader.integer("format_version", Hdf5Images::kFormatVersion,
                                       Hdf5Images::kHoldoutFormatVersion),
      .bytes = reader.integer("bytes", 1, kMostBytes),
      .images = reader.integer("images", 1, kMostImages),
      .content_hash = reader.text("content_hash"),
      .holdout = reader.fraction("holdout"),
      .counts = read_counts(reader)};
  // The name must not lead out of the folder.
  if (!is_hdf5_name(file.name) || fs::path(file.name).filename() != file.name)
    reader.refuse("name");
  const bool follows = manifest.files.empty() || manifest.files.back().name < file.name;
  if (!follows) reader.refuse("name");
  const bool is_hash = file.content_hash.size() == hdf5_image_format::kHashDigits &&
                       file.content_hash.find_first_not_of("0123456789abcdef") == std::string::npos;
  if (!is_hash) reader.refuse("content_hash");
  if (!are_counts_of(file.images, manifest, file.counts)) reader.refuse("counts");
  return file;
}

ImageTraits read_traits(const FieldReader& reader) {
  const auto shape =
      reader.integers(reader.array("shape"), "shape", 3, 1, hdf5_image_format::kLargestSide);
  ImageTraits traits{.shape = {shape[0], shape[1], shape[2]},
                     .has_labels = reader.flag("labels"),
                     .has_held_out = reader.flag("held_out")};
  if (!hdf5_image_format::is_possible(traits.shape)) reader.refuse("shape");
  for (const Json& name : reader.array("classes")) {
    if (!name.is_string()) reader.refuse("classes");
    traits.classes.push_back(name.get<std::string>());
  }
  return traits;
}

ImageManifest parse_image_manifest(const std::string& text, const std::string& where) {
  const Json json = parse_bounded_object(text, kManifestDepth);
  if (json.is_null()) {
    throw InputError(
        "{}: is not a manifest of image files; write it with gm_data manifest, or remove it",
        where);
  }
  const FieldReader reader(json, where);
  const int64_t version = reader.integer("format_version", 1, INT64_MAX);
  if (version != kManifestVersion) {
    throw InputError(
        "{}: has format version {}, but this program reads version {}; write it again with this "
        "program's gm_data manifest",
        where, version, kManifestVersion);
  }
  ImageManifest manifest{.traits = read_traits(reader), .files = {}};
  int64_t images = 0;
  for (const Json& entry : reader.array("files")) {
    const FieldReader entry_reader(entry, fmt::format("{}: file {}", where, manifest.files.size()));
    manifest.files.push_back(read_entry(entry_reader, manifest));
    images += manifest.files.back().images;
    if (images > kMostImages) entry_reader.refuse("images");
  }
  if (manifest.files.empty()) reader.refuse("files");
  return manifest;
}

/// Files that are not listed would silently not be trained on.
void refuse_unlisted_files(const fs::path& folder, const ImageManifest& manifest) {
  for (const fs::path& path : entries_of(folder).files) {
    const std::string name = path.filename().string();
    if (!is_hdf5_name(path) ||
        std::ranges::binary_search(manifest.files, name, {}, &ImageManifest::File::name)) {
      continue;
    }
    throw InputError(
        "{}: does not list {}, which is in the folder; write it again with gm_data manifest, or "
        "move the file away",
        (folder / kImageManifestName).string(), name);
  }
}

}  // namespace

ImageTraits traits_of(const Hdf5Images& file) {
  return {.shape = file.shape(),
          .has_labels = file.has_labels(),
          .has_held_out = file.has_held_out(),
          .classes = file.classes()};
}

void require_alike(const ImageTraits& first, const fs::path& first_path, const ImageTraits& other,
                   const fs::path& other_path) {
  if (first == other) return;
  const auto describe = [](const ImageTraits& traits) {
    const auto& [height, width, channels] = traits.shape;
    return fmt::format("[{},{},{}], {} labels, classes [{}], {} held out", height, width, channels,
                       traits.has_labels ? "with" : "without", fmt::join(traits.classes, ","),
                       traits.has_held_out ? "some" : "none");
  };
  throw InputError("{} holds images {}, but {} holds {}; the files of a folder must be alike",
                   other_path.string(), describe(other), first_path.string(), describe(first));
}

ImageManifest::File describe_file(const Hdf5Images& file) {
  const std::vector<int64_t> labels = file.labels();
  const std::vector<uint8_t> held_out = file.held_out();
  std::map<int64_t, ImageManifest::Count> counts;
  for (size_t i = 0; i < static_cast<size_t>(file.size()); ++i) {
    const int64_t label = labels.empty() ? 0 : labels[i];
    ImageManifest::Count& count = counts[label];
    count.label = label;
    ++(!held_out.empty() && held_out[i] == 1 ? count.held_out : count.training);
  }
  ImageManifest::File entry{.name = file.path().filename().string(),
                            .format_version = file.format_version(),
                            .bytes = static_cast<int64_t>(fs::file_size(file.path())),
                            .images = file.size(),
                            .content_hash = file.content_hash(),
                            .holdout = file.holdout()};
  for (const auto& [label, count] : counts) entry.counts.push_back(count);
  return entry;
}

ImageManifest describe_folder(const fs::path& folder) {
  if (!fs::is_directory(folder)) {
    throw InputError("{}: is not a folder; a manifest describes the HDF5 files of a folder",
                     folder.string());
  }
  ImageManifest manifest;
  for (const fs::path& path : hdf5_files_in(folder)) {
    const Hdf5Images file(path);
    const ImageTraits traits = traits_of(file);
    if (manifest.files.empty())
      manifest.traits = traits;
    else
      require_alike(manifest.traits, folder / manifest.files.front().name, traits, path);
    manifest.files.push_back(describe_file(file));
  }
  return manifest;
}

void write_manifest(const fs::path& folder, const ImageManifest& manifest) {
  const fs::path path = folder / kImageManifestName;
  std::string text;
  try {
    text = to_text(manifest);
  } catch (const Json::type_error&) {
    throw InputError("{}: names of classes or files are not UTF-8, which a manifest needs",
                     folder.string());
  }
  if (text.size() > kManifestLimitBytes) {
    throw InputError("{}: would have {} bytes, but at most {} are read; use fewer files or labels",
                     path.string(), text.size(), kManifestLimitBytes);
  }
  write_file_atomically(path, text);
}

std::optional<ImageManifest> read_manifest(const fs::path& folder) {
  const fs::path path = folder / kImageManifestName;
  std::error_code nothing_there;
  if (fs::symlink_status(path, nothing_there).type() == fs::file_type::not_found)
    return std::nullopt;
  require_regular_file(path);
  ImageManifest manifest =
      parse_image_manifest(read_file(path, kManifestLimitBytes), path.string());
  refuse_unlisted_files(folder, manifest);
  return manifest;
}

void require_described(const Hdf5Images& file, const ImageTraits& traits,
                       const ImageManifest::File& entry) {
  const auto require_equal = [&](const char* what, const auto& found, const auto& expected) {
    if (found == expected) return;
    throw InputError(
        "{}: is not the file that {} describes: {} {}, but {} is expected; copy the file again, "
        "or describe the files that are there with gm_data manifest {}",
        file.path().string(), kImageManifestName, what, found, expected,
        file.path().parent_path().string());
  };
  const ImageTraits found = traits_of(file);
  const auto text_of = [](const ImageShape& shape) {
    return fmt::format("[{},{},{}]", shape.height, shape.width, shape.channels);
  };
  require_equal("shape", text_of(found.shape), text_of(traits.shape));
  require_equal("number of images", file.size(), entry.images);
  require_equal("length in bytes", static_cast<int64_t>(fs::file_size(file.path())), entry.bytes);
  require_equal("format version", file.format_version(), entry.format_version);
  require_equal("labels", found.has_labels, traits.has_labels);
  require_equal("held-out images", found.has_held_out, traits.has_held_out);
  require_equal("classes", fmt::format("{}", fmt::join(found.classes, ",")),
                fmt::format("{}", fmt::join(traits.classes, ",")));
  require_equal("holdout", file.holdout(), entry.holdout);
  require_equal("content hash", file.content_hash(), entry.content_hash);
}

}  // namespace gm
