/// The result of an evaluation during training, shown in metrics.jsonl, Prometheus and the log.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace gm {

struct EvaluationReport {
  int64_t images = 0;
  std::vector<std::pair<std::string, double>> figures = {};  ///< "psnr_masked", ...
};

}  // namespace gm
