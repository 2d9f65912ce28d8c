#include "launch.h"

#include "kiln/debug.h"

#include <exception>
#include <list>
#include <utility>

std::string kiln::test::launch_emulated(runtime::EmulatedKernel::Code code, std::array<unsigned, 3> grid,
                                        std::span<const void *const> args, std::span<const EmulatedBuffer> buffers) {
  try {
    std::list<debug::Buffer> registered;
    for (const EmulatedBuffer &buffer : buffers)
      registered.emplace_back(buffer.data, buffer.bytes, ("buffer " + std::to_string(registered.size())).c_str());
    runtime::EmulatedKernel(std::move(code)).launch(grid, args.data());
    return "";
  } catch (const std::exception &error) {
    return error.what();
  }
}
