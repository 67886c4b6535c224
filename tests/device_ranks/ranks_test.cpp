// Several ranks with a device each: the losses and weights of one rank, and one kind of device.
#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/enum_names.h"
#include "base/error.h"
#include "device/device_runs.h"
#include "support/expect_error.h"
#include "support/fake_device.h"
#include "support/test_world.h"

namespace gm {
namespace {

class DeviceRanks : public testing::TestWithParam<std::tuple<const char*, ReducerKind>> {
 protected:
  void SetUp() override { test_world().use_device(fake_device::device()); }
  void TearDown() override {
    fake_device::synchronize();
    test_world().use_device(at::kCPU);
  }
};

TEST_P(DeviceRanks, TrainWithTheLossesAndWeightsOfOneRankOnTheCpu) {
  const auto& [task, reducer] = GetParam();
  SelfCommunicator alone;
  DeviceRun expected(task, at::kCPU, alone, alone, test_watchdog());
  DeviceRun found(task, fake_device::device(), test_world().communicator(),
                  test_world().collectives(), test_watchdog(), reducer);
  for (int64_t step = 0; step < 3; ++step) {
    expected.step();
    found.step();
  }
  for (size_t i = 0; i < expected.results().size(); ++i) {
    const double loss = expected.results()[i].loss;
    EXPECT_NEAR(found.results()[i].loss, loss, 1e-5 * std::abs(loss)) << i;
  }
  for (size_t p = 0; p < expected.phases().size(); ++p) {
    EXPECT_TRUE(near(found.phases()[p]->flat().parameters(),
                     expected.phases()[p]->flat().parameters(), 1e-3));
    const auto hashes = test_world().communicator().all_gather_text(found.phases()[p]->hash());
    EXPECT_EQ(hashes.front(), hashes.back()) << "all ranks have the same weights";
  }
}

INSTANTIATE_TEST_SUITE_P(Tasks, DeviceRanks,
                         testing::Combine(testing::Values("ddpm", "gan"),
                                          testing::Values(ReducerKind::kBucketed,
                                                          ReducerKind::kNaive)),
                         [](const auto& tested) {
                           return fmt::format("{}_{}", std::get<0>(tested.param),
                                              name_of(std::get<1>(tested.param)));
                         });

TEST(UseDevice, RefusesDifferentKindsOfDevicesOnTheRanks) {
  const bool is_first = test_world().rank() == 0;
  expect_error<InputError>(
      [&] { test_world().use_device(is_first ? at::Device(at::kCPU) : fake_device::device()); },
      testing::AllOf(testing::HasSubstr("the kind of device"), testing::HasSubstr("cpu"),
                     testing::HasSubstr("fake")));
  EXPECT_TRUE(test_world().device().is_cpu());
}

TEST(HostCollectives, SumAndBroadcastTensorsOfADevice) {
  Communicator& ranks = test_world().communicator();
  HostCollectives collectives(ranks);
  const auto mine = at::full({3}, 1.0 + ranks.rank()).to(fake_device::device());
  const at::Tensor from_last = mine.clone();
  const auto pending = collectives.start_all_reduce_sum(mine);
  collectives.broadcast(from_last, ranks.size() - 1);
  pending->wait();
  const int n = ranks.size();
  EXPECT_TRUE(mine.cpu().equal(at::full({3}, n * (n + 1) / 2.0)));
  EXPECT_TRUE(from_last.cpu().equal(at::full({3}, static_cast<double>(n))));
}

}  // namespace
}  // namespace gm
