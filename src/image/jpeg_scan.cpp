#include "image/jpeg_scan.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

namespace gm {
namespace {

constexpr uint8_t kFill = 0xFF;  // starts a marker; followed by zero, it is a data byte
constexpr int kFirstRestart = 0xD0, kLastRestart = 0xD7, kEndOfImage = 0xD9;
constexpr int kLastCoefficient = DCTSIZE2 - 1;
constexpr int kMaxDcBits = 11, kMaxAcBits = 10;  // T.81 F.1.2.1 and F.1.2.2, 8-bit samples

/// The bytes after the data of a scan or of a restart interval.
struct Rest {
  bool is_padding;  ///< Only padding of the encoder is before the marker.
  int marker;       ///< 0 at the end of the file.
  std::string_view after_marker;
};

/// Reads the bits of entropy-coded data up to the next marker, followed by zeros.
class BitReader {
 public:
  explicit BitReader(std::string_view data)
      : next_(reinterpret_cast<const uint8_t*>(data.data())), end_(next_ + data.size()) {}

  /// The next bits, starting at the most significant bit: at least 32.
  uint64_t window() {
    if (count_ < 32) fill();
    return window_;
  }
  /// Consumes at most 32 bits of window().
  void drop(int bits) {
    window_ <<= bits;
    count_ -= bits;
  }
  uint32_t take(int bits) {
    const uint64_t value = window() >> 1 >> (63 - bits);
    drop(bits);
    return static_cast<uint32_t>(value);
  }
  /// Whether more bits were consumed than available.
  bool overran() const { return count_ < borrowed_; }

  /// Whether the last byte is padded with ones, as required by T.81 F.1.2.3.
  bool is_filled_up() const {
    const int unused = unused_bits();
    return ~(window_ | ~uint64_t{0} >> unused) == 0;
  }
  void skip_to_byte() { drop(unused_bits()); }

  /// Reads up to the next marker.
  Rest rest() {
    constexpr int kMaxZeros = 16;  // if not padded with ones: more zeros are a gap in the file
    const bool may_be_long = is_filled_up();
    skip_to_byte();
    bool is_padding = true;
    for (int64_t bytes = 1; window(), count_ > borrowed_; ++bytes) {
      const uint32_t byte = take(8);
      is_padding = is_padding && (byte == 0 || byte == 0xFF || byte == 0x7F) &&
                   (bytes <= kMaxZeros || may_be_long);
    }
    const uint8_t* marker = std::find_if(next_, end_, [](uint8_t byte) { return byte != kFill; });
    if (marker == end_) return {is_padding, 0, {}};
    const auto* after = reinterpret_cast<const char*>(marker + 1);
    return {is_padding, *marker, {after, static_cast<size_t>(end_ - marker - 1)}};
  }

 private:
  /// Remaining bits of the last byte.
  int unused_bits() const { return static_cast<int>((count_ - borrowed_) % 8); }

  void fill() {
    if (end_ - next_ >= 8) {
      const uint64_t bytes = next_eight_bytes();
      if (!has_fill(bytes)) {
        window_ |= bytes >> count_;
        next_ += (63 - count_) >> 3;
        count_ |= 56;
        return;
      }
    }
    for (; count_ <= 56; count_ += 8) window_ |= uint64_t{next_byte()} << (56 - count_);
  }

  uint64_t next_eight_bytes() const {
    uint64_t bytes = 0;
    std::memcpy(&bytes, next_, sizeof bytes);
    return std::endian::native == std::endian::little ? __builtin_bswap64(bytes) : bytes;
  }

  /// Whether one of eight bytes is kFill: whether one of their complements is zero.
  static bool has_fill(uint64_t bytes) {
    constexpr uint64_t kOnes = 0x0101010101010101, kTops = 0x8080808080808080;
    return ((~bytes - kOnes) & bytes & kTops) != 0;
  }

  uint8_t next_byte() {
    if (next_ != end_) {
      if (*next_ != kFill) return *next_++;
      const auto* code = std::find_if(next_, end_, [](uint8_t byte) { return byte != kFill; });
      if (code != end_ && *code == 0) {
        next_ = code + 1;
        return kFill;
      }
    }
    borrowed_ += 8;
    return 0;
  }

  const uint8_t* next_;
  const uint8_t* end_;
  uint64_t window_ = 0;
  int64_t count_ = 0;     // valid bits of window_
  int64_t borrowed_ = 0;  // zero bits added after the last bit
};

/// The code at the top of a window, and its meaning. Length 0: the table has no such code.
struct Code {
  uint8_t length;
  uint8_t symbol;
  // In the AC codes of sequential blocks:
  uint8_t bits;   ///< Bits of the code and of the coefficient after it.
  uint8_t steps;  ///< From this coefficient to the next coded one.
};

/// A Huffman table for fast lookup: T.81 Annex C and F.2.2.3. Expects that libjpeg has checked
/// `table`.
class HuffmanCodes {
 public:
  static constexpr uint8_t kStepsToEnd = 192;     ///< End of block: past all coefficients.
  static constexpr uint8_t kStepsToDamage = 100;  ///< Past all coefficients, less than kStepsToEnd.

  explicit HuffmanCodes(const JHUFF_TBL& table) : table_(table) {
    int code = 0, index = 0;
    for (int length = 1; length <= kLongest; ++length, code <<= 1) {
      const int count = table.bits[length];
      index_minus_code_[length] = index - code;
      last_code_[length] = count == 0 ? -1 : code + count - 1;
      for (int i = 0; i < count; ++i, ++code, ++index) {
        if (length > kLookup) continue;
        const int unused = kLookup - length;
        std::fill_n(&first_bits_[(code << unused) & (kEntries - 1)], 1 << unused,
                    code_of(length, table.huffval[index & 255]));
      }
    }
  }

  bool is_of(const JHUFF_TBL& table) const {
    return std::ranges::equal(table.bits, table_.bits) &&
           std::ranges::equal(table.huffval, table_.huffval);
  }

  Code find(uint64_t window) const {
    const Code code = first_bits_[window >> (64 - kLookup)];
    return code.length != 0 ? code : find_long(window);
  }

 private:
  static constexpr int kLongest = 16, kLookup = 9, kEntries = 1 << kLookup;

  static Code code_of(int length, uint8_t symbol) {
    const int zeros = symbol >> 4, size = symbol & 15;
    const bool is_end = symbol == 0, is_sixteen_zeros = symbol == 0xF0;
    const bool is_possible = size > 0 ? size <= kMaxAcBits : is_end || is_sixteen_zeros;
    const int steps = !is_possible ? kStepsToDamage : is_end ? kStepsToEnd : zeros + 1;
    return {static_cast<uint8_t>(length), symbol, static_cast<uint8_t>(length + size),
            static_cast<uint8_t>(steps)};
  }

  Code find_long(uint64_t window) const {
    for (int length = kLookup + 1; length <= kLongest; ++length) {
      const int code = static_cast<int>(window >> (64 - length));
      if (code <= last_code_[length])
        return code_of(length, table_.huffval[(code + index_minus_code_[length]) & 255]);
    }
    return {0, 0, 0, kStepsToDamage};
  }

  const JHUFF_TBL table_;
  std::array<Code, kEntries> first_bits_{};
  std::array<int, kLongest + 1> last_code_{}, index_minus_code_{};
};

/// The codes of a table. Caches recent tables, because most files of a folder use the same ones.
std::shared_ptr<const HuffmanCodes> codes_of(const JHUFF_TBL& table) {
  thread_local std::array<std::shared_ptr<const HuffmanCodes>, 8> kept;
  thread_local size_t oldest = 0;
  for (const auto& codes : kept) {
    if (codes && codes->is_of(table)) return codes;
  }
  auto& codes = kept[std::exchange(oldest, (oldest + 1) % kept.size())];
  codes = std::make_shared<const HuffmanCodes>(table);
  return codes;
}

/// The largest valid DC coefficient of a quantized component: 1024 by T.81 A.3.3. Tolerates
/// encoders that round to a neighbouring value (one step more) or further away (64 more).
int largest_dc(const jpeg_decompress_struct& jpeg, const jpeg_component_info& component) {
  const int shift = jpeg.progressive_mode ? jpeg.Al : 0;
  const int step = std::max<int>(1, component.quant_table->quantval[0]) << shift;
  return (1024 + 64) / step + 1;
}

/// State for reading the blocks of a component in one scan.
struct Component {
  std::shared_ptr<const HuffmanCodes> dc = {};
  std::shared_ptr<const HuffmanCodes> ac = {};
  int largest_dc = 0;
  int predictor = 0;
  uint64_t* nonzero = nullptr;  ///< For the next block, in AC scans of progressive files.
};

/// Reads one scan. The read functions return whether the data are valid.
class Scan {
 public:
  Scan(const jpeg_decompress_struct& jpeg, uint64_t* nonzero)
      : jpeg_(jpeg),
        bits_(
            {reinterpret_cast<const char*>(jpeg.src->next_input_byte), jpeg.src->bytes_in_buffer}),
        first_(jpeg.Ss),
        last_(jpeg.Se),
        refines_(jpeg.Ah != 0) {
    const bool reads_dc_codes = !jpeg.progressive_mode || (first_ == 0 && !refines_);
    const bool reads_ac_codes = !jpeg.progressive_mode || first_ > 0;
    for (int i = 0; i < jpeg.comps_in_scan; ++i) {
      const jpeg_component_info& info = *jpeg.cur_comp_info[i];
      Component& component = components_[i];
      if (reads_dc_codes) component.dc = codes_of(*jpeg.dc_huff_tbl_ptrs[info.dc_tbl_no]);
      if (reads_ac_codes) component.ac = codes_of(*jpeg.ac_huff_tbl_ptrs[info.ac_tbl_no]);
      component.largest_dc = largest_dc(jpeg, info);
      component.nonzero = nonzero;
    }
  }

  std::optional<int64_t> find_damage() {
    if (!jpeg_.progressive_mode) return read([this](Component& c) { return read_block(c); });
    if (first_ == 0 && !refines_) return read([this](Component& c) { return read_dc(c); });
    if (first_ == 0) return read([this](Component&) { return refine_dc(); });
    if (!refines_) return read([this](Component& c) { return read_band(c); });
    return read([this](Component& c) { return refine_band(c); });
  }

 private:
  /// Reads all blocks of the scan with `read_one`. Returns the pixel row of the first damage, if
  /// any.
  template <typename ReadOne>
  std::optional<int64_t> read(ReadOne read_one) {
    for (JDIMENSION y = 0; y < jpeg_.MCU_rows_in_scan; ++y) {
      for (JDIMENSION x = 0; x < jpeg_.MCUs_per_row; ++x) {
        if (!begin_mcu()) return row_of(y);
        for (int i = 0; i < jpeg_.blocks_in_MCU; ++i) {
          if (!read_one(components_[jpeg_.MCU_membership[i]]) || bits_.overran()) return row_of(y);
        }
      }
    }
    if (!ends_well()) return jpeg_.image_height;
    return std::nullopt;
  }

  int64_t row_of(JDIMENSION mcu_row) const {
    return int64_t{jpeg_.image_height} * mcu_row / jpeg_.MCU_rows_in_scan;
  }

  /// Reads the restart marker if one is due.
  bool begin_mcu() {
    if (jpeg_.restart_interval == 0) return true;
    if (mcus_ == jpeg_.restart_interval) {
      const Rest rest = bits_.rest();
      if (end_of_band_run_ != 0 || !rest.is_padding || rest.marker != kFirstRestart + restarts_ % 8)
        return false;
      bits_ = BitReader(rest.after_marker);
      for (Component& component : components_) component.predictor = 0;
      ++restarts_;
      mcus_ = 0;
    }
    ++mcus_;
    return true;
  }

  /// Checks the bytes after the last block. Image data there mean damage: a wrong bit has shifted
  /// the codes, and data are left over. Other bytes, and a missing end marker, are accepted:
  /// cameras and web servers write such files.
  bool ends_well() {
    if (end_of_band_run_ != 0) return false;
    const BitReader behind = bits_;
    const Rest rest = bits_.rest();
    if (rest.is_padding && rest.marker != 0) return true;
    if (!behind.is_filled_up()) return false;
    if (rest.marker == 0) return true;
    const bool is_restart = rest.marker >= kFirstRestart && rest.marker <= kLastRestart;
    const bool is_only_scan =
        !jpeg_.progressive_mode && jpeg_.comps_in_scan == jpeg_.num_components;
    return is_only_scan && !is_restart && (rest.marker != kEndOfImage || !holds_blocks(behind));
  }

  /// Whether `bits` can be read as more blocks.
  bool holds_blocks(const BitReader& bits) {
    bits_ = bits;
    bits_.skip_to_byte();
    while (!bits_.overran()) {
      for (int i = 0; i < jpeg_.blocks_in_MCU; ++i) {
        if (!read_block(components_[jpeg_.MCU_membership[i]])) return bits_.overran();
      }
    }
    return true;
  }

  /// Reads a sequential block: T.81 F.2.2.
  bool read_block(Component& component) {
    if (!read_dc(component)) return false;
    BitReader bits = bits_;  // a local copy stays in registers: this loop takes most of the time
    int k = 1;
    while (k <= kLastCoefficient) {
      const Code code = component.ac->find(bits.window());
      bits.drop(code.bits);
      k += code.steps;
    }
    bits_ = bits;
    return k == kLastCoefficient + 1 || k > HuffmanCodes::kStepsToEnd;
  }

  bool read_dc(Component& component) {
    const Code code = component.dc->find(bits_.window());
    bits_.drop(code.length);
    const int size = code.symbol;
    if (code.length == 0 || size > kMaxDcBits) return false;
    const int bits = static_cast<int>(bits_.take(size));
    const bool is_negative = size > 0 && bits >> (size - 1) == 0;
    component.predictor += is_negative ? bits - (1 << size) + 1 : bits;
    return std::abs(component.predictor) <= component.largest_dc;
  }

  bool refine_dc() {
    bits_.take(1);
    return true;
  }

  /// Reads a block in the first scan of a progressive band of coefficients: T.81 G.1.2.2.
  bool read_band(Component& component) {
    uint64_t& nonzero = *component.nonzero++;
    if (end_of_band_run_ > 0) {
      --end_of_band_run_;
      return true;
    }
    for (int k = first_; k <= last_; ++k) {
      const Code code = component.ac->find(bits_.window());
      const int run = code.symbol >> 4, size = code.symbol & 15;
      bits_.drop(code.length);
      if (code.length == 0 || size > kMaxAcBits) return false;
      if (size == 0 && run != 15) {
        end_of_band_run_ = end_of_band(run) - 1;
        return true;
      }
      bits_.take(size);
      k += run;
      if (k > last_) return false;
      if (size > 0) nonzero |= uint64_t{1} << k;
    }
    return true;
  }

  /// Reads a block in a later scan of a band, which adds a bit to each coefficient: T.81 G.1.2.3.
  bool refine_band(Component& component) {
    uint64_t& nonzero = *component.nonzero++;
    int k = first_;
    while (end_of_band_run_ == 0 && k <= last_) {
      const Code code = component.ac->find(bits_.window());
      const int run = code.symbol >> 4, size = code.symbol & 15;
      bits_.drop(code.length);
      if (code.length == 0 || size > 1) return false;
      if (size == 0 && run != 15) {
        end_of_band_run_ = end_of_band(run);
        break;
      }
      bits_.take(size);
      k = skip_zeros(nonzero, k, run);
      if (size > 0 && k > last_) return false;
      if (size > 0) nonzero |= uint64_t{1} << k;
      ++k;
    }
    if (end_of_band_run_ > 0) {
      skip_zeros(nonzero, k, kLastCoefficient);
      --end_of_band_run_;
    }
    return true;
  }

  int end_of_band(int size) { return (1 << size) + static_cast<int>(bits_.take(size)); }

  /// Skips `zeros` zero coefficients from `k` on, and consumes one bit for each nonzero
  /// coefficient. Returns the index of the zero coefficient after them, or of the end of the band.
  int skip_zeros(uint64_t nonzero, int k, int zeros) {
    for (; k <= last_; ++k) {
      if ((nonzero >> k & 1) != 0) {
        bits_.take(1);
      } else if (zeros-- == 0) {
        break;
      }
    }
    return k;
  }

  const jpeg_decompress_struct& jpeg_;
  BitReader bits_;
  const int first_, last_;  // coefficients of the band, in progressive files
  const bool refines_;
  std::array<Component, MAX_COMPS_IN_SCAN> components_{};
  unsigned mcus_ = 0;  // since the last restart
  int restarts_ = 0;
  int end_of_band_run_ = 0;  // remaining blocks with an empty band
};

}  // namespace

std::optional<int64_t> JpegScanChecker::find_damage(const jpeg_decompress_struct& jpeg) {
  uint64_t* nonzero = nullptr;
  if (jpeg.progressive_mode && jpeg.Ss > 0) {
    const jpeg_component_info& component = *jpeg.cur_comp_info[0];
    auto& known = nonzero_[component.component_index];
    known.resize(size_t{component.width_in_blocks} * component.height_in_blocks);
    nonzero = known.data();
  }
  return Scan(jpeg, nonzero).find_damage();
}

}  // namespace gm
