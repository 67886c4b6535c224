// A safetensors file. The input is read twice: unchanged, and preceded by a header length that fits
// a header up to the first zero byte. Random mutations would rarely produce a matching length.
#include "checkpoint/safetensors.h"
#include "fuzz/fuzz.h"
#include "support/temporary_folder.h"

namespace gm {
namespace {

std::string with_header_length(Input input) {
  const std::string whole(input.rest());
  const uint64_t length = input.text().size();
  return std::string(reinterpret_cast<const char*>(&length), sizeof length) + whole;
}

void load(std::string_view content) {
  may_refuse([&] {
    const TemporaryFolder folder;
    const auto file = write_whole(folder / "model.safetensors", content);
    size_t bytes = 0;
    for (const auto& [name, tensor] : load_safetensors(file)) bytes += tensor.nbytes();
    require(bytes < content.size());
  });
}

}  // namespace
}  // namespace gm

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const gm::Input input(data, size);
  gm::load(input.rest());
  gm::load(gm::with_header_length(input));
  return 0;
}
