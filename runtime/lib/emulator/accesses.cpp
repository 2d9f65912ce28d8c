// ld, st, prefetch.
#include "counters.h"
#include "global_memory.h"
#include "semantics.h"
#include "shared_memory.h"
#include "warp_step.h"

#include <array>
#include <cstring>

using namespace kiln;
using namespace kiln::runtime::emulator;

namespace {

/// An access of one thread: `count` registers of `bytes` bytes.
struct Width {
  const char *name;
  std::uint32_t bytes;
  unsigned count;
};
constexpr Width widths[] = {{"b8", 1, 1},     {"b16", 2, 1},    {"b32", 4, 1},   {"b64", 8, 1},
                            {"v2.b32", 4, 2}, {"v4.b32", 4, 4}, {"v2.b64", 8, 2}};
constexpr std::uint32_t max_bytes = 16;

struct Access {
  Width width;
  bool is_shared = false;
  bool is_constant = false; // of a load
  bool is_predicated = false;

  std::uint32_t bytes() const { return width.bytes * width.count; }
  /// Operands before the values: the address, and the predicate.
  unsigned first_value() const { return is_predicated ? 2 : 1; }
  bool is_on(const WarpStep &step, unsigned lane) const { return !is_predicated || (step.operand(lane, 1) & 1); }

  void count(const WarpStep &step) const {
    std::array<LaneAccess, warp_size> lanes{};
    step.for_each_lane([&](unsigned lane) {
      if (is_on(step, lane))
        lanes[lane] = {step.operand(lane, 0), bytes()};
    });
    if (is_shared)
      count_shared_access(step.counters(), lanes);
    else
      count_global_access(step.counters(), lanes);
  }

  /// (address), or (address, predicate, values where it is off).
  void load(const WarpStep &step, unsigned lane) const {
    if (!is_on(step, lane)) {
      for (unsigned i = 0; i < width.count; ++i)
        step.set_result(lane, i, step.operand(lane, first_value() + i));
      return;
    }
    unsigned char data[max_bytes];
    if (is_shared)
      step.shared().read(step, lane, step.operand(lane, 0), data, bytes(), bytes());
    else
      step.global().read(step, lane, step.operand(lane, 0), data, bytes(), bytes(), is_constant);
    for (unsigned i = 0; i < width.count; ++i) {
      std::uint64_t value = 0;
      std::memcpy(&value, data + i * width.bytes, width.bytes);
      step.set_result(lane, i, value);
    }
  }

  /// (address, values), or (address, predicate, values).
  void store(const WarpStep &step, unsigned lane) const {
    if (!is_on(step, lane))
      return;
    unsigned char data[max_bytes];
    for (unsigned i = 0; i < width.count; ++i) {
      const std::uint64_t value = step.operand(lane, first_value() + i);
      std::memcpy(data + i * width.bytes, &value, width.bytes);
    }
    if (is_shared)
      step.shared().write(step, lane, step.operand(lane, 0), data, bytes(), bytes());
    else
      step.global().write(step, lane, step.operand(lane, 0), data, bytes(), bytes());
  }
};

void add_loads(SemanticsList &list, bool is_shared, bool is_constant) {
  const std::string opcode = is_shared ? "ld.shared." : is_constant ? "ld.global.nc." : "ld.global.";
  for (const Width &width : widths)
    for (bool is_predicated : {false, true}) {
      const Access access{width, is_shared, is_constant, is_predicated};
      list.push_back({.name = opcode + width.name + (is_predicated ? ".pred" : ""),
                      .kind = is_shared ? InstructionClass::shared_load : InstructionClass::global_load,
                      .operands = is_predicated ? 2 + width.count : 1,
                      .results = width.count,
                      .step = [access](WarpStep &step) {
                        access.count(step);
                        step.for_each_lane([&](unsigned lane) { access.load(step, lane); });
                        return Progress::done;
                      }});
    }
}

void add_stores(SemanticsList &list, bool is_shared) {
  const std::string opcode = is_shared ? "st.shared." : "st.global.";
  for (const Width &width : widths)
    for (bool is_predicated : {false, true}) {
      const Access access{.width = width, .is_shared = is_shared, .is_predicated = is_predicated};
      list.push_back({.name = opcode + width.name + (is_predicated ? ".pred" : ""),
                      .kind = is_shared ? InstructionClass::shared_store : InstructionClass::global_store,
                      .operands = access.first_value() + width.count,
                      .step = [access](WarpStep &step) {
                        access.count(step);
                        step.for_each_lane([&](unsigned lane) { access.store(step, lane); });
                        return Progress::done;
                      }});
    }
}

} // namespace

void kiln::runtime::emulator::add_accesses(SemanticsList &list) {
  add_loads(list, /*is_shared=*/false, /*is_constant=*/false);
  add_loads(list, /*is_shared=*/false, /*is_constant=*/true);
  add_loads(list, /*is_shared=*/true, /*is_constant=*/false);
  add_stores(list, /*is_shared=*/false);
  add_stores(list, /*is_shared=*/true);
  // A hint, harmless wherever it points.
  for (bool is_predicated : {false, true})
    list.push_back({.name = std::string("prefetch.global.L2") + (is_predicated ? ".pred" : ""),
                    .kind = InstructionClass::global_load,
                    .operands = is_predicated ? 2U : 1U,
                    .compute = [](const std::uint64_t *, std::uint64_t *) {}});
}
