// One operation, executed by some lanes of a warp together.
#pragma once

#include "semantics.h"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>

namespace kiln::runtime::emulator {

class GlobalMemory;
class Program;
class SharedMemory;
struct SiteCounters;

inline constexpr unsigned warp_size = 32;

class WarpStep {
public:
  WarpStep(Program &program, unsigned warp, std::uint32_t site, std::uint32_t lanes,
           const std::uint64_t *const *operands, std::uint64_t *const *results)
      : program_(program), warp_(warp), site_(site), lanes_(lanes), operands_(operands), results_(results) {}

  Program &program() const { return program_; }
  unsigned warp() const { return warp_; }
  /// An index into EmulatedKernel::Code::sites.
  std::uint32_t site() const { return site_; }
  /// Who executes it; never 0.
  std::uint32_t lanes() const { return lanes_; }
  bool has(unsigned lane) const { return lanes_ >> lane & 1; }
  unsigned first_lane() const { return static_cast<unsigned>(std::countr_zero(lanes_)); }
  unsigned thread(unsigned lane) const { return warp_ * warp_size + lane; }

  /// Operand i of a lane that executes it.
  std::uint64_t operand(unsigned lane, unsigned i) const { return operands_[lane][i]; }
  void set_result(unsigned lane, unsigned i, std::uint64_t bits) const { results_[lane][i] = bits; }

  /// f(lane) for those who execute it, in rising order.
  template <class F>
  void for_each_lane(F &&f) const {
    for (std::uint32_t rest = lanes_; rest; rest &= rest - 1)
      f(static_cast<unsigned>(std::countr_zero(rest)));
  }

  SharedMemory &shared() const;
  GlobalMemory &global() const;
  SiteCounters &counters() const;
  /// "file:line:column" of a site, or empty.
  const std::string &place_of(std::uint32_t site) const;
  /// 64 bits that differ between the two runs of a launch: what an undefined value is.
  std::uint64_t poison() const;

  /// Notes a fault of these lanes.
  void report(std::uint32_t lanes, std::string message, std::string other_message = {},
              std::string other_place = {}) const;

private:
  Program &program_;
  unsigned warp_;
  std::uint32_t site_;
  std::uint32_t lanes_;
  const std::uint64_t *const *operands_;
  std::uint64_t *const *results_;
};

} // namespace kiln::runtime::emulator
