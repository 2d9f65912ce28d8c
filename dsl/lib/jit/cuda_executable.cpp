#include "jit/executable.h"
#include "jit/gpu_code.h"

#include "kiln/runtime/assembler.h"
#include "kiln/runtime/cuda_kernel.h"

using namespace kiln;
using namespace kiln::jit;

namespace {

class CudaExecutable : public Executable {
public:
  CudaExecutable(const GpuCode &code, Device device, const Subject &subject)
      : kernel_(code.image, device, subject.note("running")), report_(code.report) {}

  void launch(std::array<unsigned, 3> grid, const void *const *args, void *stream, bool programmatic) const override {
    kernel_.launch(grid, stream, args, programmatic);
  }
  CompileReport report() const override { return report_; }

private:
  runtime::CudaKernel kernel_;
  CompileReport report_;
};

} // namespace

std::unique_ptr<Executable> jit::load_cuda_executable(const GpuCode &code, Device device, const Subject &subject) {
  if (code.image.cubin.empty())
    runtime::assemble(code.image.ptx, subject.arch); // throws, and says what was looked for
  return std::make_unique<CudaExecutable>(code, device, subject);
}
