#include "image/jpeg.h"

#include <jerror.h>

#include <algorithm>
#include <csetjmp>
#include <vector>

#include "base/error.h"
#include "image/jpeg_scan.h"
#include "image/orientation.h"

namespace gm {
namespace {

using std::string_view_literals::operator""sv;

/// libjpeg visits every block of the image in each scan: a small file with thousands of scans would
/// take hours.
constexpr int kMaxScans = 500;

/// Decodes one file with libjpeg, which reports errors with longjmp.
class JpegFile {
 public:
  JpegFile(const std::string& name, std::string_view bytes) : name_(name), bytes_(bytes) {}
  ~JpegFile() { jpeg_destroy_decompress(&jpeg_); }
  JpegFile(const JpegFile&) = delete;
  JpegFile& operator=(const JpegFile&) = delete;

  DecodedImage decode() {
    read_header();
    require_usual_kind();
    require_enough_bytes();
    const ImageRotator turner({jpeg_.image_height, jpeg_.image_width, 3}, orientation(metadata()));
    DecodedImage image = reserve_image(name_, turner.upright_shape());
    start();
    read_scans();
    allocate_pixels(image);
    read_pixels(turner, image);
    return image;
  }

 private:
  /// Calls `act`, which calls libjpeg and must hold no objects with destructors, because libjpeg
  /// may leave it with longjmp. Throws InputError with the message of libjpeg.
  template <typename Act>
  [[gnu::noinline]] void run(const Act& act) {
    if (setjmp(failed_) != 0) refuse();
    act();
  }

  static JpegFile& self(j_common_ptr jpeg) { return *static_cast<JpegFile*>(jpeg->client_data); }

  static void leave(j_common_ptr jpeg) { std::longjmp(self(jpeg).failed_, 1); }

  /// Receives the warnings (level -1) and traces of libjpeg.
  static void note(j_common_ptr jpeg, int level) {
    if (level >= 0) return;
    switch (jpeg->err->msg_code) {
      case JWRN_ADOBE_XFORM:
      case JWRN_BOGUS_ICC:
      case JWRN_JFIF_MAJOR:
      case JWRN_NOT_SEQUENTIAL:
        return;  // ignored: they concern data that are not needed
      case JWRN_EXTRANEOUS_DATA:
      case JWRN_JPEG_EOF:
        self(jpeg).may_lack_scans_ = true;
        return;
      default:
        leave(jpeg);
    }
  }

  [[noreturn]] void refuse() {
    switch (errors_.msg_code) {
      case JERR_BAD_PRECISION:
        throw InputError("{}: has {} bits a value; convert it to 8 bits first", name_,
                         errors_.msg_parm.i[0]);
      case JERR_SOF_UNSUPPORTED:
        refuse_kind("a lossless or hierarchical");
      case JERR_ARITH_NOTIMPL:
        refuse_kind("an arithmetically coded");
      default: {
        char words[JMSG_LENGTH_MAX];
        errors_.format_message(reinterpret_cast<j_common_ptr>(&jpeg_), words);
        refuse_damage(words);
      }
    }
  }

  [[noreturn]] void refuse_kind(const char* kind) const {
    throw InputError("{}: is {} JPEG; convert it to an ordinary JPEG or to PNG first", name_, kind);
  }

  [[noreturn]] void refuse_damage(const std::string& reason) const {
    throw InputError("{}: is not an intact JPEG file: {}", name_, reason);
  }

  void read_header() {
    jpeg_.err = jpeg_std_error(&errors_);
    jpeg_.client_data = this;
    errors_.error_exit = leave;
    errors_.emit_message = note;
    run([this] {
      jpeg_create_decompress(&jpeg_);
      jpeg_save_markers(&jpeg_, JPEG_APP0 + 1, 0xFFFF);
      jpeg_mem_src(&jpeg_, reinterpret_cast<const uint8_t*>(bytes_.data()), bytes_.size());
      jpeg_read_header(&jpeg_, TRUE);
    });
    may_lack_scans_ = false;  // bytes between the markers of the header do no harm
  }

  void require_usual_kind() const {
    if (jpeg_.arith_code) refuse_kind("an arithmetically coded");
    if (jpeg_.num_components == 4)
      throw InputError("{}: is a CMYK image; convert it to RGB first", name_);
    if (jpeg_.num_components != 1 && jpeg_.num_components != 3) {
      throw InputError("{}: has {} colour channels; convert it to grey or RGB first", name_,
                       jpeg_.num_components);
    }
  }

  /// Each block of each component takes at least one bit.
  void require_enough_bytes() const {
    uint64_t blocks = 0;
    for (int c = 0; c < jpeg_.num_components; ++c) {
      const jpeg_component_info& component = jpeg_.comp_info[c];
      blocks += uint64_t{component.width_in_blocks} * component.height_in_blocks;
    }
    if (bytes_.size() < blocks / 8) {
      throw InputError(
          "{}: is not an intact JPEG file: declares {} x {} pixels, and is cut off after {} bytes",
          name_, jpeg_.image_width, jpeg_.image_height, bytes_.size());
    }
  }

  /// The EXIF data, joined from all their segments, and the last XMP data, without extensions.
  PhotoMetadata metadata() const {
    constexpr auto kExif = "Exif\0\0"sv, kXmp = "http://ns.adobe.com/xap/1.0/\0"sv;
    PhotoMetadata found;
    for (const auto* marker = jpeg_.marker_list; marker != nullptr; marker = marker->next) {
      const std::string_view content(reinterpret_cast<const char*>(marker->data),
                                     marker->data_length);
      if (content.starts_with(kExif)) found.exif += content.substr(kExif.size());
      if (content.starts_with(kXmp)) found.xmp = content.substr(kXmp.size());
    }
    return found;
  }

  /// Starts the decoder; reads up to the data of the first scan.
  void start() {
    run([this] {
      jpeg_.out_color_space = JCS_RGB;
      jpeg_.buffered_image = jpeg_has_multiple_scans(&jpeg_);
      jpeg_start_decompress(&jpeg_);
    });
  }

  /// Checks every scan. If there are several, reads all of them.
  void read_scans() {
    JpegScanChecker checker;
    bool components[MAX_COMPONENTS] = {};
    for (int scans = 1; scans <= kMaxScans; ++scans) {
      if (const auto row = checker.find_damage(jpeg_)) {
        refuse_damage(fmt::format("its compressed data are damaged or cut off near row {} of {}",
                                  *row, jpeg_.image_height));
      }
      for (int i = 0; i < jpeg_.comps_in_scan; ++i)
        components[jpeg_.cur_comp_info[i]->component_index] = true;
      if (!jpeg_.buffered_image) return;
      if (!reach_next_scan()) return require_all_scans(components);
    }
    throw InputError("{}: has more than {} scans; save it as an ordinary JPEG first", name_,
                     kMaxScans);
  }

  bool reach_next_scan() {
    int reached = 0;
    run([this, &reached] {
      do {
        reached = jpeg_consume_input(&jpeg_);
      } while (reached != JPEG_REACHED_SOS && reached != JPEG_REACHED_EOI);
    });
    return reached == JPEG_REACHED_SOS;
  }

  /// An intact progressive file may omit the least significant bits.
  void require_all_scans(const bool* components) const {
    for (int c = 0; c < jpeg_.num_components; ++c) {
      const bool is_there = jpeg_.progressive_mode ? has_all_bits(c) : components[c];
      if (!is_there) refuse_damage("scans are missing");
    }
  }

  bool has_all_bits(int component) const {
    const int* missing_bits = jpeg_.coef_bits[component];  // -1: all
    const int needed = may_lack_scans_ ? DCTSIZE2 : 0;
    return missing_bits[0] >= 0 && std::all_of(missing_bits, missing_bits + needed,
                                               [](int missing) { return missing == 0; });
  }

  void read_pixels(const ImageRotator& turner, DecodedImage& image) {
    run([this] {
      if (jpeg_.buffered_image) jpeg_start_output(&jpeg_, jpeg_.input_scan_number);
    });
    const int64_t height = jpeg_.image_height;
    if (turner.is_identity()) return read_rows(image.pixels.data(), height);
    constexpr int64_t kRows = 32;
    std::vector<uint8_t> rows(static_cast<size_t>(kRows * stride()));
    for (int64_t y = 0; y < height; y += kRows) {
      const int64_t count = std::min(kRows, height - y);
      read_rows(rows.data(), count);
      turner.place(rows.data(), y, count, image.pixels.data());
    }
  }

  void read_rows(uint8_t* rows, int64_t count) {
    run([&] {
      for (int64_t i = 0; i < count; ++i) {
        JSAMPROW row = rows + i * stride();
        jpeg_read_scanlines(&jpeg_, &row, 1);
      }
    });
  }

  int64_t stride() const { return int64_t{jpeg_.image_width} * 3; }

  const std::string& name_;
  std::string_view bytes_;
  jpeg_decompress_struct jpeg_{};
  jpeg_error_mgr errors_{};
  std::jmp_buf failed_{};
  bool may_lack_scans_ = false;  // no end marker, or extra bytes between later markers
};

}  // namespace

DecodedImage decode_jpeg(const std::string& name, std::string_view bytes) {
  return JpegFile(name, bytes).decode();
}

}  // namespace gm
