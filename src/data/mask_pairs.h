/// Assigns the masks of a folder to images.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace gm {

/// The PNG files of `folder` that are the masks of `images` images, in the order of the images.
/// For images with `names` (image_names(): paths without the extension), a mask has the name of its
/// image, optionally with one prefix or suffix that is the same for all masks (`7_mask.png` for
/// `7.jpg`), or a name that differs only in leading zeros. The masks may be in the same sub-folders
/// as the images, or all in `folder` itself if the image names are unique without their
/// sub-folders. Masks without an image are ignored if every image has a mask.
/// For images without names, the number of masks must equal the number of images; masks are
/// assigned in the order of their names.
/// Throws InputError, which lists the images without a mask and says what to do, when an image has
/// no mask, or when the assignment is ambiguous.
std::vector<std::filesystem::path> masks_of_images(const std::filesystem::path& folder,
                                                   int64_t images,
                                                   const std::vector<std::string>& names);

}  // namespace gm
