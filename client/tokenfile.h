/* SPDX-License-Identifier: MIT */
/* tokenfile - a file that holds the token, and is only ever replaced as a whole.
 *
 * Owns its directory's descriptor, so that it stays the same directory, and that of the file that
 * it has put there, whose inode no other file has meanwhile: what somebody else has put in its
 * place is left alone at the end. What is no regular file is never replaced: a device would be gone
 * for the whole host. Nor is a symbolic link, followed or not: /dev/stdout is one. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

struct tokenfile {
        int directory;
        char *name;  /* in the directory */
        char *fresh; /* what is written first; renamed then */
        mode_t mode;
        int put; /* the file that was put there; -1: none */
};

#define TOKENFILE_INIT ((struct tokenfile){.directory = -1, .put = -1})

/* 0; -errno, -EISDIR where PATH ends in a slash or a dot. */
int tokenfile_open(const char *path, mode_t mode, struct tokenfile *ret_file);
void tokenfile_deinit(struct tokenfile *file);

/* What is there and cannot be replaced: "device"; NULL: nothing is, or a regular file. */
const char *tokenfile_obstacle(const struct tokenfile *file);
/* 0; -EEXIST: there is an obstacle; -errno. What was there before is there still, then. */
int tokenfile_put(struct tokenfile *file, const char *value);
/* Takes it away, if it is what was put there; and, as the next one does, what one that was killed
 * has written first, and not renamed. */
void tokenfile_remove(struct tokenfile *file);
/* Takes away a regular file that is there, whoever has put it there. Whether there was one. */
bool tokenfile_clear(const struct tokenfile *file);
