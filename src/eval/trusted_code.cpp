#include "eval/trusted_code.h"

#include <algorithm>
#include <filesystem>
#include <sstream>

#include "base/cache_folder.h"
#include "base/error.h"
#include "base/files.h"
#include "base/lower_case.h"

namespace gm {
namespace {

constexpr size_t kLargestTrustFile = 1 << 20;

std::filesystem::path trust_file() { return cache_folder(/*configured=*/"") / "trusted_code"; }

bool is_sha256(const std::string& text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

}  // namespace

std::vector<std::string> trusted_code() {
  std::vector<std::string> hashes;
  std::error_code nothing_there;
  if (!std::filesystem::exists(trust_file(), nothing_there)) return hashes;
  std::istringstream lines(read_file(trust_file(), kLargestTrustFile));
  for (std::string line; std::getline(lines, line);) hashes.push_back(line);
  return hashes;
}

void trust_code(const std::string& sha256) {
  const std::string hash = in_lower_case(sha256);
  if (!is_sha256(hash)) {
    throw InputError("--trust {}: not a SHA-256, which sha256sum FILE prints (64 digits)", sha256);
  }
  std::vector<std::string> hashes = trusted_code();
  if (std::ranges::find(hashes, hash) != hashes.end()) return;
  hashes.push_back(hash);
  std::string text;
  for (const std::string& each : hashes) text += each + '\n';
  create_cache_folder(trust_file().parent_path());
  write_file_atomically(trust_file(), text);
}

}  // namespace gm
