#include "base/end_process.h"

#include <gtest/gtest.h>

#include <cstdio>

#include "base/files.h"
#include "support/temporary_folder.h"

namespace gm {
namespace {

TEST(EndProcessDeathTest, EndsWithTheStatusAndFlushesOpenFiles) {
  const TemporaryFolder folder;
  const std::string path = (folder / "output.txt").string();
  EXPECT_EXIT(
      {
        std::fputs("text", std::fopen(path.c_str(), "w"));
        end_process(75);
      },
      testing::ExitedWithCode(75), "");
  EXPECT_EQ(read_file(path, 100), "text");
}

}  // namespace
}  // namespace gm
