/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "client/view.h"

/* Only whom bearerd trusts may write to it: who can make it shorter ends us with SIGBUS. */
static bool is_such_file(const struct stat *status) {
        return S_ISREG(status->st_mode) && !(status->st_mode & (S_IWGRP | S_IWOTH)) &&
               status->st_size >= (off_t)sizeof(struct epoch_page);
}

static int map(int fd, struct epoch_page **ret_page) {
        struct epoch_page *page = mmap(NULL, sizeof *page, PROT_READ, MAP_SHARED, fd, 0);

        if (page == MAP_FAILED)
                return -errno;
        if (atomic_load(&page->magic) != EPOCH_MAGIC) {
                munmap(page, sizeof *page);
                return -EBADMSG;
        }
        *ret_page = page;
        return 0;
}

int view_open(const char *path, struct view **ret_view) {
        _cleanup_free_ struct view *view = calloc(1, sizeof *view);
        _cleanup_close_ int fd = -1;
        struct stat status;
        int r;

        if (!view)
                return -ENOMEM;
        fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        if (fd < 0 || fstat(fd, &status) < 0)
                return -errno;
        if (!is_such_file(&status))
                return -EBADMSG;
        r = map(fd, &view->page);
        if (r < 0)
                return r;
        view->users = 1;
        *ret_view = view;
        view = NULL; /* consumed */
        return 0;
}

struct view *view_ref(struct view *view) {
        view->users++;
        return view;
}

struct view *view_unref(struct view *view) {
        if (view && --view->users == 0) {
                munmap(view->page, sizeof *view->page);
                free(view);
        }
        return NULL;
}
