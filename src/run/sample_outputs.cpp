#include "run/sample_outputs.h"

#include <ATen/ops/cat.h>

#include <algorithm>

#include "base/error.h"
#include "base/log.h"
#include "base/lower_case.h"
#include "base/output.h"
#include "image/image_grid.h"

namespace gm {
namespace {

std::shared_ptr<SampleFolder> make_folder(const SampleOutputsOptions& options,
                                          const SampleSettings& settings) {
  if (options.images.empty()) return nullptr;
  SampleFiles files(options.images, options.count,
                    options.input != nullptr ? options.input->names : std::vector<std::string>{});
  files.require_apart(options.mask, {options.out, options.trajectory});
  return std::make_shared<SampleFolder>(std::move(files), options.shape, settings);
}

/// The original, the masked and the inpainted images of a batch.
at::Tensor inpainting_frames(const InpaintInput& input, const PixelBatch& batch) {
  const at::Tensor before = images_before_inpainting(input.masked.at(batch.indices));
  return at::cat({to_pixels(before), batch.pixels}, /*dim=*/2);
}

/// Throws InputError if there are more samples than a grid shows, and they go nowhere else.
std::shared_ptr<SampleGrid> make_grid(const SampleOutputsOptions& options,
                                      const std::shared_ptr<SampleFolder>& folder) {
  SampleGridOptions grid{.path = options.out, .columns = options.columns};
  if (const InpaintInput* const input = options.input) {
    grid.labels = inpainting_labels();
    grid.frame = [input](const PixelBatch& batch) { return inpainting_frames(*input, batch); };
  }
  const int64_t most = largest_grid(options.shape, std::max<int64_t>(1, std::ssize(grid.labels)));
  if (options.count > most && !folder) {
    throw InputError(
        "{} images are too many for a grid, which shows at most {}: write them to an HDF5 file "
        "(--out FILE.h5) or a folder (--images FOLDER), or set --count to at most {}",
        options.count, most, most);
  }
  grid.count = std::min(options.count, most);
  if (folder) grid.find = [folder](int64_t index) { return folder->find(index); };
  return std::make_shared<SampleGrid>(std::move(grid));
}

}  // namespace

bool is_hdf5_output(const std::string& out) {
  const std::string ending = extension_of(out);
  return ending == ".h5" || ending == ".hdf5";
}

SampleOutputs::SampleOutputs(const SampleOutputsOptions& options, const SampleSettings& settings)
    : options_(options) {
  progress_.emplace("sampling", options.count);
  const auto folder = make_folder(options, settings);
  if (folder) files_.push_back(folder);
  if (is_hdf5_output(options.out)) {
    files_.push_back(std::make_shared<SampleHdf5>(SampleHdf5Options{.path = options.out,
                                                                    .count = options.count,
                                                                    .shape = options.shape,
                                                                    .classes = options.classes},
                                                  settings));
  } else {
    grid_ = make_grid(options, folder);
  }
}

bool SampleOutputs::needs(int64_t index) {
  bool is_needed = grid_ && grid_->needs(index);
  for (const auto& file : files_) {
    if (file->needs(index)) is_needed = true;
  }
  if (!is_needed) progress_->skip();
  return is_needed;
}

void SampleOutputs::take(const PixelBatch& batch) {
  for (const auto& file : files_) file->take(batch);
  if (grid_) grid_->take(batch);
  progress_->advance(batch.indices.numel());
}

void SampleOutputs::finish_files() {
  progress_.reset();
  for (const auto& file : files_) file->finish();
  if (!options_.images.empty()) log_info("each image is also in {}", options_.images);
  if (!grid_) log_info("{} images in {}", options_.count, options_.out);
  if (grid_ && !is_stdout(options_.out)) finish_grid();
}

void SampleOutputs::finish_stdout() {
  if (grid_ && is_stdout(options_.out)) finish_grid();
}

void SampleOutputs::finish_grid() {
  grid_->finish();
  const std::string all = fmt::format("{} images in {}", options_.count, options_.out);
  log_info("{}", grid_->count() < options_.count
                     ? fmt::format("the first {} of {}", grid_->count(), all)
                     : all);
}

}  // namespace gm
