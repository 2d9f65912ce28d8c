/// The kernels of the library by name, for tools that print or compile them.
#pragma once

#include "kiln/any_kernel.h"

#include <span>
#include <string_view>

namespace kiln::kernels {

/// All kernels of the library, by family; of each the one for half first. A name is family and element type:
/// "paged_attention_decode_f16".
KILN_API std::span<const AnyKernel> all_kernels();

/// The kernel of that name. Throws InvalidArgument where there is none.
KILN_API const AnyKernel &find_kernel(std::string_view name);

} // namespace kiln::kernels
