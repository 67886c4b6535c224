#include "checkpoint/safetensors.h"

#include <ATen/ops/empty.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <span>
#include <vector>

#include "base/bounded_json.h"
#include "base/error.h"
#include "base/hash.h"

namespace gm {
namespace fs = std::filesystem;
namespace {

static_assert(std::endian::native == std::endian::little, "safetensors is little endian");

/// The format's own limit (huggingface/safetensors, MAX_HEADER_SIZE).
constexpr uint64_t kMaxHeaderBytes = 100'000'000;
/// The header is an object of objects of arrays.
constexpr int kMaxHeaderDepth = 3;
constexpr size_t kMaxDimensions = 16;
/// The data begin at a multiple of this, so that a memory-mapped file can be used directly.
constexpr size_t kAlignment = 8;

struct DType {
  const char* name;
  at::ScalarType type;
};
/// In the order of Python's writer, so that equal content gives equal bytes: the largest elements
/// first, which aligns every tensor to its element size.
constexpr std::array kDTypes{
    DType{"I64", at::kLong},  DType{"F64", at::kDouble},    DType{"F32", at::kFloat},
    DType{"I32", at::kInt},   DType{"BF16", at::kBFloat16}, DType{"F16", at::kHalf},
    DType{"I16", at::kShort}, DType{"I8", at::kChar},       DType{"U8", at::kByte},
    DType{"BOOL", at::kBool},
};

/// A file open for reading; the destructor closes it.
class File {
 public:
  explicit File(const fs::path& path) : descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
  ~File() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  int get() const { return descriptor_; }
  explicit operator bool() const { return descriptor_ >= 0; }

 private:
  int descriptor_;
};

/// The position of a tensor in the file, from its header entry.
struct Entry {
  std::string name;
  at::ScalarType type;
  std::vector<int64_t> shape;
  uint64_t begin;  // from the end of the header
  uint64_t end;
};

/// Reads one file, from its beginning to its end; every error names it.
class Reader {
 public:
  Reader(const fs::path& path, Hash& hash) : path_(path), file_(path), hash_(hash) {
    struct stat status {};
    if (!file_ || ::fstat(file_.get(), &status) != 0) fail("cannot be read: {}", strerror(errno));
    if (!S_ISREG(status.st_mode)) fail("is not a file");
    file_bytes_ = static_cast<uint64_t>(status.st_size);
  }

  TensorMap read() {
    auto entries = entries_of(read_header());
    std::ranges::sort(entries, {}, [](const Entry& e) { return std::pair(e.begin, e.end); });
    check_layout(entries);
    TensorMap tensors;
    for (const Entry& entry : entries) tensors.emplace(entry.name, read_tensor(entry));
    return tensors;
  }

  std::set<std::string> read_names() {
    std::set<std::string> names;
    for (const Entry& entry : entries_of(read_header())) names.insert(entry.name);
    return names;
  }

  std::map<std::string, std::string> read_metadata() {
    const nlohmann::json header = read_header();
    std::map<std::string, std::string> metadata;
    const auto found = header.find("__metadata__");
    if (found == header.end()) return metadata;
    if (!found->is_object()) fail("__metadata__ is not an object");
    for (const auto& [name, value] : found->items()) {
      if (!value.is_string()) fail("__metadata__: the value of \"{}\" is not a text", name);
      metadata[name] = value.get<std::string>();
    }
    return metadata;
  }

 private:
  template <typename... Args>
  [[noreturn]] void fail(fmt::format_string<Args...> format, Args&&... args) const {
    throw InputError("{}: {}", path_.string(), fmt::format(format, std::forward<Args>(args)...));
  }

  void read_next(void* target, uint64_t bytes) {
    auto* next = static_cast<std::byte*>(target);
    while (bytes > 0) {
      const ssize_t got = ::read(file_.get(), next, bytes);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) fail("reading failed: {}", strerror(errno));
      if (got == 0) fail("became shorter while it was read");
      hash_.add(std::span(next, static_cast<size_t>(got)));
      next += got;
      bytes -= static_cast<uint64_t>(got);
    }
  }

  nlohmann::json read_header() {
    uint64_t header_bytes = 0;
    if (file_bytes_ < sizeof header_bytes) fail("is too short to be a safetensors file");
    read_next(&header_bytes, sizeof header_bytes);
    if (header_bytes > std::min(kMaxHeaderBytes, file_bytes_ - sizeof header_bytes)) {
      fail("is not a safetensors file, or was cut off: it declares a header of {} bytes",
           header_bytes);
    }
    data_begin_ = sizeof header_bytes + header_bytes;
    std::string text(header_bytes, '\0');
    read_next(text.data(), header_bytes);
    return parse_header(text);
  }

  nlohmann::json parse_header(const std::string& text) const {
    auto header = parse_bounded_object(text, kMaxHeaderDepth);
    if (header.is_null()) {
      fail("is not a safetensors file: its header is not a JSON object, or is nested too deeply");
    }
    return header;
  }

  std::vector<Entry> entries_of(const nlohmann::json& header) const {
    std::vector<Entry> entries;
    for (const auto& [name, fields] : header.items()) {
      if (name != "__metadata__") entries.push_back(entry_of(name, fields));
    }
    return entries;
  }

  Entry entry_of(const std::string& name, const nlohmann::json& fields) const {
    if (!fields.is_object() || fields.size() != 3 || !fields.contains("dtype") ||
        !fields.contains("shape") || !fields.contains("data_offsets")) {
      fail("tensor \"{}\": needs exactly dtype, shape and data_offsets", name);
    }
    const auto offsets = counts_of(name, "data_offsets", fields["data_offsets"]);
    if (offsets.size() != 2 || offsets[0] > offsets[1] || offsets[1] > file_bytes_ - data_begin_) {
      fail("tensor \"{}\": its data_offsets lie outside the file's {} bytes of data (cut off?)",
           name, file_bytes_ - data_begin_);
    }
    Entry entry{name, type_of(name, fields["dtype"]), {}, offsets[0], offsets[1]};
    const auto shape = counts_of(name, "shape", fields["shape"]);
    check_size(entry, shape);
    entry.shape.assign(shape.begin(), shape.end());
    return entry;
  }

  std::vector<uint64_t> counts_of(const std::string& name, const char* field,
                                  const nlohmann::json& array) const {
    if (!array.is_array() || array.size() > kMaxDimensions) {
      fail("tensor \"{}\": {} is not an array of at most {} numbers", name, field, kMaxDimensions);
    }
    std::vector<uint64_t> counts;
    for (const auto& element : array) {
      if (!element.is_number_unsigned() ||
          element.get<uint64_t>() > std::numeric_limits<int64_t>::max()) {
        fail("tensor \"{}\": {} holds {}, which is not a count", name, field, element.dump());
      }
      counts.push_back(element.get<uint64_t>());
    }
    return counts;
  }

  at::ScalarType type_of(const std::string& name, const nlohmann::json& dtype) const {
    for (const DType& known : kDTypes) {
      if (dtype == known.name) return known.type;
    }
    fail("tensor \"{}\": dtype {} is not supported", name, dtype.dump());
  }

  /// The size of the shape in bytes must equal the length between the offsets. A product that would
  /// overflow is refused.
  void check_size(const Entry& entry, const std::vector<uint64_t>& shape) const {
    const uint64_t bytes = entry.end - entry.begin;
    uint64_t expected = c10::elementSize(entry.type);
    const bool empty = std::ranges::find(shape, 0U) != shape.end();
    for (const uint64_t extent : shape) {
      if (empty) break;
      if (extent > std::numeric_limits<uint64_t>::max() / expected) {
        fail("tensor \"{}\": its shape [{}] is too large", entry.name, fmt::join(shape, ", "));
      }
      expected *= extent;
    }
    if (empty) expected = 0;
    if (expected != bytes) {
      fail("tensor \"{}\": shape [{}] needs {} bytes, but data_offsets give it {}", entry.name,
           fmt::join(shape, ", "), expected, bytes);
    }
  }

  /// The tensors must fill the file's data exactly, without gaps or overlaps. `entries` are in the
  /// order of their bytes.
  void check_layout(const std::vector<Entry>& entries) const {
    uint64_t position = 0;
    for (const Entry& entry : entries) {
      if (entry.begin != position) {
        fail(
            "tensor \"{}\": begins at byte {} of the data, but {} was expected (a gap or an "
            "overlap)",
            entry.name, entry.begin, position);
      }
      position = entry.end;
    }
    if (position != file_bytes_ - data_begin_) {
      fail("{} bytes follow the last tensor", file_bytes_ - data_begin_ - position);
    }
  }

  at::Tensor read_tensor(const Entry& entry) {
    at::Tensor tensor = at::empty(entry.shape, at::TensorOptions(entry.type));
    read_next(tensor.mutable_data_ptr(), entry.end - entry.begin);
    return tensor;
  }

  fs::path path_;
  File file_;
  Hash& hash_;
  uint64_t file_bytes_ = 0;
  uint64_t data_begin_ = 0;
};

using NamedTensor = std::pair<std::string, at::Tensor>;

/// Index of a tensor's type in kDTypes. Throws for a tensor that cannot be saved.
size_t dtype_index(const NamedTensor& named) {
  const auto& [name, tensor] = named;
  if (name == "__metadata__") throw Error("no tensor can be saved under the name \"{}\"", name);
  if (!tensor.device().is_cpu()) throw Error("tensor \"{}\" must be on the CPU to be saved", name);
  const auto found = std::ranges::find(kDTypes, tensor.scalar_type(), &DType::type);
  if (found == kDTypes.end()) {
    throw Error("tensor \"{}\" has type {}, which cannot be saved", name,
                c10::toString(tensor.scalar_type()));
  }
  return static_cast<size_t>(found - kDTypes.begin());
}

std::vector<NamedTensor> in_file_order(const TensorMap& tensors) {
  std::vector<NamedTensor> ordered(tensors.begin(), tensors.end());
  std::ranges::stable_sort(ordered, {}, dtype_index);  // a map is sorted by name already
  return ordered;
}

/// Header text, padded with spaces to align the data.
std::string header_of(const std::vector<NamedTensor>& tensors,
                      const std::map<std::string, std::string>& metadata) {
  auto header = nlohmann::ordered_json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  uint64_t position = 0;
  for (const NamedTensor& named : tensors) {
    const auto& [name, tensor] = named;
    const uint64_t end = position + tensor.nbytes();
    header[name] = {{"dtype", kDTypes.at(dtype_index(named)).name},
                    {"shape", tensor.sizes().vec()},
                    {"data_offsets", {position, end}}};
    position = end;
  }
  std::string text = header.dump();
  text.resize((text.size() + kAlignment - 1) / kAlignment * kAlignment, ' ');
  return text;
}

}  // namespace

TensorMap load_safetensors(const fs::path& path, Hash& hash) { return Reader(path, hash).read(); }

TensorMap load_safetensors(const fs::path& path) {
  Hash not_asked_for;
  return load_safetensors(path, not_asked_for);
}

std::map<std::string, std::string> load_safetensors_metadata(const fs::path& path) {
  Hash not_asked_for;
  return Reader(path, not_asked_for).read_metadata();
}

std::set<std::string> load_safetensors_names(const fs::path& path) {
  Hash not_asked_for;
  return Reader(path, not_asked_for).read_names();
}

void write_safetensors(const ByteSink& sink, const TensorMap& tensors,
                       const std::map<std::string, std::string>& metadata) {
  const auto ordered = in_file_order(tensors);
  const std::string header = header_of(ordered, metadata);
  const uint64_t header_bytes = header.size();
  sink(std::as_bytes(std::span(&header_bytes, 1)));
  sink(std::as_bytes(std::span(header)));
  for (const auto& [name, tensor] : ordered) {
    const at::Tensor dense = tensor.contiguous();
    sink({static_cast<const std::byte*>(dense.const_data_ptr()), dense.nbytes()});
  }
}

}  // namespace gm
