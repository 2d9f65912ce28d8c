// RUN: kiln-opt %s --split-input-file --tile-lower-memory --verify-diagnostics

func.func @not_split(%p: tensor<4x!tile.ptr<f32>>) -> tensor<4xf32> {
  // expected-error @+1 {{'tile.load' op has a tile of pointers that is not one base plus offsets; run tile-split-pointers first}}
  %v = tile.load %p : tensor<4x!tile.ptr<f32>> -> tensor<4xf32>
  return %v : tensor<4xf32>
}

// -----

func.func @print(%p: !tile.ptr<f32>) {
  %s = tile.splat %p : !tile.ptr<f32> -> tensor<4x!tile.ptr<f32>>
  // expected-error @+1 {{'tile.print' op cannot print a tile of pointers; print the offsets instead}}
  tile.print "p", %s : tensor<4x!tile.ptr<f32>>
  return
}
