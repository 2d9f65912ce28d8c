// Running a program.
#include "backends.h"

#include "kiln/error.h"

#include <chrono>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

extern char **environ;

using namespace kiln;
using namespace kiln::runtime;
using namespace kiln::runtime::assembler;

namespace {

using Clock = std::chrono::steady_clock;

struct Pipe {
  int ends[2] = {-1, -1};

  Pipe() {
    if (pipe2(ends, O_CLOEXEC) != 0)
      throw CompileError(std::string("cannot make a pipe: ") + std::strerror(errno));
  }
  ~Pipe() {
    close(ends[0]);
    close_write();
  }
  void close_write() {
    if (ends[1] >= 0)
      close(ends[1]);
    ends[1] = -1;
  }
};

pid_t start(const std::filesystem::path &program, const std::vector<std::string> &arguments, int output) {
  std::vector<char *> argv{const_cast<char *>(program.c_str())};
  for (const std::string &argument : arguments)
    argv.push_back(const_cast<char *>(argument.c_str()));
  argv.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
  posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);

  // A group of its own, so that a program that starts others can be killed with them; and the signal settings that a
  // program expects, whatever this process does with signals.
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  posix_spawnattr_setpgroup(&attributes, 0);
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);

  pid_t pid = -1;
  int error = posix_spawn(&pid, program.c_str(), &actions, &attributes, argv.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0)
    throw CompileError("cannot run " + program.string() + ": " + std::strerror(error));
  return pid;
}

/// Reads until the other end is closed; false when the time is over first.
bool drain(int descriptor, Clock::time_point deadline, std::string &text) {
  char buffer[4096];
  for (;;) {
    auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    pollfd wanted{descriptor, POLLIN, 0};
    int ready = left > 0 ? poll(&wanted, 1, static_cast<int>(std::min<long>(left, 1 << 30))) : 0;
    if (ready < 0 && errno == EINTR)
      continue;
    if (ready <= 0)
      return false;
    ssize_t count = read(descriptor, buffer, sizeof(buffer));
    if (count < 0 && errno == EINTR)
      continue;
    if (count <= 0)
      return true;
    text.append(buffer, static_cast<std::size_t>(count));
  }
}

/// Waits for the end of the process; false when the time is over first. `status` stays as it is where this process
/// ignores SIGCHLD, because the system then keeps no status.
bool reap(pid_t pid, Clock::time_point deadline, int &status) {
  for (;;) {
    pid_t ended = waitpid(pid, &status, WNOHANG);
    if (ended == pid || (ended < 0 && errno != EINTR))
      return true;
    if (Clock::now() >= deadline)
      return false;
    std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
}

} // namespace

ProcessResult assembler::run(const std::filesystem::path &program, const std::vector<std::string> &arguments,
                             double time_limit_seconds) {
  const Clock::time_point deadline =
      Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(time_limit_seconds));
  ProcessResult result;
  Pipe pipe;
  const pid_t pid = start(program, arguments, pipe.ends[1]);
  pipe.close_write();

  int status = 0;
  if (!drain(pipe.ends[0], deadline, result.output) || !reap(pid, deadline, status)) {
    result.timed_out = true;
    kill(-pid, SIGKILL);
    reap(pid, Clock::time_point::max(), status);
  }
  result.status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  return result;
}
