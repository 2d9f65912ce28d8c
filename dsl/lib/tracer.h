// The trace in progress: which regions are open, what each variable of the kernel holds, and where operations go.
//
// A Tile is an SSA value and a serial number, taken from a counter when the C++ object was constructed. An open region
// remembers what the counter was when it was opened, so a Tile is *outer* to it exactly if its serial is smaller. Every
// read, copy or assignment of a Tile touches it: each open region that it is outer to, and that does not know it yet,
// makes a slot for it. In a loop the slot brings a fresh block argument, which becomes the variable's value inside:
//
//     Tile a = x;                   %a0
//     for (Tile k : range(n)) {     ^bb(%k, %a1):      touched by the read of `a`
//       a = a + k;                    %a2 = add %a1, %k
//     }                             scf.for iter_args(%a1 = %a0) { yield %a2 }
//
// When the loop is closed, a variable that still holds its argument was only read: the argument is replaced by the
// value outside. The others are carried. Identity is that of the C++ object, never of the value, so two variables that
// hold the same value at the loop's entry stay apart.
//
// A body is traced into a detached block, because what a loop carries is known only at its end. The block's operations
// are then moved into the loop; the block itself is kept until the trace ends, because a Tile that was copied out of
// the body may still name one of its arguments.
#pragma once

#include "device_function.h"
#include "trace.h"

#include "kiln/ops.h"
#include "kiln/tile.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Value.h"
#include "llvm/ADT/DenseMap.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::detail {

/// A variable of an enclosing scope that an open region has read or assigned.
struct Slot {
  Tile *tile; // null once the variable is destroyed
  std::uint64_t serial;
  mlir::Value saved;  // its value outside; null if it had none
  mlir::Value inside; // its value at the region's entry: in a loop, a block argument
};

/// An open region.
struct Frame {
  enum class Kind { function, loop, branch, combiner };

  Kind kind = Kind::function;
  Loc loc;
  std::uint64_t id = 0;
  std::uint64_t first_serial = 0;
  mlir::Block *block = nullptr;
  std::unique_ptr<mlir::Block> owned; // the block, until its operations have a place
  bool forwards = false; // a condition whose loop body is being traced: values reach the body as arguments alone
  std::vector<Slot> slots;
  std::vector<Slot> then_slots; // what the finished first branch of an if_ left; `saved` is the value then
  llvm::DenseMap<mlir::Attribute, mlir::Value> constants;
};

struct Tracer {
  Tracer(const KernelBase &kernel, const ConfigView &config, mlir::MLIRContext &context);
  ~Tracer();
  Tracer(const Tracer &) = delete;

  /// The trace of this thread. Fails where there is none.
  static Tracer &current(const Loc &loc);
  static Tracer *active();
  /// Whether this thread is tracing the kernel for that config.
  static bool is_tracing(const KernelBase &kernel, const ConfigView &config);

  // ---- variables
  static mlir::Value value_of(const Tile &tile) { return mlir::Value::getFromOpaquePointer(tile.value_); }
  static void set_value(Tile &tile, mlir::Value value) { tile.value_ = value ? value.getAsOpaquePointer() : nullptr; }
  static std::uint64_t serial_of(const Tile &tile) { return tile.serial_; }
  static Tile make(mlir::Value value);

  /// Makes every open region that the variable is outer to know about it.
  void touch(const Tile &tile);
  /// The value of a variable, for use here. Fails where it has none, or one that does not exist here.
  mlir::Value read(const Tile &tile, const Loc &loc);
  /// Removes a variable that is being destroyed from all slots.
  void forget(const Tile &tile);
  /// Whether the variable was made by this trace.
  bool owns(const Tile &tile) const;

  /// The first of n serial numbers set aside.
  static std::uint64_t reserve_serials(std::size_t n);

  // ---- regions
  /// Begins with the body of the kernel's function.
  void enter(mlir::Block &entry);
  Frame &open(Frame::Kind kind, const Loc &loc);
  /// Closes the innermost region without using it: variables get the values that they had outside.
  void abandon();
  void abandon_down_to(std::uint64_t id);
  /// Takes the innermost region off the stack; its block stays alive.
  Frame close();
  /// `from`, an argument of a traced block, is `to` from now on.
  void replace(mlir::Value from, mlir::Value to);
  mlir::Value resolve(mlir::Value value) const;
  /// Moves the operations of a traced block to the end of `to`, with `arguments` for its arguments.
  void move_into(mlir::Block &from, mlir::Block &to, mlir::ValueRange arguments);
  /// The same, making the first block of `to` with arguments of the same types.
  void move_into(mlir::Block &from, mlir::Region &to);
  /// Whether the value may be used by an operation made here.
  bool visible(mlir::Value value) const;
  [[noreturn]] void fail_leaked(mlir::Value value, const Loc &loc);
  /// Fails if the value that a slot's variable holds at the end of its region does not exist there.
  void check_leaves(const Slot &slot, mlir::Value value);

  // ---- making operations
  template <class Op, class... Args>
  mlir::Value make_op(mlir::Location loc, Args &&...args) {
    return builder.createOrFold<Op>(loc, std::forward<Args>(args)...);
  }
  mlir::Value constant(mlir::TypedAttr attr, mlir::Location loc);
  mlir::Value integer_constant(std::int64_t value, mlir::Type type, mlir::Location loc); // scalar or splat
  mlir::Value float_constant(double value, mlir::Type type, mlir::Location loc);
  mlir::Location location(const Loc &loc);
  /// Where `value` is a parameter of the kernel: writes down that it is a multiple of `divisor`, which every launch
  /// tests. False where it is another value.
  bool declare_divisibility(mlir::Value value, std::int64_t divisor);

  // ---- writes
  /// Remembers that `access`, of the operation `op`, writes through its first operand.
  void note_write(const char *op, mlir::Operation *access, const Loc &loc);
  /// Fails where a write may reach what is read-only. Called at the end: until then a loop does not know what it
  /// carries.
  void check_writes();

  // ---- errors
  /// Throws TraceError: place, message, call chain, kernel and config.
  [[noreturn]] void fail(const Loc &loc, const std::string &message);
  [[noreturn]] void fail_at(const std::string &place, const std::string &message);
  /// Remembers an error found where throwing is impossible; the trace ends with it. The first one counts.
  void defer(const Loc &loc, const std::string &message);

  mlir::MLIRContext &context;
  mlir::OpBuilder builder;
  std::vector<Frame> frames;
  std::vector<DeviceFunctionUse> functions; // that were called
  std::string deferred;
  Loc last; // where the latest operation stands

private:
  std::string message_text(const std::string &place, const std::string &message) const;
  /// The same with another call chain, the innermost call last.
  std::string message_text(const std::string &place, const std::string &message, llvm::ArrayRef<Loc> chain) const;

  const KernelBase &kernel_;
  const ConfigView &config_;
  Tracer *parent_; // the trace that this one interrupts, where a kernel function traces another kernel
  std::uint64_t first_serial_;
  std::vector<std::pair<std::uint64_t, std::uint64_t>>
      others_;             // first serial and end of the traces that interrupted it
  std::size_t first_call_; // of the call chain
  std::uint64_t next_frame_ = 1;
  std::vector<std::unique_ptr<mlir::Block>> retired_;
  llvm::DenseMap<mlir::Value, mlir::Value> replaced_;
  struct Write {
    const char *op;
    mlir::Operation *access;
    Loc loc;
    std::vector<Loc> calls;
  };
  std::vector<Write> writes_;
  llvm::DenseMap<const char *, mlir::StringAttr> files_;
};

/// "file:line:column", as the compiler named the file.
std::string place(const Loc &loc);
std::string place(mlir::Location loc);

[[noreturn]] void fail_outside_kernel(const Loc &loc, const std::string &message);

// ---- types ----------------------------------------------------------------------------------------------------------

/// The end of a message about shapes.
inline constexpr const char *do_not_match = " do not match: aligned at the last dimension, sizes are equal or 1";

/// What the language says of a value's type.
struct TypeInfo {
  DType dtype; // of pointers, what they point at
  bool pointer;
  Shape shape;

  bool number() const { return !pointer; }
  bool scalar() const { return shape.rank() == 0; }
};

TypeInfo info(mlir::Type type);
inline TypeInfo info(mlir::Value value) { return info(value.getType()); }
mlir::Type element_type(mlir::MLIRContext &context, DType dtype);
mlir::Type make_type(mlir::MLIRContext &context, DType dtype, const Shape &shape);
/// `element` in the shape of `like`.
mlir::Type with_element(mlir::Type like, mlir::Type element);
/// "i32", "tile<64x128xf16>", "tile<64xptr<f32>>".
std::string text(mlir::Type type);
std::string text(mlir::Value value);
std::string text(const Shape &shape); // "[64, 128]"

// ---- operands -------------------------------------------------------------------------------------------------------

/// A constant of `dtype`, a scalar or a splat; fails where the number does not fit.
mlir::Value number(Tracer &tracer, const char *op, const Operand &operand, DType dtype, const Shape &shape);
/// The value of an operand; a host number takes its default type.
mlir::Value take(Tracer &tracer, const char *op, const Operand &operand);
/// The shape that two broadcast to, as in NumPy: aligned at the last dimension, a dimension of 1 repeats.
std::optional<Shape> broadcast_shapes(const Shape &a, const Shape &b);
mlir::Value broadcast(Tracer &tracer, mlir::Value value, const Shape &shape, mlir::Location loc);
/// Brings numbers to one element type and one shape.
void unify(Tracer &tracer, const char *op, const Loc &loc, const Operand *const *operands, mlir::Value *values,
           std::size_t n);
/// As `unify`, but leaves the shapes alone: scalars stay scalars, host numbers are scalars.
void unify_types(Tracer &tracer, const char *op, const Loc &loc, const Operand *const *operands, mlir::Value *values,
                 std::size_t n);
/// Fails unless every dimension is a power of two.
void check_shape(Tracer &tracer, const char *op, const Shape &shape, const Loc &loc);
/// An axis counted from the front; fails where there is none.
int check_axis(Tracer &tracer, const char *op, mlir::Value value, int axis, const Loc &loc);
/// Fails where the value is a pointer or an 8-bit float, on which there is no arithmetic.
void check_arithmetic(Tracer &tracer, const char *op, mlir::Value value, const Loc &loc);

// ---- value operations, defined for all operands
// ------------------------------------------------------------------------

mlir::Value convert(Tracer &tracer, mlir::Value value, DType dtype, mlir::Location loc);
mlir::Value divide(Tracer &tracer, mlir::Value a, mlir::Value b, mlir::Location loc);
mlir::Value remainder(Tracer &tracer, mlir::Value a, mlir::Value b, mlir::Location loc);
mlir::Value extremum(Tracer &tracer, bool largest, Nan nan, mlir::Value a, mlir::Value b, mlir::Location loc);
/// Fails unless the value has `maximum` and `minimum`.
void check_ordered(Tracer &tracer, const char *op, mlir::Value value, const Loc &loc);

} // namespace kiln::detail
