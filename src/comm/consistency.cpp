#include "comm/consistency.h"

#include <elf.h>
#include <fmt/format.h>
#include <link.h>

#include <algorithm>
#include <array>
#include <map>
#include <vector>

#include "base/error.h"
#include "base/hash.h"
#include "base/host.h"
#include "base/kernel_set.h"
#include "comm/communicator.h"

namespace gm {
namespace {

/// Adds the build ids in one segment of ELF notes. The linker makes a build id from the content.
void add_build_ids(Hash& hash, const char* notes, size_t bytes) {
  const auto padded = [](size_t size) { return (size + 3) & ~size_t{3}; };
  while (bytes >= sizeof(ElfW(Nhdr))) {
    const auto* note = reinterpret_cast<const ElfW(Nhdr)*>(notes);
    const size_t name = padded(note->n_namesz);
    const size_t length = sizeof(*note) + name + padded(note->n_descsz);
    if (length > bytes) return;
    const char* content = notes + sizeof(*note) + name;
    if (note->n_type == NT_GNU_BUILD_ID) hash.add(std::string_view(content, note->n_descsz));
    notes += length;
    bytes -= length;
  }
}

/// Those whose code computes. System libraries are not compared.
constexpr std::array<std::string_view, 3> kHashedLibraries{"libgm.so", "libtorch", "libc10"};

int add_object(dl_phdr_info* object, size_t, void* hash) {
  // The program itself has no name here.
  const std::string_view path = object->dlpi_name;
  const std::string_view name = path.substr(path.find_last_of('/') + 1);
  const auto is_named = [&](std::string_view start) { return name.starts_with(start); };
  if (!path.empty() && std::ranges::none_of(kHashedLibraries, is_named)) return 0;
  for (int i = 0; i < object->dlpi_phnum; ++i) {
    const ElfW(Phdr)& header = object->dlpi_phdr[i];
    if (header.p_type != PT_NOTE) continue;
    add_build_ids(*static_cast<Hash*>(hash),
                  reinterpret_cast<const char*>(object->dlpi_addr + header.p_vaddr),
                  header.p_memsz);
  }
  return 0;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

/// The first line that is not the same in all texts, as each text has it.
std::vector<std::string> first_different_lines(const std::vector<std::string>& texts) {
  std::vector<std::vector<std::string>> lines;
  size_t longest = 0;
  for (const std::string& text : texts) {
    lines.push_back(lines_of(text));
    longest = std::max(longest, lines.back().size());
  }
  std::vector<std::string> row(texts.size());
  for (size_t i = 0; i < longest; ++i) {
    for (size_t t = 0; t < texts.size(); ++t) row[t] = i < lines[t].size() ? lines[t][i] : "";
    if (std::count(row.begin(), row.end(), row.front()) != std::ssize(row)) break;
  }
  return row;
}

/// "ranks 0-2, 5".
std::string list_ranks(const std::vector<int>& ranks) {
  std::string text = ranks.size() == 1 ? "rank " : "ranks ";
  for (size_t i = 0; i < ranks.size();) {
    size_t last = i;
    while (last + 1 < ranks.size() && ranks[last + 1] == ranks[last] + 1) ++last;
    text += i == 0 ? "" : ", ";
    text += last == i ? fmt::format("{}", ranks[i]) : fmt::format("{}-{}", ranks[i], ranks[last]);
    i = last + 1;
  }
  return text;
}

bool all_equal(const std::vector<std::string>& texts) {
  return std::count(texts.begin(), texts.end(), texts.front()) == std::ssize(texts);
}

/// " on HOST" for each rank; nothing if all ranks are on one host. Called by all ranks.
std::vector<std::string> places_of_ranks(Communicator& communicator) {
  std::vector<std::string> places = communicator.all_gather_text(" on " + host_name());
  if (all_equal(places)) places.assign(places.size(), "");
  return places;
}

/// Ranks by their text and their place.
using RankGroups = std::map<std::pair<std::string, std::string>, std::vector<int>>;

std::string describe(const RankGroups& groups) {
  std::string text;
  for (const auto& [group, ranks] : groups) {
    const auto& [line, place] = group;
    text += fmt::format("{}{}{}: {}", text.empty() ? "" : "; ", list_ranks(ranks), place, line);
  }
  return text;
}

/// Which ranks have which value, as "ranks 0, 2 on gm1: A; rank 1 on gm2: B". Empty if all have the
/// same.
std::string describe_difference(Communicator& communicator, std::string_view value) {
  // Hashes first: they are usually equal, and the values may be long.
  if (all_equal(communicator.all_gather_text(Hash().add(value).hex()))) return "";
  const std::vector<std::string> lines = first_different_lines(communicator.all_gather_text(value));
  const std::vector<std::string> places = places_of_ranks(communicator);
  RankGroups groups;
  for (int rank = 0; rank < communicator.size(); ++rank)
    groups[{lines[rank], places[rank]}].push_back(rank);
  return describe(groups);
}

}  // namespace

std::string program_build_id() {
  Hash hash;
  dl_iterate_phdr(add_object, &hash);
  return fmt::format("{}-{}", GM_VERSION, hash.hex());
}

void require_same_program(Communicator& communicator) {
  const std::string difference = describe_difference(communicator, program_build_id());
  if (difference.empty()) return;
  throw InputError(
      "the ranks run different builds of gm or LibTorch ({}); install the same build on every "
      "host, or start it from a folder that all hosts share",
      difference);
}

void require_same_everywhere(Communicator& communicator, std::string_view what,
                             std::string_view value) {
  const std::string difference = describe_difference(communicator, value);
  if (difference.empty()) return;
  throw InputError("{} differs between the ranks ({}); every node must see the same", what,
                   difference);
}

void require_no_problem(Communicator& communicator, std::string_view what, std::string_view problem,
                        std::string_view remedy) {
  const std::vector<std::string> problems = communicator.all_gather_text(problem);
  const std::vector<std::string> places = places_of_ranks(communicator);
  RankGroups groups;
  for (int rank = 0; rank < communicator.size(); ++rank)
    if (!problems[rank].empty()) groups[{problems[rank], places[rank]}].push_back(rank);
  if (groups.empty()) return;
  throw InputError("{} ({}); {}", what, describe(groups), remedy);
}

void require_same_kernels(Communicator& communicator) {
  require_wanted_kernel_set();
  require_same_everywhere(communicator, "the kernels (GM_KERNELS can choose them)",
                          name_of(kernel_set()));
}

void require_equal_parameters(Communicator& communicator, int64_t step, std::string_view hash) {
  const std::string difference = describe_difference(communicator, hash);
  if (difference.empty()) return;
  throw Error(
      "the parameters after step {} differ between the ranks ({}); resume from the last "
      "checkpoint; if it happens again, check the hardware of the rank that differs",
      step, difference);
}

}  // namespace gm
