/* Simulates faults of the disk and the clock, and another host. Preloaded into a program, it counts the calls that change files whose path
 * contains $GM_FAULT_PATH, and makes one of them fail.
 *
 *   GM_FAULT_AT      number of the call that fails, from 0; without it, no call fails
 *   GM_FAULT_ACTION  kill: SIGKILL to the process; slow: the call takes a minute; ENOSPC, EIO, EACCES, EPERM: the call
 *                    fails with this error
 *   GM_FAULT_CALL    count only calls of this name, such as "rename". "open" for reading is counted only if it is named
 *   GM_FAULT_FOREVER if set, all later calls fail too
 *   GM_FAULT_LOG     file to which every counted call is written, such as "rename PATH"
 *   GM_FAULT_CLOCK   seconds to add to the real-time clock
 *   GM_FAULT_HOST    the name of the host
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static atomic_long calls;

static void* real(const char* name) { return dlsym(RTLD_NEXT, name); }

/* The function `name` of the C library. */
#define REAL(name, type) ((type)real(name))
typedef int (*open_type)(const char*, int, ...);
typedef FILE* (*fopen_type)(const char*, const char*);
typedef int (*fflush_type)(FILE*);
typedef ssize_t (*write_type)(int, const void*, size_t);
typedef int (*descriptor_type)(int);
typedef int (*two_paths_type)(const char*, const char*);
typedef int (*mkdir_type)(const char*, mode_t);
typedef int (*unlinkat_type)(int, const char*, int);
typedef int (*clock_type)(clockid_t, struct timespec*);
typedef int (*hostname_type)(char*, size_t);

static void log_call(const char* call, const char* path) {
  const char* log = getenv("GM_FAULT_LOG");
  if (!log) return;
  char line[PATH_MAX + 32];
  const int length = snprintf(line, sizeof line, "%s %s\n", call, path);
  const int descriptor = REAL("open", open_type)(log, O_WRONLY | O_CREAT | O_APPEND, 0666);
  if (REAL("write", write_type)(descriptor, line, (size_t)length) != length) abort();
  close(descriptor);
}

static int is_counted(const char* call, const char* path) {
  const char* watched = getenv("GM_FAULT_PATH");
  if (!watched || !strstr(path, watched)) return 0;
  const char* wanted = getenv("GM_FAULT_CALL");
  return wanted ? strcmp(call, wanted) == 0 : strcmp(call, "open") != 0;
}

static int error_of(const char* action) {
  static const struct {
    const char* name;
    int number;
  } errors[] = {{"ENOSPC", ENOSPC}, {"EIO", EIO}, {"EACCES", EACCES}, {"EPERM", EPERM}};
  for (size_t i = 0; i < sizeof errors / sizeof *errors; ++i) {
    if (strcmp(action, errors[i].name) == 0) return errors[i].number;
  }
  abort();
}

/* Counts the call. Returns whether it must fail, and sets errno in that case. */
static int fails(const char* call, const char* path) {
  if (!is_counted(call, path)) return 0;
  const long number = atomic_fetch_add(&calls, 1);
  log_call(call, path);
  const char* at = getenv("GM_FAULT_AT");
  if (!at) return 0;
  const long chosen = atol(at);
  if (number != chosen && !(getenv("GM_FAULT_FOREVER") && number > chosen)) return 0;
  const char* action = getenv("GM_FAULT_ACTION");
  if (strcmp(action, "kill") == 0) kill(getpid(), SIGKILL);
  if (strcmp(action, "slow") == 0) {
    struct timespec left = {.tv_sec = 60};
    while (nanosleep(&left, &left) != 0) continue;
    return 0;
  }
  errno = error_of(action);
  return 1;
}

static int descriptor_fails(const char* call, int descriptor) {
  char link[64], path[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  const ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = '\0';
  return fails(call, path);
}

static int open_file(const char* name, const char* path, int flags, mode_t mode) {
  if (fails((flags & O_CREAT) ? "create" : "open", path)) return -1;
  return REAL(name, open_type)(path, flags, mode);
}

int open(const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = (flags & O_CREAT) ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  return open_file("open", path, flags, mode);
}

int open64(const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = (flags & O_CREAT) ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  return open_file("open64", path, flags, mode);
}

static FILE* open_stream(const char* name, const char* path, const char* mode) {
  if (fails(mode[0] == 'r' ? "open" : "create", path)) return NULL;
  return REAL(name, fopen_type)(path, mode);
}

FILE* fopen(const char* path, const char* mode) { return open_stream("fopen", path, mode); }
FILE* fopen64(const char* path, const char* mode) { return open_stream("fopen64", path, mode); }

/* fflush() calls write() inside the C library, which cannot be intercepted. */
int fflush(FILE* stream) {
  if (stream && descriptor_fails("write", fileno(stream))) return EOF;
  return REAL("fflush", fflush_type)(stream);
}

ssize_t write(int descriptor, const void* bytes, size_t count) {
  if (descriptor_fails("write", descriptor)) return -1;
  return REAL("write", write_type)(descriptor, bytes, count);
}

int fsync(int descriptor) {
  if (descriptor_fails("fsync", descriptor)) return -1;
  return REAL("fsync", descriptor_type)(descriptor);
}

int rename(const char* from, const char* to) {
  if (fails("rename", to)) return -1;
  return REAL("rename", two_paths_type)(from, to);
}

int symlink(const char* target, const char* path) {
  if (fails("symlink", path)) return -1;
  return REAL("symlink", two_paths_type)(target, path);
}

int mkdir(const char* path, mode_t mode) {
  if (fails("mkdir", path)) return -1;
  return REAL("mkdir", mkdir_type)(path, mode);
}

int unlinkat(int folder, const char* path, int flags) {
  if (folder == AT_FDCWD ? fails("remove", path) : descriptor_fails("remove in", folder)) return -1;
  return REAL("unlinkat", unlinkat_type)(folder, path, flags);
}

int clock_gettime(clockid_t clock, struct timespec* time) {
  const int status = REAL("clock_gettime", clock_type)(clock, time);
  const char* shift = getenv("GM_FAULT_CLOCK");
  if (shift && clock == CLOCK_REALTIME) time->tv_sec += atol(shift);
  return status;
}

int gethostname(char* name, size_t bytes) {
  const char* host = getenv("GM_FAULT_HOST");
  if (!host) return REAL("gethostname", hostname_type)(name, bytes);
  snprintf(name, bytes, "%s", host);
  return 0;
}
