/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <systemd/sd-id128.h>

#include "base/cleanup.h"
#include "io/notify.h"
#include "io/service.h"
#include "io/store.h"
#include "wire/store.h"

/* Whose size can change under a mapping, that can end us by SIGBUS. */
#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

/* bearerd.service says it: ProcSubset=pid hides where the kernel does (random(4)). */
static int read_boot(struct slots_boot *ret_boot) {
        const char *text = getenv("BEARERD_BOOT_ID");
        sd_id128_t id;
        int r = text ? sd_id128_from_string(text, &id) : sd_id128_get_boot(&id);

        if (r < 0)
                return r;
        memcpy(ret_boot->id, id.bytes, sizeof ret_boot->id);
        return 0;
}

static size_t store_size(void) {
        return slots_size(STORE_TEXT_MAX);
}

static bool is_ours(int fd) {
        struct stat status;
        int seals = fcntl(fd, F_GET_SEALS);

        return seals >= 0 && (seals & SEALS) == SEALS && !(seals & F_SEAL_WRITE) &&
               fstat(fd, &status) == 0 && (size_t)status.st_size == store_size();
}

static int make(int *ret_fd) {
        _cleanup_close_ int fd = memfd_create("bearerd-store", MFD_CLOEXEC | MFD_ALLOW_SEALING);

        if (fd < 0 || ftruncate(fd, (off_t)store_size()) < 0 || fcntl(fd, F_ADD_SEALS, SEALS) < 0)
                return -errno;
        *ret_fd = fd;
        fd = -1; /* consumed */
        return 0;
}

static int map(int fd, void **ret_memory) {
        void *memory = mmap(NULL, store_size(), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

        if (memory == MAP_FAILED)
                return -errno;
        madvise(memory, store_size(), MADV_DONTDUMP);
        *ret_memory = memory;
        return 0;
}

/* systemd keeps a descriptor of its own. */
static int hand_over(int fd) {
        return notify_with_fd("FDSTORE=1\nFDNAME=" STORE_NAME, fd);
}

/* What this life does not write to, no later one may go on from: its tokens would be of before this
 * life, and its generations would go back. That is so without the service manager's help, too. */
static void forget(int fd) {
        fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, (off_t)store_size());
        notify("FDSTOREREMOVE=1\nFDNAME=" STORE_NAME);
}

static int make_new(int *ret_fd) {
        _cleanup_close_ int fd = -1;
        int r = make(&fd);

        if (r == 0)
                r = hand_over(fd);
        if (r < 0)
                return r;
        *ret_fd = fd;
        fd = -1; /* consumed */
        return 0;
}

int store_open(struct store *store, int passed, bool *ret_refused) {
        _cleanup_close_ int kept = passed, made = -1;
        int r;

        if (!service_is_managed())
                return 0;
        *ret_refused = kept >= 0 && !is_ours(kept);
        if (*ret_refused)
                forget(kept);
        r = read_boot(&store->boot);
        if (r == 0 && (kept < 0 || *ret_refused))
                r = make_new(&made);
        if (r == 0)
                r = map(made >= 0 ? made : kept, &store->memory);
        if (r < 0 && kept >= 0)
                forget(kept);
        return r;
}

void store_close(struct store *store) {
        if (store->memory)
                munmap(store->memory, store_size());
        store->memory = NULL;
}

int store_read(const struct store *store, struct slice *ret_text) {
        if (!store->memory)
                return -ENODATA;
        return slots_read(store->memory, store_size(), &store->boot, ret_text);
}

void store_write(struct store *store, struct slice text) {
        if (store->memory)
                slots_write(store->memory, store_size(), text);
}

void store_clear(struct store *store) {
        if (!store->memory)
                return;
        madvise(store->memory, store_size(), MADV_REMOVE); /* wipes all of it */
        slots_format(store->memory, store_size(), &store->boot);
}
