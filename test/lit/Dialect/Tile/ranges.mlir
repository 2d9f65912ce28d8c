// RUN: kiln-opt %s -int-range-optimizations -arith-unsigned-when-equivalent -canonicalize | FileCheck %s

// Program ids and counts are not negative, so that sign guards around them fold and divisions become unsigned.
// CHECK-LABEL: func.func @grid
func.func @grid() -> (i1, i1, i32) {
  %c0 = arith.constant 0 : i32
  %c16 = arith.constant 16 : i32
  %pid = tile.program_id 0 : i32
  %n = tile.num_programs 0 : i32
  %0 = arith.cmpi slt, %pid, %c0 : i32
  %1 = arith.cmpi sgt, %n, %c0 : i32
  // CHECK: %[[Q:.*]] = arith.divui
  %2 = arith.divsi %pid, %c16 : i32
  // CHECK: return %false, %true, %[[Q]]
  return %0, %1, %2 : i1, i1, i32
}

// CHECK-LABEL: func.func @arange
// CHECK: %[[T:.*]] = arith.constant dense<true> : tensor<64xi1>
// CHECK: return %[[T]]
func.func @arange() -> tensor<64xi1> {
  %i = tile.arange -8 to 56 : tensor<64xi32>
  %n = arith.constant dense<56> : tensor<64xi32>
  %0 = arith.cmpi slt, %i, %n : tensor<64xi32>
  return %0 : tensor<64xi1>
}
