// Environment variables for a scope.
#pragma once

#include <cstdlib>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <utility>

/// Sets environment variables, and at the end of the scope puts back what was there.
class Environment {
public:
  using Value = std::optional<std::string>; // nothing: the variable is not set

  Environment(std::initializer_list<std::pair<std::string, Value>> values) {
    for (const auto &[name, value] : values)
      set(name, value);
  }
  Environment(const Environment &) = delete;
  Environment &operator=(const Environment &) = delete;
  ~Environment() {
    for (const auto &[name, value] : before_)
      put(name, value);
  }

  void set(const std::string &name, const Value &value) {
    const char *old = std::getenv(name.c_str());
    before_.try_emplace(name, old ? Value(old) : std::nullopt);
    put(name, value);
  }

private:
  static void put(const std::string &name, const Value &value) {
    value ? setenv(name.c_str(), value->c_str(), 1) : unsetenv(name.c_str());
  }

  std::map<std::string, Value> before_;
};
