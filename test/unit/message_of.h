// What an exception says.
#pragma once

#include <string>

/// The message of the E that `body` throws; "no error" if it throws nothing. Another exception passes through.
template <class E, class F>
std::string message_of(F &&body) {
  try {
    body();
  } catch (const E &e) {
    return e.what();
  }
  return "no error";
}
