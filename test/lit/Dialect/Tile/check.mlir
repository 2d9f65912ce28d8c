// RUN: kiln-opt %s | kiln-opt | FileCheck %s
// RUN: kiln-opt %s -mlir-print-op-generic | kiln-opt | FileCheck %s

func.func private @gelu(f32) -> f32
func.func private @seed() -> i32
// CHECK: func.func private @split(f32) -> (f32, i32) attributes {tile.digest = "0123"}
func.func private @split(f32) -> (f32, i32) attributes {tile.digest = "0123"}
func.func private @note(f32, i1)

// CHECK-LABEL: func.func @extern_call
func.func @extern_call(%x: tensor<64xf32>, %s: f32) {
  // CHECK: tile.extern_call @gelu(%{{.*}}) pure : (tensor<64xf32>) -> tensor<64xf32>
  %0 = tile.extern_call @gelu(%x) pure : (tensor<64xf32>) -> tensor<64xf32>
  // CHECK: tile.extern_call @gelu(%{{.*}}) : (f32) -> f32
  %1 = tile.extern_call @gelu(%s) : (f32) -> f32
  // CHECK: tile.extern_call @seed() : () -> tensor<4xi32>
  %2 = tile.extern_call @seed() : () -> tensor<4xi32>
  // CHECK: %{{.*}}:2 = tile.extern_call @split(%{{.*}}) pure : (tensor<64xf32>) -> (tensor<64xf32>, tensor<64xi32>)
  %3:2 = tile.extern_call @split(%x) pure : (tensor<64xf32>) -> (tensor<64xf32>, tensor<64xi32>)
  %true = arith.constant true
  // CHECK: tile.extern_call @note(%{{.*}}, %{{.*}}) : (f32, i1) -> ()
  tile.extern_call @note(%s, %true) : (f32, i1) -> ()
  return
}

// CHECK-LABEL: func.func @facts
func.func @facts(%i: tensor<64xi64>, %p: !tile.ptr<f16>, %m: tensor<64xi1>, %b: i1) {
  // CHECK: tile.assume %{{.*}} divisible_by 8 : tensor<64xi64>
  %0 = tile.assume %i divisible_by 8 : tensor<64xi64>
  // CHECK: tile.assume %{{.*}} divisible_by 16 : !tile.ptr<f16>
  %1 = tile.assume %p divisible_by 16 : !tile.ptr<f16>
  // CHECK: tile.assert %{{.*}}, "page out of range" : tensor<64xi1>
  tile.assert %m, "page out of range" : tensor<64xi1>
  // CHECK: tile.assert %{{.*}}, "" : i1
  tile.assert %b, "" : i1
  // CHECK: tile.print "x = ", %{{.*}}, %{{.*}} : tensor<64xi64>, !tile.ptr<f16>
  tile.print "x = ", %0, %1 : tensor<64xi64>, !tile.ptr<f16>
  // CHECK: tile.print "as", %{{.*}} : i1 {types = [f8E5M2]}
  tile.print "as", %b : i1 {types = [f8E5M2]}
  // CHECK: tile.print "here"
  tile.print "here"
  return
}
