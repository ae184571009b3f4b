/* SPDX-License-Identifier: MIT */
/* faults - what the kernel and the allocator can say no to, says no on command. To be preloaded.
 *
 * A program NAME is meant if $FAULTS_DIRECTORY/NAME is there: that file is a struct page, mapped by
 * both sides, in which the test says what is to fail and reads what was called. All else runs as if
 * this were not there, so that the environment may reach whom it will. Calls are told apart by the
 * code that makes them, see enum caller.
 *
 * It also stands in for systemd in one thing: $LISTEN_PID is made right for who is meant. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <link.h>
#include <poll.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXPORT  __attribute__((visibility("default")))
#define CALLER  __builtin_return_address(0)
#define FDS_MAX 256

/* Whose code calls: ours; the libraries that work for it; libc and what it loads for names; TLS and
 * HTTP; José and the JSON that it stands on; the engine and p11-kit, by which OpenSSL
 * reaches a key that a token keeps for itself; that token's driver. */
enum caller {
        GROUP_OURS = 1,
        GROUP_HELPERS = 2,
        GROUP_LIBC = 4,
        GROUP_FOREIGN = 8,
        GROUP_KEYS = 16,
        GROUP_TOKEN = 32,
        GROUP_DRIVER = 64,
};
#define N_GROUPS 7

/* clang-format off */
#define KINDS(X) \
        X(accept) X(access) X(alloc) X(bind) X(chmod) X(chown) X(close) X(close_range) X(connect) \
        X(epoll_create) X(epoll_ctl) X(epoll_wait) X(fallocate) X(fcntl) X(fgets) \
        X(fstat) X(ftruncate) \
        X(getpeername) X(getrandom) X(getrlimit) X(getsockname) X(getsockopt) X(kill) X(listen) \
        X(lookup) X(lstat) X(madvise) X(memfd_create) X(mmap) X(open) X(pipe) X(poll) X(prctl) \
        X(print) X(read) X(recv) X(rename) X(send) X(sendmsg) X(setrlimit) X(setsockopt) X(sigaction) \
        X(signalfd) X(sigprocmask) X(socket) X(socketpair) X(spawn) X(stat) X(thread) \
        X(timerfd_create) \
        X(timerfd_settime) X(unlink) X(utimensat) X(waitpid) X(write)
/* clang-format on */

enum kind {
#define KIND(name) KIND_##name,
        KINDS(KIND)
#undef KIND
                N_KINDS
};

static const char *const kind_names[] = {
#define KIND(name) #name,
        KINDS(KIND)
#undef KIND
};

/* tests/faults/page.py has the same. */
struct page {
        /* Said by the test; IS_ARMED last. */
        _Atomic uint32_t is_armed;
        uint32_t nth;     /* the first that fails, from 1 */
        int32_t error;    /* errno; -1: a part of it is done */
        uint32_t onwards; /* and all that follow */
        uint32_t groups;  /* of which callers */
        _Atomic uint32_t seen;
        _Atomic uint32_t failed;
        _Atomic int32_t blocks; /* of memory that are allocated now */
        _Atomic uint32_t fds;   /* that were open when it last began to wait for events */
        _Atomic uint32_t turns; /* of waiting for events */
        char kind[24];
        char where[128]; /* who was last told no: object+offset */
        struct {
                char name[16];
                _Atomic uint32_t calls[N_GROUPS];
        } kinds[N_KINDS];
};

static struct page *page;
static bool is_looking_up; /* users and groups */

struct range {
        uintptr_t from, to, base;
        enum caller group;
        char object[64]; /* the end of its path; "": the program */
};

#define RANGES_MAX 256
static struct range ranges[RANGES_MAX];
static _Atomic size_t n_ranges; /* what is there stays, whatever is unloaded */

/* ---- who calls ---- */

/* clang-format off */
static const struct {
        const char *part;
        enum caller group;
} objects[] = {
        {"libbearer", GROUP_OURS}, {"test-faults", GROUP_OURS},
        {"libevent", GROUP_HELPERS}, {"libsystemd", GROUP_HELPERS}, {"libjson-c", GROUP_HELPERS},
        {"libc.so", GROUP_LIBC}, {"ld-linux", GROUP_LIBC}, {"libnss_", GROUP_LIBC},
        {"libjose", GROUP_KEYS}, {"libjansson", GROUP_KEYS},
        {"pkcs11", GROUP_TOKEN}, {"p11-kit", GROUP_TOKEN},
        {"softhsm", GROUP_DRIVER}, {"libstdc++", GROUP_DRIVER},
};
/* clang-format on */

static enum caller group_of(const char *object) {
        if (!*object)
                return GROUP_OURS;
        for (size_t i = 0; i < sizeof objects / sizeof *objects; i++)
                if (strstr(object, objects[i].part))
                        return objects[i].group;
        return GROUP_FOREIGN;
}

static bool is_known(uintptr_t from) {
        for (size_t i = 0; i < n_ranges; i++)
                if (ranges[i].from == from)
                        return true;
        return false;
}

/* Called by one thread at a time (dl_iterate_phdr(3)). */
static int add_object(struct dl_phdr_info *info, size_t size, void *user) {
        const char *slash = strrchr(info->dlpi_name, '/');

        for (int i = 0; i < info->dlpi_phnum; i++) {
                const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
                uintptr_t from = info->dlpi_addr + segment->p_vaddr;
                struct range *range = &ranges[n_ranges];

                if (segment->p_type != PT_LOAD || !(segment->p_flags & PF_X) || is_known(from))
                        continue;
                if (n_ranges == RANGES_MAX)
                        abort();
                range->from = from;
                range->to = from + segment->p_memsz;
                range->base = info->dlpi_addr;
                strncpy(range->object, slash ? slash + 1 : info->dlpi_name,
                        sizeof range->object - 1);
                range->group = group_of(range->object);
                n_ranges++;
        }
        return 0;
}

static const struct range *find_range(const void *caller) {
        for (size_t i = 0; i < n_ranges; i++)
                if ((uintptr_t)caller >= ranges[i].from && (uintptr_t)caller < ranges[i].to)
                        return &ranges[i];
        return NULL;
}

/* Who is not known was loaded later: for names of users and hosts, or as a token's driver. */
static const struct range *range_of(const void *caller) {
        static const struct range nobody = {.group = GROUP_FOREIGN, .object = "code of nobody's"};
        const struct range *range = find_range(caller);

        if (!range) {
                dl_iterate_phdr(add_object, NULL);
                range = find_range(caller);
        }
        return range ? range : &nobody;
}

/* ---- whether it fails ---- */

static void note(const struct range *range, const void *caller) {
        snprintf(page->where, sizeof page->where, "%s+%#zx",
                 *range->object ? range->object : program_invocation_short_name,
                 (size_t)((uintptr_t)caller - range->base));
}

/* libp11 0.4.12, which is the engine, and p11-kit 0.24 crash where their own memory runs out, or
 * wait for themselves for ever. */
static bool is_spared(enum kind kind, const struct range *range) {
        return kind == KIND_alloc && range->group == GROUP_TOKEN;
}

static bool fails(enum kind kind, const void *caller) {
        const struct range *range;
        uint32_t nth;
        int saved = errno;

        if (!page || is_looking_up)
                return false;
        range = range_of(caller);
        if (is_spared(kind, range))
                return false;
        page->kinds[kind].calls[__builtin_ctz(range->group)]++;
        if (!page->is_armed || !(page->groups & range->group) ||
            strcmp(page->kind, kind_names[kind]) != 0)
                return false;
        nth = ++page->seen;
        if (nth < page->nth || (nth > page->nth && !page->onwards))
                return false;
        if (page->failed++ == 0)
                note(range, caller);
        errno = page->error >= 0 ? page->error : saved;
        return true;
}

static bool is_partial(void) {
        return page->error < 0;
}

/* ---- the real ones ---- */

static void *next(const char *name) {
        void *function = dlsym(RTLD_NEXT, name);

        if (!function)
                abort();
        return function;
}

#define REAL(name)                                                                                 \
        ({                                                                                         \
                static __typeof__(&name) real_;                                                    \
                if (!real_)                                                                        \
                        real_ = (__typeof__(&name))next(#name);                                    \
                real_;                                                                             \
        })

__attribute__((constructor)) static void begin(void) {
        const char *directory = getenv("FAULTS_DIRECTORY");
        char path[4096], pid[16];
        struct page *mapped;
        int fd;

        if (!directory)
                return;
        snprintf(path, sizeof path, "%s/%s", directory, program_invocation_short_name);
        fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC);
        if (fd < 0)
                return;
        mapped = (struct page *)syscall(SYS_mmap, NULL, sizeof *mapped, PROT_READ | PROT_WRITE,
                                        MAP_SHARED, fd, 0);
        syscall(SYS_close, fd);
        if (mapped == MAP_FAILED)
                abort();
        if (getenv("LISTEN_FDS")) {
                snprintf(pid, sizeof pid, "%d", getpid());
                setenv("LISTEN_PID", pid, 1);
        }
        for (size_t i = 0; i < N_KINDS; i++)
                strncpy(mapped->kinds[i].name, kind_names[i], sizeof mapped->kinds[i].name);
        dl_iterate_phdr(add_object, NULL);
        page = mapped;
}

/* ---- memory ---- */

/* What libc has of a thread, it keeps for the next one: that is not counted. */
static _Thread_local bool is_starting_thread;

static void *counted(void *block) {
        if (page && block && !is_starting_thread)
                page->blocks++;
        return block;
}

EXPORT void *malloc(size_t size) {
        return fails(KIND_alloc, CALLER) ? NULL : counted(REAL(malloc)(size));
}

EXPORT void *calloc(size_t n, size_t size) {
        return fails(KIND_alloc, CALLER) ? NULL : counted(REAL(calloc)(n, size));
}

EXPORT void *realloc(void *block, size_t size) {
        void *moved;

        if (fails(KIND_alloc, CALLER))
                return NULL;
        moved = REAL(realloc)(block, size);
        return block ? moved : counted(moved);
}

/* Not by libc's: that calls realloc(), which would be counted again. */
EXPORT void *reallocarray(void *block, size_t n, size_t size) {
        size_t whole;
        void *moved;

        if (fails(KIND_alloc, CALLER) || __builtin_mul_overflow(n, size, &whole))
                return NULL;
        moved = REAL(realloc)(block, whole);
        return block ? moved : counted(moved);
}

EXPORT int posix_memalign(void **ret_block, size_t alignment, size_t size) {
        int r = fails(KIND_alloc, CALLER) ? ENOMEM
                                          : REAL(posix_memalign)(ret_block, alignment, size);

        if (r == 0)
                counted(*ret_block);
        return r;
}

EXPORT void *aligned_alloc(size_t alignment, size_t size) {
        return fails(KIND_alloc, CALLER) ? NULL : counted(REAL(aligned_alloc)(alignment, size));
}

EXPORT void free(void *block) {
        if (page && block && !is_starting_thread)
                page->blocks--;
        REAL(free)(block);
}

/* json-c 0.16 takes for granted that the name of a member can be copied. */
static bool may_fail(const void *caller) {
        return !page || !strstr(range_of(caller)->object, "libjson-c");
}

static char *copy(const char *text, size_t size, const void *caller) {
        char *block = may_fail(caller) && fails(KIND_alloc, caller)
                              ? NULL
                              : counted(REAL(malloc)(size + 1));

        if (block) {
                memcpy(block, text, size);
                block[size] = 0;
        }
        return block;
}

EXPORT char *strdup(const char *text) {
        return copy(text, strlen(text), CALLER);
}

EXPORT char *strndup(const char *text, size_t size) {
        return copy(text, strnlen(text, size), CALLER);
}

/* ---- calls that say -1 ---- */

#define WRAP(type, kind, name, parameters, arguments)                                              \
        EXPORT type name parameters {                                                              \
                return fails(KIND_##kind, CALLER) ? (type)-1 : REAL(name) arguments;               \
        }

WRAP(int, accept, accept4, (int fd, struct sockaddr *address, socklen_t *size, int flags),
     (fd, address, size, flags))
WRAP(int, access, access, (const char *path, int mode), (path, mode))
WRAP(int, bind, bind, (int fd, const struct sockaddr *address, socklen_t size), (fd, address, size))
WRAP(int, chmod, chmod, (const char *path, mode_t mode), (path, mode))
WRAP(int, chown, chown, (const char *path, uid_t uid, gid_t gid), (path, uid, gid))
WRAP(int, close_range, close_range, (unsigned first, unsigned last, int flags),
     (first, last, flags))
WRAP(int, connect, connect, (int fd, const struct sockaddr *address, socklen_t size),
     (fd, address, size))
WRAP(int, epoll_create, epoll_create, (int size), (size))
WRAP(int, epoll_create, epoll_create1, (int flags), (flags))
WRAP(int, epoll_ctl, epoll_ctl, (int poll, int what, int fd, struct epoll_event *event),
     (poll, what, fd, event))
WRAP(int, fallocate, fallocate64, (int fd, int mode, off64_t from, off64_t size),
     (fd, mode, from, size))
WRAP(int, chmod, fchmod, (int fd, mode_t mode), (fd, mode))
WRAP(int, fstat, fstat64, (int fd, struct stat64 *status), (fd, status))
WRAP(int, fstat, fstat, (int fd, struct stat *status), (fd, status))
WRAP(int, ftruncate, ftruncate64, (int fd, off64_t size), (fd, size))
WRAP(int, getpeername, getpeername, (int fd, struct sockaddr *address, socklen_t *size),
     (fd, address, size))
WRAP(ssize_t, getrandom, getrandom, (void *to, size_t size, unsigned flags), (to, size, flags))
WRAP(int, getrlimit, getrlimit64, (__rlimit_resource_t which, struct rlimit64 *limit),
     (which, limit))
WRAP(int, getsockname, getsockname, (int fd, struct sockaddr *address, socklen_t *size),
     (fd, address, size))
WRAP(int, getsockopt, getsockopt, (int fd, int level, int name, void *value, socklen_t *size),
     (fd, level, name, value, size))
WRAP(int, kill, kill, (pid_t pid, int number), (pid, number))
WRAP(int, listen, listen, (int fd, int backlog), (fd, backlog))
WRAP(int, lstat, lstat64, (const char *path, struct stat64 *status), (path, status))
WRAP(int, madvise, madvise, (void *from, size_t size, int advice), (from, size, advice))
WRAP(int, memfd_create, memfd_create, (const char *name, unsigned flags), (name, flags))
WRAP(void *, mmap, mmap64, (void *at, size_t size, int protection, int flags, int fd, off64_t from),
     (at, size, protection, flags, fd, from))
WRAP(void *, mmap, mmap, (void *at, size_t size, int protection, int flags, int fd, off_t from),
     (at, size, protection, flags, fd, from))
WRAP(int, pipe, pipe2, (int pair[2], int flags), (pair, flags))
WRAP(int, poll, poll, (struct pollfd * fds, nfds_t n, int timeout), (fds, n, timeout))
WRAP(int, poll, ppoll,
     (struct pollfd * fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask),
     (fds, n, timeout, mask))
WRAP(ssize_t, send, sendto,
     (int fd, const void *data, size_t size, int flags, const struct sockaddr *address,
      socklen_t length),
     (fd, data, size, flags, address, length))
WRAP(ssize_t, sendmsg, sendmsg, (int fd, const struct msghdr *message, int flags),
     (fd, message, flags))
WRAP(ssize_t, recv, recvmsg, (int fd, struct msghdr *message, int flags), (fd, message, flags))
WRAP(ssize_t, recv, recvfrom,
     (int fd, void *to, size_t size, int flags, struct sockaddr *address, socklen_t *length),
     (fd, to, size, flags, address, length))
WRAP(int, rename, rename, (const char *from, const char *to), (from, to))
WRAP(int, setrlimit, setrlimit64, (__rlimit_resource_t which, const struct rlimit64 *limit),
     (which, limit))
WRAP(int, setsockopt, setsockopt, (int fd, int level, int name, const void *value, socklen_t size),
     (fd, level, name, value, size))
WRAP(int, sigaction, sigaction, (int number, const struct sigaction *action, struct sigaction *old),
     (number, action, old))
WRAP(int, signalfd, signalfd, (int fd, const sigset_t *mask, int flags), (fd, mask, flags))
WRAP(int, sigprocmask, sigprocmask, (int how, const sigset_t *mask, sigset_t *old),
     (how, mask, old))
WRAP(int, socket, socket, (int domain, int type, int protocol), (domain, type, protocol))
WRAP(int, socketpair, socketpair, (int domain, int type, int protocol, int pair[2]),
     (domain, type, protocol, pair))
WRAP(int, stat, stat64, (const char *path, struct stat64 *status), (path, status))
WRAP(int, timerfd_create, timerfd_create, (clockid_t clock, int flags), (clock, flags))
WRAP(int, timerfd_settime, timerfd_settime,
     (int fd, int flags, const struct itimerspec *when, struct itimerspec *old),
     (fd, flags, when, old))
WRAP(int, unlink, unlink, (const char *path), (path))
WRAP(int, utimensat, utimensat,
     (int at, const char *path, const struct timespec times[2], int flags),
     (at, path, times, flags))
WRAP(pid_t, waitpid, waitpid, (pid_t pid, int *status, int options), (pid, status, options))

/* Which says what is wrong, not -1. */
EXPORT int posix_fallocate64(int fd, off64_t from, off64_t size) {
        return fails(KIND_fallocate, CALLER) ? errno : REAL(posix_fallocate64)(fd, from, size);
}

/* ---- those that can be done in part: a stream, not the few bytes that a timer or a signal says
 * ---- */

#define WRAP_PARTIAL(kind, name, parameters, size, arguments)                                      \
        EXPORT ssize_t name parameters {                                                           \
                if (fails(KIND_##kind, CALLER)) {                                                  \
                        if (!is_partial())                                                         \
                                return -1;                                                         \
                        size = size > 128 ? size / 128 : size;                                     \
                }                                                                                  \
                return REAL(name) arguments;                                                       \
        }

WRAP_PARTIAL(read, read, (int fd, void *to, size_t size), size, (fd, to, size))
WRAP_PARTIAL(write, write, (int fd, const void *data, size_t size), size, (fd, data, size))
WRAP_PARTIAL(recv, recv, (int fd, void *to, size_t size, int flags), size, (fd, to, size, flags))
WRAP_PARTIAL(send, send, (int fd, const void *data, size_t size, int flags), size,
             (fd, data, size, flags))

/* ---- and others ---- */

/* Closed it is, whatever it says (close(2)). */
EXPORT int close(int fd) {
        int r = REAL(close)(fd);

        return fails(KIND_close, CALLER) ? -1 : r;
}

static unsigned count_fds(void) {
        unsigned n = 0;

        for (int fd = 0; fd < FDS_MAX; fd++)
                n += syscall(SYS_fcntl, fd, F_GETFD) >= 0;
        return n;
}

EXPORT int epoll_wait(int fd, struct epoll_event *events, int n, int timeout) {
        if (page) {
                page->fds = count_fds();
                page->turns++;
        }
        return fails(KIND_epoll_wait, CALLER) ? -1 : REAL(epoll_wait)(fd, events, n, timeout);
}

EXPORT int open64(const char *path, int flags, ...) {
        va_list arguments;
        mode_t mode;

        va_start(arguments, flags);
        mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(arguments, mode_t) : 0;
        va_end(arguments);
        return fails(KIND_open, CALLER) ? -1 : REAL(open64)(path, flags, mode);
}

EXPORT int open(const char *path, int flags, ...) {
        va_list arguments;
        mode_t mode;

        va_start(arguments, flags);
        mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(arguments, mode_t) : 0;
        va_end(arguments);
        return fails(KIND_open, CALLER) ? -1 : REAL(open64)(path, flags, mode);
}

EXPORT FILE *fopen64(const char *path, const char *mode) {
        return fails(KIND_open, CALLER) ? NULL : REAL(fopen64)(path, mode);
}

EXPORT FILE *fopen(const char *path, const char *mode) {
        return fails(KIND_open, CALLER) ? NULL : REAL(fopen64)(path, mode);
}

EXPORT char *fgets(char *to, int size, FILE *file) {
        return fails(KIND_fgets, CALLER) ? NULL : REAL(fgets)(to, size, file);
}

EXPORT int fcntl64(int fd, int what, ...) {
        va_list arguments;
        void *argument;

        va_start(arguments, what);
        argument = va_arg(arguments, void *);
        va_end(arguments);
        return fails(KIND_fcntl, CALLER) ? -1 : REAL(fcntl64)(fd, what, argument);
}

EXPORT int fcntl(int fd, int what, ...) {
        va_list arguments;
        void *argument;

        va_start(arguments, what);
        argument = va_arg(arguments, void *);
        va_end(arguments);
        return fails(KIND_fcntl, CALLER) ? -1 : REAL(fcntl64)(fd, what, argument);
}

EXPORT int prctl(int option, ...) {
        unsigned long argument[4];
        va_list arguments;

        va_start(arguments, option);
        for (size_t i = 0; i < 4; i++)
                argument[i] = va_arg(arguments, unsigned long);
        va_end(arguments);
        return fails(KIND_prctl, CALLER) ? -1
                                         : (int)syscall(SYS_prctl, option, argument[0], argument[1],
                                                        argument[2], argument[3]);
}

EXPORT int posix_spawn(pid_t *ret_pid, const char *path, const posix_spawn_file_actions_t *actions,
                       const posix_spawnattr_t *attributes, char *const argv[],
                       char *const envp[]) {
        return fails(KIND_spawn, CALLER)
                       ? errno
                       : REAL(posix_spawn)(ret_pid, path, actions, attributes, argv, envp);
}

EXPORT int pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*start)(void *), void *user) {
        int r;

        if (fails(KIND_thread, CALLER))
                return errno;
        is_starting_thread = true;
        r = REAL(pthread_create)(thread, attributes, start, user);
        is_starting_thread = false;
        return r;
}

EXPORT int pthread_sigmask(int how, const sigset_t *mask, sigset_t *old) {
        return fails(KIND_sigprocmask, CALLER) ? errno : REAL(pthread_sigmask)(how, mask, old);
}

/* Within them, glibc 2.36 has asserts and worse where its own memory runs out. */
EXPORT struct passwd *getpwnam(const char *name) {
        struct passwd *found;

        if (fails(KIND_lookup, CALLER))
                return NULL;
        is_looking_up = true;
        found = REAL(getpwnam)(name);
        is_looking_up = false;
        return found;
}

EXPORT struct group *getgrnam(const char *name) {
        struct group *found;

        if (fails(KIND_lookup, CALLER))
                return NULL;
        is_looking_up = true;
        found = REAL(getgrnam)(name);
        is_looking_up = false;
        return found;
}

__attribute__((format(printf, 2, 0))) static int print(int fd, const char *format,
                                                       va_list arguments, const void *caller) {
        return fails(KIND_print, caller) ? -1 : vdprintf(fd, format, arguments);
}

__attribute__((format(printf, 2, 3))) EXPORT int dprintf(int fd, const char *format, ...) {
        va_list arguments;
        int r;

        va_start(arguments, format);
        r = print(fd, format, arguments, CALLER);
        va_end(arguments);
        return r;
}

__attribute__((format(printf, 3, 4))) EXPORT int __dprintf_chk(int fd, int flag, const char *format,
                                                               ...) {
        va_list arguments;
        int r;

        va_start(arguments, format);
        r = print(fd, format, arguments, CALLER);
        va_end(arguments);
        return r;
}

/* ---- for a program that says itself what is to fail: tests/faults/fault.h ---- */

EXPORT void faults_arm(const char *kind, unsigned nth, int error, bool onwards) {
        page->nth = nth;
        page->error = error;
        page->onwards = onwards;
        page->groups = GROUP_OURS;
        page->seen = page->failed = 0;
        strncpy(page->kind, kind, sizeof page->kind - 1);
        page->is_armed = 1;
}

/* How many calls have failed. */
EXPORT unsigned faults_disarm(void) {
        page->is_armed = 0;
        return page->failed;
}

/* Nothing fails meanwhile, or counts. */
EXPORT void faults_hold(bool is_held) {
        page->is_armed = !is_held;
}

EXPORT int faults_blocks(void) {
        return page->blocks;
}
