// A file of images and a file of labels in the IDX format. The input: size of the labels file (two
// bytes), classes to keep (one byte), labels file, images file.
#include <algorithm>

#include "data/pack/source.h"
#include "fuzz/fuzz.h"
#include "support/temporary_folder.h"

namespace gm {
namespace {

void read(const std::filesystem::path& file, const std::string& classes) {
  constexpr int64_t kMaxRead = 100;
  const auto source = open_source(file, {.classes = classes});
  for (int64_t i = 0; i < std::min(source->size(), kMaxRead); ++i) {
    const SourceItem item = source->next();
    const DecodedImage image = item.decode();
    require(static_cast<int64_t>(image.pixels.size()) == image.shape.bytes());
    require(item.label >= 0 && item.label < std::max<int64_t>(1, std::ssize(source->classes())));
  }
}

}  // namespace
}  // namespace gm

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  gm::Input input(data, size);
  size_t label_bytes = input.byte();
  label_bytes += size_t{256} * input.byte();
  const uint8_t kept = input.byte();
  const gm::TemporaryFolder folder;
  if (label_bytes > 0) gm::write_whole(folder / "labels-idx1", input.take(label_bytes));
  const auto images = gm::write_whole(folder / "images-idx3", input.rest());
  gm::may_refuse([&] { gm::read(images, kept == 0 ? "all" : std::to_string(kept)); });
  return 0;
}
