#include "run/inpaint_input.h"

#include <memory>

#include "base/error.h"
#include "comm/consistency.h"
#include "data/mask_pairs.h"
#include "data/pack_folder_to_cache.h"
#include "run/datasets.h"
#include "run/prepare_data.h"

namespace gm {
namespace {

void require_not_the_same(const std::string& folder, const std::filesystem::path& originals) {
  std::error_code nothing_there;
  if (!std::filesystem::equivalent(folder, originals, nothing_there)) return;
  throw InputError(
      "--images {}: the files read from there would be overwritten; name another folder", folder);
}

bool has_folder_of_masks(const InpaintRequest& request) {
  std::error_code nothing_there;
  return std::filesystem::is_directory(request.mask.path, nothing_there);
}

/// A folder of masks that the user names has one for each image; that of a run is drawn from.
bool are_masks_paired(const InpaintRequest& request) {
  return request.names_mask && has_folder_of_masks(request);
}

MaskedDataset with_masks(const InpaintRequest& request, std::shared_ptr<const ImageDataset> images,
                         const std::vector<std::string>& names) {
  if (!are_masks_paired(request)) return {std::move(images), request.mask, request.seed};
  const ImageShape shape = images->shape();
  const auto files = masks_of_images(request.mask.path, images->size(), names);
  return {std::move(images), MaskSource(files, shape.height, shape.width)};
}

}  // namespace

void require_another_folder(const std::string& folder, const InpaintRequest& request) {
  require_not_the_same(folder, folder_of_images(request.images));
  if (has_folder_of_masks(request)) require_not_the_same(folder, request.mask.path);
}

InpaintInput open_inpaint_input(const InpaintRequest& request, const LoadedRun& run,
                                Communicator& communicator) {
  const ImageChoice choice{.path = request.images, .part = Part::kAll};
  const std::string packed = prepare_data(run, choice, communicator);
  const auto images = open_images(packed, run, choice, communicator);
  std::vector<std::string> names = image_names(request.images);
  if (!names.empty() && std::ssize(names) != images->size())
    throw InputError("{}: changed while it was read; start again", request.images);
  MaskedDataset masked = with_masks(request, images, names);
  require_same_everywhere(communicator, "the masks", masked.masks_hash());
  return {std::move(masked), std::move(names), are_masks_paired(request)};
}

}  // namespace gm
