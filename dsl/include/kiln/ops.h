// The operations of the language beside the operators: making tiles, memory, shapes, contraction, reductions, atomics,
// mathematics. Every function traces one step at the line that calls it.
#pragma once

#include "kiln/detail/function_ref.h"
#include "kiln/tile.h"

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>
#include <utility>

namespace kiln {

// ---- the grid ---------------------------------------------------------------------------------------------------

/// The index of this program along axis 0, 1 or 2 of the grid: an i32 scalar in [0, num_programs(axis)).
KILN_API Tile program_id(int axis, Loc loc = Loc::current());
/// The size of the grid along an axis: an i32 scalar.
KILN_API Tile num_programs(int axis, Loc loc = Loc::current());

// ---- making tiles -----------------------------------------------------------------------------------------------
// Every dimension of a tile is a power of two.

/// begin, begin + 1, ..., end - 1 as a rank-1 tile of i32 (or i64). The length is a power of two.
KILN_API Tile arange(std::int64_t begin, std::int64_t end, DType dtype = i32, Loc loc = Loc::current());
/// A tile whose elements all equal `value`, a number or a scalar Tile of that element type. `full({}, ...)` is a
/// scalar.
KILN_API Tile full(const Shape &shape, const Operand &value, DType dtype, Loc loc = Loc::current());
KILN_API Tile zeros(const Shape &shape, DType dtype, Loc loc = Loc::current());

// ---- memory -----------------------------------------------------------------------------------------------------

/// Which lanes of an access take part: an i1 tile, broadcast to the shape of the pointers. The default is all of them.
class Mask {
public:
  Mask() = default;
  Mask(const Tile &tile, Loc loc = Loc::current()) : tile_(tile), loc_(loc), given_(true) {}

  bool given() const { return given_; }
  const Tile &tile() const { return tile_; }
  const Loc &loc() const { return loc_; }

private:
  Tile tile_;
  Loc loc_;
  bool given_ = false;
};

/// The value of the lanes that a mask turns off: a number or a tile.
class Fill {
public:
  Fill(const Tile &tile, Loc loc = Loc::current()) : tile_(tile), number_(0, loc), is_tile_(true) {}
  template <HostNumber T>
  Fill(T number, Loc loc = Loc::current()) : number_(number, loc) {}

  /// Valid for as long as this object.
  Operand operand() const { return is_tile_ ? Operand(tile_, number_.loc()) : number_; }

private:
  Tile tile_;
  Operand number_;
  bool is_tile_ = false;
};

/// Which memory leaves the caches of a GPU when there is no room. It changes no value, and other devices ignore it.
enum class Eviction : std::uint8_t {
  normal, ///< what was used least recently
  first,  ///< before anything else: the data is read once, and should not cost others their place
};

struct LoadOptions {
  Mask mask = {};
  Fill other = 0; // what a lane that is off yields
  Eviction eviction = Eviction::normal;
};
struct StoreOptions {
  Mask mask = {};
};

/// Reads through a pointer or a tile of pointers. A lane whose mask is false touches no memory and yields `other`.
KILN_API Tile load(const Operand &pointer, const LoadOptions &options = {}, Loc loc = Loc::current());
/// Writes `value`, broadcast to the shape of the pointers. A lane whose mask is false touches no memory. Where two
/// lanes name one address, one of them wins.
KILN_API void store(const Operand &pointer, const Operand &value, const StoreOptions &options = {},
                    Loc loc = Loc::current());

/// How an atomic orders the other accesses of its program.
enum class MemoryOrder : std::uint8_t { relaxed, acquire, release, acq_rel };
/// Who observes that order.
enum class MemoryScope : std::uint8_t { program, device, system };

struct AtomicOptions {
  Mask mask = {};
  MemoryOrder order = MemoryOrder::acq_rel;
  MemoryScope scope = MemoryScope::device;
};
struct CasOptions {
  MemoryOrder order = MemoryOrder::acq_rel;
  MemoryScope scope = MemoryScope::device;
};

/// Atomic read-modify-write of each lane; yields the old values, zero where the mask is false. A scalar atomic executes
/// once per program. `atomic_add` takes i32, i64, f16, bf16, f32 and f64, `atomic_exchange` i32, i64, f32 and f64, the
/// others i32 and i64.
KILN_API Tile atomic_add(const Operand &pointer, const Operand &value, const AtomicOptions &options = {},
                         Loc loc = Loc::current());
KILN_API Tile atomic_max(const Operand &pointer, const Operand &value, const AtomicOptions &options = {},
                         Loc loc = Loc::current());
KILN_API Tile atomic_min(const Operand &pointer, const Operand &value, const AtomicOptions &options = {},
                         Loc loc = Loc::current());
KILN_API Tile atomic_and(const Operand &pointer, const Operand &value, const AtomicOptions &options = {},
                         Loc loc = Loc::current());
KILN_API Tile atomic_or(const Operand &pointer, const Operand &value, const AtomicOptions &options = {},
                        Loc loc = Loc::current());
KILN_API Tile atomic_xor(const Operand &pointer, const Operand &value, const AtomicOptions &options = {},
                         Loc loc = Loc::current());
KILN_API Tile atomic_exchange(const Operand &pointer, const Operand &value, const AtomicOptions &options = {},
                              Loc loc = Loc::current());
/// Stores `value` where memory holds `compare`; yields the old values. i32 and i64.
KILN_API Tile atomic_cas(const Operand &pointer, const Operand &compare, const Operand &value,
                         const CasOptions &options = {}, Loc loc = Loc::current());

// ---- shapes -----------------------------------------------------------------------------------------------------

/// x[None, :] of a rank-1 tile: one row, [1, n].
KILN_API Tile row(const Operand &x, Loc loc = Loc::current());
/// x[:, None] of a rank-1 tile: one column, [n, 1].
KILN_API Tile col(const Operand &x, Loc loc = Loc::current());
/// Inserts a dimension of size 1 at `axis` of the result.
KILN_API Tile expand_dims(const Operand &x, int axis, Loc loc = Loc::current());
/// Repeats a scalar, or a tile of the same rank along its dimensions of size 1.
KILN_API Tile broadcast_to(const Operand &x, const Shape &shape, Loc loc = Loc::current());
/// The same elements in row-major order under another shape.
KILN_API Tile reshape(const Operand &x, const Shape &shape, Loc loc = Loc::current());
/// The transpose of a rank-2 tile.
KILN_API Tile trans(const Operand &x, Loc loc = Loc::current());
/// Dimension i of the result is dimension order[i] of x.
KILN_API Tile trans(const Operand &x, std::initializer_list<int> order, Loc loc = Loc::current());
/// The same bits under another element type of the same width. Of pointers: what they point at changes.
KILN_API Tile bitcast(const Operand &x, DType dtype, Loc loc = Loc::current());

// ---- choosing ---------------------------------------------------------------------------------------------------

/// a where the i1 condition holds, else b; all three are broadcast together.
KILN_API Tile where(const Operand &condition, const Operand &a, const Operand &b, Loc loc = Loc::current());

/// What `maximum`, `minimum`, `max` and `min` give where an element is NaN.
enum class Nan : std::uint8_t { propagate, ignore };
struct NanOptions {
  Nan nan = Nan::propagate;
};
KILN_API Tile maximum(const Operand &a, const Operand &b, NanOptions options = {}, Loc loc = Loc::current());
KILN_API Tile minimum(const Operand &a, const Operand &b, NanOptions options = {}, Loc loc = Loc::current());
/// minimum(maximum(x, lo), hi).
KILN_API Tile clamp(const Operand &x, const Operand &lo, const Operand &hi, Loc loc = Loc::current());

// ---- contraction ------------------------------------------------------------------------------------------------

enum class Precision : std::uint8_t { exact, tf32 };
struct DotOptions {
  Precision precision = Precision::exact; // how f32 operands are multiplied
};
/// a @ b + acc for a [m, k], b [k, n] and acc [m, n]. Accumulates in f32 (f64 for f64, i32 for i8), which acc and the
/// result have as their element type.
KILN_API Tile dot(const Operand &a, const Operand &b, const Operand &acc, DotOptions options = {},
                  Loc loc = Loc::current());
/// a @ b.
KILN_API Tile dot(const Operand &a, const Operand &b, DotOptions options = {}, Loc loc = Loc::current());

// ---- reductions along one axis, which disappears; negative axes count from the last ---------------------------------

/// f16 and bf16 are summed in f32 and rounded once; i1, i8 and i16 give i32.
KILN_API Tile sum(const Operand &x, int axis, Loc loc = Loc::current());
KILN_API Tile max(const Operand &x, int axis, NanOptions options = {}, Loc loc = Loc::current());
KILN_API Tile min(const Operand &x, int axis, NanOptions options = {}, Loc loc = Loc::current());
/// The i32 index of the largest (smallest) element: the first among equals; the first NaN where there is one.
KILN_API Tile argmax(const Operand &x, int axis, Loc loc = Loc::current());
KILN_API Tile argmin(const Operand &x, int axis, Loc loc = Loc::current());
/// Whether any (all) of the i1 elements hold.
KILN_API Tile any(const Operand &x, int axis, Loc loc = Loc::current());
KILN_API Tile all(const Operand &x, int axis, Loc loc = Loc::current());

struct ScanOptions {
  bool reverse = false; // from the last element to the first
};
/// Inclusive prefix sums and products; element types as for `sum`.
KILN_API Tile cumsum(const Operand &x, int axis, ScanOptions options = {}, Loc loc = Loc::current());
KILN_API Tile cumprod(const Operand &x, int axis, ScanOptions options = {}, Loc loc = Loc::current());

namespace detail {
// Combines a[0..n) with b[0..n) into out[0..n).
using Combiner = function_ref<void(const Tile *a, const Tile *b, Tile *out)>;
KILN_API void reduce_tiles(const Tile *sources, Tile *results, std::size_t n, int axis, Combiner combine, Loc loc);
KILN_API void scan_tiles(const Tile *sources, Tile *results, std::size_t n, int axis, bool reverse, Combiner combine,
                         Loc loc);
} // namespace detail

/// Combines the elements of one axis by an associative function of two scalars:
/// `reduce(x, 0, [](Tile a, Tile b) { return a * b; })`. The function may use its arguments and host values alone.
template <std::derived_from<Tile> X, std::invocable<Tile, Tile> F>
Tile reduce(const X &x, int axis, F &&combine, Loc loc = Loc::current()) {
  const Tile &source = x;
  Tile result;
  detail::reduce_tiles(
      &source, &result, 1, axis, [&](const Tile *a, const Tile *b, Tile *out) { *out = combine(*a, *b); }, loc);
  return result;
}
/// Reduces several tiles of one shape together; the function takes and returns `std::array<Tile, N>`.
template <std::size_t N, std::invocable<std::array<Tile, N>, std::array<Tile, N>> F>
std::array<Tile, N> reduce(const std::array<Tile, N> &xs, int axis, F &&combine, Loc loc = Loc::current()) {
  std::array<Tile, N> results;
  detail::reduce_tiles(
      xs.data(), results.data(), N, axis,
      [&](const Tile *a, const Tile *b, Tile *out) {
        std::array<Tile, N> left, right;
        for (std::size_t i = 0; i < N; ++i)
          left[i] = a[i], right[i] = b[i];
        const std::array<Tile, N> combined = combine(left, right);
        for (std::size_t i = 0; i < N; ++i)
          out[i] = combined[i];
      },
      loc);
  return results;
}
/// Inclusive prefix combination by an associative function, as `reduce`; the shape is kept.
template <std::derived_from<Tile> X, std::invocable<Tile, Tile> F>
Tile scan(const X &x, int axis, F &&combine, ScanOptions options = {}, Loc loc = Loc::current()) {
  const Tile &source = x;
  Tile result;
  detail::scan_tiles(
      &source, &result, 1, axis, options.reverse,
      [&](const Tile *a, const Tile *b, Tile *out) { *out = combine(*a, *b); }, loc);
  return result;
}
template <std::size_t N, std::invocable<std::array<Tile, N>, std::array<Tile, N>> F>
std::array<Tile, N> scan(const std::array<Tile, N> &xs, int axis, F &&combine, ScanOptions options = {},
                         Loc loc = Loc::current()) {
  std::array<Tile, N> results;
  detail::scan_tiles(
      xs.data(), results.data(), N, axis, options.reverse,
      [&](const Tile *a, const Tile *b, Tile *out) {
        std::array<Tile, N> left, right;
        for (std::size_t i = 0; i < N; ++i)
          left[i] = a[i], right[i] = b[i];
        const std::array<Tile, N> combined = combine(left, right);
        for (std::size_t i = 0; i < N; ++i)
          out[i] = combined[i];
      },
      loc);
  return results;
}

// ---- mathematics, elementwise -------------------------------------------------------------------------------------
// Of floating-point tiles; f16 and bf16 are computed in f32 and rounded once.

/// How closely a function of f32 is computed; docs/semantics.md has the bounds. `fast` is one instruction on a GPU,
/// with a relative error of 3 * 2^-24, and |x| * 2^-24 more for exp; results too small for a normal f32 may be 0.
enum class Accuracy : std::uint8_t { full, fast };
struct ExpOptions {
  Accuracy accuracy = Accuracy::full;
};
KILN_API Tile exp(const Operand &x, ExpOptions options = {}, Loc loc = Loc::current());
KILN_API Tile exp2(const Operand &x, ExpOptions options = {}, Loc loc = Loc::current());
KILN_API Tile log(const Operand &x, Loc loc = Loc::current());
KILN_API Tile log2(const Operand &x, Loc loc = Loc::current());
KILN_API Tile sin(const Operand &x, Loc loc = Loc::current());
KILN_API Tile cos(const Operand &x, Loc loc = Loc::current());
KILN_API Tile tanh(const Operand &x, Loc loc = Loc::current());
KILN_API Tile erf(const Operand &x, Loc loc = Loc::current());
KILN_API Tile sqrt(const Operand &x, Loc loc = Loc::current());
KILN_API Tile rsqrt(const Operand &x, Loc loc = Loc::current());
KILN_API Tile floor(const Operand &x, Loc loc = Loc::current());
KILN_API Tile ceil(const Operand &x, Loc loc = Loc::current());
KILN_API Tile round(const Operand &x, Loc loc = Loc::current()); // ties to even
KILN_API Tile trunc(const Operand &x, Loc loc = Loc::current());
KILN_API Tile sigmoid(const Operand &x, Loc loc = Loc::current()); // 1 / (1 + exp(-x))
/// Also of integers, where it wraps: abs of the least value is itself.
KILN_API Tile abs(const Operand &x, Loc loc = Loc::current());
/// a * b + c rounded once.
KILN_API Tile fma(const Operand &a, const Operand &b, const Operand &c, Loc loc = Loc::current());

/// a / b rounded up, for integers; 0 where b is 0.
KILN_API Tile cdiv(const Operand &a, const Operand &b, Loc loc = Loc::current());
/// The same of positive host integers.
template <std::integral A, std::integral B>
constexpr auto cdiv(A a, B b) {
  return a / b + (a % b != 0);
}
/// The bits of a, an integer, moved down by b; zeros enter. 0 where b is outside [0, bits).
KILN_API Tile shift_right_logical(const Operand &a, const Operand &b, Loc loc = Loc::current());

// ---- launches that overlap ------------------------------------------------------------------------------------------

/// Waits until the launches before this one in its stream have ended and all that they wrote is visible. A kernel calls
/// it outside of loops and branches, before its first access to memory that they write and before its first write to
/// memory that they use. No access moves across it. It has an effect in launches with LaunchOptions::programmatic on
/// GPUs of compute capability 9.0 or more; anywhere else nothing is left to wait for, and it costs nothing.
KILN_API void wait_for_launches(Loc loc = Loc::current());
/// Allows the next launch in the stream to start, where that is a programmatic one, once every program of this launch
/// has called it or ended. What this launch writes, also before the call, the next one sees after its
/// wait_for_launches() and not earlier. It has an effect on GPUs of compute capability 9.0 or more.
KILN_API void launch_dependents(Loc loc = Loc::current());

// ---- facts and checks -----------------------------------------------------------------------------------------------

/// x, with the promise that every element (of a pointer: the address in bytes) is a multiple of `divisor`. A broken
/// promise is undefined; check mode reports it. Of a parameter that was not assigned, and outside of loops, it is no
/// promise but a fact that every launch is tested for: one of which a fact does not hold runs a variant of the kernel
/// that relies on none.
KILN_API Tile assume_multiple(const Operand &x, std::int64_t divisor, Loc loc = Loc::current());
/// Stops the launch with TrapError unless every element of the i1 condition holds; in builds of the kernel with checks.
KILN_API void device_assert(const Operand &condition, std::string_view message, Loc loc = Loc::current());

struct CheckOptions {
  Mask mask = {}; // lanes that are off may hold anything
};
/// In check mode (kiln/debug.h), stops the launch with TrapError where an element of x is NaN or infinite: "scores is
/// NaN or infinite" for the name "scores". Otherwise it leaves no trace in the kernel.
KILN_API void check_finite(const Operand &x, std::string_view name, const CheckOptions &options = {},
                           Loc loc = Loc::current());
/// The same where an integer is not within [begin, end): an entry of a table, before memory is addressed with it.
KILN_API void check_range(const Operand &x, const Operand &begin, const Operand &end, std::string_view name,
                          const CheckOptions &options = {}, Loc loc = Loc::current());
/// Prints `prefix` and the values from each program that runs it.
KILN_API void device_print(std::string_view prefix, std::initializer_list<Operand> values = {},
                           Loc loc = Loc::current());

} // namespace kiln
