// The state of generating one program, and the families of statements.
//
// A value is *exact* if every correct executor computes the same bits: integers, and floats from operations that round
// once. Other floats are *bounded*: sums in some order and mathematical functions, and what is computed from them.
// Bounded values never decide anything (a branch, an index, an integer), and are *tame*, of limited magnitude, so that
// a bound on their error can be computed beside them. Exact floats need not be tame: they may be infinite or NaN.
#pragma once

#include "program.h"

#include <random>
#include <sstream>

namespace kiln::fuzz {

using Shape = std::vector<std::int64_t>; // empty: a scalar

struct Value {
  std::string name; // without the '%'; the bound of `v` is `v_e`
  Type type = Type::i32;
  Shape shape;
  bool exact = true;
  bool tame = false;     // of floats: finite and at most `magnitude`
  bool integral = false; // tame, and an integer
  double magnitude = 0;
};

enum class Need { exact, tame, integral, bounded /* or tame */ };

/// How a tile is combined: by a reduction or a scan, along which axis, and what comes out.
struct Combination {
  std::string op, attributes;
  Shape shape;
  std::int64_t length = 0;
};

template <typename... Parts>
std::string cat(const Parts &...parts) {
  std::ostringstream out;
  (out << ... << parts);
  return out.str();
}

std::int64_t count(const Shape &shape);
std::string type_text(Type type, const Shape &shape);
std::string pointer_text(Type type, const Shape &shape);
std::string float_text(Type type, double value);

/// The lists that a loop or branch with results is written with. A bounded value is two: itself and, in the program
/// with bounds, its bound.
struct Lists {
  std::string names, types;
  void add(const std::string &name, const std::string &type);
  void add(const Value &value, bool bounds);
};

class Generator {
public:
  Generator(std::uint64_t seed, bool bounds, const std::set<int> &off) : random(seed), bounds(bounds), off(off) {}
  Program run();

private:
  // ---- generator.cpp: choices, text, operands
  std::uint64_t below(std::uint64_t n) { return random() % n; }
  bool chance(int percent) { return below(100) < std::uint64_t(percent); }
  template <typename T>
  const T &one_of(const std::vector<T> &items) {
    return items[below(items.size())];
  }
  Shape random_shape();
  Type random_integer() { return one_of<Type>({Type::i8, Type::i16, Type::i32, Type::i32, Type::i32, Type::i64}); }
  Type random_float() { return one_of<Type>({Type::f16, Type::bf16, Type::f32, Type::f32, Type::f32, Type::f64}); }

  std::string fresh() { return cat("v", next_name++); }
  void line(const std::string &text) { body += indent + text + "\n"; }
  /// A line of the program with bounds only.
  void bound_line(const std::string &text) {
    if (bounds)
      line(text);
  }
  /// A new exact value computed by `text`.
  Value emit(Type type, const Shape &shape, const std::string &text);
  Value emit_op(const std::string &op, Type type, const Value &a);
  Value emit_op(const std::string &op, Type type, const Value &a, const Value &b);
  static Value with_facts(Value value, const Value &model);

  Value constant(Type type, const Shape &shape, const std::string &element);
  Value integer(Type type, const Shape &shape, std::int64_t value) {
    return constant(type, shape, std::to_string(value));
  }
  Value number(Type type, const Shape &shape, double value);
  Value random_constant(Type type, const Shape &shape, Need need);
  Value leaf(Type type, const Shape &shape, Need need);
  Value operand(Type type, const Shape &shape, Need need = Need::exact);
  Value any_exact(bool floats_too = true);
  Value reshaped(const std::string &op, const Value &x, const Shape &shape, const std::string &attribute = "");
  Value column(const Value &x, const Shape &shape);
  Value row(const Value &x, const Shape &shape);
  Value spread(const Value &value, const Shape &shape);

  // ---- exact.cpp: integers, exact floats, conversions, shapes
  Value integer_binary();
  Value integer_unary();
  Value compare();
  Value select();
  Value float_binary();
  Value float_unary();
  Value conversion();
  Value bitcast();
  Value reshape();
  Value convert(const Value &value, Type to);
  Value clamp(const Value &value, double limit);

  // ---- combine.cpp: reductions, scans, dot
  Value exact_reduction();
  Value argument_reduction();
  Value affine_combination();
  Value boolean_reduction();
  Value bounded_reduction();
  Value dot();
  Combination combination(std::uint64_t kind, std::size_t axis, const Shape &shape);
  std::string combine_f64(const Combination &c, const Shape &shape, const std::string &op, const std::string &of);
  Value without_sign_of_zero(const Value &x);
  Value sum(const Combination &c, const Value &x);
  Value largest(const Combination &c, const Value &x);
  Value multiply(const Value &a, const Value &b, const Value &c);
  std::string combiner(const std::string &op, Type type);

  // ---- bounded.cpp: values that need a bound
  Value math_function();
  Value math_of_anything();
  Value bounded_arithmetic();
  Value call(const std::string &function, const Value &x);
  Value arithmetic(const std::string &op, const Value &a, const Value &b);
  Value choose(const Value &condition, const Value &a, const Value &b);
  /// In the program with bounds: the name of the f64 bound of `value`, or of its magnitude.
  std::string bound_of(const Value &value);
  std::string magnitude_of(const Value &value);
  std::string f64_op(const std::string &op, const Shape &shape, const std::string &a, const std::string &b);
  std::string f64_constant(const Shape &shape, double value);
  /// Gives `result`, correct up to `inherited` (a name, or empty for nothing), its bound: one rounding, or `ulps`,
  /// more.
  void set_bound(Value &result, const std::string &inherited, double ulps = 0.5);

  // ---- memory.cpp
  Buffer &new_buffer(const std::string &prefix, Type type, std::int64_t elements, Contents contents, bool is_input);
  std::string offsets(const Shape &shape);
  std::string pointers(const Buffer &buffer, const Shape &shape, const std::string &offsets,
                       Type offset_type = Type::i32);
  Value load_input(Type type, const Shape &shape, Contents contents);
  Value gather();
  Value strided_load();
  Value store_and_load();
  Value atomic();
  void store_result(const Value &value);

  // ---- control.cpp
  void end_for_loop();
  std::vector<Value> for_loop();
  std::vector<Value> while_loop();
  std::vector<Value> branch();
  void block_statements(int n);
  std::vector<Value> initial_values();
  std::vector<Value> carried(const std::vector<Value> &values);
  std::vector<Value> next_values(const std::vector<Value> &arguments);
  std::vector<Value> results_like(const std::vector<Value> &values);

  // ---- attention.cpp
  Value attention();
  Value load_rows(const Buffer &cache, const Value &offsets, const Value &mask, const Shape &shape);

  // ---- generator.cpp
  void statement();
  std::vector<Value> random_statement();

  std::mt19937_64 random;
  bool bounds;
  const std::set<int> &off;
  Program program;
  std::string body, indent = "  ";
  std::vector<Value> pool;
  std::vector<Buffer> bound_buffers; // in the program with bounds: behind the others
  int next_name = 0, next_bound = 0, next_statement = 0, depth = 0;
};

} // namespace kiln::fuzz
