/// Opens the datasets for training, sampling and evaluation.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "comm/communicator.h"
#include "data/image_dataset.h"
#include "data/mask_config.h"
#include "data/shard_order.h"
#include "run/load_run.h"
#include "run/prepare_data.h"

namespace gm {

/// A part of the images at `packed`, the result of prepare_data() for `config`. Without a `part`:
/// the held-out images or, if there are none, all images. All ranks get the same. Throws InputError
/// when the images cannot be used, or are not of config.image_size.
std::shared_ptr<const ImageDataset> open_dataset(const std::string& packed,
                                                 const DataConfig& config, std::optional<Part> part,
                                                 Communicator& communicator);

/// The images at `packed`, the result of prepare_data() for `choice`. Throws InputError when they
/// do not fit the model of the run.
std::shared_ptr<const ImageDataset> open_images(const std::string& packed, const LoadedRun& run,
                                                const ImageChoice& choice,
                                                Communicator& communicator);

/// All images at `packed`, of any size: to compare the distribution of samples with.
std::shared_ptr<const ImageDataset> open_references(const std::string& packed,
                                                    Communicator& communicator);

/// The images that `run` was trained on; packs them again if the packed copy was deleted. Throws
/// InputError when they are missing or have changed. Called by all ranks.
std::shared_ptr<const ImageDataset> open_training_part(const LoadedRun& run,
                                                       Communicator& communicator);

/// Throws InputError on every rank, which names a rank and its file, unless every rank has the
/// files with the images that it reads; `needed` may differ between ranks. Only files that a
/// manifest describes can be missing (data/image_manifest.h). Called by all ranks.
void require_files_on_ranks(const ImageDataset& dataset, const IndexRange& needed,
                            Communicator& communicator);

/// Throws InputError, with a hint how to pack them, unless the images have the shape that the model
/// of `run` expects.
void require_fit(const ImageDataset& images, const LoadedRun& run);

/// Throws InputError unless `run` was trained on these images, and its mask files are unchanged.
void require_training_images(const ImageDataset& images, const LoadedRun& run);

/// `mask`, changed to the masks that a user names: a kind of mask.kind, or a path to mask files.
/// Empty changes nothing. Throws InputError when the name is neither.
MaskConfig override_mask(MaskConfig mask, const std::string& kind_or_path);

}  // namespace gm
