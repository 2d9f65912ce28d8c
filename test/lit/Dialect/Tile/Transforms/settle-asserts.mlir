// RUN: kiln-opt %s --tile-settle-asserts=asserts=true | FileCheck %s
// RUN: kiln-opt %s --tile-settle-asserts | FileCheck %s --check-prefix=OFF
// RUN: kiln-opt %s --tile-settle-asserts=asserts=true --loop-invariant-code-motion | FileCheck %s --check-prefix=MOVED
// RUN: kiln-opt %s --tile-settle-asserts --loop-invariant-code-motion | FileCheck %s --check-prefix=FREE

// CHECK-LABEL: @promise(
// CHECK: tile.assume %{{.*}} divisible_by 8 {checked} : i32
// OFF-LABEL: @promise(
// OFF: tile.assume %{{.*}} divisible_by 8 : i32

// The loop may not run, and then nothing was promised.
// MOVED-LABEL: @promise(
// MOVED: scf.for
// MOVED: tile.assume
// FREE-LABEL: @promise(
// FREE: tile.assume
// FREE: scf.for
func.func @promise(%out: !tile.ptr<i32>, %stride: i32, %n: i32) attributes {tile.kernel, tile.num_warps = 1 : i32} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  scf.for %i = %c0 to %n step %c1 : i32 {
    %s = tile.assume %stride divisible_by 8 : i32
    tile.store %out, %s : !tile.ptr<i32>
  }
  return
}

// CHECK-LABEL: @guarded(
// CHECK: tile.assert
// OFF-LABEL: @guarded(
// OFF-NOT: tile.assert

// The loop runs, but a load stays behind the assert of its address.
// MOVED-LABEL: @guarded(
// MOVED: tile.load
// MOVED: scf.for
// MOVED: tile.assert
// MOVED: tile.load
// FREE-LABEL: @guarded(
// FREE: tile.load
// FREE: tile.load
// FREE: scf.for
func.func @guarded(%in: !tile.ptr<i32> {tile.readonly}, %out: !tile.ptr<i32>, %at: i32, %limit: i32) attributes {tile.kernel, tile.num_warps = 1 : i32} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %c4 = arith.constant 4 : i32
  scf.for %i = %c0 to %c4 step %c1 : i32 {
    %first = tile.load %in : !tile.ptr<i32> -> i32
    %ok = arith.cmpi slt, %at, %limit : i32
    tile.assert %ok, "past the end" : i1
    %p = tile.addptr %in, %at : !tile.ptr<i32>, i32
    %x = tile.load %p : !tile.ptr<i32> -> i32
    %sum = arith.addi %first, %x : i32
    tile.store %out, %sum : !tile.ptr<i32>
  }
  return
}
