/* SPDX-License-Identifier: MIT */
/* worker - how a worker uses libbearer: a token for every request, one renewal after a 401, and a
 * pause where there is no token.
 *
 *         cc worker.c $(pkg-config --cflags --libs libbearer) */
#include <stdio.h>
#include <unistd.h>

#include <bearer.h>

/* Stands for the worker's own HTTP client: sends the request, gives the status of the answer. */
static int call_api(const char *token, const char *practice_id) {
        printf("GET /v1/%s/departments with a token of %s\n", practice_id,
               token[0] ? "bearerd" : "nobody");
        return 200;
}

/* 0; else what bearer_get() and bearer_renew() return. */
static int do_request(struct bearer *bearer, int *ret_status) {
        struct bearer_token *token, *newer;
        int r;

        r = bearer_get(bearer, NULL, -1, &token);
        if (r != 0)
                return r;
        *ret_status = call_api(bearer_token_value(token), bearer_token_practice_id(token));
        if (*ret_status == 401) {
                /* Once: if the newer token is refused too, the token is not what is wrong. */
                r = bearer_renew(bearer, token, -1, &newer);
                if (r == 0) {
                        *ret_status = call_api(bearer_token_value(newer),
                                               bearer_token_practice_id(newer));
                        bearer_token_unref(newer);
                } else if (r == BEARER_E_FRESH) {
                        r = 0; /* the 401 stands: look at permissions */
                }
        }
        bearer_token_unref(token);
        return r;
}

/* What passes by itself. The rest wants an operator. */
static int is_passing(int r) {
        return r == BEARER_E_UNAVAILABLE || r == BEARER_E_TIMEOUT || r == BEARER_E_BUSY;
}

int main(void) {
        struct bearer *bearer;
        int r, status;

        r = bearer_open(NULL, &bearer);
        if (r != 0) {
                fprintf(stderr, "worker: %s\n", bearer_strerror(r));
                return 1;
        }
        while (is_passing(r = do_request(bearer, &status)))
                sleep(5);
        if (r != 0)
                fprintf(stderr, "worker: no token: %s\n", bearer_strerror(r));
        else
                printf("the API answered %d\n", status);
        bearer_close(bearer);
        return r != 0 || status != 200;
}
