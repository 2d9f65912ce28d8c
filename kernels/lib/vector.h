// How the library's kernels say that rows can be moved in the widest pieces.
#pragma once

#include "kiln/kiln.h"

#include <initializer_list>

namespace kiln::kernels {

/// Declares that each of these parameters, in elements of type T, is a multiple of the 16 bytes that a thread of a GPU
/// moves at once.
template <class T>
void declare_whole_vectors(std::initializer_list<const Tile *> parameters, Loc loc = Loc::current()) {
  for (const Tile *parameter : parameters)
    assume_multiple({*parameter, loc}, 16 / sizeof(T), loc);
}

} // namespace kiln::kernels
