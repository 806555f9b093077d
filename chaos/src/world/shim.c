/* Shifts the wall clock that a program reads, and makes each sync of a file take longer, by what a file says: two times
 * eight bytes, nanoseconds. The monotonic clocks go on as they are. Loaded before the C library (LD_PRELOAD); needs
 * nothing of it before it is set up, so that it works with any allocator. */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

struct told {
  int64_t clock_offset;
  int64_t sync_delay;
};

static const int64_t second = 1000000000;
static const struct told nothing = {0, 0};
static const volatile struct told *told = &nothing;

__attribute__((constructor)) static void begin(void) {
  const char *path = getenv("CHAOS_SHIM");
  int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
  if (file < 0) return;
  void *mapped = mmap(NULL, sizeof *told, PROT_READ, MAP_SHARED, file, 0);
  close(file);
  if (mapped != MAP_FAILED) told = mapped;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
  long outcome = syscall(SYS_clock_gettime, clock, now);
  if (outcome == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
    int64_t shifted = now->tv_sec * second + now->tv_nsec + told->clock_offset;
    now->tv_sec = shifted / second;
    now->tv_nsec = shifted % second;
  }
  return (int)outcome;
}

time_t time(time_t *out) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (out) *out = now.tv_sec;
  return now.tv_sec;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone) {
  struct timespec now;
  (void)zone;
  clock_gettime(CLOCK_REALTIME, &now);
  out->tv_sec = now.tv_sec;
  out->tv_usec = now.tv_nsec / 1000;
  return 0;
}

static void wait_for_the_disk(void) {
  int64_t delay = told->sync_delay;
  struct timespec left = {delay / second, delay % second};
  while (delay > 0 && nanosleep(&left, &left) != 0) {
  }
}

int fsync(int file) {
  wait_for_the_disk();
  return (int)syscall(SYS_fsync, file);
}

int fdatasync(int file) {
  wait_for_the_disk();
  return (int)syscall(SYS_fdatasync, file);
}
