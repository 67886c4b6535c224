/// One output of gm_sample: a grid, a folder of images, an HDF5 file.
#pragma once

#include "eval/sampling.h"

namespace gm {

/// It may have samples of an earlier start of the same command already.
class SampleOutput : public SampleReceiver {
 public:
  /// Called after the last sample.
  virtual void finish() = 0;
};

}  // namespace gm
