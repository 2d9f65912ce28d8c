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
  Environment(std::initializer_list<std::pair<std::string, std::string>> values) {
    for (const auto &[name, value] : values) {
      const char *old = std::getenv(name.c_str());
      before_[name] = old ? std::optional<std::string>(old) : std::nullopt;
      setenv(name.c_str(), value.c_str(), 1);
    }
  }
  Environment(const Environment &) = delete;
  Environment &operator=(const Environment &) = delete;
  ~Environment() {
    for (const auto &[name, value] : before_)
      value ? setenv(name.c_str(), value->c_str(), 1) : unsetenv(name.c_str());
  }

private:
  std::map<std::string, std::optional<std::string>> before_;
};
