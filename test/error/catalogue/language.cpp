// Mistakes in kernels: shapes, types, memory, control flow.
#include "catalogue.h"

#include <optional>
#include <vector>

using namespace kiln_test;
using namespace kiln;

Group kiln_test::shape_mistakes() {
  return {
      "Shapes",
      "Found while the kernel is traced, before anything is compiled, at the line that made the mistake.",
      {
          {"Shapes that do not match", "TraceError", "'+': shapes of tile<64xi32> and tile<128xi32> do not match",
           "aligned at the last dimension, sizes are equal or 1",
           IN_KERNEL((const Config &), arange(0, 64) + arange(0, 128);)},
          {"A dimension that is no power of two", "TraceError", "got [48, 64]",
           "every dimension of a tile is a power of two", IN_KERNEL((const Config &), zeros({48, 64}, f32);)},
          {"A tile with too many elements", "TraceError", "got [1024, 2048]", "a tile has at most 1048576 elements",
           IN_KERNEL((const Config &), zeros({1024, 2048}, f32);)},
          {"A tile with too many dimensions", "TraceError", "got 9", "a tile has at most 8 dimensions",
           IN_KERNEL((const Config &), reshape(arange(0, 512), {2, 2, 2, 2, 2, 2, 2, 2, 2});)},
          {"An empty range of numbers", "TraceError", "'arange': the end 4 is not behind the beginning 4",
           "not behind the beginning", IN_KERNEL((const Config &), arange(4, 4);)},
          {"A reshape to another number of elements", "TraceError", "'reshape': tile<8xi32> has 8 elements",
           "[4, 4] has 16", IN_KERNEL((const Config &), reshape(arange(0, 8), {4, 4});)},
          {"A broadcast of a dimension that is not 1", "TraceError", "tile<8xi32> cannot be repeated to [8, 4]",
           "only dimensions of size 1 are repeated", IN_KERNEL((const Config &), broadcast_to(arange(0, 8), {8, 4});)},
          {"A row of a tile of rank 2", "TraceError", "'row': expected a tile of rank 1", "got tile<1x8xi32>",
           IN_KERNEL((const Config &), row(row(arange(0, 8)));)},
          {"An axis that the tile lacks", "TraceError", "'sum': tile<8xi32> has no axis 1", "no axis 1",
           IN_KERNEL((const Config &), sum(arange(0, 8), 1);)},
          {"A transposition of a vector", "TraceError", "'trans': expected a tile of rank 2, got tile<8xi32>",
           "give the order of the dimensions", IN_KERNEL((const Config &), trans(arange(0, 8));)},
          {"A product of matrices that do not fit", "TraceError", "got tile<4x8xf16> by tile<4x8xf16>",
           "expected tiles of shapes [m, k], [k, n] and [m, n]",
           IN_KERNEL((const Config &), Tile x = zeros({4, 8}, f16); dot(x, x, zeros({4, 8}, f32));)},
          {"An axis that the grid lacks", "TraceError", "got 3", "the axes of the grid are 0, 1 and 2",
           IN_KERNEL((const Config &), program_id(3);)},
      }};
}

Group kiln_test::type_mistakes() {
  return {"Element types",
          "Types do not mix by themselves, so that no value changes its precision unseen.",
          {
              {"Two element types", "TraceError", "f32 and i32 have different element types", "convert one with .to()",
               IN_KERNEL((const Config &, scalar<float> a, scalar<int> b), a + b;)},
              {"A number that does not fit", "TraceError", "'+': 2147483648 does not fit i32", "does not fit i32",
               IN_KERNEL((const Config &, scalar<int> a), a + 2147483648;)},
              {"A fraction for integers", "TraceError", "the floating-point number 0.5 meets a tile of i32",
               "convert the tile with .to()", IN_KERNEL((const Config &, scalar<int> a), a + 0.5;)},
              {"Arithmetic on booleans", "TraceError", "'+' is not defined on i1",
               "use &, | and ^, or convert with .to(kiln::i32)", IN_KERNEL((const Config &, scalar<bool> a), a + a;)},
              {"Bits of a floating-point tile", "TraceError", "'&' is not defined on f32",
               "convert with .to(), or take the bits with kiln::bitcast",
               IN_KERNEL((const Config &, scalar<float> a), a & a;)},
              {"Arithmetic on 8-bit floats", "TraceError", "there is no arithmetic on f8e4m3, which is a storage type",
               "convert with .to(kiln::f16) or .to(kiln::f32) first",
               IN_KERNEL((const Config &), Tile x = zeros({4}, f8e4m3); x + x;)},
              {"A chained comparison", "TraceError", "'<' does not order i1",
               "write a chained comparison a < b < c as (a < b) & (b < c)",
               IN_KERNEL((const Config &, scalar<int> n), Tile mask = 0 < arange(0, 4) < n;)},
              {"An exponential of integers", "TraceError", "'exp2' takes floating-point values, got i32",
               "convert with .to()", IN_KERNEL((const Config &, scalar<int> a), exp2(a);)},
              {"A reduction of integers to a boolean", "TraceError", "'any' takes i1, got tile<4xi32>",
               "compare with 0 first", IN_KERNEL((const Config &), any(arange(0, 4), 0);)},
              {"A product of two types", "TraceError", "got tile<4x8xf16> by tile<8x4xbf16>",
               "the operands have one element type of i8, f8e4m3, f8e5m2, f16, bf16, f32 and f64",
               IN_KERNEL((const Config &), dot(zeros({4, 8}, f16), zeros({8, 4}, bf16));)},
              {"A precision for the wrong type", "TraceError", "the precision tf32 is for f32 operands, got f16",
               "for f32 operands",
               IN_KERNEL((const Config &), Tile x = zeros({4, 4}, f16); dot(x, x, {.precision = Precision::tf32});)},
              {"A bitcast to another width", "TraceError", "'bitcast': f32 and i64 have different widths",
               "different widths", IN_KERNEL((const Config &, scalar<float> a), bitcast(a, i64);)},
              {"A pointer as a number", "TraceError", "'to': a pointer cannot be converted to a number",
               "cannot be converted", IN_KERNEL((const Config &, ptr<int> p), p.to(i64);)},
              {"A condition that is no boolean", "TraceError", "'where': the condition is i1, got i32",
               "the condition is i1", IN_KERNEL((const Config &, scalar<int> a), where(a, 1, 2);)},
          }};
}

Group kiln_test::memory_mistakes() {
  return {"Pointers, masks and memory",
          "What an access would do is checked as far as types tell; addresses are checked when a kernel runs in check "
          "mode.",
          {
              {"A load from a number", "TraceError", "'load': expected a pointer, got i32", "expected a pointer",
               IN_KERNEL((const Config &, scalar<int> a), load(a);)},
              {"A mask that is no boolean", "TraceError", "'load': a mask is i1, got tile<4xi32>", "a mask is i1",
               IN_KERNEL((const Config &, ptr<float> p), Tile i = arange(0, 4); load(p + i, {.mask = i});)},
              {"A mask of another shape", "TraceError", "'load': the mask tile<8xi1> does not fit",
               "the pointers tile<4xptr<f32>>",
               IN_KERNEL((const Config &, ptr<float> p, scalar<int> n),
                         load(p + arange(0, 4), {.mask = arange(0, 8) < n});)},
              {"A mask without a value", "TraceError", "this tile has no value here",
               "it was never assigned, or only inside a loop or in one branch",
               IN_KERNEL((const Config &, ptr<float> p), Tile mask; load(p, {.mask = mask});)},
              {"A value of another type for masked lanes", "TraceError", "the value is i32 and the pointer",
               "convert the value with .to(kiln::f32)",
               IN_KERNEL((const Config &, ptr<float> p, scalar<int> n), Tile i = arange(0, 4);
                         load(p + i, {.mask = i < n, .other = n});)},
              {"A store of another type", "TraceError", "'store': the value is f32 and the pointer ptr<bf16>",
               "convert the value with .to(kiln::bf16)",
               IN_KERNEL((const Config &, ptr<bfloat16> p, scalar<float> a), store(p, a);)},
              {"A tile stored through one pointer", "TraceError", "'store': the value tile<4xf32> does not fit",
               "the pointers ptr<f32>", IN_KERNEL((const Config &, ptr<float> p), store(p, zeros({4}, f32));)},
              {"A store through a read-only parameter", "TraceError", "'store': parameter 1 is a ptr<const T>",
               "through which a kernel may only read", IN_KERNEL((const Config &, ptr<const float> p), store(p, 1);)},
              {"An offset that is no integer", "TraceError", "got f32", "the offset of a pointer is i32 or i64",
               IN_KERNEL((const Config &, ptr<float> p), p + 1.5;)},
              {"An atomic operation that there is not", "TraceError", "'atomic_max' is not defined on f32",
               "it takes i32 and i64", IN_KERNEL((const Config &, ptr<float> p), atomic_max(p, 1);)},
              {"A compare-and-swap of floats", "TraceError", "'atomic_cas' is not defined on f32",
               "bitcast the pointer and the values to i32 or i64",
               IN_KERNEL((const Config &, ptr<float> p), atomic_cas(p, 0, 1);)},
              {"A print of pointers", "TraceError", "'device_print': tile<4xptr<f32>> is a tile of pointers",
               "print the offsets instead",
               IN_KERNEL((const Config &, ptr<float> p), device_print("p", {p + arange(0, 4)});)},
              {"An assert of a number", "TraceError", "'device_assert': the condition is i1, got i32",
               "the condition is i1", IN_KERNEL((const Config &, scalar<int> a), device_assert(a, "a is set");)},
              {"A promise that says nothing", "TraceError", "'assume_multiple': the divisor is positive, got 0",
               "the divisor is positive", IN_KERNEL((const Config &, scalar<int> n), assume_multiple(n, 0);)},
          }};
}

namespace {

std::optional<Tile> kept; // by a kernel that is traced, against the rules

} // namespace

Group kiln_test::control_mistakes() {
  return {
      "Loops, branches and values",
      "A traced loop runs its body once. What C++ can see, such as `if (tile)`, the compiler refuses.",
      {
          {"A break out of a traced loop", "TraceError",
           "this loop is traced, so its body may not be left with 'break' or 'return'", "use kiln::while_, or a mask",
           IN_KERNEL((const Config &, scalar<int> n), for (Tile i : range(n)) break;)},
          {"A variable that changes its type in a loop", "TraceError", "a loop-carried variable changes type",
           "from tile<64xf32>",
           IN_KERNEL((const Config &, scalar<int> n), Tile sum = zeros({64}, f32);
                     for (Tile i : range(n)) sum = zeros({128}, f32);)},
          {"A first value inside a loop", "TraceError", "this tile has no value here",
           "it was never assigned, or only inside a loop or in one branch",
           IN_KERNEL((const Config &, ptr<int> out, scalar<int> n), Tile last; for (Tile i : range(n)) last = i;
                     store(out, last);)},
          {"A value that leaves its loop", "TraceError", "this value was computed inside the loop at ",
           "assign it to a Tile that was made, and given a value, before",
           IN_KERNEL((const Config &, ptr<int> out, scalar<int> n), std::vector<Tile> all;
                     for (Tile i : range(n)) all.push_back(i + 1); store(out, all[0]);)},
          {"Branches that disagree", "TraceError", "'if_': a variable is tile<4xi32>",
           "after one branch and tile<8xi32>",
           IN_KERNEL((const Config &, scalar<int> n), Tile a; if_(
                         n > 0, [&] { a = arange(0, 4); }, [&] { a = arange(0, 8); });)},
          {"A branch on a tile", "TraceError", "'if_': the condition is a scalar i1, got tile<4xi1>",
           "use kiln::where to choose for each element, or kiln::any and kiln::all",
           IN_KERNEL((const Config &, scalar<int> n), if_(arange(0, 4) < n, [] {});)},
          {"A loop to a fraction", "TraceError", "got f32", "the bounds are integer scalars of i32 or i64",
           IN_KERNEL((const Config &, scalar<float> a), for (Tile i : range(a)){})},
          {"A loop that stands still", "TraceError", "'range': the step is positive, got 0", "the step is positive",
           IN_KERNEL((const Config &, scalar<int> n), for (Tile i : range(0, n, 0)){})},
          {"A pipeline of no stages", "TraceError", "got 0", "'range': num_stages is at least 1",
           IN_KERNEL((const Config &, scalar<int> n), for (Tile i : range(n, {.num_stages = 0})){})},
          {"A combiner that uses what is outside", "TraceError",
           "the combiner of a reduction or scan may use its arguments", "and host values alone",
           IN_KERNEL((const Config &, scalar<int> n),
                     reduce(arange(0, 4), 0, [&](Tile a, Tile b) { return a + b + n; });)},
          {"A wait inside of a loop", "TraceError",
           "'wait_for_launches' stands inside of a loop, a branch or a combiner", "call it outside",
           IN_KERNEL((const Config &, scalar<int> n), for (Tile i : range(n)) wait_for_launches();)},
          {"A tile of another trace", "TraceError", "this tile does not belong to the kernel being traced",
           "a kernel may use its parameters, its config and what it makes itself",
           IN_KERNEL((const Config &, ptr<int> out),
                     Kernel{"first", [](const Config &, scalar<int> n) { kept = n + 1; }}.trace({});
                     store(out, *kept);)},
          {"A tile outside of a kernel", "TraceError", "tiles can only be used inside a kernel", "that is being traced",
           OF_LINE(__LINE__, arange(0, 8);)},
      }};
}
