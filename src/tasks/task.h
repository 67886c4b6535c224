/// What is trained. A task owns networks and defines their losses. The trainer knows phases, not
/// models. What else a task can do are interfaces of their own, which it may offer.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "data/batch.h"
#include "nn/network.h"

namespace gm {

class DiffusionLosses;
class DiffusionProcess;
class ImageGenerator;
class Inpainter;

/// What the losses of a micro-batch are functions of: its samples, and everything random that the
/// losses use.
struct PreparedBatch {
  at::Tensor positions;                       ///< Batch::positions, on the CPU.
  std::map<std::string, at::Tensor> tensors;  ///< By name ("images", "noise"), on the device.
  /// What the losses are means of, such as a number of tokens; positive. The loss of a step is the
  /// mean over all of them, on all ranks. Empty if all batches have the same weight: then it is
  /// empty on all ranks.
  std::optional<double> weight = {};

  /// Throws Error if the task did not prepare a tensor of this name.
  const at::Tensor& operator[](const std::string& name) const;
};

/// The loss of a phase, and its named terms for the log. Scalars, means over the samples of the
/// batch, or over whatever PreparedBatch::weight counts.
struct Losses {
  at::Tensor total;
  std::map<std::string, at::Tensor> terms = {};
};

/// One optimizer's part of a step: the network that it updates and the loss that it minimises.
struct Phase {
  std::string name;
  Network* network;
  std::function<Losses(const PreparedBatch&)> loss;
  double learning_rate_factor = 1;  ///< Multiplies optimizer.learning_rate.
};

/// A task is single-device code: it does not know ranks. Its losses depend only on its networks,
/// the prepared batch, and the results of earlier phases of the same step for that batch.
class Task {
 public:
  /// The networks, and all tensors that losses and samples are computed from, are on `device`.
  explicit Task(at::Device device = at::kCPU) : device_(device) {}
  virtual ~Task() = default;

  at::Device device() const { return device_; }

  /// The batch on the device, with what is drawn at random for it. Called once for each micro-batch
  /// of a step, before its phases. Without another definition: its `images`.
  virtual PreparedBatch prepare(const Batch& batch);
  /// In the order in which they run in a step.
  virtual std::vector<Phase> phases() = 0;
  /// The network whose weights generate the images, and of which an EMA is kept.
  virtual Network& sampled_network() = 0;
  /// What the task can do besides training; null if it cannot.
  virtual ImageGenerator* image_generator() { return nullptr; }
  virtual Inpainter* inpainter() { return nullptr; }
  virtual DiffusionLosses* diffusion_losses() { return nullptr; }
  virtual DiffusionProcess* process() { return nullptr; }
  /// A warning about the course of training after a step, given the means of its terms over
  /// micro-batches and ranks. Empty if all is well, or if nothing has changed.
  virtual std::string warning(const std::map<std::string, double>&) { return {}; }

 private:
  at::Device device_;
};

}  // namespace gm
