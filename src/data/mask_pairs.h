/// Which mask of a folder belongs to which image.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace gm {

/// The PNG files of `folder` that are the masks of `images` images, in the images' order.
///
/// Images with `names` (image_names(): paths without the ending) have masks of their name: the
/// same name, or with one prefix or suffix that is the same for all (`7_mask.png` for `7.jpg`), or
/// one that differs in leading zeros alone. The masks may lie in sub-folders like the images', or
/// all in `folder` itself where no two images of different sub-folders have one name. Masks that
/// belong to no image are rejected.
///
/// Images without names take as many masks as there are images, in the order of the masks' names.
///
/// Throws InputError, naming the images without a mask and saying what to do, when there is not one
/// mask for each image, or more than one way to see which belongs to which.
std::vector<std::filesystem::path> masks_of_images(const std::filesystem::path& folder,
                                                   int64_t images,
                                                   const std::vector<std::string>& names);

}  // namespace gm
