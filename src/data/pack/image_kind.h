/// What a file is that is neither JPEG nor PNG, so that a refusal can say it.
#pragma once

#include <string_view>

namespace gm {

/// "a WebP image", "a web page", ..., by the first bytes of the file; empty when they tell nothing.
std::string_view kind_of_file(std::string_view bytes);

}  // namespace gm
