// Each rank needs the files with its own images, and only these.
#include "run/datasets.h"

#include <gmock/gmock.h>

#include <optional>

#include "base/error.h"
#include "comm/consistency.h"
#include "data/image_manifest.h"
#include "support/expect_error.h"
#include "support/images.h"
#include "support/temporary_folder.h"
#include "support/test_world.h"

namespace gm {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

/// As on a node of its own: every rank has a folder with the manifest of a file for each rank, but
/// only with the file of its own.
class FilesOfRanks : public ::testing::Test {
 protected:
  FilesOfRanks() {
    for (int rank = 0; rank < ranks().size(); ++rank)
      write_numbered_file(file(rank), {4, 4, 1}, 100, {"cat"}, 100 * rank);
    write_manifest(folder_.path(), describe_folder(folder_.path()));
    for (int rank = 0; rank < ranks().size(); ++rank) {
      if (rank != ranks().rank()) std::filesystem::remove(file(rank));
    }
  }

  static Communicator& ranks() { return test_world().communicator(); }
  std::filesystem::path file(int rank) const { return folder_ / fmt::format("{}.h5", rank); }
  ShardOrder order(const ImageDataset& dataset) const {
    return ShardOrder({.dataset_size = dataset.size(),
                       .shards = ranks().size(),
                       .batch_size = 4,
                       .rank = ranks().rank(),
                       .ranks = ranks().size()});
  }

  TemporaryFolder folder_;
};

TEST_F(FilesOfRanks, EveryRankReadsItsShardsOfTheSameDataset) {
  const ImageDataset dataset(folder_.path());
  EXPECT_EQ(dataset.size(), 100 * ranks().size());
  require_same_everywhere(ranks(), "the dataset", dataset.content_hash());
  EXPECT_NO_THROW(require_files_on_ranks(dataset, order(dataset).owned(), ranks()));
  std::vector<uint8_t> pixels(16);
  for (int64_t m = 0; m < 50; ++m) {
    for (const Sample& sample : order(dataset).samples_of(m)) {
      dataset.read_image(sample.index, pixels);
      EXPECT_EQ(number_of(pixels.data()), sample.index);
    }
  }
}

TEST_F(FilesOfRanks, AMissingFileIsReportedByAllRanksWithItsRank) {
  const int last = ranks().size() - 1;
  if (ranks().rank() == last) std::filesystem::remove(file(last));
  const ImageDataset dataset(folder_.path());
  expect_error<InputError>(
      [&] { require_files_on_ranks(dataset, order(dataset).owned(), ranks()); },
      AllOf(HasSubstr(fmt::format("rank {} needs a file", last)),
            HasSubstr(fmt::format("/{}.h5: No such file", last))));
}

}  // namespace
}  // namespace gm
