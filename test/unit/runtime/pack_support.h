// Kernels to put into packs, which no GPU could run.
#pragma once

#include "kiln/pack.h"

#include "cache_support.h"

namespace kiln::runtime::test {

/// `scale(ptr<const f32>, ptr<f32>, scalar<i32>)`, whose pointers are multiples of 16 and whose size is one of 4.
inline PackContent scale_content(const std::string &config = "block=128 num_warps=4",
                                 const std::string &arch = "sm_90a", bool facts = true) {
  PackContent content;
  content.entry.name = "scale";
  content.entry.config = config;
  content.entry.arch = arch;
  content.entry.parameters = {{DType::f32, true, true}, {DType::f32, true, false}, {DType::i32, false, false}};
  KernelImage &image = content.specialised;
  image.name = "scale";
  image.config = "{128, 4}";
  image.arch = arch;
  image.num_warps = 4;
  image.threads = 128;
  image.parameters = {{ParameterKind::pointer, 8}, {ParameterKind::pointer, 8}, {ParameterKind::integer, 4}};
  image.cubin = {1, 2, 3};
  if (facts) {
    content.entry.facts.add({0, 8, 16});
    content.entry.facts.add({1, 8, 16});
    content.entry.facts.add({2, 4, 4});
    content.generic = image;
    content.generic->threads = 64; // so that a launch shows which variant it was
  }
  return content;
}

/// `fill(ptr<bf16>, scalar<bf16>, scalar<i1>, scalar<i64>)`, without facts, which waits.
inline PackContent fill_content() {
  PackContent content;
  content.entry.name = "fill";
  content.entry.arch = "sm_80";
  content.entry.waits = true;
  content.entry.parameters = {{DType::bf16, true}, {DType::bf16}, {DType::i1}, {DType::i64}};
  KernelImage &image = content.specialised;
  image.name = "fill";
  image.arch = "sm_80";
  image.parameters = {{ParameterKind::pointer, 8},
                      {ParameterKind::floating, 2},
                      {ParameterKind::boolean, 1},
                      {ParameterKind::integer, 8}};
  image.cubin.assign(5000, 7);
  return content;
}

} // namespace kiln::runtime::test
