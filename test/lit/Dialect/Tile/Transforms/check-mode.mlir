// RUN: kiln-opt %s --tile-check-mode=enable=true | FileCheck %s
// RUN: kiln-opt %s --tile-check-mode | FileCheck %s --check-prefix=OFF

// What wraps in 32 bits is computed in 64 beside it; lanes that are off may do so.
// CHECK-LABEL: func.func @product(
// CHECK-SAME: %[[P:[a-z0-9]+]]: !tile.ptr<f32>, %[[ROW:[a-z0-9]+]]: i32, %[[STRIDE:[a-z0-9]+]]: i32, %[[M:[a-z0-9]+]]: tensor<8xi1>
// CHECK: %[[NARROW:.*]] = arith.addi
// CHECK: %[[AT:.*]] = tile.addptr
// CHECK-DAG: %[[R:.*]] = arith.extsi %[[ROW]] : i32 to i64
// CHECK-DAG: %[[S:.*]] = arith.extsi %[[STRIDE]] : i32 to i64
// CHECK: %[[BASE:.*]] = arith.muli %[[R]], %[[S]] : i64
// CHECK: %[[BASES:.*]] = tile.splat %[[BASE]] : i64 -> tensor<8xi64>
// CHECK: %[[EXACT:.*]] = arith.addi %[[BASES]], %{{.*}} : tensor<8xi64>
// CHECK: %[[WIDE:.*]] = arith.extsi %[[NARROW]] : tensor<8xi32> to tensor<8xi64>
// CHECK: %[[SAME:.*]] = arith.cmpi eq, %[[EXACT]], %[[WIDE]]
// CHECK: %[[MASKED:.*]] = arith.xori %[[M]]
// CHECK: %[[OK:.*]] = arith.ori %[[SAME]], %[[MASKED]]
// CHECK: tile.assert %[[OK]], "the offset of this address wraps in 32 bits: compute it in 64, with .to(kiln::i64)"
// CHECK-NEXT: tile.load %[[AT]]
// OFF-LABEL: func.func @product(
// OFF-NOT: tile.assert
// OFF: tile.load
func.func @product(%p: !tile.ptr<f32>, %row: i32, %stride: i32, %m: tensor<8xi1>) -> tensor<8xf32> {
  %base = arith.muli %row, %stride : i32
  %bases = tile.splat %base : i32 -> tensor<8xi32>
  %i = tile.arange 0 to 8 : tensor<8xi32>
  %o = arith.addi %bases, %i : tensor<8xi32>
  %ps = tile.splat %p : !tile.ptr<f32> -> tensor<8x!tile.ptr<f32>>
  %at = tile.addptr %ps, %o : tensor<8x!tile.ptr<f32>>, tensor<8xi32>
  %x = tile.load %at mask %m : tensor<8x!tile.ptr<f32>> -> tensor<8xf32>
  return %x : tensor<8xf32>
}

// Where the arithmetic is in 64 bits, and where there is none, nothing can wrap.
// CHECK-LABEL: func.func @wide(
// CHECK-NOT: tile.assert
// CHECK: return
func.func @wide(%p: !tile.ptr<f32>, %row: i64, %i: i32) -> f32 {
  %o = arith.muli %row, %row : i64
  %q = tile.addptr %p, %o : !tile.ptr<f32>, i64
  %r = tile.addptr %q, %i : !tile.ptr<f32>, i32
  %x = tile.load %r : !tile.ptr<f32> -> f32
  return %x : f32
}

// Checks of an address are broadcast with it.
// CHECK-LABEL: func.func @broadcast(
// CHECK: %[[SAME:.*]] = arith.cmpi eq, %{{.*}} : tensor<4xi64>
// CHECK: %[[COLUMN:.*]] = tile.expand_dims %[[SAME]]
// CHECK: %[[ALL:.*]] = tile.broadcast %[[COLUMN]] : tensor<4x1xi1> -> tensor<4x8xi1>
// CHECK: tile.assert %[[ALL]],
// CHECK-NEXT: tile.store
func.func @broadcast(%ps: tensor<4x!tile.ptr<f32>>, %i: tensor<4xi32>, %x: tensor<4x8xf32>) {
  %o = arith.muli %i, %i : tensor<4xi32>
  %at = tile.addptr %ps, %o : tensor<4x!tile.ptr<f32>>, tensor<4xi32>
  %column = tile.expand_dims %at axis 1 : tensor<4x!tile.ptr<f32>> -> tensor<4x1x!tile.ptr<f32>>
  %all = tile.broadcast %column : tensor<4x1x!tile.ptr<f32>> -> tensor<4x8x!tile.ptr<f32>>
  tile.store %all, %x : tensor<4x8x!tile.ptr<f32>>
  return
}

// A left shift wraps as a product does, whatever guards its amount.
// CHECK-LABEL: func.func @shift(
// CHECK-SAME: %[[P:[a-z0-9]+]]: !tile.ptr<f32>, %[[R:[a-z0-9]+]]: i32, %[[BY:[a-z0-9]+]]: i32)
// CHECK: %[[SAFE:.*]] = arith.minui %[[BY]]
// CHECK: %[[OK:.*]] = arith.cmpi ule, %[[BY]]
// CHECK: tile.addptr
// CHECK: %[[WIDE:.*]] = arith.extsi %[[R]] : i32 to i64
// CHECK: %[[AMOUNT:.*]] = arith.extsi %[[SAFE]] : i32 to i64
// CHECK: %[[SHIFTED:.*]] = arith.shli %[[WIDE]], %[[AMOUNT]] : i64
// CHECK: %[[EXACT:.*]] = arith.select %[[OK]], %[[SHIFTED]], %{{.*}} : i64
// CHECK: arith.cmpi eq, %[[EXACT]]
// CHECK: tile.assert
func.func @shift(%p: !tile.ptr<f32>, %r: i32, %by: i32) -> f32 {
  %last = arith.constant 31 : i32
  %zero = arith.constant 0 : i32
  %safe = arith.minui %by, %last : i32
  %shifted = arith.shli %r, %safe : i32
  %ok = arith.cmpi ule, %by, %last : i32
  %o = arith.select %ok, %shifted, %zero : i32
  %q = tile.addptr %p, %o : !tile.ptr<f32>, i32
  %x = tile.load %q : !tile.ptr<f32> -> f32
  return %x : f32
}

// What has wrapped is followed through what cannot wrap itself.
// CHECK-LABEL: func.func @through(
// CHECK: tile.addptr
// CHECK: %[[SQUARE:.*]] = arith.muli %{{.*}} : i64
// CHECK: %[[MAX:.*]] = arith.maxsi %[[SQUARE]], %{{.*}} : i64
// CHECK: %[[MIN:.*]] = arith.minsi %[[MAX]], %{{.*}} : i64
// CHECK: %[[AND:.*]] = arith.andi %[[MIN]], %{{.*}} : i64
// CHECK: %[[OR:.*]] = arith.ori %[[AND]], %{{.*}} : i64
// CHECK: %[[XOR:.*]] = arith.xori %[[OR]], %{{.*}} : i64
// CHECK: %[[SHIFTED:.*]] = arith.shrsi %[[XOR]], %{{.*}} : i64
// CHECK: %[[EIGHTH:.*]] = arith.divsi %[[SHIFTED]], %{{.*}} : i64
// CHECK: %[[REST:.*]] = arith.remsi %[[EIGHTH]], %{{.*}} : i64
// CHECK: arith.cmpi eq, %[[REST]]
// CHECK: tile.assert
func.func @through(%p: !tile.ptr<f32>, %r: i32, %a: i32) -> f32 {
  %c8 = arith.constant 8 : i32
  %square = arith.muli %r, %r : i32
  %max = arith.maxsi %square, %a : i32
  %min = arith.minsi %max, %a : i32
  %and = arith.andi %min, %a : i32
  %or = arith.ori %and, %a : i32
  %xor = arith.xori %or, %a : i32
  %shifted = arith.shrsi %xor, %c8 : i32
  %eighth = arith.divsi %shifted, %c8 : i32
  %rest = arith.remsi %eighth, %c8 : i32
  %q = tile.addptr %p, %rest : !tile.ptr<f32>, i32
  %x = tile.load %q : !tile.ptr<f32> -> f32
  return %x : f32
}

// A divisor that is not 0 or -1 may be one of them exactly, or the reverse.
// CHECK-LABEL: func.func @divisor(
// CHECK: tile.addptr
// CHECK: %[[EXACT:.*]] = arith.muli %{{.*}} : i64
// CHECK: %[[IS_ZERO:.*]] = arith.cmpi eq, %[[EXACT]], %{{.*}} : i64
// CHECK: %[[IS_MINUS_ONE:.*]] = arith.cmpi eq, %[[EXACT]], %{{.*}} : i64
// CHECK: %[[UNSAFE:.*]] = arith.ori %[[IS_ZERO]], %[[IS_MINUS_ONE]] : i1
// CHECK: %[[SAFE:.*]] = arith.select %[[UNSAFE]], %{{.*}}, %[[EXACT]] : i64
// CHECK: %[[QUOTIENT:.*]] = arith.divsi %{{.*}}, %[[SAFE]] : i64
// CHECK: arith.select %[[IS_MINUS_ONE]], %{{.*}}, %[[QUOTIENT]] : i64
// CHECK: arith.select %[[IS_ZERO]]
func.func @divisor(%p: !tile.ptr<f32>, %r: i32, %a: i32) -> f32 {
  %square = arith.muli %r, %r : i32
  %o = arith.divsi %a, %square : i32
  %q = tile.addptr %p, %o : !tile.ptr<f32>, i32
  %x = tile.load %q : !tile.ptr<f32> -> f32
  return %x : f32
}

// Where no operand can have wrapped, these cannot either.
// CHECK-LABEL: func.func @narrow(
// CHECK-NOT: tile.assert
// CHECK: return
func.func @narrow(%p: !tile.ptr<f32>, %a: i32, %b: i32) -> f32 {
  %max = arith.maxsi %a, %b : i32
  %and = arith.andi %max, %b : i32
  %o = arith.divsi %and, %b : i32
  %q = tile.addptr %p, %o : !tile.ptr<f32>, i32
  %x = tile.load %q : !tile.ptr<f32> -> f32
  return %x : f32
}

// The last step of a loop does not overflow.
// CHECK-LABEL: func.func @loop(
// CHECK-SAME: %[[LO:[a-z0-9]+]]: i32, %[[HI:[a-z0-9]+]]: i32, %[[STEP:[a-z0-9]+]]: i32
// CHECK-DAG: %[[LARGEST:.*]] = arith.constant 2147483647 : i32
// CHECK: %[[EMPTY:.*]] = arith.cmpi sge, %[[LO]], %[[HI]] : i32
// CHECK: %[[END:.*]] = arith.subi %[[HI]], %{{.*}} : i32
// CHECK: %[[DISTANCE:.*]] = arith.subi %[[END]], %[[LO]] : i32
// CHECK: %[[REST:.*]] = arith.remui %[[DISTANCE]], %[[STEP]] : i32
// CHECK: %[[LAST:.*]] = arith.subi %[[END]], %[[REST]] : i32
// CHECK: %[[ROOM:.*]] = arith.subi %[[LARGEST]], %[[STEP]] : i32
// CHECK: %[[FITS:.*]] = arith.cmpi sle, %[[LAST]], %[[ROOM]] : i32
// CHECK: %[[OK:.*]] = arith.ori %[[EMPTY]], %[[FITS]] : i1
// CHECK: tile.assert %[[OK]], "this range steps past the largest number of its type, so that it would not end"
// CHECK-NEXT: scf.for
// OFF-LABEL: func.func @loop(
// OFF-NEXT: scf.for
func.func @loop(%lo: i32, %hi: i32, %step: i32, %v: i32) {
  scf.for %i = %lo to %hi step %step : i32 {
    tile.print "i", %i : i32
  }
  return
}

// By ones it cannot, nor where the bounds say so.
// CHECK-LABEL: func.func @safe_loops(
// CHECK-NOT: tile.assert
// CHECK: return
func.func @safe_loops(%lo: i32, %hi: i32) {
  %one = arith.constant 1 : i32
  %eight = arith.constant 8 : i32
  %end = arith.constant 2147483639 : i32
  scf.for %i = %lo to %hi step %one : i32 {
    tile.print "i", %i : i32
  }
  scf.for %i = %lo to %end step %eight : i32 {
    tile.print "i", %i : i32
  }
  return
}

// What is for check mode is an assert like others, or nothing.
// CHECK-LABEL: func.func @asserts(
// CHECK-SAME: %[[C:[a-z0-9]+]]: i1
// CHECK-NEXT: tile.assert %[[C]], "always" : i1
// CHECK-NEXT: tile.assert %[[C]], "in check mode" : i1
// CHECK-NEXT: return
// OFF-LABEL: func.func @asserts(
// OFF-NEXT: tile.assert %{{.*}}, "always" : i1
// OFF-NEXT: return
func.func @asserts(%c: i1) {
  tile.assert %c, "always" : i1
  tile.assert %c, "in check mode" {check_mode} : i1
  return
}
