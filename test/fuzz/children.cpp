#include "children.h"

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <thread>

#include <sys/wait.h>
#include <unistd.h>

namespace kiln::fuzz {
namespace {

/// What a child writes of each number, followed by the text.
struct Record {
  std::uint64_t number, size;
};

bool write_all(int pipe, const void *data, std::size_t size) {
  for (auto *at = static_cast<const char *>(data); size > 0;) {
    const ssize_t written = write(pipe, at, size);
    if (written <= 0)
      return false;
    at += written;
    size -= std::size_t(written);
  }
  return true;
}

bool read_all(int pipe, void *data, std::size_t size) {
  for (auto *at = static_cast<char *>(data); size > 0;) {
    const ssize_t got = read(pipe, at, size);
    if (got <= 0)
      return false;
    at += got;
    size -= std::size_t(got);
  }
  return true;
}

int child_pipe;
std::mutex output;
thread_local std::uint64_t current_number;

/// Says which number crashed, once no other thread is in the middle of a record.
void report_crash(int signal) {
  for (int tries = 0; !output.try_lock() && tries < 1000; ++tries)
    usleep(1000);
  char text[64];
  const int length = std::snprintf(text, sizeof text, "crashed with signal %d", signal);
  const Record record{current_number, std::uint64_t(length)};
  write_all(child_pipe, &record, sizeof record);
  write_all(child_pipe, text, std::size_t(length));
  _exit(0);
}

[[noreturn]] void work(const std::vector<std::uint64_t> &numbers, unsigned jobs,
                       const std::function<std::string(std::uint64_t)> &f,
                       const std::function<bool(const std::string &)> &ends) {
  for (int number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT})
    std::signal(number, report_crash);
  std::atomic<std::size_t> next{0};
  const auto loop = [&] {
    for (std::size_t i; (i = next++) < numbers.size();) {
      current_number = numbers[i];
      const std::string text = f(numbers[i]);
      std::lock_guard lock(output);
      const Record record{numbers[i], text.size()};
      if (!write_all(child_pipe, &record, sizeof record) || !write_all(child_pipe, text.data(), text.size()))
        _exit(4);
      if (ends(text))
        _exit(0); // what other threads are doing is done again
    }
  };
  std::vector<std::thread> threads;
  for (unsigned i = 1; i < jobs; ++i)
    threads.emplace_back(loop);
  loop();
  for (std::thread &thread : threads)
    thread.join();
  std::exit(0); // with the checks of a sanitizer at the end
}

} // namespace

void for_each_in_children(std::vector<std::uint64_t> numbers, unsigned jobs,
                          const std::function<std::string(std::uint64_t)> &f,
                          const std::function<bool(const std::string &)> &ends,
                          const std::function<void(std::uint64_t, const std::string &)> &result) {
  while (!numbers.empty()) {
    int ends_of_pipe[2];
    if (pipe(ends_of_pipe) != 0)
      std::abort();
    std::fflush(nullptr);
    const pid_t child = fork();
    if (child == 0) {
      close(ends_of_pipe[0]);
      child_pipe = ends_of_pipe[1];
      work(numbers, jobs, f, ends);
    }
    close(ends_of_pipe[1]);
    bool any = false;
    for (Record record; child > 0 && read_all(ends_of_pipe[0], &record, sizeof record); any = true) {
      std::string text(record.size, 0);
      if (!read_all(ends_of_pipe[0], text.data(), text.size()))
        break;
      std::erase(numbers, record.number);
      result(record.number, text);
    }
    close(ends_of_pipe[0]);
    int status = 0;
    waitpid(child, &status, 0);
    if (!any || (numbers.empty() && status != 0)) { // nothing got done, or a sanitizer found something at the end
      const std::uint64_t number = numbers.empty() ? 0 : numbers.front();
      std::erase(numbers, number);
      result(number, "a process ended with status " + std::to_string(status));
    }
  }
}

} // namespace kiln::fuzz
