#include "run/sample_outputs.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>

#include <algorithm>

#include "base/error.h"
#include "base/log.h"
#include "base/lower_case.h"
#include "base/output.h"
#include "image/image_grid.h"

namespace gm {
namespace {

std::unique_ptr<SampleFolder> make_folder(const SampleOutputsOptions& options,
                                          const SampleSettings& settings) {
  if (options.images.empty()) return nullptr;
  SampleFiles files(options.images, options.count,
                    options.input != nullptr ? options.input->names : std::vector<std::string>{});
  files.require_apart(options.mask, {options.out, options.trajectory});
  return std::make_unique<SampleFolder>(std::move(files), options.shape, settings);
}

/// The original, the masked and the inpainted images of a batch.
at::Tensor inpainting_frames(const InpaintInput& input, const PixelBatch& batch) {
  const at::Tensor before = images_before_inpainting(input.masked.at(batch.indices));
  return at::cat({to_pixels(before), batch.pixels}, /*dim=*/2);
}

/// Throws InputError if there are more samples than a grid shows, and they go nowhere else.
std::unique_ptr<SampleGrid> make_grid(const SampleOutputsOptions& options) {
  SampleGridOptions grid{.path = options.out, .columns = options.columns};
  if (const InpaintInput* const input = options.input) {
    grid.labels = inpainting_labels();
    grid.frame = [input](const PixelBatch& batch) { return inpainting_frames(*input, batch); };
  }
  const int64_t most = largest_grid(options.shape, std::max<int64_t>(1, std::ssize(grid.labels)));
  if (options.count > most && options.images.empty()) {
    throw InputError(
        "{} images are too many for a grid, which shows at most {}: write them to an HDF5 file "
        "(--out FILE.h5) or a folder (--images FOLDER), or set --count to at most {}",
        options.count, most, most);
  }
  grid.count = std::min(options.count, most);
  return std::make_unique<SampleGrid>(std::move(grid));
}

}  // namespace

bool is_hdf5_output(const std::string& out) {
  const std::string ending = extension_of(out);
  return ending == ".h5" || ending == ".hdf5";
}

SampleOutputs::SampleOutputs(const SampleOutputsOptions& options, const SampleSettings& settings)
    : options_(options) {
  progress_.emplace("sampling", options.count);
  folder_ = make_folder(options, settings);
  if (is_hdf5_output(options.out)) {
    hdf5_ = std::make_unique<SampleHdf5>(SampleHdf5Options{.path = options.out,
                                                           .count = options.count,
                                                           .shape = options.shape,
                                                           .classes = options.classes},
                                         settings);
  } else {
    grid_ = make_grid(options);
  }
}

bool SampleOutputs::needs(int64_t index) {
  const auto found = folder_ ? folder_->find(index) : std::nullopt;
  const bool is_shown = grid_ && grid_->needs(index);
  if (is_shown && found) grid_->take({at::full({1}, index, at::kLong), found->unsqueeze(0)});
  const bool is_needed =
      (folder_ && !found) || (hdf5_ && hdf5_->needs(index)) || (is_shown && !found);
  if (!is_needed) {
    ++finished_;
    progress_->skip();
  }
  return is_needed;
}

void SampleOutputs::take(const PixelBatch& batch) {
  if (folder_) folder_->take(batch);
  if (hdf5_) hdf5_->take(batch);
  if (grid_) grid_->take(batch);
  finished_ += batch.indices.numel();
  progress_->advance(batch.indices.numel());
}

void SampleOutputs::report_stop() {
  progress_.reset();
  log_info("{} of {} images are finished; the same command makes the others", finished_,
           options_.count);
}

void SampleOutputs::finish_files() {
  progress_.reset();
  if (hdf5_) hdf5_->finish();
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
