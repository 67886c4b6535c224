/// The result of an evaluation during training, shown in metrics.jsonl, Prometheus and the log.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace gm {

struct EvaluationReport {
  std::string name;                                          ///< Of the evaluation: "inpainting".
  int64_t samples = 0;                                       ///< Images that were evaluated.
  std::vector<std::pair<std::string, double>> figures = {};  ///< "psnr_masked", ...
};

}  // namespace gm
