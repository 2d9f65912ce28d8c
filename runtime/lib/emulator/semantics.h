// What machine operations mean: the table behind emulator_execute.
#pragma once

#include "kiln/emulator.h"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::runtime::emulator {

class WarpStep;

/// Whether a warp goes on after an operation or has to wait for others. Blocked: the program has noted what for, and
/// wakes the warp's lanes; their results are written already.
enum class Progress : std::uint8_t { done, blocked };

/// Which lanes execute an operation together.
enum class Convergence : std::uint8_t {
  none,  ///< those that happen to arrive together
  named, ///< those that the member mask names, all of them
  warp,  ///< all lanes of the warp that have not ended
};

/// The meaning of one row of the table of machine operations. Exactly one of `compute` and `step` is set.
struct Semantics {
  std::string name;
  InstructionClass kind = InstructionClass::special;
  unsigned operands = 0, results = 0; ///< words
  /// For operations within one thread's registers.
  std::function<void(const std::uint64_t *operands, std::uint64_t *results)> compute = {};
  /// For all others: executed once for the lanes of a warp that execute it together.
  std::function<Progress(WarpStep &)> step = {};
  Convergence convergence = Convergence::none;
  unsigned mask_operand = 0; ///< of Convergence::named
  bool is_check = false;     ///< the emulator's own: a GPU has nothing there, and profiles do not count it
};

/// The meaning of a machine operation; null where it has none.
const Semantics *find_semantics(std::string_view operation);

// Each family adds its rows.
using SemanticsList = std::vector<Semantics>;
void add_registers(SemanticsList &list);       ///< special registers
void add_conversions(SemanticsList &list);     ///< cvt, pack, unpack, prmt, xor, ex2
void add_exchanges(SemanticsList &list);       ///< shfl, vote, redux, match
void add_tensor_cores(SemanticsList &list);    ///< mma
void add_matrix_accesses(SemanticsList &list); ///< ldmatrix, stmatrix
void add_accesses(SemanticsList &list);        ///< ld, st, prefetch
void add_atomics(SemanticsList &list);         ///< atom, red
void add_barriers(SemanticsList &list);        ///< bar, fence, griddepcontrol
void add_mbarriers(SemanticsList &list);       ///< mbarrier
void add_async_copies(SemanticsList &list);    ///< cp.async
void add_exchange_checks(SemanticsList &list); ///< exchange.sent, exchange.received
void add_calls(SemanticsList &list);           ///< vprintf, __assertfail

} // namespace kiln::runtime::emulator
