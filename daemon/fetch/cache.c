/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "fetch/cache.h"
#include "wire/url.h"

#define PATH_SIZE 4096

/* False: there is no such directory, or its path is too long. */
static bool path_of(const char *name, const char *before, char ret_path[PATH_SIZE]) {
        const char *directory = getenv("CACHE_DIRECTORY");
        int length;

        if (!directory || *directory != '/')
                return false;
        length = snprintf(ret_path, PATH_SIZE, "%s/%s%s.discovery", directory, before, name);
        return length > 0 && length < PATH_SIZE;
}

/* Somebody else's file, or one that others may write to, could send the client elsewhere. */
static bool is_ours(const struct stat *status) {
        return status->st_uid == geteuid() && (status->st_mode & 022) == 0;
}

static int64_t age_of(const struct stat *status) {
        int64_t age = (int64_t)time(NULL) - (int64_t)status->st_mtime;

        return status->st_mtime == 0 || age < 0 ? INT64_MAX : age;
}

/* Takes the line of URL off the front. */
static bool take_url(struct buffer *text, const char *url) {
        size_t size = strlen(url);

        if (text->size <= size || memcmp(text->data, url, size) != 0 || text->data[size] != '\n')
                return false;
        buffer_consume(text, size + 1);
        return true;
}

int64_t cache_read(const char *name, const char *url, size_t max, struct buffer *ret_document) {
        char path[PATH_SIZE];
        struct buffer text;
        struct stat status;

        if (!path_of(name, "", path) || file_read(path, max + strlen(url) + 1, &text, &status) < 0)
                return -1;
        if (!is_ours(&status) || !take_url(&text, url)) {
                buffer_deinit(&text);
                return -1;
        }
        *ret_document = text; /* consumed */
        return age_of(&status);
}

static bool write_all(int fd, struct slice text) {
        while (text.size > 0) {
                ssize_t size = write(fd, text.data, text.size);

                if (size < 0 && errno == EINTR)
                        continue;
                if (size <= 0)
                        return false;
                text = (struct slice){text.data + size, text.size - (size_t)size};
        }
        return true;
}

static bool write_file(const char *path, const char *url, struct slice document) {
        _cleanup_close_ int fd = -1;

        unlink(path);
        fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        return fd >= 0 && write_all(fd, slice_of(url)) && write_all(fd, SLICE("\n")) &&
               write_all(fd, document);
}

/* Under another name first: nobody reads half of it. */
void cache_write(const char *name, const char *url, struct slice document) {
        char path[PATH_SIZE], next[PATH_SIZE];

        if (!path_of(name, "", path) || !path_of(name, ".", next))
                return;
        if (!write_file(next, url, document) || rename(next, path) < 0)
                unlink(next);
}

void cache_age(const char *name) {
        const struct timespec times[2] = {{0, 0}, {0, 0}};
        char path[PATH_SIZE];

        if (path_of(name, "", path))
                utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW);
}
