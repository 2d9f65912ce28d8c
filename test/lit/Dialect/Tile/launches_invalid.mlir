// RUN: kiln-opt %s -split-input-file -verify-diagnostics

func.func @branch(%c: i1) attributes {tile.kernel, tile.overlaps} {
  scf.if %c {
    // expected-error @below {{'tile.wait_for_launches' op stands inside of 'scf.if', but every program has to wait: it belongs in the body of the kernel}}
    tile.wait_for_launches
  }
  return
}

// -----

func.func @plain() attributes {tile.kernel} {
  // expected-error @below {{'tile.wait_for_launches' op stands in no kernel with the attribute 'tile.overlaps'}}
  tile.wait_for_launches
  return
}

// -----

// expected-error @below {{'func.func' op has attribute 'tile.overlaps', which only a kernel may carry}}
func.func @helper() attributes {tile.overlaps} {
  return
}

// -----

// expected-error @below {{'func.func' op attribute 'tile.overlaps' must be a unit attribute, but is true}}
func.func @kernel() attributes {tile.kernel, tile.overlaps = true} {
  return
}
