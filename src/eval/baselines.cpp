#include "eval/baselines.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <numeric>
#include <vector>

#include "base/error.h"

namespace gm {
namespace {

using Values = std::vector<double>;  // one for each masked pixel

double dot(const Values& a, const Values& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

/// Laplace's equation over the masked pixels of one mask: the value of each pixel times its number
/// of neighbours, minus the values of the neighbours, is 0.
class LaplaceEquation {
 public:
  /// `mask` is [H,W].
  LaplaceEquation(const float* mask, int64_t height, int64_t width) {
    std::vector<int64_t> number(static_cast<size_t>(height * width), -1);
    for (int64_t i = 0; i < height * width; ++i) {
      if (mask[i] <= 0.5F) continue;
      number[static_cast<size_t>(i)] = std::ssize(pixels_);
      pixels_.push_back(i);
    }
    for (const int64_t pixel : pixels_) {
      const int64_t y = pixel / width, x = pixel % width;
      int64_t neighbours = 0;
      const auto connect = [&](bool is_there, int64_t neighbour) {
        if (!is_there) return;
        ++neighbours;
        if (mask[neighbour] > 0.5F)
          inner_.push_back(
              {number[static_cast<size_t>(pixel)], number[static_cast<size_t>(neighbour)]});
        else
          border_.push_back({number[static_cast<size_t>(pixel)], neighbour});
      };
      connect(y > 0, pixel - width);
      connect(x > 0, pixel - 1);
      connect(x + 1 < width, pixel + 1);
      connect(y + 1 < height, pixel + width);
      diagonal_.push_back(static_cast<double>(neighbours));
    }
  }

  /// Replaces the masked pixels of `plane` [H,W] by the solution for its known pixels.
  void solve(float* plane) const {
    Values right(pixels_.size(), 0.0);
    for (const auto& [number, pixel] : border_)
      right[static_cast<size_t>(number)] += static_cast<double>(plane[pixel]);
    const Values solution = conjugate_gradients(right);
    for (size_t i = 0; i < pixels_.size(); ++i) plane[pixels_[i]] = static_cast<float>(solution[i]);
  }

 private:
  struct Link {
    int64_t number;     // of a masked pixel
    int64_t neighbour;  // number of a masked pixel, or position of a known one
  };

  Values apply(const Values& values) const {
    Values result(values.size());
    for (size_t i = 0; i < values.size(); ++i) result[i] = diagonal_[i] * values[i];
    for (const auto& [number, neighbour] : inner_)
      result[static_cast<size_t>(number)] -= values[static_cast<size_t>(neighbour)];
    return result;
  }

  /// Each value divided by its number of neighbours: a preconditioner, for faster convergence.
  Values preconditioned(const Values& residual) const {
    Values result(residual.size());
    for (size_t i = 0; i < residual.size(); ++i) result[i] = residual[i] / diagonal_[i];
    return result;
  }

  /// The matrix is symmetric. It is positive definite, because a known pixel can be reached from
  /// every masked pixel: an image is connected.
  Values conjugate_gradients(const Values& right) const {
    constexpr double kTolerance = 1e-10;
    Values solution(right.size(), 0.0), residual = right;
    Values direction = preconditioned(residual);
    double slope = dot(residual, direction);
    const double enough = kTolerance * kTolerance * dot(right, right);
    // Without rounding, there are at most as many steps as unknowns. The rest is a reserve.
    for (size_t left = 2 * right.size() + 100; dot(residual, residual) > enough; --left) {
      if (left == 0) throw Error("the solution of Laplace's equation over a mask did not converge");
      const Values image = apply(direction);
      const double step = slope / dot(direction, image);
      for (size_t i = 0; i < right.size(); ++i) {
        solution[i] += step * direction[i];
        residual[i] -= step * image[i];
      }
      const Values gradient = preconditioned(residual);
      const double next = dot(residual, gradient);
      for (size_t i = 0; i < right.size(); ++i)
        direction[i] = gradient[i] + next / slope * direction[i];
      slope = next;
    }
    return solution;
  }

  std::vector<int64_t> pixels_;  // positions of the masked pixels
  Values diagonal_;              // neighbours of each
  std::vector<Link> inner_;      // between masked pixels, in both directions
  std::vector<Link> border_;     // from masked to known pixels
};

}  // namespace

at::Tensor inpaint_with_mean(const at::Tensor& images, const at::Tensor& masks) {
  const at::Tensor missing = masks > 0.5;
  const at::Tensor known = missing.logical_not().to(at::kDouble);
  const at::Tensor sums = images.masked_fill(missing, 0).to(at::kDouble).sum({2, 3}, true);
  const at::Tensor means = (sums / known.sum({2, 3}, true)).to(images.scalar_type());
  return at::where(missing, means, images);
}

at::Tensor inpaint_harmonically(const at::Tensor& images, const at::Tensor& masks) {
  const at::Tensor filled = images.to(at::kFloat).clone(at::MemoryFormat::Contiguous);
  const at::Tensor mask_values = masks.to(at::kFloat).contiguous();
  const int64_t channels = filled.size(1), height = filled.size(2), width = filled.size(3);
  at::parallel_for(0, filled.size(0), 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const LaplaceEquation equation(mask_values.const_data_ptr<float>() + i * height * width,
                                     height, width);
      for (int64_t c = 0; c < channels; ++c)
        equation.solve(filled.data_ptr<float>() + (i * channels + c) * height * width);
    }
  });
  return filled;
}

}  // namespace gm
