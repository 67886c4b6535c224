/// What is trained. A task owns networks and defines their losses. The trainer knows phases, not
/// models. What else a task can do are interfaces of their own, which it may offer.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "data/batch.h"
#include "nn/network.h"

namespace gm {

class ImageGenerator;
class Inpainter;

/// The loss of a phase, and its named terms for the log. Scalars, means over the samples of the
/// batch, or over whatever Phase::weight counts.
struct Losses {
  at::Tensor total;
  std::map<std::string, at::Tensor> terms = {};
};

/// One optimizer's part of a step: the network that it updates and the loss that it minimises.
struct Phase {
  std::string name;
  Network* network;
  std::function<Losses(const Batch&)> loss;
  double learning_rate_factor = 1;  ///< Multiplies optimizer.learning_rate.
  /// What the loss of a batch is a mean of, such as its number of tokens; positive. The loss of a
  /// step is the mean over all of them, on all ranks. Empty if all batches have the same weight.
  std::function<double(const Batch&)> weight = {};
};

/// A task is single-device code: it does not know ranks. Its losses depend only on its networks,
/// its seed, the batch, and the results of earlier phases of the same step for that batch.
class Task {
 public:
  virtual ~Task() = default;

  /// In the order in which they run in a step.
  virtual std::vector<Phase> phases() = 0;
  /// The network whose weights generate the images, and of which an EMA is kept.
  virtual Network& sampled_network() = 0;
  /// What the task can do besides training; null if it cannot.
  virtual ImageGenerator* image_generator() { return nullptr; }
  virtual Inpainter* inpainter() { return nullptr; }
  /// A warning about the course of training after a step, given the means of its terms over
  /// micro-batches and ranks. Empty if all is well, or if nothing has changed.
  virtual std::string warning(const std::map<std::string, double>&) { return {}; }
};

}  // namespace gm
