/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"

void secret_deinit(struct secret *secret) {
        if (secret->data)
                explicit_bzero(secret->data, secret->size);
        free(secret->data);
        *secret = SECRET_INIT;
}

int secret_set(struct secret *secret, const void *data, size_t size) {
        char *copy;

        if (size > SECRET_SIZE_MAX)
                return -E2BIG;
        copy = malloc(size + 1);
        if (!copy)
                return -ENOMEM;
        if (size > 0)
                memcpy(copy, data, size);
        copy[size] = 0;
        secret_deinit(secret);
        *secret = (struct secret){copy, size};
        return 0;
}

void secret_move(struct secret *to, struct secret *from) {
        if (to == from)
                return;
        secret_deinit(to);
        *to = *from;
        *from = SECRET_INIT; /* consumed */
}

bool secret_equal(const struct secret *a, const struct secret *b) {
        volatile unsigned char difference = 0;

        if (a->size != b->size)
                return false;
        for (size_t i = 0; i < a->size; i++)
                difference |= (unsigned char)(a->data[i] ^ b->data[i]);
        return difference == 0;
}
