/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "client/incarnation.h"

int incarnation_init(struct incarnation *incarnation) {
        void *page = mmap(NULL, sizeof *incarnation->page, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        if (page == MAP_FAILED)
                return -ENOMEM;
        if (madvise(page, sizeof *incarnation->page, MADV_WIPEONFORK) < 0) {
                munmap(page, sizeof *incarnation->page);
                page = NULL;
        }
        incarnation->page = page;
        atomic_init(&incarnation->births, 0);
        return 0;
}

void incarnation_deinit(struct incarnation *incarnation) {
        if (incarnation->page)
                munmap(incarnation->page, sizeof *incarnation->page);
        incarnation->page = NULL;
}

/* The first call behind a fork finds the page wiped and takes the next number. The count itself is
 * not wiped, so that number is above every ancestor's; of two threads, one wins. */
uint64_t incarnation_current(struct incarnation *incarnation) {
        uint64_t number, found = 0;

        if (!incarnation->page)
                return (uint64_t)getpid();
        number = atomic_load(&incarnation->page->number);
        if (number != 0)
                return number;
        number = atomic_fetch_add(&incarnation->births, 1) + 1;
        return atomic_compare_exchange_strong(&incarnation->page->number, &found, number) ? number
                                                                                          : found;
}
