//===- GPUTarget.cpp - The GPUs that Kiln generates code for --------------===//

#include "kiln/Target/NVPTX/GPUTarget.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace kiln::gpu;

constexpr int64_t kKiB = 1024;

llvm::ArrayRef<GPUTarget> GPUTarget::all() {
  static constexpr GPUTarget targets[] = {
      {"sm_80", 80, 70, 163 * kKiB, 164 * kKiB, 64, 32},    {"sm_86", 86, 71, 99 * kKiB, 100 * kKiB, 48, 16},
      {"sm_89", 89, 78, 99 * kKiB, 100 * kKiB, 48, 24},     {"sm_90a", 90, 80, 227 * kKiB, 228 * kKiB, 64, 32},
      {"sm_100a", 100, 86, 227 * kKiB, 228 * kKiB, 64, 32}, {"sm_120a", 120, 87, 99 * kKiB, 100 * kKiB, 48, 24},
  };
  return targets;
}

static std::string listOfNames() {
  return llvm::join(llvm::map_range(GPUTarget::all(), [](const GPUTarget &target) { return target.name; }), ", ");
}

llvm::Expected<GPUTarget> GPUTarget::parse(llvm::StringRef name) {
  for (const GPUTarget &target : all())
    if (target.name == name)
      return target;
  return llvm::createStringError("unknown GPU architecture '" + name.str() + "'; Kiln generates code for " +
                                 listOfNames());
}

llvm::Expected<GPUTarget> GPUTarget::forDevice(unsigned major, unsigned minor) {
  // Code for 8.x runs on later 8.y; the others use features of one architecture and run nowhere else.
  const GPUTarget *found = nullptr;
  for (const GPUTarget &target : all()) {
    bool exact = target.name.ends_with("a");
    unsigned capability = 10 * major + minor;
    if (target.capability / 10 == major && (exact ? target.capability == capability : target.capability <= capability))
      found = &target;
  }
  if (found)
    return *found;
  return llvm::createStringError("a GPU of compute capability " + std::to_string(major) + "." + std::to_string(minor) +
                                 " runs none of the architectures that Kiln generates code for: " + listOfNames());
}
