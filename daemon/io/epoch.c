/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "io/epoch.h"

#define EPOCH_FILE_MODE 0644

/* Another name of it, or another owner, could be a trap that somebody has set. */
static bool is_ours(const struct stat *status) {
        return S_ISREG(status->st_mode) && status->st_uid == geteuid() && status->st_nlink == 1 &&
               (status->st_size == 0 || status->st_size == sizeof(struct epoch_page));
}

/* With its memory, so that neither we nor a worker ever finds that there is none. */
static int make_whole(int fd, const struct stat *status) {
        int r = 0;

        if (status->st_size == 0)
                r = posix_fallocate(fd, 0, sizeof(struct epoch_page));
        if (r == 0 && (status->st_mode & 07777) != EPOCH_FILE_MODE &&
            fchmod(fd, EPOCH_FILE_MODE) < 0)
                r = errno;
        return -r;
}

static int map(int fd, struct epoch_page **ret_page) {
        void *page = mmap(NULL, sizeof **ret_page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

        if (page == MAP_FAILED)
                return -errno;
        *ret_page = page;
        return 0;
}

static int open_file(const char *path, int *ret_fd) {
        int fd;

        if (path[0] != '/')
                return -EINVAL;
        if (strlen(path) > EPOCH_PATH_MAX)
                return -ENAMETOOLONG;
        fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
                  EPOCH_FILE_MODE);
        if (fd < 0)
                return errno == ELOOP || errno == EISDIR ? -EEXIST : -errno;
        *ret_fd = fd;
        return 0;
}

int epoch_file_open(struct epoch_file *file, const char *path) {
        _cleanup_close_ int fd = -1;
        struct epoch_page *page = NULL;
        struct stat status;
        uint64_t magic;
        int r = open_file(path, &fd);

        if (r < 0)
                return r;
        if (fstat(fd, &status) < 0)
                return -errno;
        if (!is_ours(&status))
                return -EEXIST;
        r = make_whole(fd, &status);
        if (r == 0)
                r = map(fd, &page);
        if (r < 0)
                return r;
        magic = atomic_load(&page->magic);
        if (magic != 0 && magic != EPOCH_MAGIC) {
                munmap(page, sizeof *page);
                return -EEXIST;
        }
        atomic_store(&page->magic, EPOCH_MAGIC);
        *file = (struct epoch_file){page, path};
        return 0;
}

uint64_t epoch_file_last(const struct epoch_file *file) {
        return file->page ? atomic_load(&file->page->last) : 0;
}

/* What was used is known before it is. */
void epoch_file_publish(struct epoch_file *file, const struct epochs *epochs) {
        if (!file->page)
                return;
        atomic_store(&file->page->last, epochs->last);
        for (uint32_t slot = 0; slot < EPOCH_SLOTS_MAX; slot++)
                if (atomic_load(&file->page->slots[slot]) != epochs->slots[slot])
                        atomic_store(&file->page->slots[slot], epochs->slots[slot]);
}

void epoch_file_close(struct epoch_file *file) {
        if (!file->page)
                return;
        for (uint32_t slot = 0; slot < EPOCH_SLOTS_MAX; slot++)
                atomic_store(&file->page->slots[slot], 0);
        munmap(file->page, sizeof *file->page);
        *file = (struct epoch_file){0};
}
