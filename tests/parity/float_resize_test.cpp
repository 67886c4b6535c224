// Compares resizing without rounding with Pillow (float_resize_answers.py).
#include "image/float_resize.h"

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "answers.h"
#include "checkpoint/safetensors.h"
#include "counter_values.h"

namespace gm::parity {
namespace {

struct ResizeCase {
  int64_t channels, height, width, size;
};

constexpr ResizeCase kResizeCases[] = {
    {1, 28, 28, 299}, {1, 32, 32, 299},   {1, 64, 64, 299}, {1, 299, 299, 299}, {1, 512, 512, 299},
    {3, 28, 28, 299}, {3, 32, 32, 299},   {3, 64, 64, 299}, {3, 299, 299, 299}, {3, 512, 512, 299},
    {3, 40, 24, 299}, {3, 299, 320, 299}, {3, 32, 32, 224}, {1, 28, 28, 32},
};

/// The image number `number` of the script: float32 [C,H,W] of whole numbers from 0 to 255.
at::Tensor image_to_resize(uint64_t number, const ResizeCase& of) {
  CounterRng random(0, kInputs, number);
  at::Tensor image = at::empty({of.channels, of.height, of.width}, at::kFloat);
  std::generate_n(image.data_ptr<float>(), image.numel(),
                  [&] { return static_cast<float>(random.next() >> 24); });
  return image;
}

TEST(FloatResizeParity, ResizedImagesAreThoseOfPillow) {
  const TensorMap answers = load_safetensors(answer("float_resize.safetensors"));
  ASSERT_EQ(answers.size(), 2 * std::size(kResizeCases));
  uint64_t number = 0;
  for (const ResizeCase& of : kResizeCases) {
    const std::string name =
        fmt::format("{}x{}x{}_to_{}", of.channels, of.height, of.width, of.size);
    const at::Tensor image =
        resize_bicubic(image_to_resize(number, of).unsqueeze(0), of.size, of.size)[0];
    const at::Tensor corner = image.slice(1, 0, 12).slice(2, 0, 12);
    // One unit in the last place of 255.
    EXPECT_LE((corner - answers.at(name + ".corner")).abs().max().item<double>(), 1.6e-5) << name;
    const at::Tensor weighted =
        image.to(at::kDouble) *
        counter_uniform(0, kProjections, number, image.sizes()).to(at::kDouble);
    const at::Tensor sums =
        at::stack({weighted.sum(at::IntArrayRef{0, 2}), weighted.sum(at::IntArrayRef{0, 1})});
    EXPECT_LE((sums - answers.at(name)).abs().max().item<double>(), 1e-3) << name;
    ++number;
  }
}

}  // namespace
}  // namespace gm::parity
