/// Checks the compressed data of a JPEG file for damage. libjpeg decodes most damaged data without
/// a warning: a wrong bit shifts the codes after it and changes all following colours.
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

/// Reads the Huffman codes of the scans of one file without decoding pixels. It reports violations
/// of ITU-T T.81: a code that is not in the table, a coefficient past the last one of its block or
/// too large for 8-bit images, data that end before the last block or continue after it. A flipped
/// bit that violates none of these rules is not detected.
class JpegScanChecker {
 public:
  /// Reads the scan that `jpeg` is about to read: libjpeg has read the header of the scan, and its
  /// source holds the rest of the file. Returns the pixel row near the damage, or nullopt. Call it
  /// for all scans in file order, because later scans refine earlier ones.
  std::optional<int64_t> find_damage(const jpeg_decompress_struct& jpeg);

 private:
  /// By component and block: the coefficients that are not zero after the progressive scans so far,
  /// as bits.
  std::vector<uint64_t> nonzero_[MAX_COMPONENTS];
};

}  // namespace gm
