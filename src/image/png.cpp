#include "image/png.h"

#include <png.h>
#include <zlib.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <csetjmp>
#include <cstdio>
#include <iterator>
#include <vector>

#include "base/error.h"
#include "image/orientation.h"

namespace gm {
namespace {

constexpr size_t kMaxTextBytes = size_t{1} << 20;  // of one text chunk, decompressed
constexpr png_alloc_size_t kMaxChunkBytes = 8 << 20;
constexpr uint64_t kMaxInflation = 1032;  // maximum of deflate: 258 bytes in two bits

/// Takes the text up to the next zero byte, and that byte.
std::string_view take_text(std::string_view& rest) {
  const std::string_view text = rest.substr(0, rest.find('\0'));
  rest.remove_prefix(std::min(rest.size(), text.size() + 1));
  return text;
}

/// Empty if the data are damaged or too large.
std::string inflated(std::string_view bytes) {
  std::string text(kMaxTextBytes, '\0');
  uLongf size = text.size();
  const auto* from = reinterpret_cast<const Bytef*>(bytes.data());
  if (::uncompress(reinterpret_cast<Bytef*>(text.data()), &size, from, bytes.size()) != Z_OK)
    return "";
  text.resize(size);
  return text;
}

/// The text of a tEXt, zTXt or iTXt chunk; `rest` starts after the keyword.
std::string chunk_text(std::string_view kind, std::string_view rest) {
  if (kind == "tEXt") return std::string(rest);
  if (kind == "zTXt") return inflated(rest.substr(std::min<size_t>(rest.size(), 1)));
  if (rest.size() < 2) return "";
  const bool is_compressed = rest[0] != 0;
  rest.remove_prefix(2);
  take_text(rest);  // language
  take_text(rest);  // translated keyword
  return is_compressed ? inflated(rest) : std::string(rest);
}

/// The bytes of ImageMagick's "raw profile": three header lines, then hexadecimal digits.
std::string raw_profile_bytes(std::string_view text) {
  for (int line = 0; line < 3; ++line) {
    const size_t end = text.find('\n');
    if (end == text.npos) return "";
    text.remove_prefix(end + 1);
  }
  std::string digits, bytes;
  std::ranges::copy_if(text, std::back_inserter(digits),
                       [](unsigned char c) { return std::isxdigit(c); });
  for (size_t i = 0; i + 2 <= digits.size(); i += 2) {
    uint8_t byte = 0;
    std::from_chars(&digits[i], &digits[i] + 2, byte, 16);
    bytes.push_back(static_cast<char>(byte));
  }
  return bytes;
}

/// Decodes one file with libpng, which reports errors with longjmp.
class PngFile {
 public:
  PngFile(const std::string& name, std::string_view bytes)
      : name_(name), bytes_(bytes), rest_(bytes) {
    png_ = png_create_read_struct(PNG_LIBPNG_VER_STRING, this, leave, ignore);
    info_ = png_ == nullptr ? nullptr : png_create_info_struct(png_);
    if (info_ == nullptr) {
      png_destroy_read_struct(&png_, nullptr, nullptr);
      throw Error("{}: libpng could not start", name);
    }
  }
  ~PngFile() { png_destroy_read_struct(&png_, &info_, nullptr); }
  PngFile(const PngFile&) = delete;
  PngFile& operator=(const PngFile&) = delete;

  DecodedImage decode(const std::optional<uint8_t>& background) {
    run([this] { read_header(); });
    if (png_get_bit_depth(png_, info_) == 16)
      throw InputError("{}: has 16 bits per value; convert it to 8 bits first", name_);
    DecodedImage image = reserve_image(name_, {height(), width(), has_alpha() ? 4 : 3});
    require_enough_bytes();
    run([this] { choose_format(); });
    allocate_pixels(image);
    read_pixels(image);
    if (image.shape.channels == 4) flatten(image, background);
    return upright(std::move(image), orientation(metadata()));
  }

 private:
  /// Calls `act`, which calls libpng and must hold no objects with destructors, because libpng may
  /// leave it with longjmp. Returns whether libpng succeeded.
  template <typename Act>
  [[gnu::noinline]] bool succeeds(const Act& act) {
    if (setjmp(failed_) != 0) return false;
    act();
    return true;
  }

  template <typename Act>
  void run(const Act& act) {
    if (!succeeds(act)) throw InputError("{}: is not an intact PNG file: {}", name_, reason_);
  }

  static void leave(png_structp png, png_const_charp reason) {
    auto& self = *static_cast<PngFile*>(png_get_error_ptr(png));
    std::snprintf(self.reason_, sizeof self.reason_, "%s", reason);
    std::longjmp(self.failed_, 1);
  }

  static void ignore(png_structp, png_const_charp) {}

  static void read(png_structp png, png_bytep out, size_t size) {
    auto& rest = static_cast<PngFile*>(png_get_io_ptr(png))->rest_;
    if (size > rest.size()) png_error(png, "it is cut off");
    std::copy_n(rest.data(), size, out);
    rest.remove_prefix(size);
  }

  /// Reads up to the pixels. libpng skips optional chunks except palette and transparency, and
  /// keeps metadata chunks unread: metadata() decompresses only the chunks that it needs.
  void read_header() {
    constexpr png_byte kKept[] = "eXIf\0tEXt\0zTXt\0iTXt";
    png_set_read_fn(png_, this, read);
    png_set_user_limits(png_, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    png_set_chunk_malloc_max(png_, kMaxChunkBytes);
    png_set_keep_unknown_chunks(png_, PNG_HANDLE_CHUNK_NEVER, nullptr, -1);
    png_set_keep_unknown_chunks(png_, PNG_HANDLE_CHUNK_ALWAYS, kKept, sizeof kKept / 5);
    png_read_info(png_, info_);
  }

  int64_t width() const { return png_get_image_width(png_, info_); }
  int64_t height() const { return png_get_image_height(png_, info_); }
  bool has_alpha() const {
    return (png_get_color_type(png_, info_) & PNG_COLOR_MASK_ALPHA) != 0 ||
           png_get_valid(png_, info_, PNG_INFO_tRNS) != 0;
  }

  void require_enough_bytes() const {
    const uint64_t stored_bytes =
        uint64_t{png_get_image_height(png_, info_)} * (png_get_rowbytes(png_, info_) + 1);
    if (stored_bytes / kMaxInflation > bytes_.size()) {
      throw InputError(
          "{}: is not an intact PNG file: declares {} x {} pixels, and is cut off after {} bytes",
          name_, width(), height(), bytes_.size());
    }
  }

  /// RGB or, with transparency, RGBA; 8 bits per value.
  void choose_format() {
    png_set_expand(png_);
    png_set_gray_to_rgb(png_);
    png_set_interlace_handling(png_);
    png_read_update_info(png_, info_);
  }

  /// Reads the pixels, and the chunks after them up to the first damage: they do not affect the
  /// pixels.
  void read_pixels(DecodedImage& image) {
    const int64_t stride = image.shape.width * image.shape.channels;
    if (static_cast<int64_t>(png_get_rowbytes(png_, info_)) != stride)
      throw Error("{}: libpng gives {} bytes per row", name_, png_get_rowbytes(png_, info_));
    std::vector<png_bytep> rows;
    for (int64_t y = 0; y < image.shape.height; ++y)
      rows.push_back(image.pixels.data() + y * stride);
    run([&] { png_read_image(png_, rows.data()); });
    succeeds([this] { png_read_end(png_, info_); });
  }

  /// Converts RGBA to RGB over a grey background, in place.
  void flatten(DecodedImage& image, const std::optional<uint8_t>& background) const {
    const uint8_t* from = image.pixels.data();
    uint8_t* to = image.pixels.data();
    const int64_t pixels = image.shape.height * image.shape.width;
    for (int64_t i = 0; i < pixels; ++i, from += 4, to += 3) {
      const int alpha = from[3];
      if (alpha != 255 && !background) {
        throw InputError(
            "{}: has transparent pixels; flatten it first, or pack it with gm_data pack "
            "--background to set the grey value behind them",
            name_);
      }
      for (int c = 0; c < 3; ++c) {
        const int behind = (255 - alpha) * background.value_or(0);
        to[c] = static_cast<uint8_t>((alpha * from[c] + behind + 127) / 255);
      }
    }
    image.shape.channels = 3;
    image.pixels.resize(static_cast<size_t>(image.shape.bytes()));
  }

  /// Reads the chunks before and after the pixels; of several chunks of a kind, the last one is
  /// used.
  PhotoMetadata metadata() const {
    std::optional<std::string> exif;
    std::string profile, xmp;
    png_unknown_chunkp chunks = nullptr;
    const int count = png_get_unknown_chunks(png_, info_, &chunks);
    for (int i = 0; i < count; ++i) {
      const std::string_view kind(reinterpret_cast<const char*>(chunks[i].name));
      std::string_view content(reinterpret_cast<const char*>(chunks[i].data), chunks[i].size);
      if (kind == "eXIf") {
        exif = content;
        continue;
      }
      const std::string_view keyword = take_text(content);
      if (keyword == "exif") exif = chunk_text(kind, content);
      if (keyword == "Raw profile type exif")
        profile = raw_profile_bytes(chunk_text(kind, content));
      if (keyword == "XML:com.adobe.xmp") xmp = chunk_text(kind, content);
    }
    return {exif.value_or(profile), xmp};
  }

  const std::string& name_;
  const std::string_view bytes_;
  std::string_view rest_;
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
  std::jmp_buf failed_{};
  char reason_[200] = "";
};

}  // namespace

DecodedImage decode_png(const std::string& name, std::string_view bytes,
                        const std::optional<uint8_t>& background) {
  return PngFile(name, bytes).decode(background);
}

}  // namespace gm
