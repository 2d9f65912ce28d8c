// Events as NVTX ranges, which profilers such as Nsight Systems show beside what the GPU does.
#include "observe/listeners.h"

#if KILN_NVTX3

#include "kiln/runtime/environment.h"

#include <nvtx3/nvToolsExt.h>
#include <string>

using namespace kiln;
using namespace kiln::runtime;

namespace {

/// "compile softmax {1024}"; stages, which lie in the range of their compile, have their name alone.
std::string range_name(const Event &event) {
  std::string name;
  switch (event.kind) {
  case EventKind::stage:
    return std::string(event.step);
  case EventKind::compile:
    name = "compile ";
    break;
  case EventKind::launch:
    name = "launch ";
    break;
  case EventKind::tune:
    name = "tune ";
    break;
  case EventKind::tune_step:
    name.append("tune: ").append(event.step).append(" ");
    break;
  }
  name += event.kernel;
  if (!event.config.empty())
    name.append(" ").append(event.config);
  return name;
}

void push(nvtxDomainHandle_t domain, const std::string &name) {
  nvtxEventAttributes_t attributes{};
  attributes.version = NVTX_VERSION;
  attributes.size = NVTX_EVENT_ATTRIB_STRUCT_SIZE;
  attributes.messageType = NVTX_MESSAGE_TYPE_ASCII;
  attributes.message.ascii = name.c_str();
  nvtxDomainRangePushEx(domain, &attributes);
}

} // namespace

EventCallback observers::make_ranges() {
  if (environment("KILN_NVTX") == "0")
    return nullptr;
  // NVTX is headers only. Without a profiler in the process there is no domain, and nobody to listen for.
  const nvtxDomainHandle_t domain = nvtxDomainCreateA("kiln");
  if (!domain)
    return nullptr;
  return [domain](const Event &event) {
    if (event.begins)
      push(domain, range_name(event));
    else
      nvtxDomainRangePop(domain);
  };
}

#else

kiln::EventCallback kiln::runtime::observers::make_ranges() { return nullptr; }

#endif
