// gm_data: packs images into HDF5 files, describes and verifies such files, and draws masks.
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/enum_names.h"
#include "base/error.h"
#include "base/files.h"
#include "base/log.h"
#include "base/output.h"
#include "comm/run_program.h"
#include "config/command_line.h"
#include "config/option_values.h"
#include "config/schema.h"
#include "config/toml.h"
#include "data/image_dataset.h"
#include "data/image_manifest.h"
#include "data/label_counts.h"
#include "data/mask_shapes.h"
#include "data/masks.h"
#include "data/pack/pack.h"
#include "image/image_grid.h"

namespace gm {
namespace {

struct MasksCommand {
  std::vector<std::string> settings;
  std::filesystem::path output;
  int64_t count = 12;
};

struct Command {
  PackOptions pack;
  int background = -1;
  std::filesystem::path path;
  bool as_json = false;
  MasksCommand masks;
};

void describe_pack(CLI::App& pack, Command& command) {
  PackOptions& options = command.pack;
  pack.add_option("input", options.input,
                  "A folder of JPEG and PNG files, with one sub-folder per class; or an IDX file "
                  "(.gz or not), with its label file in the same folder")
      ->transform(a_path())
      ->required();
  pack.add_option("-o,--out", options.output,
                  "The output file; a folder, with a manifest, when --shards is given")
      ->transform(a_path())
      ->required();
  pack.add_option("--size", options.size,
                  "Height and width in pixels; the size of an IDX file's images when not given")
      ->transform(whole_number(1, 8192));
  add_choice<Fit>(pack, "--fit", options.fit,
                  "How an image is made square: crop (the centre; the default), pad (shrunk if too "
                  "large, never "
                  "enlarged, with a black border) or squash");
  pack.add_option("--classes", options.classes, "Classes to keep, separated by commas, or all")
      ->capture_default_str();
  pack.add_option("--shards", options.shards, "Number of files to spread the images over")
      ->transform(whole_number(1, 99999))
      ->capture_default_str();
  pack.add_option("--holdout", options.holdout,
                  "Fraction of the images that is kept from training, for evaluation; chosen by "
                  "content, so equal images are in the same part")
      ->transform(number(0.0, 0.9))
      ->capture_default_str();
  pack.add_option("-j,--jobs", options.jobs,
                  "Number of threads; one per available core when not given")
      ->transform(whole_number(1, 1024));
  pack.add_option("--background", command.background,
                  "Grey value, 0 (black) to 255 (white), behind transparent pixels; when not "
                  "given, images with transparent pixels are refused")
      ->transform(whole_number(0, 255));
  pack.add_flag("--grey", options.grey, "One channel instead of three");
  pack.add_flag("--skip-bad", options.skip_bad,
                "Skip and count images that cannot be used, instead of failing");
}

void pack(Command& command) {
  if (command.background >= 0) command.pack.background = static_cast<uint8_t>(command.background);
  const PackReport report = pack_images(command.pack);
  for (const std::string& remark : report.remarks)
    log_info("{}: {}", command.pack.input.string(), remark);
  if (report.skipped > 0) {
    log_info("skipped {} images:\n  {}{}", report.skipped, fmt::join(report.problems, "\n  "),
             report.skipped > std::ssize(report.problems) ? "\n  ..." : "");
  }
  print(fmt::format("{}: {} images of {} x {} x {} in {:.1f} s ({:.0f}/s)\n",
                    command.pack.output.string(), report.packed, report.shape.height,
                    report.shape.width, report.shape.channels, report.seconds,
                    static_cast<double>(report.packed) / report.seconds));
  if (command.pack.holdout > 0)
    print(fmt::format("{} of them are kept from training\n", report.held_out));
}

/// Number of held-out images.
int64_t held_out_images(const ImageDataset& dataset) {
  int64_t count = 0;
  for (size_t f = 0; f < dataset.file_count(); ++f)
    count += std::ranges::count(dataset.file(f).held_out(), 1);
  return count;
}

std::string as_json(const ImageDataset& dataset) {
  auto classes = nlohmann::ordered_json::array();
  const LabelCounts counts = count_labels(dataset);
  for (size_t c = 0; c < counts.of_classes.size(); ++c)
    classes.push_back({{"name", dataset.classes()[c]}, {"images", counts.of_classes[c]}});
  auto others = nlohmann::ordered_json::array();
  for (const auto& [label, images] : counts.of_others)
    others.push_back({{"label", label}, {"images", images}});
  auto files = nlohmann::ordered_json::array();
  for (size_t f = 0; f < dataset.file_count(); ++f) {
    const Hdf5Images& file = dataset.file(f);
    files.push_back({{"path", file.path().string()},
                     {"images", file.size()},
                     {"contiguous", file.is_contiguous()},
                     {"content_hash", file.content_hash()},
                     {"holdout", file.holdout()},
                     {"verifiable", file.has_content_hash()}});
  }
  const auto& shape = dataset.shape();
  const nlohmann::ordered_json info{{"images", dataset.size()},
                                    {"height", shape.height},
                                    {"width", shape.width},
                                    {"channels", shape.channels},
                                    {"labels", dataset.has_labels()},
                                    {"classes", classes},
                                    {"labels_without_class", others},
                                    {"held_out", held_out_images(dataset)},
                                    {"content_hash", dataset.content_hash()},
                                    {"files", files}};
  // Class names that are not UTF-8 (possible in files not made by gm_data) are replaced by valid
  // text.
  using Json = nlohmann::ordered_json;
  return info.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string as_table(const ImageDataset& dataset) {
  const auto& shape = dataset.shape();
  std::string text = fmt::format("images  {} of {} x {}, {}\n", dataset.size(), shape.height,
                                 shape.width, shape.channels == 1 ? "grey" : "RGB");
  const LabelCounts counts = count_labels(dataset);
  for (size_t c = 0; c < counts.of_classes.size(); ++c) {
    text += fmt::format("{}  {}: {}\n", c == 0 ? "classes " : "        ", dataset.classes()[c],
                        counts.of_classes[c]);
  }
  if (counts.of_classes.empty()) text += "classes   none\n";
  if (!counts.of_others.empty())
    text += fmt::format("no class  {}\n", describe_labels(counts.of_others));
  text += fmt::format("held out  {}\n", held_out_images(dataset));
  for (size_t f = 0; f < dataset.file_count(); ++f) {
    const Hdf5Images& file = dataset.file(f);
    text +=
        fmt::format("file      {}: {} images, {}, hash {}{}\n", file.path().string(), file.size(),
                    file.is_contiguous() ? "contiguous" : "read through HDF5", file.content_hash(),
                    file.has_content_hash() ? "" : " (of a sample; the file stores none)");
  }
  return text;
}

void info(const Command& command) {
  const ImageDataset dataset(command.path);
  print(command.as_json ? as_json(dataset) : as_table(dataset));
}

void verify(const Command& command) {
  const ImageDataset dataset(command.path);
  dataset.verify();
  print(fmt::format("{}: {} images are what was packed\n", command.path.string(), dataset.size()));
}

/// Writes a new manifest, also if there is one that no longer fits.
void manifest(const Command& command) {
  const std::filesystem::path file = command.path / kImageManifestName;
  const ImageManifest described = describe_folder(command.path);
  require_writable(file);
  write_manifest(command.path, described);
  print(fmt::format("{}: describes {} files\n", file.string(), described.files.size()));
}

void describe_masks(CLI::App& masks, MasksCommand& command) {
  masks
      .add_option("settings", command.settings,
                  "A configuration file or the directory of a run, keys such as "
                  "mask.coverage_max=0.3, which override it, or both; without a file and without "
                  "mask.kind, every kind of drawn mask")
      ->transform(a_path());
  masks.add_option("-o,--out", command.output, "The output PNG file; - for stdout")
      ->transform(a_path())
      ->required();
  masks.add_option("--count", command.count, "Number of masks of each kind")
      ->transform(whole_number(1, 1000))
      ->capture_default_str();
}

/// One row of masks of one kind.
at::Tensor row_of_masks(const RunConfig& config, int64_t count) {
  const MaskSource source(config.mask, config.data.image_size, config.data.image_size,
                          static_cast<uint64_t>(config.run.seed));
  return source.masks(at::arange(count, at::kLong));
}

void draw_masks(const MasksCommand& command) {
  const Positionals settings(command.settings);
  const std::string file = settings.name();
  RunConfig config = config_from(file);
  const Schema schema(config);
  bool kind_is_chosen = !file.empty();
  for (const std::string& setting : settings.assignments) {
    schema.set(parse_override(setting));
    kind_is_chosen = kind_is_chosen || setting.starts_with("mask.kind=");
  }
  check_outputs({{"--out", command.output, {".png"}}}, {config_file_of(file), config.mask.path});
  std::vector<MaskKind> kinds(kDrawnMaskKinds.begin(), kDrawnMaskKinds.end());
  if (kind_is_chosen) kinds = {config.mask.kind};
  std::vector<at::Tensor> rows;
  std::vector<std::string> names;
  for (const MaskKind kind : kinds) {
    names.emplace_back(name_of(kind));
    config.mask.kind = kind;
    rows.push_back(row_of_masks(config, command.count));
  }
  const at::Tensor pixels = at::cat(rows).mul(255).permute({0, 2, 3, 1}).to(at::kByte);
  write_image_grid(command.output, {pixels}, {.columns = command.count});
  const std::string report = fmt::format("{}: white is missing; one row for each of {}",
                                         command.output.string(), fmt::join(names, ", "));
  if (is_stdout(command.output))
    log_info("{}", report);
  else
    print(report + "\n");
}

int run(int argc, char** argv) {
  Command command;
  CLI::App app(
      "Packs images into HDF5 files that gm_train reads, describes and verifies such files, and "
      "draws masks.",
      "gm_data");
  app.set_version_flag("--version", "gm " GM_VERSION);
  app.require_subcommand(1);
  CLI::App* pack_command = app.add_subcommand("pack", "Pack a folder of images or an IDX file");
  describe_pack(*pack_command, command);
  CLI::App* info_command =
      app.add_subcommand("info", "Describe the content of a file, or of a folder of files");
  info_command->add_flag("--json", command.as_json, "Print JSON");
  CLI::App* verify_command = app.add_subcommand(
      "verify", "Check a file, or a folder of files, against the stored hashes and the manifest");
  CLI::App* manifest_command = app.add_subcommand(
      "manifest",
      "Describe the files of a folder in its manifest.json, so that a rank of a run needs only the "
      "files with its own images");
  for (CLI::App* reader : {info_command, verify_command, manifest_command}) {
    reader
        ->add_option("path", command.path,
                     reader == manifest_command ? "A folder of HDF5 files"
                                                : "An HDF5 file, or a folder of them")
        ->transform(a_path())
        ->required();
  }
  CLI::App* masks_command = app.add_subcommand("masks", "Draw examples of masks");
  describe_masks(*masks_command, command.masks);
  if (const auto answer = answer_or_parse(app, argc, argv)) {
    print(*answer);
    return kExitDone;
  }
  if (*pack_command) pack(command);
  if (*info_command) info(command);
  if (*verify_command) verify(command);
  if (*manifest_command) manifest(command);
  if (*masks_command) draw_masks(command.masks);
  return kExitDone;
}

}  // namespace
}  // namespace gm

int main(int argc, char** argv) {
  gm::run_alone([&] { return gm::run(argc, argv); });
}
