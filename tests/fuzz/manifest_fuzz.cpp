// The manifest of a checkpoint, in a folder with one file that it may name. The input is read
// twice: unchanged, and with a correct hash, so that the reader also checks the other fields.
#include "base/bounded_json.h"
#include "base/hash.h"
#include "checkpoint/checkpoint_store.h"
#include "fuzz/fuzz.h"
#include "support/temporary_folder.h"

namespace {

std::string with_its_hash(const std::string& text) {
  auto json = gm::parse_bounded_object(text, /*max_depth=*/8);
  if (json.is_null()) return text;
  json.erase("manifest_xxh3_128");
  json["manifest_xxh3_128"] = gm::Hash().add(json.dump()).hex();
  return json.dump();
}

void open_checkpoint(const std::filesystem::path& folder, const std::string& manifest) {
  gm::write_whole(folder / "manifest.json", manifest);
  gm::may_refuse([&] {
    const gm::Checkpoint checkpoint(folder);
    checkpoint.load("model");
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const gm::TemporaryFolder folder;
  gm::write_whole(folder / "model.safetensors", std::string_view("\2\0\0\0\0\0\0\0{}", 10));
  const std::string text(gm::Input(data, size).rest());
  open_checkpoint(folder.path(), text);
  open_checkpoint(folder.path(), with_its_hash(text));
  return 0;
}
