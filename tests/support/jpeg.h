/// JPEG files for tests.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

// jpeglib.h needs cstdio before it, and does not include it.
// clang-format off
#include <cstdio>
#include <jpeglib.h>
// clang-format on

#include "image/image_shape.h"

namespace gm {

/// Encodes an image whose rows all equal `row` [W,C]. `choose` may change the settings of libjpeg.
inline std::string encode_jpeg(
    const ImageShape& shape, std::vector<uint8_t> row,
    const std::function<void(j_compress_ptr)>& choose = [](auto*) {}) {
  jpeg_compress_struct jpeg{};
  jpeg_error_mgr errors{};
  jpeg.err = jpeg_std_error(&errors);
  jpeg_create_compress(&jpeg);
  unsigned char* bytes = nullptr;
  unsigned long size = 0;  // NOLINT(google-runtime-int): the type of libjpeg
  jpeg_mem_dest(&jpeg, &bytes, &size);
  jpeg.image_height = static_cast<JDIMENSION>(shape.height);
  jpeg.image_width = static_cast<JDIMENSION>(shape.width);
  jpeg.input_components = static_cast<int>(shape.channels);
  jpeg.in_color_space = shape.channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_set_defaults(&jpeg);
  choose(&jpeg);
  jpeg_start_compress(&jpeg, TRUE);
  JSAMPROW rows = row.data();
  while (jpeg.next_scanline < jpeg.image_height) jpeg_write_scanlines(&jpeg, &rows, 1);
  jpeg_finish_compress(&jpeg);
  jpeg_destroy_compress(&jpeg);
  std::string file(reinterpret_cast<const char*>(bytes), size);
  std::free(bytes);
  return file;
}

}  // namespace gm
