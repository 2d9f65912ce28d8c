// atom, red.
#include "counters.h"
#include "global_memory.h"
#include "semantics.h"
#include "warp_step.h"

#include "kiln/float_types.h"

#include <array>
#include <bit>
#include <cmath>
#include <type_traits>

using namespace kiln;
using namespace kiln::runtime::emulator;

namespace {

/// What the memory holds after an update: `compare` is cas's.
template <class T>
using Update = T (*)(T old, T value, T compare);

/// Lanes are served in their order. Other workers may update the same memory at the same time.
template <class T>
T update_memory(std::uint64_t address, Update<T> update, T value, T compare) {
  auto *memory = reinterpret_cast<T *>(address);
  T old = __atomic_load_n(memory, __ATOMIC_RELAXED);
  while (!__atomic_compare_exchange_n(memory, &old, update(old, value, compare), /*weak=*/true, __ATOMIC_ACQ_REL,
                                      __ATOMIC_RELAXED)) {
  }
  return old;
}

template <class T>
T add(T a, T b, T) {
  return static_cast<T>(a + b);
}
template <class T>
T bit_and(T a, T b, T) {
  return a & b;
}
template <class T>
T bit_or(T a, T b, T) {
  return a | b;
}
template <class T>
T bit_xor(T a, T b, T) {
  return a ^ b;
}
template <class T>
T exchange(T, T b, T) {
  return b;
}
template <class T>
T swap_if_equal(T a, T b, T compare) {
  return a == compare ? b : a;
}
/// Of numbers of type N.
template <class T, class N>
T smaller(T a, T b, T) {
  return static_cast<N>(b) < static_cast<N>(a) ? b : a;
}
template <class T, class N>
T larger(T a, T b, T) {
  return static_cast<N>(b) > static_cast<N>(a) ? b : a;
}

/// On global memory, subnormals count as zeros of their sign, before and after.
float flush(float value) { return std::fpclassify(value) == FP_SUBNORMAL ? std::copysign(0.0f, value) : value; }

std::uint32_t add_f32(std::uint32_t a, std::uint32_t b, std::uint32_t) {
  const float sum = flush(flush(std::bit_cast<float>(a)) + flush(std::bit_cast<float>(b)));
  return std::isnan(sum) ? 0x7fffffff : std::bit_cast<std::uint32_t>(sum);
}

std::uint64_t add_f64(std::uint64_t a, std::uint64_t b, std::uint64_t) {
  return std::bit_cast<std::uint64_t>(std::bit_cast<double>(a) + std::bit_cast<double>(b));
}

/// The sum in f32 has more than twice the bits of either type, so that rounding it again rounds the exact sum.
template <class T>
std::uint16_t add_16(std::uint16_t a, std::uint16_t b, std::uint16_t) {
  const float sum = static_cast<float>(T::from_bits(a)) + static_cast<float>(T::from_bits(b));
  return std::isnan(sum) ? 0x7fff : T(sum).bits;
}

template <class T>
Semantics make_row(std::string name, Update<T> update, bool has_result, bool compares) {
  return {.name = std::move(name),
          .kind = InstructionClass::global_atomic,
          .operands = compares ? 4U : 3U,
          .results = has_result ? 1U : 0U,
          .step = [update, has_result, compares](WarpStep &step) {
            // (address, predicate, value), or (address, predicate, compare, value).
            std::array<LaneAccess, warp_size> accesses{};
            step.for_each_lane([&](unsigned lane) {
              std::uint64_t old = 0;
              if (step.operand(lane, 1) & 1) {
                const std::uint64_t address = step.operand(lane, 0);
                accesses[lane] = {address, sizeof(T)};
                const T value = static_cast<T>(step.operand(lane, compares ? 3 : 2));
                const T compare = static_cast<T>(step.operand(lane, 2));
                old = step.global().prepare_update(step, lane, address, sizeof(T))
                          ? update_memory(address, update, value, compare)
                          : static_cast<T>(step.poison());
              }
              if (has_result)
                step.set_result(lane, 0, old);
            });
            count_global_access(step.counters().traffic, accesses);
            return Progress::done;
          }};
}

/// The rows of one operation for all orders and scopes, of which nothing here is weaker than another.
template <class T>
void add_rows(SemanticsList &list, const std::string &kind, Update<T> update) {
  const bool compares = kind.starts_with("cas."), swaps = kind.starts_with("exch.");
  for (const std::string order : {"relaxed", "acquire", "release", "acq_rel"})
    for (const std::string scope : {"cta", "gpu", "sys"}) {
      const std::string name = "." + order + "." + scope + ".global." + kind + ".pred";
      list.push_back(make_row<T>("atom" + name, update, /*has_result=*/true, compares));
      if (!compares && !swaps && (order == "relaxed" || order == "release"))
        list.push_back(make_row<T>("red" + name, update, /*has_result=*/false, compares));
    }
}

/// Operations on integers of any width.
template <class T>
void add_integers(SemanticsList &list) {
  using Signed = std::make_signed_t<T>;
  const std::string bits = std::to_string(8 * sizeof(T));
  add_rows<T>(list, "add.u" + bits, add<T>);
  add_rows<T>(list, "and.b" + bits, bit_and<T>);
  add_rows<T>(list, "or.b" + bits, bit_or<T>);
  add_rows<T>(list, "xor.b" + bits, bit_xor<T>);
  add_rows<T>(list, "min.s" + bits, smaller<T, Signed>);
  add_rows<T>(list, "min.u" + bits, smaller<T, T>);
  add_rows<T>(list, "max.s" + bits, larger<T, Signed>);
  add_rows<T>(list, "max.u" + bits, larger<T, T>);
  add_rows<T>(list, "exch.b" + bits, exchange<T>);
  add_rows<T>(list, "cas.b" + bits, swap_if_equal<T>);
}

} // namespace

void kiln::runtime::emulator::add_atomics(SemanticsList &list) {
  add_integers<std::uint32_t>(list);
  add_integers<std::uint64_t>(list);
  add_rows<std::uint16_t>(list, "cas.b16", swap_if_equal<std::uint16_t>);
  add_rows<std::uint32_t>(list, "add.f32", add_f32);
  add_rows<std::uint64_t>(list, "add.f64", add_f64);
  add_rows<std::uint16_t>(list, "add.noftz.f16", add_16<half>);
  add_rows<std::uint16_t>(list, "add.noftz.bf16", add_16<bfloat16>);
}
