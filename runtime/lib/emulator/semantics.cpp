#include "semantics.h"

#include "kiln/runtime/emulator.h"

#include <unordered_map>

using namespace kiln::runtime;
using namespace kiln::runtime::emulator;

namespace {

class Table {
public:
  Table() {
    for (auto add : {add_registers, add_conversions, add_exchanges, add_tensor_cores, add_matrix_accesses, add_accesses,
                     add_atomics, add_barriers, add_mbarriers, add_async_copies, add_exchange_checks, add_calls})
      add(rows_);
    for (const Semantics &row : rows_)
      by_name_.emplace(row.name, &row);
  }
  const Semantics *find(std::string_view name) const {
    auto found = by_name_.find(name);
    return found == by_name_.end() ? nullptr : found->second;
  }

private:
  SemanticsList rows_;
  std::unordered_map<std::string_view, const Semantics *> by_name_;
};

} // namespace

const Semantics *emulator::find_semantics(std::string_view operation) {
  static const Table &table = *new Table; // never destroyed: kernels may run after static destructors have begun
  return table.find(operation);
}

bool kiln::runtime::emulates(std::string_view operation) { return find_semantics(operation) != nullptr; }
