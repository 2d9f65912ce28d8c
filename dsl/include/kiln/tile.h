// Tile, the variable of a kernel; Operand, what an operation takes; ptr and scalar, the parameters of a kernel.
#pragma once

#include "kiln/dtype.h"
#include "kiln/export.h"

#include <concepts>
#include <cstdint>
#include <source_location>
#include <type_traits>

namespace kiln {

using Loc = std::source_location;

namespace detail {
struct Tracer;       // the trace in progress; defined in the library alone
struct ParamBinding; // which parameter of which trace
} // namespace detail

/// A value of the kernel being traced: a scalar, or a tile of numbers or of pointers. A Tile is an ordinary C++
/// variable: copy it, assign it, put it in a struct or a vector. A copy is a copy. A Tile that is assigned inside a
/// traced loop is carried from iteration to iteration.
///
/// Shape and element type are known while tracing: they are host values and may steer the C++ code.
class KILN_API Tile {
public:
  /// A variable without a value; reading it before an assignment is an error.
  Tile() noexcept;
  Tile(const Tile &) noexcept;
  Tile &operator=(const Tile &) noexcept;
  ~Tile();

  /// The element type; of a tile of pointers, the type they point at.
  DType dtype(Loc loc = Loc::current()) const;
  bool is_pointer(Loc loc = Loc::current()) const;
  /// The dimensions; empty for a scalar.
  Shape shape(Loc loc = Loc::current()) const;
  int rank(Loc loc = Loc::current()) const { return shape(loc).rank(); }
  /// The size of one dimension; negative axes count from the last.
  std::int64_t dim(int axis, Loc loc = Loc::current()) const;

  /// Converts the elements. Float to float rounds to nearest even; to an 8-bit float it also saturates. Float to
  /// integer truncates and saturates, NaN gives 0. Integer to narrower integer keeps the low bits. To `i1`: whether not
  /// zero.
  Tile to(DType dtype, Loc loc = Loc::current()) const;

  template <class Dummy = void>
  explicit operator bool() const {
    static_assert(
        !std::is_void_v<Dummy>,
        "a traced value has no host truth value: use kiln::where for a select, kiln::if_ for a branch, and &, | "
        "instead of &&, ||");
    return false;
  }

protected:
  explicit Tile(const detail::ParamBinding &) noexcept;

private:
  friend struct detail::Tracer;

  void *value_ = nullptr; // null: not yet assigned
  std::uint64_t serial_;  // the order of construction: tells which open regions the variable is outer to
};

template <class T>
concept HostNumber = std::is_arithmetic_v<T>;

/// An argument of an operation, a Tile or a host number, with the place where it was written. A host number takes the
/// element type of the tile it meets and must fit in it; where no tile is near, an integer becomes i32 (i64 where it
/// needs to) and a floating-point number f32.
class Operand {
public:
  enum class Kind : std::uint8_t { tile, integer, unsigned_integer, floating };

  Operand(const Tile &tile, Loc loc = Loc::current()) : tile_(&tile), loc_(loc) {}
  template <HostNumber T>
  Operand(T number, Loc loc = Loc::current()) : loc_(loc) {
    if constexpr (std::is_floating_point_v<T>) {
      kind_ = Kind::floating;
      floating_ = static_cast<double>(number);
    } else {
      kind_ = std::is_signed_v<T> || sizeof(T) < 8 ? Kind::integer : Kind::unsigned_integer;
      integer_ = static_cast<std::int64_t>(number);
    }
  }

  Kind kind() const { return kind_; }
  const Tile *tile() const { return kind_ == Kind::tile ? tile_ : nullptr; }
  std::int64_t integer() const { return integer_; }
  double floating() const { return floating_; }
  const Loc &loc() const { return loc_; }

private:
  union {
    const Tile *tile_;
    std::int64_t integer_; // of an unsigned_integer, its bits
    double floating_;
  };
  Kind kind_ = Kind::tile;
  Loc loc_;
};

/// A pointer parameter: T is what the host passes the address of. `ptr<const T>` promises that the kernel only reads
/// through it, and that nothing else writes that memory during the launch.
template <class T>
class ptr : public Tile {
public:
  using Host = T *;
  using Element = std::remove_const_t<T>;
  static constexpr DType element_type = dtype_of<Element>;
  using Tile::operator=;

  explicit ptr(const detail::ParamBinding &binding) noexcept : Tile(binding) {}
  ptr(const ptr &) = default;
  ptr &operator=(const ptr &) = default;
};

/// A number parameter.
template <class T>
class scalar : public Tile {
public:
  using Host = T;
  static constexpr DType element_type = dtype_of<T>;
  using Tile::operator=;

  explicit scalar(const detail::ParamBinding &binding) noexcept : Tile(binding) {}
  scalar(const scalar &) = default;
  scalar &operator=(const scalar &) = default;
};

/// Marks the caller of a helper, for as long as it lives: what is traced meanwhile is reported as inlined there. Give a
/// helper a last parameter `kiln::Here here = {}`, or put `kiln::Here here;` before the calls.
class KILN_API Here {
public:
  Here(Loc loc = Loc::current());
  ~Here();
  Here(const Here &) = delete;
  Here &operator=(const Here &) = delete;
};

template <class A, class B>
concept AnyTile = std::derived_from<A, Tile> || std::derived_from<B, Tile>;

// ---- operators: elementwise; shapes and element types as in docs/language.md, "Shapes" and "Element types" ----------

KILN_API Tile operator+(const Operand &a, const Operand &b); // also pointer + offset, in elements
KILN_API Tile operator-(const Operand &a, const Operand &b); // also pointer - offset
KILN_API Tile operator*(const Operand &a, const Operand &b);
KILN_API Tile operator/(const Operand &a, const Operand &b); // integers truncate; x / 0 is 0
KILN_API Tile operator%(const Operand &a, const Operand &b); // integers; the sign of a; x % 0 is x
KILN_API Tile operator&(const Operand &a, const Operand &b);
KILN_API Tile operator|(const Operand &a, const Operand &b);
KILN_API Tile operator^(const Operand &a, const Operand &b);
KILN_API Tile operator<<(const Operand &a, const Operand &b); // 0 where b is outside [0, bits)
KILN_API Tile operator>>(const Operand &a, const Operand &b); // arithmetic; the sign where b is outside [0, bits)
KILN_API Tile operator<(const Operand &a, const Operand &b);  // comparisons give i1
KILN_API Tile operator<=(const Operand &a, const Operand &b);
KILN_API Tile operator>(const Operand &a, const Operand &b);
KILN_API Tile operator>=(const Operand &a, const Operand &b);
KILN_API Tile operator==(const Operand &a, const Operand &b);
KILN_API Tile operator!=(const Operand &a, const Operand &b);
KILN_API Tile operator-(const Operand &a);
KILN_API Tile operator~(const Operand &a); // of i1: logical not
KILN_API Tile operator!(const Tile &a);    // a == 0; of i1: logical not

KILN_API Tile &operator+=(Tile &a, const Operand &b);
KILN_API Tile &operator-=(Tile &a, const Operand &b);
KILN_API Tile &operator*=(Tile &a, const Operand &b);
KILN_API Tile &operator/=(Tile &a, const Operand &b);
KILN_API Tile &operator%=(Tile &a, const Operand &b);
KILN_API Tile &operator&=(Tile &a, const Operand &b);
KILN_API Tile &operator|=(Tile &a, const Operand &b);
KILN_API Tile &operator^=(Tile &a, const Operand &b);
KILN_API Tile &operator<<=(Tile &a, const Operand &b);
KILN_API Tile &operator>>=(Tile &a, const Operand &b);

template <class A, class B>
  requires AnyTile<A, B>
Tile operator&&(const A &, const B &) {
  static_assert(!AnyTile<A, B>, "'&&' cannot be traced: write (a) & (b)");
  return {};
}
template <class A, class B>
  requires AnyTile<A, B>
Tile operator||(const A &, const B &) {
  static_assert(!AnyTile<A, B>, "'||' cannot be traced: write (a) | (b)");
  return {};
}

} // namespace kiln
