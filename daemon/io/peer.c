/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/sockios.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <systemd/sd-login.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/list.h"
#include "io/peer.h"

/* Linux 6.5 (asm-generic/socket.h); older headers lack it. */
#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif

/* Linux 6.9 (linux/magic.h). */
#ifndef PID_FS_MAGIC
#define PID_FS_MAGIC 0x50494446
#endif

/* Most accounts are in few groups: one call does for them. */
#define GROUPS_USUAL 32u

/* ---- groups ---- */

static struct peer_groups *groups_new(size_t n) {
        struct peer_groups *groups = malloc(sizeof *groups + n * sizeof groups->list[0]);

        if (groups)
                *groups = (struct peer_groups){.n_peers = 1, .n = (unsigned)n};
        return groups;
}

static struct peer_groups *groups_of(const struct peer *peer) {
        return peer->groups ? CONTAINER_OF(peer->groups, struct peer_groups, list) : NULL;
}

void peer_groups_leave(struct peer_groups *groups) {
        if (groups && --groups->n_peers == 0)
                free(groups);
}

static bool groups_equal(const struct peer_groups *a, const struct peer_groups *b) {
        return a->n == b->n && memcmp(a->list, b->list, a->n * sizeof a->list[0]) == 0;
}

void peer_share_groups(struct peer *peer, struct peer_groups **last) {
        struct peer_groups *groups = groups_of(peer);

        if (!groups)
                return;
        if (*last && groups_equal(*last, groups)) {
                peer_groups_leave(groups);
                groups = *last;
                peer->groups = groups->list;
        } else {
                peer_groups_leave(*last);
                *last = groups;
        }
        groups->n_peers++;
}

/* SO_PEERGROUPS (Linux 4.13), socket(7): -ERANGE says how much room is needed. *RET_GROUPS may be
 * NULL: there are none. -E2BIG: more than PEER_GROUPS_MAX. */
static int read_groups(int fd, struct peer_groups **ret_groups) {
        gid_t usual[GROUPS_USUAL];
        struct peer_groups *groups;
        socklen_t size = sizeof usual;
        int r = getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, usual, &size) < 0 ? -errno : 0;

        if (r < 0 && r != -ERANGE)
                return r;
        if (size > PEER_GROUPS_MAX * sizeof usual[0])
                return -E2BIG;
        if (size == 0) {
                *ret_groups = NULL;
                return 0;
        }
        groups = groups_new(size / sizeof usual[0]);
        if (!groups)
                return -ENOMEM;
        if (r == 0)
                memcpy(groups->list, usual, size);
        else if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups->list, &size) < 0) {
                r = -errno;
                free(groups);
                return r;
        }
        groups->n = (unsigned)(size / sizeof usual[0]);
        *ret_groups = groups;
        return 0;
}

int peer_read(int fd, struct peer *ret_peer) {
        struct peer peer = {0};
        struct peer_groups *groups = NULL;
        struct ucred credentials;
        socklen_t size = sizeof credentials;
        int r;

        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) < 0)
                return -errno;
        peer.uid = credentials.uid;
        peer.gid = credentials.gid;
        peer.pid = credentials.pid;
        r = read_groups(fd, &groups);
        if (r < 0 && r != -E2BIG)
                return r;
        peer.has_more_groups = r == -E2BIG;
        if (groups) {
                peer.groups = groups->list;
                peer.n_groups = (uint16_t)groups->n;
        }
        *ret_peer = peer;
        return 0;
}

/* ---- units ---- */

/* A descriptor of the process that connected, which no other one can take the place of; or
 * -errno. */
static int read_pidfd(int fd) {
        int pidfd = -1;
        socklen_t size = sizeof pidfd;

        return getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &size) < 0 ? -errno : pidfd;
}

/* The number of the process of PIDFD, as "Pid:" has it; -1 there: it has ended; 0: none of ours
 * (pidfd_open(2)); or -errno. */
static int read_pid(int pidfd, pid_t *ret_pid) {
        char path[64], line[128];
        intmax_t pid = 0;
        FILE *file;

        snprintf(path, sizeof path, "/proc/self/fdinfo/%d", pidfd);
        file = fopen(path, "re");
        if (!file)
                return -errno;
        while (fgets(line, sizeof line, file))
                if (sscanf(line, "Pid: %jd", &pid) == 1)
                        break;
        fclose(file);
        *ret_pid = (pid_t)pid;
        return 0;
}

/* A pidfd becomes readable when its process ends. */
static bool has_ended(int pidfd) {
        struct pollfd poll_fd = {.fd = pidfd, .events = POLLIN};

        return poll(&poll_fd, 1, 0) != 0;
}

/* As long as the process lives, its number is no other's: so that is looked at last. */
static int find_unit(int fd, char **ret_unit) {
        _cleanup_close_ int pidfd = read_pidfd(fd);
        _cleanup_free_ char *unit = NULL;
        pid_t pid = 0;
        int r;

        if (pidfd < 0)
                return pidfd;
        r = read_pid(pidfd, &pid);
        if (r == 0 && pid > 0)
                r = sd_pid_get_unit(pid, &unit);
        if (r < 0 || pid <= 0 || has_ended(pidfd))
                return r < 0 ? r : -ESRCH;
        *ret_unit = unit;
        unit = NULL; /* consumed */
        return 0;
}

int peer_find_unit(int fd, struct peer *peer) {
        char *unit;
        int r = find_unit(fd, &unit);

        if (r < 0)
                return file_is_short(r) ? r : 0;
        free(peer->unit);
        peer->unit = unit;
        return 0;
}

bool peer_has_unit(void) {
        _cleanup_close_ int one = -1, other = -1, pidfd = -1;
        int pair[2];

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
                return true;
        one = pair[0];
        other = pair[1];
        pidfd = read_pidfd(one);
        return pidfd != -ENOPROTOOPT;
}

/* ---- processes ---- */

/* In pidfs, each process has an inode number of its own; before, pidfds were all of one inode. 0:
 * there is none. */
static uint64_t read_number(int pidfd) {
        struct statfs filesystem;
        struct stat status;

        if (fstatfs(pidfd, &filesystem) < 0 || filesystem.f_type != PID_FS_MAGIC ||
            fstat(pidfd, &status) < 0)
                return 0;
        return status.st_ino;
}

static void process_forget(struct peer_process *process) {
        if (process->pid != 0)
                close(process->pidfd);
        *process = (struct peer_process){0};
}

uint64_t peer_processes_find(struct peer_processes *processes, int fd, pid_t pid) {
        struct peer_process *known = &processes->known[(unsigned)pid % PEER_PROCESSES_MAX];
        _cleanup_close_ int pidfd = -1;
        uint64_t number;

        if (pid > 0 && known->pid == pid && !has_ended(known->pidfd))
                return known->number;
        pidfd = read_pidfd(fd);
        number = pidfd < 0 ? 0 : read_number(pidfd);
        if (pid > 0 && number > 0 && !has_ended(pidfd)) {
                process_forget(known);
                *known = (struct peer_process){pid, pidfd, number};
                pidfd = -1; /* consumed */
        }
        return number;
}

void peer_processes_deinit(struct peer_processes *processes) {
        for (unsigned i = 0; i < PEER_PROCESSES_MAX; i++)
                process_forget(&processes->known[i]);
}

/* ---- what it calls itself ---- */

/* Nothing but what is harmless on a terminal, in a log, and between quotes. */
static void make_harmless(char *text) {
        for (; *text; text++)
                if (*text < ' ' || *text > '~' || *text == '"' || *text == '\\')
                        *text = '?';
}

/* The name that /proc has for PID, and no newline behind it; its size, or < 0. */
static ssize_t read_comm(pid_t pid, char comm[static PEER_COMM_SIZE]) {
        _cleanup_close_ int file = -1;
        char path[64];
        ssize_t size;

        snprintf(path, sizeof path, "/proc/%jd/comm", (intmax_t)pid);
        file = open(path, O_RDONLY | O_CLOEXEC);
        size = file < 0 ? -1 : read(file, comm, PEER_COMM_SIZE);
        return size <= 0 ? -1 : size - 1;
}

/* The number may be another's by now: where the kernel can tell, that is looked at last. */
void peer_read_comm(int fd, const struct peer *peer, char ret_comm[static PEER_COMM_SIZE]) {
        _cleanup_close_ int pidfd = -1;
        ssize_t size = peer->pid > 0 ? read_comm(peer->pid, ret_comm) : -1;

        pidfd = read_pidfd(fd);
        if (pidfd < 0 ? pidfd != -ENOPROTOOPT : has_ended(pidfd))
                size = -1;
        ret_comm[size > 0 ? size : 0] = 0;
        make_harmless(ret_comm);
}

int peer_has_gone(int fd) {
        struct pollfd poll_fd = {.fd = fd};
        int r;

        do
                r = poll(&poll_fd, 1, 0);
        while (r < 0 && errno == EINTR);
        return r < 0 ? -errno : (poll_fd.revents & (POLLHUP | POLLERR)) != 0;
}

bool peer_has_sent(int fd) {
        int bytes;

        return ioctl(fd, SIOCINQ, &bytes) < 0 || bytes > 0;
}

/* From the shutdown on, nothing more comes that would not be seen. */
bool peer_shut(int fd) {
        shutdown(fd, SHUT_RDWR);
        return peer_has_sent(fd);
}

void peer_deinit(struct peer *peer) {
        peer_groups_leave(groups_of(peer));
        free(peer->unit);
        *peer = (struct peer){0};
}
