// The kernels that kiln-stress compiles and launches, with what they compute. All are of 32-bit integers, so results
// are exact on every device.
#pragma once

#include "kiln/kiln.h"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace kiln_stress {

struct Config {
  int block = 256;
  int salt = 0; // 0 to salts - 1; the one member that results depend on
  int num_warps = 4;
};

constexpr int salts = 64;
/// What is added to results: an integer that no kernel holds for another reason.
constexpr std::int32_t salt_base = 1'000'000;

/// in, out, and a size.
using Elementwise =
    kiln::Kernel<Config, kiln::ptr<const std::int32_t>, kiln::ptr<std::int32_t>, kiln::scalar<std::int32_t>>;

/// What a kernel function throws that does not want to be compiled.
struct Refusal {};

void mix_body(const Config &, kiln::ptr<const std::int32_t>, kiln::ptr<std::int32_t>, kiln::scalar<std::int32_t>);
void row_sum_body(const Config &, kiln::ptr<const std::int32_t>, kiln::ptr<std::int32_t>, kiln::scalar<std::int32_t>);
void guarded_body(const Config &, kiln::ptr<const std::int32_t>, kiln::ptr<std::int32_t>, kiln::scalar<std::int32_t>);
void crooked_body(const Config &, kiln::ptr<const std::int32_t>, kiln::ptr<std::int32_t>, kiln::scalar<std::int32_t>);
void moody_body(const Config &, kiln::ptr<const std::int32_t>, kiln::ptr<std::int32_t>, kiln::scalar<std::int32_t>);
void large_body(const Config &, kiln::ptr<const std::int32_t>, kiln::ptr<std::int32_t>, kiln::scalar<std::int32_t>);

/// Kernel objects, and with them what was compiled and loaded. Threads share one set; when it is replaced it goes with
/// its last user.
struct Kernels {
  Elementwise mix{"mix", mix_body};             // one program a block: 3 * in + salt
  Elementwise row_sum{"row_sum", row_sum_body}; // one program a row: its sum + salt
  Elementwise guarded{"guarded", guarded_body}; // as mix, and asserts that nothing is negative
  Elementwise crooked{"crooked", crooked_body}; // cannot be traced
  Elementwise moody{"moody", moody_body};       // as mix; every other trace throws Refusal
  Elementwise large{"large", large_body};       // needs more shared memory than there is
};

std::vector<std::int32_t> mixed(std::span<const std::int32_t> in, const Config &config);
std::vector<std::int32_t> row_sums(std::span<const std::int32_t> in, std::size_t cols, const Config &config);

/// "block=256 salt=3 num_warps=4", as packs spell it.
std::string text_of(const Config &config);

} // namespace kiln_stress
