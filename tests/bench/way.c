/* SPDX-License-Identifier: MIT */
#include <bearer.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dial.h"
#include "way.h"

#define QUIET_MS     100 /* after that an answer is taken to be whole */
#define ANSWER_MS    20000
#define HEAD_SIZE    13 /* "HTTP/1.1 200 ", "$1234\r\n" and more */
#define TAIL_SIZE    1  /* what is before may be a time */
#define FIELDS       7
#define REQUESTS_MAX (1 << 20)

static char heard[ANSWER_MAX];

ssize_t slurp(const char *path, char *content, size_t size) {
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t n;

        if (fd < 0)
                return -1;
        n = read(fd, content, size - 1);
        close(fd);
        if (n >= 0)
                content[n] = 0;
        return n;
}

/* Whether what was heard, SIZE bytes, is as the first time. */
static bool is_right(const struct way *way, size_t size) {
        return size == way->answer_size && memcmp(heard, way->answer, HEAD_SIZE) == 0 &&
               memcmp(heard + size - TAIL_SIZE, way->answer + size - TAIL_SIZE, TAIL_SIZE) == 0 &&
               memcmp(heard + way->token_at, way->answer + way->token_at, way->token_size) == 0;
}

/* ---- a socket ---- */

static bool send_request(struct way *way, int fd) {
        const char *request = way->requests + way->next_request * way->request_size;

        if (++way->next_request == way->n_requests)
                way->next_request = 0;
        return send(fd, request, way->request_size, MSG_NOSIGNAL) == (ssize_t)way->request_size;
}

static bool exchange(struct way *way, int fd) {
        size_t size = 0;

        if (!send_request(way, fd))
                return false;
        while (size < way->answer_size) {
                ssize_t n = recv(fd, heard + size, sizeof heard - size, 0);

                if (n <= 0)
                        return false;
                size += (size_t)n;
        }
        return is_right(way, size);
}

static bool socket_ask_anew(struct way *way) {
        int fd = dial(&way->address, 0);
        bool is_good;

        if (fd < 0)
                return false;
        is_good = exchange(way, fd);
        close(fd);
        return is_good;
}

static bool socket_ask(struct way *way) {
        int fd = way->fds[way->next_fd];

        if (++way->next_fd == way->n_fds)
                way->next_fd = 0;
        return exchange(way, fd);
}

/* How long an answer is, the server alone knows: it has come to its end when nothing follows. */
static bool socket_learn(struct way *way) {
        int fd = dial(&way->address, 0), wait = ANSWER_MS;
        struct pollfd watched = {.fd = fd, .events = POLLIN};

        if (fd < 0 || !send_request(way, fd))
                return false;
        while (poll(&watched, 1, wait) > 0) {
                ssize_t n = recv(fd, way->answer + way->answer_size,
                                 sizeof way->answer - way->answer_size, 0);

                if (n <= 0)
                        break;
                way->answer_size += (size_t)n;
                wait = QUIET_MS;
        }
        close(fd);
        return way->answer_size > HEAD_SIZE + TAIL_SIZE;
}

static bool socket_open(struct way *way) {
        if (!dial_address(way->path, &way->address) || !socket_learn(way))
                return false;
        way->fds = calloc(way->n_fds ?: 1, sizeof *way->fds);
        if (!way->fds)
                return false;
        for (size_t i = 0; i < way->n_fds; i++) {
                way->fds[i] = dial(&way->address, 0);
                if (way->fds[i] < 0)
                        return false;
        }
        return true;
}

/* ---- a file ---- */

static bool file_ask(struct way *way) {
        ssize_t size = slurp(way->path, heard, sizeof heard);

        return size >= 0 && is_right(way, (size_t)size);
}

static bool file_open(struct way *way) {
        ssize_t size = slurp(way->path, way->answer, sizeof way->answer);

        way->answer_size = size < 0 ? 0 : (size_t)size;
        return way->answer_size > HEAD_SIZE + TAIL_SIZE;
}

/* ---- libbearer ---- */

/* The generation says which token it is: a look at all of it would take longer than getting it. */
static bool bearer_ask(struct way *way) {
        struct bearer_token *token = NULL;
        bool is_good = bearer_get(way->bearer, NULL, -1, &token) == 0 &&
                       bearer_token_generation(token) == way->generation;

        bearer_token_unref(token);
        return is_good;
}

static bool bearer_ask_anew(struct way *way) {
        struct bearer *kept = way->bearer;
        bool is_good;

        if (bearer_open(way->path, &way->bearer) != 0)
                return false;
        is_good = bearer_ask(way);
        bearer_close(way->bearer);
        way->bearer = kept;
        return is_good;
}

static bool bearer_learn(struct way *way) {
        struct bearer_token *token = NULL;
        int r;

        if (bearer_open(way->path, &way->bearer) != 0)
                return false;
        r = bearer_get(way->bearer, NULL, -1, &token);
        if (r != 0) {
                fprintf(stderr, "bearer_get: %s\n", bearer_strerror(r));
                return false;
        }
        way->answer_size = strlen(bearer_token_value(token));
        memcpy(way->answer, bearer_token_value(token), way->answer_size);
        way->generation = bearer_token_generation(token);
        bearer_token_unref(token);
        return true;
}

/* ---- all of them ---- */

static const struct way_kind kinds[] = {
        {"socket", socket_open, socket_ask, socket_ask_anew},
        {"file", file_open, file_ask, file_ask},
        {"libbearer", bearer_learn, bearer_ask, bearer_ask_anew},
};

static bool read_requests(struct way *way, const char *path, size_t n) {
        ssize_t size;

        way->requests = malloc(REQUESTS_MAX);
        if (!way->requests || n == 0)
                return false;
        size = slurp(path, way->requests, REQUESTS_MAX);
        way->n_requests = n;
        way->request_size = size < 0 ? 0 : (size_t)size / n;
        return size > 0 && (size_t)size % n == 0;
}

static bool parse(struct way *way, char *text) {
        char *fields[FIELDS];
        size_t n = 0;

        while (n < FIELDS && (fields[n] = strsep(&text, ",")))
                n++;
        if (n < FIELDS || text)
                return false;
        way->name = fields[0];
        way->path = fields[2];
        way->pids = fields[3];
        way->n_fds = strtoul(fields[4], NULL, 10);
        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
                if (strcmp(kinds[i].name, fields[1]) == 0)
                        way->kind = &kinds[i];
        return way->kind &&
               (!*fields[5] || read_requests(way, fields[5], strtoul(fields[6], NULL, 10)));
}

bool way_init(struct way *way, char *text, const char *token) {
        const char *found;

        errno = 0;
        if (!parse(way, text)) {
                fprintf(stderr, "%s: not understood\n", text);
                return false;
        }
        if (!way->kind->open(way)) {
                fprintf(stderr, "%s: no answer%s%s\n", way->name, errno ? ": " : "",
                        errno ? strerror(errno) : "");
                return false;
        }
        if (!*token)
                return true;
        found = memmem(way->answer, way->answer_size, token, strlen(token));
        if (!found) {
                fprintf(stderr, "%s: the token is not in its answer\n", way->name);
                return false;
        }
        way->token_at = (size_t)(found - way->answer);
        way->token_size = strlen(token);
        return true;
}

void way_deinit(struct way *way) {
        for (size_t i = 0; way->fds && i < way->n_fds; i++)
                close(way->fds[i]);
        free(way->fds);
        free(way->requests);
        bearer_close(way->bearer);
}

static uint64_t process_cpu(long pid) {
        char path[64], line[128];
        uint64_t sum = 0;
        struct dirent *entry;
        DIR *directory;

        snprintf(path, sizeof path, "/proc/%ld/task", pid);
        directory = opendir(path);
        if (!directory)
                return 0;
        while ((entry = readdir(directory))) {
                snprintf(path, sizeof path, "/proc/%ld/task/%.16s/schedstat", pid, entry->d_name);
                if (entry->d_name[0] != '.' && slurp(path, line, sizeof line) > 0)
                        sum += strtoull(line, NULL, 10);
        }
        closedir(directory);
        return sum;
}

uint64_t way_cpu(const struct way *way) {
        const char *at = way->pids;
        uint64_t sum = 0;
        char *end;

        for (long pid; (pid = strtol(at, &end, 10)) > 0; at = end + (*end == '+'))
                sum += process_cpu(pid);
        return sum;
}
