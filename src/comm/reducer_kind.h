/// How gradients are summed over the ranks: the values of train.reducer.
#pragma once

#include <array>
#include <utility>

namespace gm {

enum class ReducerKind {
  kBucketed,  ///< In buckets, during the backward pass.
  kNaive,     ///< All at once, after it.
};
constexpr auto names_of(ReducerKind) {
  using enum ReducerKind;
  return std::to_array<std::pair<ReducerKind, const char*>>(
      {{kBucketed, "bucketed"}, {kNaive, "naive"}});
}

}  // namespace gm
