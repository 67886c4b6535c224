// Runs a fuzz target without libFuzzer: `NAME_fuzz CORPUS RUNS` feeds it every file of the corpus,
// then RUNS mutations of them, the same on every machine. The target runs in a child process, so
// that the parent can save an input that crashes it.
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <new>
#include <random>
#include <string>
#include <vector>

#include "fuzz/fuzz.h"

namespace gm {
namespace {

namespace fs = std::filesystem;

constexpr unsigned kMaxSeconds = 20;  // for one input
constexpr int64_t kMaxBytes = int64_t{1} << 30;

using Corpus = std::vector<std::string>;

Corpus read_corpus(const fs::path& folder) {
  std::vector<fs::path> files(fs::directory_iterator{folder}, fs::directory_iterator{});
  std::ranges::sort(files);
  Corpus corpus;
  for (const auto& file : files) {
    std::ifstream stream(file, std::ios::binary);
    corpus.emplace_back(std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>());
  }
  return corpus;
}

class Mutator {
 public:
  Mutator(const Corpus& corpus, uint64_t seed) : corpus_(corpus), random_(seed) {}

  std::string mutated() {
    std::string input = corpus_[below(corpus_.size())];
    for (size_t left = 1 + below(4); left > 0; --left) change(input);
    return input;
  }

 private:
  size_t below(size_t n) { return n == 0 ? 0 : random_() % n; }

  void change(std::string& input) {
    const size_t at = below(input.size());
    const size_t length = below(std::min<size_t>(input.size() - at, 64) + 1);
    switch (below(6)) {
      case 0:
        if (!input.empty()) input[at] ^= static_cast<char>(1 << below(8));
        break;
      case 1:
        overwrite(input, at);
        break;
      case 2:
        input.erase(at, length);
        break;
      case 3:
        input.insert(at, input.substr(at, length));
        break;
      case 4:
        input.insert(at, part_of(corpus_[below(corpus_.size())]));
        break;
      default:
        if (below(4) == 0) input.resize(at);
    }
  }

  /// Overwrites 1, 2, 4 or 8 bytes with 0x00, 0xff, 0x7f or random values.
  void overwrite(std::string& input, size_t at) {
    const size_t bytes = std::min<size_t>(input.size() - at, size_t{1} << below(4));
    const int edge = static_cast<int>(below(4));
    for (size_t i = 0; i < bytes; ++i) {
      const int value = edge == 0 ? 0 : edge == 1 ? 0xff : edge == 2 ? 0x7f : 0x100;
      input[at + i] = static_cast<char>(value == 0x100 ? below(256) : static_cast<size_t>(value));
    }
  }

  std::string part_of(const std::string& text) {
    const size_t at = below(text.size());
    return text.substr(at, below(64));
  }

  const Corpus& corpus_;
  std::mt19937_64 random_;
};

/// Input `index`: the files of the corpus come first, then an unlimited number of mutations.
std::string input_of(const Corpus& corpus, size_t index) {
  return index < corpus.size() ? corpus[index] : Mutator(corpus, index).mutated();
}

/// A counter in memory that a child process shares with its parent.
std::atomic<size_t>& shared_counter() {
  void* memory = ::mmap(nullptr, sizeof(std::atomic<size_t>), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  require(memory != MAP_FAILED);
  return *new (memory) std::atomic<size_t>(0);
}

void run_all(const Corpus& corpus, size_t inputs, std::atomic<size_t>& index) {
  for (; index < inputs; ++index) {
    ::alarm(kMaxSeconds);
    const std::string input = input_of(corpus, index);
    LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(input.data()), input.size());
  }
}

/// Whether a child process survives `inputs` inputs and stays below kMaxBytes of memory.
bool survives(const Corpus& corpus, size_t inputs, const std::string& name) {
  std::atomic<size_t>& index = shared_counter();
  const pid_t child = ::fork();
  if (child == 0) {
    run_all(corpus, inputs, index);
    std::exit(0);
  }
  int status = 0;
  rusage usage{};
  require(::wait4(child, &status, 0, &usage) == child);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    const std::string kept = name + ".crash";
    write_whole(kept, input_of(corpus, index));
    std::printf("input %zu of %zu crashed the target (signal %d); it is kept in %s\n", index.load(),
                inputs, WIFSIGNALED(status) ? WTERMSIG(status) : 0, fs::absolute(kept).c_str());
    return false;
  }
  const int64_t peak_bytes = usage.ru_maxrss * int64_t{1024};
  std::printf("%zu inputs, at most %lld MiB\n", inputs, static_cast<long long>(peak_bytes >> 20));
  return peak_bytes <= kMaxBytes;
}

}  // namespace
}  // namespace gm

int main(int argc, char** argv) {
  gm::require(argc == 3);
  const gm::Corpus corpus = gm::read_corpus(argv[1]);
  gm::require(!corpus.empty());
  const size_t inputs = corpus.size() + std::stoul(argv[2]);
  const auto name = std::filesystem::path(argv[0]).filename().string();
  return gm::survives(corpus, inputs, name) ? 0 : 1;
}
