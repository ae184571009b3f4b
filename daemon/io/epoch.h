/* SPDX-License-Identifier: MIT */
/* epoch - the file in which workers read the epochs of the tokens that they keep (wire/epoch).
 *
 * Owns the mapping. The file is never made shorter, nor replaced by another one, nor taken away:
 * workers have it mapped, over lives of bearerd and while there is none. So a later life goes on
 * with it. What a life that ends leaves in it is nothing that is good; what one leaves that is
 * killed stays good until the next one comes, or until the token's time is up. */
#pragma once

#include "core/epochs.h"
#include "wire/epoch.h"

/* A zeroed one publishes nothing. */
struct epoch_file {
        struct epoch_page *page;
        const char *path;
};

/* Makes PATH, which is borrowed, or goes on with what is there. 0; -EINVAL: it is not
 * absolute; -ENAMETOOLONG: longer than EPOCH_PATH_MAX; -EEXIST: there is something that is no such
 * file, or another user's; or another -errno. */
int epoch_file_open(struct epoch_file *file, const char *path);
/* Nothing that was published is good any more. */
void epoch_file_close(struct epoch_file *file);

/* The last epoch of all lives so far. */
uint64_t epoch_file_last(const struct epoch_file *file);

void epoch_file_publish(struct epoch_file *file, const struct epochs *epochs);
