// Kernels that were compiled ahead of time (kiln-compile --pack), launched by a program that has no compiler.
//
//     const kiln::Pack pack("kernels.kpack");
//     const kiln::PackedKernel softmax = pack.find("softmax_f16", "block=1024", kiln::Device::cuda());
//     softmax.launch({.grid = rows, .stream = stream}, in, out, in_stride, out_stride, cols);
//
// libkiln_runtime.so is all that such a program links; no LLVM is ever in its process.
#pragma once

#include "kiln/device.h"
#include "kiln/export.h"
#include "kiln/launch_options.h"
#include "kiln/runtime/pack_file.h"

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace kiln {

using runtime::PackEntry;
using runtime::PackParameter;

namespace detail {

struct PackState;   // an open pack
struct LoadedEntry; // one of its kernels on one device

/// An argument as it was given. A void pointer goes for any, as frameworks hand them out.
struct PackArgument {
  PackParameter parameter;
  bool untyped = false;
};

template <class T>
constexpr PackArgument describe_argument() {
  if constexpr (std::is_pointer_v<T>) {
    using Pointee = std::remove_pointer_t<T>;
    using Element = std::remove_const_t<Pointee>;
    if constexpr (std::is_void_v<Element>)
      return {{DType::i8, true, std::is_const_v<Pointee>}, true};
    else
      return {{dtype_of<Element>, true, std::is_const_v<Pointee>}};
  } else {
    return {{dtype_of<T>}};
  }
}

} // namespace detail

/// A kernel of a pack, for one device. Copies are the same kernel, and keep the pack open. All members may be called
/// from several threads.
class KILN_API PackedKernel {
public:
  const PackEntry &entry() const;
  Device device() const;

  /// Loads the code onto the device, so that no launch has to.
  /// \throws PackError where the code is damaged, LaunchError where the device cannot run it, DeviceError, ContextLost.
  void prepare() const;

  /// Enqueues the grid, as Kernel::launch does: on `options.stream`, in the calling thread's current context, by the
  /// rules of kiln/cuda.h. It takes `T *` for a `ptr<T>` and exactly `T` for a `scalar<T>`; a `void *` goes for any
  /// pointer, so who passes one answers for what it points at. Where the facts that the kernel declares hold of the
  /// arguments the specialised variant runs, else the generic one; each is loaded by the first launch that wants it.
  /// \throws InvalidArgument where the arguments are not those of the kernel, or `options.device` is another device;
  /// LaunchError; and what prepare() throws.
  template <class... Args>
  void launch(const LaunchOptions &options, Args... args) const {
    static constexpr detail::PackArgument given[] = {detail::describe_argument<Args>()..., {}};
    const void *const values[] = {static_cast<const void *>(std::addressof(args))..., nullptr};
    launch_erased(options, {given, sizeof...(Args)}, values);
  }

private:
  friend class Pack;
  PackedKernel(std::shared_ptr<detail::PackState> pack, detail::LoadedEntry *loaded)
      : pack_(std::move(pack)), loaded_(loaded) {}

  // args[i] points at the value of argument i.
  void launch_erased(const LaunchOptions &options, std::span<const detail::PackArgument> given,
                     const void *const *args) const;

  std::shared_ptr<detail::PackState> pack_;
  detail::LoadedEntry *loaded_; // owned by the pack
};

/// A file of compiled kernels. Opening it reads and checks its index; the code of a kernel is read, checked and loaded
/// when it is first wanted. The file may be replaced or removed meanwhile: an open pack keeps what it opened. Copies
/// are the same pack. All members may be called from several threads.
class KILN_API Pack {
public:
  /// \throws PackError when the file cannot be read, is damaged, or was written by a version of Kiln whose packs this
  /// one cannot read.
  explicit Pack(const std::string &path);

  const std::string &path() const;
  /// All kernels, in the order of name, config and architecture.
  const std::vector<PackEntry> &entries() const;

  /// The kernel of that name for the device; without one, for the device of the current CUDA context. `config` names
  /// members of its config, as "block=1024 num_warps=4", in any order and separated by spaces or commas; those that it
  /// leaves out may have any value, as long as one kernel alone fits. Of several architectures whose code the device
  /// runs the nearest is taken: its own, else an earlier one of its generation. Loads nothing yet.
  /// \throws InvalidArgument where there is no such kernel, several fit, or the device is no GPU; the message says what
  /// there is. LaunchError where there is none for the device's architecture; DeviceError.
  PackedKernel find(std::string_view name, std::string_view config = {}, Device device = {}) const;

  /// The code of entries()[entry]: the specialised variant, and the generic one if there are facts.
  /// \throws PackError when it cannot be read or is damaged, InvalidArgument where there is no such entry.
  std::vector<runtime::KernelImage> images(std::size_t entry) const;

private:
  std::shared_ptr<detail::PackState> state_;
};

} // namespace kiln
