/// An evaluation: what is measured, on which data. Programs and the trainer treat all kinds alike.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "image/image_grid.h"
#include "tasks/image_generator.h"
#include "tasks/inpainter.h"
#include "tasks/task.h"
#include "telemetry/evaluation_report.h"

namespace gm {

/// What is evaluated: the model of a task, or a baseline. What it cannot do is null. The objects
/// outlive it.
struct Method {
  std::string name = {};                ///< Of a run or a baseline; empty during training.
  Task* task = nullptr;                 ///< For its losses; null for a baseline.
  ImageGenerator* generator = nullptr;  ///< Makes samples.
  Inpainter* inpainter = nullptr;       ///< Inpaints.
  /// The names of the classes that the generator knows; empty if they are not known.
  std::vector<std::string> classes = {};
  Provenance weights = {};     ///< Which ones the model has; empty for a baseline.
  Provenance sampling = {};    ///< How it makes samples: keys with their values.
  Provenance inpainting = {};  ///< How it inpaints.
};

/// The model of `task`, with the weights that its networks have at the time of an evaluation.
Method method_of(Task& task);

/// Follows an evaluation, batch by batch. Called on every rank.
struct EvaluationObserver {
  std::function<void()> begin_batch = [] {};
  /// After a batch of all ranks, with its number of samples. The last batch may be counted larger
  /// than it is.
  std::function<void(int64_t samples)> end_batch = [](int64_t) {};
};

class Evaluation {
 public:
  virtual ~Evaluation() = default;

  /// Unique among the evaluations of a program: "inpainting".
  virtual std::string name() const = 0;
  /// Number of samples that run() evaluates.
  virtual int64_t samples() const = 0;
  /// Methods that need no training, to compare with. They live as long as the evaluation.
  virtual std::vector<Method> baselines() { return {}; }
  /// Evaluates `method`, which must offer what the evaluation needs. Called by all ranks together.
  /// All of them get the same report, with the name of the evaluation, for any number of ranks up
  /// to rounding. Throws StopRequested on all ranks if one of them received a signal.
  virtual EvaluationReport run(const Method& method, const EvaluationObserver& observer) = 0;
  /// Images of the results of `methods` beside each other, on rank 0; nullopt if the evaluation
  /// draws none. Called by all ranks together. Throws as run().
  virtual std::optional<LabelledImages> draw(const std::vector<Method>& /*methods*/,
                                             const EvaluationObserver& /*observer*/) {
    return std::nullopt;
  }
};

}  // namespace gm
