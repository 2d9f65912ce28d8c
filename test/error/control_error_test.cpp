// Loops, branches, values that leave the region that made them, and the frame around every message.
#include "expect_error.h"

#include "kiln/debug.h"

#include <array>
#include <functional>
#include <optional>
#include <thread>
#include <vector>

using namespace kiln_test;
using kiln::arange;
using kiln::full;
using kiln::if_;
using kiln::Kernel;
using kiln::ptr;
using kiln::range;
using kiln::scalar;
using kiln::store;
using kiln::Tile;
using kiln::while_;

namespace {

const std::string no_value =
    "this tile has no value here: it was never assigned, or only inside a loop or in one branch";
const std::string not_left =
    "this loop is traced, so its body may not be left with 'break' or 'return': it runs once, to "
    "record what every iteration does; use kiln::while_, or a mask";
const std::string foreign =
    "this tile does not belong to the kernel being traced: a kernel may use its parameters, its config "
    "and what it makes itself";

// The message of a failure, without the place and the notes around it.
std::string message_of(const kiln::Error &error) {
  const std::string text = error.what();
  const std::size_t begin = text.find(": error: ") + 9;
  return text.substr(begin, text.find("\nnote: ") - begin);
}

TEST(ControlErrors, LeavingALoop) {
  expect_error(not_left, [](const None &, scalar<int> n) { BAD for (Tile i : range(n)) break; });
  expect_error(not_left,
               [](const None &, scalar<int> n) { BAD for (Tile i : range(0, n, 2, {.num_stages = 2})) return; });
  expect_error(not_left, [](const None &, scalar<int> n) {
    for (Tile i : range(n)) {
      BAD for (Tile j : range(i)) return;
    }
  });
}

TEST(ControlErrors, CarriedVariablesKeepTheirType) {
  kiln::Kernel kernel{"changes", [](const None &, scalar<int> n) {
                        Tile acc = kiln::zeros({64}, kiln::f32);
                        const int first = __LINE__ - 1;
                        for (Tile i : range(n)) {
                          BAD acc = kiln::zeros({128}, kiln::f32);
                        }
                        (void)first;
                      }};
  try {
    kernel.trace({});
    FAIL();
  } catch (const kiln::TraceError &error) {
    const std::string text = error.what(), file = __FILE__;
    EXPECT_EQ(text.rfind(file + ":" + std::to_string(failing_line) + ":", 0), 0u) << text;
    EXPECT_NE(text.find("a loop-carried variable changes type from tile<64xf32> (set at " + file + ":" +
                        std::to_string(failing_line - 3) + ":"),
              std::string::npos)
        << text;
    EXPECT_NE(text.find(") to tile<128xf32>\n"), std::string::npos) << text;
  }
}

TEST(ControlErrors, CarriedVariableWithoutAValue) {
  try {
    Kernel{"empties",
           [](const None &, scalar<int> n) {
             Tile acc = n;
             BAD for (Tile i : range(n)) acc = Tile();
           }}
        .trace({});
    FAIL();
  } catch (const kiln::TraceError &error) {
    EXPECT_NE(message_of(error).find("a variable that has a value before this loop"), std::string::npos)
        << error.what();
    EXPECT_NE(std::string(error.what()).find(":" + std::to_string(failing_line) + ":"), std::string::npos);
  }
}

TEST(ControlErrors, BranchesAgreeOnTypes) {
  try {
    Kernel{"disagree",
           [](const None &, scalar<int> n) {
             Tile a;
             BAD if_(n > 0, [&] { a = arange(0, 4); }, [&] { a = arange(0, 8); });
           }}
        .trace({});
    FAIL();
  } catch (const kiln::TraceError &error) {
    const std::string message = message_of(error);
    EXPECT_EQ(message.rfind("'if_': a variable is tile<4xi32> (set at ", 0), 0u) << message;
    EXPECT_NE(message.find("after one branch and tile<8xi32> (set at "), std::string::npos) << message;
    EXPECT_NE(std::string(error.what()).find(":" + std::to_string(failing_line) + ":"), std::string::npos);
  }
}

TEST(ControlErrors, NoValueAfterwards) {
  expect_error(no_value, [](const None &, ptr<int> out) {
    Tile never;
    BAD store(out, never);
  });
  expect_error(no_value, [](const None &, ptr<int> out, scalar<int> n) {
    Tile last;
    for (Tile i : range(n))
      last = i;
    BAD store(out, last);
  });
  expect_error(no_value, [](const None &, ptr<int> out, scalar<int> n) {
    Tile a;
    if_(n > 0, [&] { a = n; });
    BAD store(out, a);
  });
  expect_error(no_value, [](const None &, ptr<int> out, scalar<int> n) {
    Tile a;
    while_([&] { return n > 0; },
           [&] {
             a = n;
             n -= 1;
           });
    BAD store(out, a);
  });
  expect_error(no_value, [](const None &) {
    Tile never;
    BAD never.shape();
  });
}

TEST(ControlErrors, ValuesThatLeakOut) {
  auto expect_leak = [](const std::string &region, auto body) {
    failing_line = 0;
    try {
      Kernel{"leaks", body}.trace({});
      FAIL() << "was accepted";
    } catch (const kiln::TraceError &error) {
      EXPECT_EQ(message_of(error).rfind("this value was computed inside the " + region + " at ", 0), 0u)
          << error.what();
      EXPECT_NE(message_of(error).find("and is used after it"), std::string::npos) << error.what();
      EXPECT_NE(std::string(error.what()).find("_test.cpp:" + std::to_string(failing_line) + ":"), std::string::npos)
          << error.what();
    }
  };
  expect_leak("loop", [](const None &, ptr<int> out, scalar<int> n) {
    std::vector<Tile> all;
    for (Tile i : range(n))
      all.push_back(i + 1);
    BAD store(out, all[0]);
  });
  expect_leak("loop", [](const None &, ptr<int> out, scalar<int> n) {
    std::vector<Tile> all;
    for (Tile i : range(n))
      all.push_back(i); // the loop's own variable
    Tile copy = all[0];
    BAD store(out, copy + 1);
  });
  expect_leak("loop", [](const None &, ptr<int> out, scalar<int> n) {
    std::vector<Tile> all;
    for (Tile i : range(n))
      all.push_back(i + 1);
    for (Tile i : range(n)) {
      BAD store(out, all[0]); // in another loop
    }
  });
  expect_leak("loop", [](const None &, ptr<int> out, scalar<int> n) {
    std::vector<Tile> copies; // of a carried variable, as it was in some iteration
    Tile a = n;
    for (Tile i : range(n)) {
      copies.push_back(a);
      a += 1;
    }
    BAD store(out, copies[0]);
  });
  expect_leak("loop", [](const None &, scalar<int> n) {
    std::optional<kiln::Range> kept;
    for (Tile i : range(n)) {
      BAD kept.emplace(0, i + 1, 1, kiln::RangeOptions{}, kiln::Loc::current());
    }
    for (Tile i : *kept) {
    }
  });
  expect_leak("branch", [](const None &, ptr<int> out, scalar<int> n) {
    std::optional<Tile> made;
    if_(n > 0, [&] { made = n + 1; });
    BAD store(out, *made);
  });
  expect_leak("loop", [](const None &, ptr<int> out, scalar<int> n) {
    std::optional<Tile> made;
    while_([&] { return n > 0; },
           [&] {
             made = n + 1;
             n -= 1;
           });
    BAD store(out, *made);
  });
  expect_leak("combiner", [](const None &, ptr<int> out) {
    std::optional<Tile> made;
    kiln::reduce(arange(0, 4), 0, [&](Tile a, Tile b) {
      made = a + b;
      return a;
    });
    BAD store(out, *made);
  });
}

TEST(ControlErrors, Bounds) {
  const std::string bounds = "'range': the bounds are integer scalars of i32 or i64, got ";
  expect_error(bounds + "tile<4xi32>", [](const None &) {
    BAD for (Tile i : range(arange(0, 4))) {}
  });
  expect_error(bounds + "f32", [](const None &, scalar<float> a) {
    BAD for (Tile i : range(a)) {}
  });
  expect_error("'range' is not defined on ptr<i32>", [](const None &, ptr<int> p) {
    BAD for (Tile i : range(p)) {}
  });
  expect_error("'range': the step is positive, got 0", [](const None &, scalar<int> n) {
    BAD for (Tile i : range(0, n, 0)) {}
  });
  expect_error("'range': num_stages is at least 1, got 0", [](const None &, scalar<int> n) {
    BAD for (Tile i : range(n, {.num_stages = 0})) {}
  });
}

TEST(ControlErrors, Conditions) {
  expect_error("'if_': the condition is a scalar i1, got i32", [](const None &, scalar<int> n) { BAD if_(n, [] {}); });
  expect_error("'if_': the condition is a scalar i1, got tile<4xi1>; use kiln::where to choose for each element, or "
               "kiln::any and kiln::all",
               [](const None &, scalar<int> n) {
                 auto mask = arange(0, 4) < n;
                 BAD if_(mask, [] {});
               });
  expect_error("'while_': the condition is a scalar i1, got i32",
               [](const None &, scalar<int> n) { BAD while_([&] { return n; }, [] {}); });
}

TEST(ControlErrors, Combiners) {
  expect_error("the combiner of a reduction or scan may use its arguments and host values alone",
               [](const None &, scalar<int> n) {
                 BAD kiln::reduce(arange(0, 4), 0, [&](Tile a, Tile b) { return a + b + n; });
               });
  expect_error(
      "'reduce': the combiner assigns a variable from outside; it may use its arguments and host values alone",
      [](const None &, scalar<int> n) { BAD kiln::reduce(arange(0, 4), 0, [&](Tile a, Tile b) { return n = a, b; }); });
  expect_error("the combiner of a reduction or scan may not contain 'if_'", [](const None &) {
    auto x = arange(0, 4);
    kiln::scan(x, 0, [&](Tile a, Tile b) {
      BAD if_(a > b, [] {});
      return a;
    });
  });
  const auto refused = [](const char *name) {
    return "the combiner of a reduction or scan may not contain '" + std::string(name) +
           "': it computes with scalars, and does nothing else";
  };
  expect_error(refused("device_print"), [](const None &) {
    kiln::reduce(arange(0, 4), 0, [](Tile a, Tile b) {
      BAD kiln::device_print("a", {a});
      return a + b;
    });
  });
  expect_error(refused("device_assert"), [](const None &) {
    kiln::scan(arange(0, 4), 0, [](Tile a, Tile b) {
      BAD kiln::device_assert(a < b, "sorted");
      return a + b;
    });
  });
  kiln::debug::set_checks(true);
  expect_error(refused("check_finite' or 'check_range"), [](const None &) {
    kiln::reduce(arange(0, 4).to(kiln::f32), 0, [](Tile a, Tile b) {
      BAD kiln::check_finite(a, "a");
      return a + b;
    });
  });
  kiln::debug::set_checks(false);
  expect_error("the combiner of a reduction or scan computes with scalars; this is a tile<4xi32>", [](const None &) {
    kiln::reduce(arange(0, 4), 0, [](Tile a, Tile b) { BAD return full({4}, a, kiln::i32) + b; });
  });
  expect_error("the combiner of a reduction or scan computes with scalars; this is a tile<8xi32>", [](const None &) {
    kiln::reduce(arange(0, 4), 0, [](Tile a, Tile b) {
      BAD Tile none = kiln::zeros({8}, kiln::i32);
      return a + b;
    });
  });
  expect_error(refused("program_id"), [](const None &) {
    kiln::reduce(arange(0, 4), 0, [](Tile a, Tile b) {
      BAD Tile program = kiln::program_id(0);
      return a + b;
    });
  });
  expect_error("the combiner of a reduction or scan may not contain 'range'", [](const None &) {
    auto x = arange(0, 4);
    kiln::scan(x, 0, [&](Tile a, Tile b) {
      BAD for (Tile i : range(a)) {}
      return b;
    });
  });
}

std::optional<Tile> kept;

TEST(ControlErrors, TilesOfOtherTraces) {
  Kernel keeps{"keeps", [](const None &, scalar<int> n) { kept = n + 1; }};
  keeps.trace({});
  expect_error(foreign, [](const None &, ptr<int> out) { BAD store(out, *kept); });
  expect_error(foreign, [](const None &, ptr<int> out, scalar<int> n) {
    for (Tile i : range(n)) {
      Tile copy = *kept;
      *kept = i; // remembered nowhere
      BAD store(out, *kept);
    }
  });
  // Also where that trace interrupts this one.
  expect_error(foreign, [](const None &, ptr<int> out) {
    Kernel{"inner", [](const None &, scalar<int> n) { kept = n + 1; }}.trace({});
    BAD store(out, *kept);
  });
  std::thread([&] { keeps.trace({}); }).join();
  expect_error(foreign, [](const None &, ptr<int> out) { BAD store(out, *kept + 1); });
  kept.reset();
}

TEST(ControlErrors, OutsideOfAKernel) {
  try {
    BAD arange(0, 8);
    FAIL();
  } catch (const kiln::TraceError &error) {
    const std::string text = error.what();
    EXPECT_EQ(text.rfind(std::string(__FILE__) + ":" + std::to_string(failing_line) + ":", 0), 0u) << text;
    EXPECT_NE(text.find(": error: tiles can only be used inside a kernel that is being traced"), std::string::npos)
        << text;
  }
}

// ---- the frame of a message
// ------------------------------------------------------------------------------------------------------

struct Warps {
  int block = 64;
  bool causal = false;
  int num_warps = 3;
};

TEST(ErrorFrame, ConfigAndKernelAreNamed) {
  expect_error(
      "'zeros': every dimension of a tile is a power of two, got [24]",
      [](const Warps &c) { BAD kiln::zeros({c.block}, kiln::f32); }, Warps{.block = 24, .num_warps = 4});
}

TEST(ErrorFrame, NumWarps) {
  for (int bad : {-1, 3, 64}) {
    try {
      Kernel{"warps", [](const Warps &) {}}.trace({.num_warps = bad});
      FAIL();
    } catch (const kiln::TraceError &error) {
      EXPECT_EQ(std::string(error.what()), "error: num_warps is a power of two from 1 to 32, got " +
                                               std::to_string(bad) + "\nnote: while tracing 'warps' with {64, false, " +
                                               std::to_string(bad) + "}");
    }
  }
}

int inner_line, outer_line;

Tile twice(const Tile &x, kiln::Here = {}) {
  inner_line = __LINE__ + 1;
  return x * 2.5;
}
Tile four_times(const Tile &x, kiln::Here = {}) {
  outer_line = __LINE__ + 1;
  return twice(x);
}

TEST(ErrorFrame, HereNamesTheCallers) {
  int call = 0;
  static int *at = &call;
  try {
    Kernel{"chain",
           [](const None &, scalar<int> n) {
             *at = __LINE__ + 1;
             four_times(n);
           }}
        .trace({});
    FAIL();
  } catch (const kiln::TraceError &error) {
    const std::string text = error.what(), file = __FILE__;
    auto line = [&](const std::string &before, int number) {
      return before + file + ":" + std::to_string(number) + ":";
    };
    EXPECT_EQ(text.rfind(line("", inner_line), 0), 0u) << text;
    const std::size_t first = text.find(line("\nnote: called from ", outer_line)),
                      second = text.find(line("\nnote: called from ", call)),
                      last = text.find("\nnote: while tracing 'chain'");
    EXPECT_LT(first, second) << text;
    EXPECT_LT(second, last) << text;
    EXPECT_NE(last, std::string::npos) << text;
  }
}

} // namespace
