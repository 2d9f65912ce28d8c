// What conversions of layouts must leave as it is: each element.
#pragma once

#include "warp_step.h"

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

namespace kiln::runtime::emulator {

/// The elements that the threads of a program have put into exchanges. An exchange gives elements to other threads and
/// changes none, so whoever gets an element must find the bits that went in.
class ExchangeChecks {
public:
  /// Begins a program.
  void begin() { exchanges_.clear(); }

  /// The lanes have these elements before the exchange, or after it: operands are pairs of an index and bits. The name
  /// of the exchange is the text of its sites: "warp 3" for one within each warp, "program 3" for one through shared
  /// memory.
  void send(const WarpStep &step);
  void receive(const WarpStep &step);

private:
  struct Element {
    std::uint64_t bits = 0;
    bool is_known = false;
  };
  using Elements = std::vector<Element>; // by index
  Elements &find(const WarpStep &step);

  std::unordered_map<std::string, std::vector<Elements>> exchanges_; // by warp; of a program, the first
};

} // namespace kiln::runtime::emulator
