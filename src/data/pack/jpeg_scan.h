/// Whether the compressed data of a JPEG file are whole. libjpeg decodes most damaged data to
/// something, and seldom warns: a wrong bit moves the codes behind it, and all colours with them.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

// jpeglib.h needs cstdio before it, and does not include it.
// clang-format off
#include <cstdio>
#include <jpeglib.h>
// clang-format on

namespace gm {

/// Reads the Huffman codes of one file's scans, and makes no pixels of them. What it finds is
/// damage by ITU-T T.81 alone: a code that the table does not have, a coefficient behind the last
/// one of its block or larger than 8-bit images have, data that end before the last block, or
/// continue behind it. A flipped bit that leaves all that in order cannot be told from an image.
class JpegScanChecker {
 public:
  /// Reads the scan that `jpeg` is about to read: libjpeg has read the header of the scan, and its
  /// source holds the rest of the file. Returns the row of pixels near which damage was noticed, or
  /// nothing. Scans are given in the order of the file, as later ones refine earlier ones.
  std::optional<int64_t> find_damage(const jpeg_decompress_struct& jpeg);

 private:
  /// By component, by block: which coefficients are not zero, as progressive scans know so far.
  std::vector<uint64_t> nonzero_[MAX_COMPONENTS];
};

}  // namespace gm
