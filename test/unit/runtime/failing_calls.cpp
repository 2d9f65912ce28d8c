#include "failing_calls.h"

#include <algorithm>
#include <csignal>
#include <cstdarg>
#include <cstring>
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <filesystem>
#include <iterator>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace kiln::runtime;

thread_local test::Plan test::plan;

std::size_t test::count_open_files() {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {}));
}

namespace {

using test::plan;

[[noreturn]] void die() {
  for (;;)
    kill(getpid(), SIGKILL);
}

/// Whether the plan is about calls that return to `caller`.
bool concerns(const void *caller) {
  Dl_info info{};
  return plan.armed && dladdr(caller, &info) && info.dli_fname && std::strstr(info.dli_fname, "libkiln_runtime.so");
}

/// Whether this call is one to fail; errno is set then.
bool strike(std::string_view call, const void *caller) {
  if (!concerns(caller))
    return false;
  if (call == plan.before) {
    plan.before = {};
    plan.armed = false;
    plan.meanwhile();
    plan.armed = true;
  }
  ++plan.calls;
  if (plan.at == 0 || plan.calls < plan.at || (plan.calls > plan.at && !plan.from_then_on))
    return false;
  if (plan.error == 0)
    die();
  if (plan.struck.empty())
    plan.struck = call;
  errno = plan.error;
  return true;
}

template <typename Function>
Function *real(const char *name) {
  return reinterpret_cast<Function *>(dlsym(RTLD_NEXT, name));
}

} // namespace

#define STRIKE(name) strike(name, __builtin_return_address(0))
#define CHUNK(count)                                                                                                   \
  (plan.chunk && concerns(__builtin_return_address(0)) ? std::min<std::size_t>(count, plan.chunk) : (count))

// These stand before libc's: libkiln_runtime.so calls them too, since the program's symbols come first.
#pragma GCC visibility push(default)
extern "C" {

int openat(int directory, const char *path, int flags, ...) {
  static auto *const next = real<int(int, const char *, int, ...)>("openat");
  va_list arguments;
  va_start(arguments, flags);
  mode_t mode = flags & O_CREAT ? va_arg(arguments, mode_t) : 0;
  va_end(arguments);
  return STRIKE("openat") ? -1 : next(directory, path, flags, mode);
}

/// The file is closed, whatever it says.
int close(int file) {
  static auto *const next = real<int(int)>("close");
  const bool struck = STRIKE("close");
  const int error = errno, status = next(file);
  if (!struck)
    return status;
  errno = error;
  return -1;
}

int fsync(int file) {
  static auto *const next = real<int(int)>("fsync");
  return STRIKE("fsync") ? -1 : next(file);
}

int mkdir(const char *path, mode_t mode) noexcept {
  static auto *const next = real<int(const char *, mode_t)>("mkdir");
  return STRIKE("mkdir") ? -1 : next(path, mode);
}

int fstat(int file, struct stat *info) noexcept {
  static auto *const next = real<int(int, struct stat *)>("fstat");
  return STRIKE("fstat") ? -1 : next(file, info);
}

int fstatat(int directory, const char *path, struct stat *info, int flags) noexcept {
  static auto *const next = real<int(int, const char *, struct stat *, int)>("fstatat");
  return STRIKE("fstatat") ? -1 : next(directory, path, info, flags);
}

int flock(int file, int operation) noexcept {
  static auto *const next = real<int(int, int)>("flock");
  return STRIKE("flock") ? -1 : next(file, operation);
}

int futimens(int file, const timespec times[2]) noexcept {
  static auto *const next = real<int(int, const timespec *)>("futimens");
  return STRIKE("futimens") ? -1 : next(file, times);
}

int renameat(int from, const char *old_path, int to, const char *new_path) noexcept {
  static auto *const next = real<int(int, const char *, int, const char *)>("renameat");
  return STRIKE("renameat") ? -1 : next(from, old_path, to, new_path);
}

int rename(const char *old_path, const char *new_path) noexcept {
  static auto *const next = real<int(const char *, const char *)>("rename");
  return STRIKE("rename") ? -1 : next(old_path, new_path);
}

int unlinkat(int directory, const char *path, int flags) noexcept {
  static auto *const next = real<int(int, const char *, int)>("unlinkat");
  return STRIKE("unlinkat") ? -1 : next(directory, path, flags);
}

int unlink(const char *path) noexcept {
  static auto *const next = real<int(const char *)>("unlink");
  return STRIKE("unlink") ? -1 : next(path);
}

DIR *fdopendir(int file) {
  static auto *const next = real<DIR *(int)>("fdopendir");
  return STRIKE("fdopendir") ? nullptr : next(file);
}

dirent *readdir(DIR *stream) {
  static auto *const next = real<dirent *(DIR *)>("readdir");
  return STRIKE("readdir") ? nullptr : next(stream);
}

ssize_t getrandom(void *bytes, size_t count, unsigned flags) {
  static auto *const next = real<ssize_t(void *, size_t, unsigned)>("getrandom");
  return STRIKE("getrandom") ? -1 : next(bytes, count, flags);
}

int getrlimit(__rlimit_resource_t resource, rlimit *limit) noexcept {
  static auto *const next = real<int(__rlimit_resource_t, rlimit *)>("getrlimit");
  return STRIKE("getrlimit") ? -1 : next(resource, limit);
}

ssize_t read(int file, void *bytes, size_t count) {
  static auto *const next = real<ssize_t(int, void *, size_t)>("read");
  return STRIKE("read") ? -1 : next(file, bytes, CHUNK(count));
}

ssize_t pread(int file, void *bytes, size_t count, off_t offset) {
  static auto *const next = real<ssize_t(int, void *, size_t, off_t)>("pread");
  return STRIKE("pread") ? -1 : next(file, bytes, CHUNK(count), offset);
}

ssize_t write(int file, const void *bytes, size_t count) {
  static auto *const next = real<ssize_t(int, const void *, size_t)>("write");
  if (STRIKE("write"))
    return -1;
  if (!concerns(__builtin_return_address(0)))
    return next(file, bytes, count);
  count = CHUNK(count);
  bool dies = plan.kill_after >= 0 && plan.written + static_cast<std::ptrdiff_t>(count) >= plan.kill_after;
  if (dies)
    count = static_cast<std::size_t>(plan.kill_after - plan.written);
  ssize_t put = next(file, bytes, count);
  if (dies)
    die();
  plan.written += put;
  return put;
}
}
#pragma GCC visibility pop
