// Which variables a traced loop or branch carries, checked by what the kernels compute.
#include "run.h"

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using kiln::if_;
using kiln::Kernel;
using kiln::ptr;
using kiln::range;
using kiln::scalar;
using kiln::store;
using kiln::Tile;
using kiln::while_;
using kiln_test::expect_output;
using kiln_test::None;

namespace {

Tile integer(int value) { return kiln::full({}, value, kiln::i32); }

TEST(Carry, AssignedVariable) {
  Kernel kernel{"total", [](const None &, ptr<int> out, scalar<int> n) {
                  Tile total = integer(0), untouched = integer(7);
                  for (Tile i : range(n))
                    total = total + i * untouched;
                  store(out, total);
                }};
  expect_output(kernel, {}, {70}, 5);
  expect_output(kernel, {}, {0}, 0);
}

TEST(Carry, OnlyAssignedVariablesAreCarried) {
  Kernel kernel{"one", [](const None &, ptr<int> out, scalar<int> n) {
                  Tile a = integer(1), b = n * 2;
                  for (Tile i : range(n)) {
                    Tile copy = b; // a read is not an assignment
                    a = a + copy + i;
                  }
                  store(out, a + b);
                }};
  const std::string text = kernel.trace({});
  EXPECT_NE(text.find("iter_args(%arg3 = %c1_i32) -> (i32)"), std::string::npos) << text;
  expect_output(kernel, {}, {28}, 3); // 1 + 3 * 6 + (0 + 1 + 2), and b
}

TEST(Carry, AliasesStayApart) {
  Kernel kernel{"alias", [](const None &, ptr<int> out, scalar<int> n) {
                  Tile a = integer(1);
                  Tile b = a; // the same value, another variable
                  for (Tile i : range(n))
                    b = b + a;
                  store(out, a);
                  store(out + 1, b);
                }};
  expect_output(kernel, {}, {1, 5}, 4);
}

TEST(Carry, Swap) {
  Kernel kernel{"swap", [](const None &, ptr<int> out, scalar<int> n) {
                  Tile a = integer(1), b = integer(2);
                  for (Tile i : range(n))
                    std::swap(a, b);
                  store(out, a);
                  store(out + 1, b);
                }};
  expect_output(kernel, {}, {2, 1}, 3);
  expect_output(kernel, {}, {1, 2}, 4);
}

TEST(Carry, PreviousAndCurrent) {
  Kernel kernel{"fibonacci", [](const None &, ptr<int> out, scalar<int> n) {
                  Tile previous = integer(0), current = integer(1);
                  for (Tile i : range(n)) {
                    Tile next = previous + current;
                    previous = current;
                    current = next;
                  }
                  store(out, current);
                }};
  expect_output(kernel, {}, {89}, 10);
}

TEST(Carry, Nested) {
  Kernel kernel{"nested", [](const None &, ptr<int> out, scalar<int> n) {
                  Tile pairs = integer(0), rows = integer(0), last = integer(-1);
                  for (Tile i : range(n)) {
                    for (Tile j : range(i)) {
                      pairs += 1;
                      last = j;
                    }
                    rows += last;
                  }
                  store(out, pairs);
                  store(out + 1, rows);
                }};
  expect_output(kernel, {}, {10, -1 + 0 + 1 + 2 + 3}, 5);
}

// A helper's state is carried wherever it lives.
struct Mean {
  Tile sum = kiln::full({}, 0, kiln::i32), count = kiln::full({}, 0, kiln::i32);
  void add(const Tile &x) {
    sum += x;
    count += 1;
  }
};

TEST(Carry, Struct) {
  Kernel kernel{"struct", [](const None &, ptr<int> out, scalar<int> n) {
                  Mean even, odd;
                  for (Tile i : range(n)) {
                    even.add(2 * i);
                    odd.add(2 * i + 1);
                  }
                  store(out, even.sum / even.count);
                  store(out + 1, odd.sum / odd.count);
                }};
  expect_output(kernel, {}, {4, 5}, 5);
}

TEST(Carry, VectorOfTiles) {
  struct Config {
    int n = 3;
  };
  Kernel kernel{"vector", [](const Config &c, ptr<int> out, scalar<int> n) {
                  std::vector<Tile> sums;
                  for (int u = 0; u < c.n; ++u)
                    sums.push_back(integer(u));
                  for (Tile i : range(n))
                    for (int u = 0; u < c.n; ++u)
                      sums[u] += i * u;
                  for (int u = 0; u < c.n; ++u)
                    store(out + u, sums[u]);
                }};
  expect_output(kernel, Config{.n = 4}, {0, 7, 14, 21}, 4);
}

Tile incremented(Tile x) {
  x += 1;
  return x;
}

TEST(Carry, ByValueParameterIsACopy) {
  Kernel kernel{"by_value", [](const None &, ptr<int> out, scalar<int> n) {
                  Tile a = integer(5), b = a;
                  for (Tile i : range(n))
                    b = incremented(a);
                  store(out, a);
                  store(out + 1, b);
                }};
  expect_output(kernel, {}, {5, 6}, 3);
}

TEST(Carry, KernelParameters) {
  Kernel kernel{"parameters", [](const None &, ptr<int> out, scalar<int> n) {
                  for (Tile i : range(4)) {
                    store(out, n);
                    n = n * 2;
                    out += 1;
                  }
                }};
  expect_output(kernel, {}, {3, 6, 12, 24}, 3);
}

TEST(Carry, CopyOfAnUncarriedVariableOutlivesTheLoop) {
  Kernel kernel{"copy", [](const None &, ptr<int> out, scalar<int> n) {
                  Tile a = n + 1;
                  std::vector<Tile> copies;
                  for (Tile i : range(n))
                    copies.push_back(a);
                  store(out, copies[0]);
                }};
  expect_output(kernel, {}, {4}, 3);
}

TEST(Carry, DestroyedInTheBody) {
  Kernel kernel{"destroyed", [](const None &, ptr<int> out, scalar<int> n) {
                  std::vector<Tile> v{integer(1), integer(2)};
                  Tile sum = integer(0);
                  for (Tile i : range(n)) {
                    sum += v[0] + v[1];
                    v.clear();
                  }
                  store(out, sum);
                }};
  expect_output(kernel, {}, {9}, 3);
}

// ---- branches
// ---------------------------------------------------------------------------------------------------------------

TEST(Branch, BothAssign) {
  Kernel kernel{"both", [](const None &, ptr<int> out, scalar<int> n) {
                  Tile a = integer(0), b = integer(10);
                  if_(
                      n > 3, [&] { a = b; },
                      [&] {
                        a = n;
                        b = integer(11);
                      });
                  store(out, a);
                  store(out + 1, b);
                }};
  expect_output(kernel, {}, {10, 10}, 4);
  expect_output(kernel, {}, {3, 11}, 3);
}

TEST(Branch, OneAssigns) {
  Kernel kernel{"one", [](const None &, ptr<int> out, scalar<int> n) {
                  Tile a = integer(1);
                  if_(n > 3, [&] { a += n; });
                  if_(n > 4, [] {}, [&] { a *= 2; });
                  store(out, a);
                }};
  expect_output(kernel, {}, {2}, 3);
  expect_output(kernel, {}, {10}, 4);
  expect_output(kernel, {}, {6}, 5);
}

TEST(Branch, FirstAssignmentInBothBranches) {
  Kernel kernel{"first", [](const None &, ptr<int> out, scalar<int> n) {
                  Tile a;
                  if_(n > 3, [&] { a = integer(1); }, [&] { a = integer(2); });
                  store(out, a);
                }};
  expect_output(kernel, {}, {1}, 4);
  expect_output(kernel, {}, {2}, 3);
}

TEST(Branch, SwapInABranchOfALoop) {
  Kernel kernel{"swap_odd", [](const None &, ptr<int> out, scalar<int> n) {
                  Tile a = integer(1), b = integer(2);
                  for (Tile i : range(n))
                    if_(i % 2 == 1, [&] { std::swap(a, b); });
                  store(out, a);
                  store(out + 1, b);
                }};
  expect_output(kernel, {}, {2, 1}, 3);
  expect_output(kernel, {}, {1, 2}, 5);
}

TEST(Branch, StoresAndNesting) {
  Kernel kernel{"nest", [](const None &, ptr<int> out, scalar<int> n) {
                  Tile sign = integer(0);
                  if_(
                      n > 0, [&] { sign = integer(1); },
                      [&] {
                        if_(n < 0, [&] {
                          sign = integer(-1);
                          store(out + 1, n);
                        });
                      });
                  store(out, sign);
                }};
  expect_output(kernel, {}, {1, 0}, 5);
  expect_output(kernel, {}, {0, 0}, 0);
  expect_output(kernel, {}, {-1, -5}, -5);
}

// ---- while
// ------------------------------------------------------------------------------------------------------------------

TEST(While, BodyAssigns) {
  Kernel kernel{"collatz", [](const None &, ptr<int> out, scalar<int> n) {
                  Tile x = n, steps = integer(0), one = integer(1);
                  while_([&] { return x != one; },
                         [&] {
                           x = kiln::where(x % 2 == 0, x / 2, 3 * x + 1);
                           steps += one;
                         });
                  store(out, steps);
                }};
  expect_output(kernel, {}, {8}, 6);
  expect_output(kernel, {}, {0}, 1);
}

TEST(While, ConditionAssigns) {
  Kernel kernel{"countdown", [](const None &, ptr<int> out, scalar<int> n) {
                  Tile left = n, rounds = integer(0);
                  while_(
                      [&] {
                        left -= 1; // also before the loop ends
                        return left > 0;
                      },
                      [&] { rounds += left; });
                  store(out, left);
                  store(out + 1, rounds);
                }};
  expect_output(kernel, {}, {0, 3 + 2 + 1}, 4);
  expect_output(kernel, {}, {-1, 0}, 0);
}

TEST(While, ValueMadeByTheConditionReachesTheBody) {
  Kernel kernel{"passed", [](const None &, ptr<int> out, scalar<int> n) {
                  Tile i = integer(0), sum = integer(0), square;
                  while_(
                      [&] {
                        square = i * i;
                        return square < n;
                      },
                      [&] {
                        sum += square;
                        i += 1;
                      });
                  store(out, sum);
                }};
  expect_output(kernel, {}, {0 + 1 + 4 + 9}, 10);
}

TEST(While, InsideALoop) {
  Kernel kernel{"inside", [](const None &, ptr<int> out, scalar<int> n) {
                  Tile digits = integer(0);
                  for (Tile i : range(n)) {
                    Tile rest = i;
                    while_([&] { return rest > 0; },
                           [&] {
                             rest /= 2;
                             digits += 1;
                           });
                  }
                  store(out, digits);
                }};
  expect_output(kernel, {}, {0 + 1 + 2 + 2 + 3}, 5);
}

// ---- bounds
// -----------------------------------------------------------------------------------------------------------------

TEST(Range, Bounds) {
  Kernel kernel{"bounds", [](const None &, ptr<int> out, scalar<int> lo, scalar<int> hi, scalar<int> step) {
                  Tile sum = integer(0), trips = integer(0);
                  for (Tile i : range(lo, hi, step)) {
                    sum += i;
                    trips += 1;
                  }
                  store(out, sum);
                  store(out + 1, trips);
                }};
  expect_output(kernel, {}, {2 + 5 + 8, 3}, 2, 9, 3);
  expect_output(kernel, {}, {0, 0}, 5, 5, 1);
  expect_output(kernel, {}, {0, 0}, 5, -5, 1);
  expect_output(kernel, {}, {-3 - 1, 2}, -3, 1, 2);
  expect_output(kernel, {}, {1 + 2, 2}, 1, 3, 0); // a step below 1 counts as 1
  expect_output(kernel, {}, {1 + 2, 2}, 1, 3, -4);
}

TEST(Range, SixtyFourBits) {
  Kernel kernel{"wide", [](const None &, ptr<std::int64_t> out, scalar<std::int64_t> lo) {
                  Tile last = kiln::full({}, 0, kiln::i64);
                  for (Tile i : range(lo, lo + 3))
                    last = i;
                  store(out, last);
                }};
  expect_output(kernel, {}, {(std::int64_t(1) << 40) + 2}, std::int64_t(1) << 40);
}

// ---- exceptions
// ---------------------------------------------------------------------------------------------------------------

TEST(Exception, LeavesTheTracerUsable) {
  Kernel throws{"throws", [](const None &, ptr<int>, scalar<int> n) {
                  for (Tile i : range(n))
                    while_([&] { return i < n; },
                           [&] { if_(i > 0, [] { throw std::runtime_error("the user's own"); }); });
                }};
  Kernel works{"works", [](const None &, ptr<int> out, scalar<int> n) {
                 Tile sum = integer(0);
                 for (Tile i : range(n))
                   sum += i;
                 store(out, sum);
               }};
  for (int round = 0; round < 3; ++round) {
    try {
      throws.trace({});
      FAIL() << "was not thrown";
    } catch (const std::runtime_error &error) {
      EXPECT_STREQ(error.what(), "the user's own");
    }
    expect_output(works, {}, {10}, 5);
  }
}

TEST(Exception, CaughtInsideTheKernelRestoresTheVariables) {
  Kernel kernel{"caught", [](const None &, ptr<int> out, scalar<int> n) {
                  Tile a = n, b = n;
                  try {
                    for (Tile i : range(n)) {
                      a += b;
                      throw 1;
                    }
                  } catch (int) {
                  }
                  store(out, a + b);
                }};
  EXPECT_EQ(kernel.trace({}).find("scf.for"), std::string::npos);
  expect_output(kernel, {}, {6}, 3);
}

} // namespace
