/* SPDX-License-Identifier: MIT */
/* getter - gets the same token N times by libbearer: getter N [NAME]. */
#include <stdlib.h>

#include "bearer.h"

int main(int argc, char **argv) {
        unsigned long n = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
        const char *name = argc > 2 ? argv[2] : NULL;
        struct bearer *bearer = NULL;
        int errors = bearer_open(NULL, &bearer) != 0;

        for (unsigned long i = 0; i < n; i++) {
                struct bearer_token *token = NULL;

                errors |= bearer_get(bearer, name, -1, &token) != 0;
                bearer_token_unref(token);
        }
        bearer_close(bearer);
        return errors;
}
