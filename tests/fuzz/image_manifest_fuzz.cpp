// The manifest of a folder of image files, which may describe the only file in it.
#include "data/image_dataset.h"
#include "fuzz/fuzz.h"
#include "support/images.h"
#include "support/temporary_folder.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const gm::TemporaryFolder folder;
  static const bool written = [] {
    gm::write_numbered_file(folder / "a.h5", {2, 2, 1}, 3, {"cat"}, 0, 0.3);
    return true;
  }();
  gm::require(written);
  gm::write_whole(folder / gm::kImageManifestName, gm::Input(data, size).rest());
  gm::may_refuse([] {
    const gm::ImageDataset dataset(folder.path(), "cat", gm::Part::kTraining);
    std::vector<uint8_t> pixels(4);
    dataset.read_image(dataset.size() - 1, pixels);
  });
  return 0;
}
