#include "fake_nvtx.h"

#define NVTX_NO_IMPL // the types of NVTX alone
#include <nvtx3/nvToolsExt.h>

using fake_nvtx::state;

fake_nvtx::State &fake_nvtx::state() {
  static State *const instance = new State;
  return *instance;
}

namespace {

nvtxDomainHandle_t create_domain(const char *name) {
  return reinterpret_cast<nvtxDomainHandle_t>(new std::string(name)); // as profilers do, it keeps them all
}

int push(nvtxDomainHandle_t domain, const nvtxEventAttributes_t *event) {
  std::lock_guard lock(state().mutex);
  state().records.push_back(
      {std::this_thread::get_id(), true, *reinterpret_cast<const std::string *>(domain), event->message.ascii});
  return 0;
}

int pop(nvtxDomainHandle_t domain) {
  std::lock_guard lock(state().mutex);
  state().records.push_back({std::this_thread::get_id(), false, *reinterpret_cast<const std::string *>(domain), ""});
  return 0;
}

} // namespace

/// NVTX calls it when it is first used, and then what it puts into the table.
extern "C" __attribute__((visibility("default"))) int InitializeInjectionNvtx2(NvtxGetExportTableFunc_t get_table) {
  const auto *callbacks = static_cast<const NvtxExportTableCallbacks *>(get_table(NVTX_ETID_CALLBACKS));
  NvtxFunctionTable table = nullptr;
  unsigned size = 0;
  if (!callbacks || !callbacks->GetModuleFunctionTable(NVTX_CB_MODULE_CORE2, &table, &size) ||
      size <= NVTX_CBID_CORE2_DomainCreateA)
    return 0;
  *table[NVTX_CBID_CORE2_DomainCreateA] = reinterpret_cast<NvtxFunctionPointer>(create_domain);
  *table[NVTX_CBID_CORE2_DomainRangePushEx] = reinterpret_cast<NvtxFunctionPointer>(push);
  *table[NVTX_CBID_CORE2_DomainRangePop] = reinterpret_cast<NvtxFunctionPointer>(pop);
  std::lock_guard lock(state().mutex);
  ++state().attached;
  return 1;
}
