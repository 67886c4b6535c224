#include "data/mask_pairs.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <compare>
#include <map>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/list_names.h"
#include "data/folder_entries.h"
#include "data/mask_files.h"

namespace gm {
namespace fs = std::filesystem;
namespace {

/// Masks by name: the path in the mask folder, without the extension.
using Masks = std::multimap<std::string, fs::path>;

std::string folder_part(const std::string& name) { return name.substr(0, name.rfind('/') + 1); }
std::string stem_part(const std::string& name) { return name.substr(name.rfind('/') + 1); }

/// The masks in `folder` and in those of its sub-folders that also contain images.
Masks masks_for(const std::vector<std::string>& images, const fs::path& folder) {
  std::set<std::string> parts{""};
  for (const auto& image : images) parts.insert(folder_part(image));
  Masks masks;
  for (const auto& part : parts) {
    std::error_code nothing_there;
    if (!fs::is_directory(folder / part, nothing_there)) continue;
    for (const auto& path : entries_of(folder / part).files) {
      if (is_mask_file_name(path)) masks.emplace(part + path.stem().string(), path);
    }
  }
  if (masks.empty())
    throw InputError("{}: the folder holds no masks: no PNG files", folder.string());
  return masks;
}

/// `img_007` and `img_7` become the same name.
std::string without_leading_zeros(const std::string& name) {
  const auto is_digit = [&](size_t i) {
    return i < name.size() && std::isdigit(static_cast<unsigned char>(name[i])) != 0;
  };
  std::string text;
  bool in_number = false;
  for (size_t i = 0; i < name.size(); ++i) {
    if (!in_number && name[i] == '0' && is_digit(i + 1)) continue;
    in_number = is_digit(i);
    text.push_back(name[i]);
  }
  return text;
}

// ---- Names that share a prefix or suffix -------------------------------------------------------

/// The text before and after the name of an image in the name of its mask.
struct Affix {
  std::string prefix, suffix;

  std::string around(const std::string& image) const {
    return folder_part(image) + prefix + stem_part(image) + suffix;
  }
  auto operator<=>(const Affix&) const = default;
};

/// Whether a word or a number may end between the two characters: not inside `11` or `mask`.
bool is_boundary(char left, char right) {
  const auto is = [](int (*kind)(int), char c) { return kind(static_cast<unsigned char>(c)) != 0; };
  if (is(std::isdigit, left) || is(std::isdigit, right))
    return !is(std::isdigit, left) || !is(std::isdigit, right);
  const auto is_letter = [&](char c) {
    return is(std::isalpha, c) || static_cast<unsigned char>(c) >= 0x80;
  };
  if (!is_letter(left) || !is_letter(right)) return true;
  return is(std::islower, left) && is(std::isupper, right);
}

void add_affixes(const std::string& image, const std::string& mask, std::set<Affix>& affixes) {
  if (folder_part(image) != folder_part(mask)) return;
  const std::string inner = stem_part(image), outer = stem_part(mask);
  for (size_t at = outer.find(inner); at != std::string::npos; at = outer.find(inner, at + 1)) {
    const size_t end = at + inner.size();
    const bool begins = at == 0 || is_boundary(outer[at - 1], outer[at]);
    const bool ends = end == outer.size() || is_boundary(outer[end - 1], outer[end]);
    if (begins && ends) affixes.insert({outer.substr(0, at), outer.substr(end)});
  }
}

/// Candidates: the affixes that turn the name of one image into the name of a mask. Uses the
/// longest image name, because it matches the fewest masks. If it matches none, shorter names are
/// tried, so that an error message can list the few images without a mask.
std::set<Affix> possible_affixes(std::vector<std::string> images, const Masks& masks) {
  constexpr size_t kMaxTried = 32;
  std::ranges::stable_sort(images,
                           [](const auto& a, const auto& b) { return a.size() > b.size(); });
  images.resize(std::min(images.size(), kMaxTried));
  std::set<Affix> affixes;
  for (const auto& image : images) {
    for (const auto& [mask, path] : masks) add_affixes(image, mask, affixes);
    if (!affixes.empty()) break;
  }
  return affixes;
}

// ---- Pairs -------------------------------------------------------------------------------------

/// One possible assignment of masks to images.
struct Pairing {
  Affix affix;
  std::vector<fs::path> masks = {};  ///< For each image; empty if it has none.
  std::vector<size_t> without = {};  ///< Indices of the images without a mask.

  bool is_complete() const { return without.empty(); }
};

[[noreturn]] void throw_ambiguous(const std::string& image, const fs::path& one,
                                  const fs::path& other) {
  throw InputError("{} and {}: the names of both match image {}; remove one of them", one.string(),
                   other.string(), image);
}

/// Throws InputError when several masks match one image.
Pairing pair_up(const std::vector<std::string>& images, const Masks& masks, const Affix& affix) {
  Pairing pairing{.affix = affix};
  for (size_t i = 0; i < images.size(); ++i) {
    const auto [first, last] = masks.equal_range(affix.around(images[i]));
    pairing.masks.push_back(first == last ? fs::path() : first->second);
    if (first == last)
      pairing.without.push_back(i);
    else if (std::next(first) != last)
      throw_ambiguous(images[i], first->second, std::next(first)->second);
  }
  return pairing;
}

/// The assignment that gives a mask to every image or, if there is none, to the most images. Equal
/// names are preferred to names with an affix. Throws InputError when several complete assignments
/// exist.
Pairing best_pairing(const std::vector<std::string>& images, const Masks& masks) {
  Pairing best = pair_up(images, masks, {});
  if (best.is_complete()) return best;
  for (const Affix& affix : possible_affixes(images, masks)) {
    Pairing pairing = pair_up(images, masks, affix);
    if (best.is_complete() && pairing.is_complete())
      throw_ambiguous(images.front(), best.masks.front(), pairing.masks.front());
    if (pairing.without.size() < best.without.size()) best = std::move(pairing);
  }
  return best;
}

std::vector<std::string> without_leading_zeros(std::vector<std::string> names) {
  for (auto& name : names) name = without_leading_zeros(name);
  return names;
}

Masks without_leading_zeros(const Masks& masks) {
  Masks renamed;
  for (const auto& [name, path] : masks) renamed.emplace(without_leading_zeros(name), path);
  return renamed;
}

bool are_unique(std::vector<std::string> names) {
  std::ranges::sort(names);
  return std::ranges::adjacent_find(names) == names.end();
}

/// If all masks are in one folder, the folders of the images are ignored, provided that the image
/// names are unique without them.
std::vector<std::string> names_without_folders(const std::vector<std::string>& images,
                                               const Masks& masks) {
  std::vector<std::string> stems;
  for (const auto& image : images) stems.push_back(stem_part(image));
  const bool in_one_folder =
      std::ranges::all_of(masks, [](const auto& mask) { return folder_part(mask.first).empty(); });
  return in_one_folder && are_unique(stems) ? stems : images;
}

[[noreturn]] void throw_incomplete(const fs::path& folder, const std::vector<std::string>& images,
                                   const Masks& masks, const Pairing& pairing) {
  std::vector<std::string> without, unused;
  for (const size_t i : pairing.without) without.push_back(images[i]);
  const std::set<fs::path> used(pairing.masks.begin(), pairing.masks.end());
  for (const auto& [name, path] : masks) {
    if (!used.contains(path)) unused.push_back(path.lexically_relative(folder).string());
  }
  throw InputError(
      "{}: there is no mask {}.png; {} of the {} images have none ({}){}; a mask must have the "
      "name of its image, optionally with one prefix or suffix that is the same for all masks",
      folder.string(), pairing.affix.around(without.front()), without.size(), images.size(),
      list_names(without),
      unused.empty() ? "" : fmt::format(", and no image has the masks {}", list_names(unused)));
}

// ---- Images without names ----------------------------------------------------------------------

/// Pads the numbers in `name`, so that text order equals numeric order.
std::string with_wide_numbers(const std::string& name) {
  constexpr size_t kWidth = 20;
  std::string text, digits;
  for (const char c : name + '\0') {
    if (std::isdigit(static_cast<unsigned char>(c)) != 0) {
      digits.push_back(c);
      continue;
    }
    if (!digits.empty()) text += fmt::format("{:0>{}}", std::exchange(digits, {}), kWidth);
    text.push_back(c);
  }
  return text;
}

std::vector<fs::path> masks_in_order(const fs::path& folder, int64_t images) {
  const auto masks = mask_file_paths(folder);
  if (std::ssize(masks) != images) {
    throw InputError(
        "{}: holds {} masks for {} images that have no names; give one mask for each image, in the "
        "order of their names, or one file for all images",
        folder.string(), masks.size(), images);
  }
  const auto number_order = [](const fs::path& path) { return with_wide_numbers(path.string()); };
  const auto wrong = std::ranges::is_sorted_until(masks, {}, number_order);
  if (wrong == masks.end()) return masks;
  throw InputError(
      "{}: it is unclear whether mask {} comes before {}, and the images have no names to match; "
      "write all numbers with the same number of digits, such as 007 and 012",
      folder.string(), std::prev(wrong)->filename().string(), wrong->filename().string());
}

}  // namespace

std::vector<fs::path> masks_of_images(const fs::path& folder, int64_t images,
                                      const std::vector<std::string>& names) {
  if (names.empty()) return masks_in_order(folder, images);
  const Masks masks = masks_for(names, folder);
  const auto called = names_without_folders(names, masks);
  Pairing pairing = best_pairing(called, masks);
  if (!pairing.is_complete()) {
    const auto numbered = without_leading_zeros(called);
    if (are_unique(numbered)) {
      Pairing other = best_pairing(numbered, without_leading_zeros(masks));
      if (other.is_complete()) pairing = std::move(other);
    }
  }
  if (!pairing.is_complete()) throw_incomplete(folder, called, masks, pairing);
  return pairing.masks;
}

}  // namespace gm
