#include "data/pack/decode.h"

#include <png.h>
#include <turbojpeg.h>

#include <memory>

#include "base/error.h"
#include "data/pack/exif.h"

namespace gm {
namespace {

Picture blank_picture(const std::string& name, int64_t height, int64_t width, int64_t channels) {
  if (height < 1 || width < 1 || height * width > kMostPixels) {
    throw InputError("{}: declares {} x {} pixels, more than {}; make it smaller first", name,
                     width, height, kMostPixels);
  }
  Picture picture{{height, width, channels}, {}};
  picture.pixels.resize(static_cast<size_t>(picture.shape.bytes()));
  return picture;
}

const uint8_t* as_bytes(std::string_view text) {
  return reinterpret_cast<const uint8_t*>(text.data());
}

/// One decoder a thread: making one costs as much as decoding a small picture.
tjhandle jpeg_decoder() {
  struct Destroy {
    void operator()(void* handle) const { tjDestroy(handle); }
  };
  thread_local const std::unique_ptr<void, Destroy> decoder(tjInitDecompress());
  if (!decoder) throw Error("libjpeg-turbo could not start: {}", tjGetErrorStr2(nullptr));
  return decoder.get();
}

/// Bytes between markers are common in files that cameras wrote, and harmless; every other warning
/// means that pixels are missing.
bool is_harmless(tjhandle decoder) {
  const std::string_view warning = tjGetErrorStr2(decoder);
  return tjGetErrorCode(decoder) == TJERR_WARNING &&
         warning.find("extraneous bytes") != std::string_view::npos;
}

Picture decode_jpeg(const std::string& name, std::string_view bytes) {
  const tjhandle decoder = jpeg_decoder();
  int width = 0, height = 0, subsampling = 0, color_space = 0;
  if (tjDecompressHeader3(decoder, as_bytes(bytes), bytes.size(), &width, &height, &subsampling,
                          &color_space) != 0) {
    throw InputError("{}: is not an intact JPEG file: {}", name, tjGetErrorStr2(decoder));
  }
  if (color_space == TJCS_CMYK || color_space == TJCS_YCCK)
    throw InputError("{}: is a CMYK picture; convert it to RGB first", name);
  Picture picture = blank_picture(name, height, width, 3);
  if (tjDecompress2(decoder, as_bytes(bytes), bytes.size(), picture.pixels.data(), width, 0, height,
                    TJPF_RGB, TJFLAG_ACCURATEDCT | TJFLAG_LIMITSCANS) != 0 &&
      !is_harmless(decoder)) {
    throw InputError("{}: is not an intact JPEG file: {}", name, tjGetErrorStr2(decoder));
  }
  return upright(std::move(picture), exif_orientation(bytes));
}

/// RGBA to RGB over a grey value.
Picture flattened(const std::string& name, const Picture& picture,
                  const std::optional<uint8_t>& background) {
  Picture flat{{picture.shape.height, picture.shape.width, 3}, {}};
  flat.pixels.resize(static_cast<size_t>(flat.shape.bytes()));
  uint8_t* out = flat.pixels.data();
  for (size_t i = 0; i < picture.pixels.size(); i += 4, out += 3) {
    const int alpha = picture.pixels[i + 3];
    if (alpha != 255 && !background) {
      throw InputError(
          "{}: has transparent pixels; flatten it first, or pack it with gm_data pack --background "
          "to say "
          "what lies behind",
          name);
    }
    for (size_t c = 0; c < 3; ++c) {
      const int behind = (255 - alpha) * background.value_or(0);
      out[c] = static_cast<uint8_t>((alpha * picture.pixels[i + c] + behind + 127) / 255);
    }
  }
  return flat;
}

struct PngReader : png_image {
  PngReader() : png_image{} { version = PNG_IMAGE_VERSION; }
  ~PngReader() { png_image_free(this); }
  PngReader(const PngReader&) = delete;
  PngReader& operator=(const PngReader&) = delete;
};

Picture decode_png(const std::string& name, std::string_view bytes,
                   const std::optional<uint8_t>& background) {
  PngReader png;
  if (png_image_begin_read_from_memory(&png, bytes.data(), bytes.size()) == 0)
    throw InputError("{}: is not an intact PNG file: {}", name, png.message);
  if ((png.format & PNG_FORMAT_FLAG_LINEAR) != 0)
    throw InputError("{}: has 16 bits a value; convert it to 8 bits first", name);
  const bool has_alpha = (png.format & PNG_FORMAT_FLAG_ALPHA) != 0;
  png.format = has_alpha ? PNG_FORMAT_RGBA : PNG_FORMAT_RGB;
  Picture picture = blank_picture(name, png.height, png.width, has_alpha ? 4 : 3);
  if (png_image_finish_read(&png, nullptr, picture.pixels.data(), 0, nullptr) == 0)
    throw InputError("{}: is not an intact PNG file: {}", name, png.message);
  return has_alpha ? flattened(name, picture, background) : picture;
}

/// ITU-R 601 luma in 16-bit fixed point, as Pillow's mode "L".
Picture to_grey(const Picture& picture) {
  Picture grey{{picture.shape.height, picture.shape.width, 1}, {}};
  grey.pixels.reserve(static_cast<size_t>(grey.shape.bytes()));
  for (size_t i = 0; i < picture.pixels.size(); i += 3) {
    const uint32_t luma = 19595U * picture.pixels[i] + 38470U * picture.pixels[i + 1] +
                          7471U * picture.pixels[i + 2] + 0x8000U;
    grey.pixels.push_back(static_cast<uint8_t>(luma >> 16));
  }
  return grey;
}

Picture decode_rgb(const std::string& name, std::string_view bytes, const DecodeOptions& options) {
  constexpr std::string_view kJpegStart = "\xff\xd8\xff", kPngStart = "\x89PNG\r\n\x1a\n";
  if (bytes.starts_with(kJpegStart)) return decode_jpeg(name, bytes);
  if (bytes.starts_with(kPngStart)) return decode_png(name, bytes, options.background);
  throw InputError("{}: is neither a JPEG nor a PNG file", name);
}

}  // namespace

Picture decode_picture(const std::string& name, std::string_view bytes,
                       const DecodeOptions& options) {
  Picture picture = decode_rgb(name, bytes, options);
  return options.grey ? to_grey(picture) : picture;
}

}  // namespace gm
