// The manifest of a checkpoint, in a folder with one file that it may name.
#include "checkpoint/checkpoint_store.h"
#include "fuzz/fuzz.h"
#include "support/temporary_folder.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const gm::TemporaryFolder folder;
  gm::write_whole(folder / "manifest.json", gm::Input(data, size).rest());
  gm::write_whole(folder / "model.safetensors", std::string_view("\2\0\0\0\0\0\0\0{}", 10));
  gm::may_refuse([&] {
    const gm::Checkpoint checkpoint(folder.path());
    checkpoint.load("model");
  });
  return 0;
}
