/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "wire/grant.h"

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

#define FORM          "application/x-www-form-urlencoded"
#define GRANT         "grant_type=client_credentials"
#define NAME          "a23456789012345678901234567890_2"
/* base64 of NAME ":x", and of one more character before that. */
#define BASIC_NAME     "Basic YTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwXzI6eA=="
#define BASIC_TOO_LONG "Basic YTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwXzIzOng="

/* base64 of 32 times "%61", the longest that a name can be; of one byte more; of 300 bytes. */
#define BASIC_ENCODED                                                                              \
        "Basic JTYxJTYxJTYxJTYxJTYxJTYxJTYxJTYxJTYxJTYxJTYxJTYxJTYxJTYxJTYxJTYxJT"                 \
        "YxJTYxJTYxJTYxJTYxJTYxJTYxJTYxJTYxJTYxJTYxJTYxJTYxJTYxJTYxJTYxOng="
#define BASIC_ONE_MORE                                                                             \
        "Basic JTYxJTYxJTYxJTYxJTYxJTYxJTYxJTYxJTYxJTYxJTYxJTYxJTYxJTYxJTYxJTYxJT"                 \
        "YxJTYxJTYxJTYxJTYxJTYxJTYxJTYxJTYxJTYxJTYxJTYxJTYxJTYxJTYxJTYxYTp4"
#define BASIC_FAR_MORE                                                                             \
        "Basic YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYW"                 \
        "FhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYW"                 \
        "FhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYW"                 \
        "FhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYW"                 \
        "FhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYW"                 \
        "FhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhOng="

static const struct {
        const char *type;
        const char *authorization;
        const char *body;
        const char *name; /* NULL: refused ... */
        const char *error;
        const char *why; /* ... and a part of the description */
} cases[] = {
        {FORM, "", GRANT, "", NULL, NULL},
        {FORM, "", GRANT "&scope=x+y%2F", "", NULL, NULL},
        {FORM, "", "&&" GRANT "&", "", NULL, NULL},
        {FORM, "", "grant%5ftype=client%5Fcredentials", "", NULL, NULL},
        {FORM "; charset=UTF-8", "", GRANT, "", NULL, NULL},
        {"Application/X-WWW-Form-URLencoded ;charset=UTF-8", "", GRANT, "", NULL, NULL},
        /* The id in the form. */
        {FORM, "", GRANT "&client_id=athena", "athena", NULL, NULL},
        {FORM, "", "client_id=%61thena&" GRANT "&client_secret=s3cret", "athena", NULL, NULL},
        {FORM, "", GRANT "&client_id=" NAME, NAME, NULL, NULL},
        {FORM, "", GRANT "&client_id=" NAME "3", "", NULL, NULL},
        {FORM, "", GRANT "&client_id=Athena", "", NULL, NULL},
        {FORM, "", GRANT "&client_id=a+b", "", NULL, NULL},
        {FORM, "", GRANT "&client_id=athena%00", "", NULL, NULL},
        {FORM, "", GRANT "&client_id=", "", NULL, NULL},
        {FORM, "", GRANT "&client_id=&client_id=athena", "athena", NULL, NULL},
        {FORM, "", GRANT "&client_idx=athena", "", NULL, NULL},
        /* The id in Basic credentials: base64 of athena:s3cret, of athena: and so on. */
        {FORM, "Basic YXRoZW5hOnMzY3JldA==", GRANT, "athena", NULL, NULL},
        {FORM, "bASIC   YXRoZW5hOg==", GRANT, "athena", NULL, NULL},
        {FORM, "Basic YXRoZW5hOnMzY3JldA==", GRANT "&client_id=other", "other", NULL, NULL},
        {FORM, "Basic YXRoZW5hOnMzY3JldA==", GRANT "&client_id=Other", "athena", NULL, NULL},
        {FORM, "Basic YV9iOng=", GRANT, "a_b", NULL, NULL},
        {FORM, "Basic YSU1RmI6eA==", GRANT, "a_b", NULL, NULL}, /* a%5Fb:x */
        {FORM, BASIC_NAME, GRANT, NAME, NULL, NULL},
        {FORM, BASIC_TOO_LONG, GRANT, "", NULL, NULL},
        {FORM, BASIC_ENCODED, GRANT, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", NULL, NULL},
        {FORM, BASIC_ONE_MORE, GRANT, "", NULL, NULL},
        {FORM, BASIC_FAR_MORE, GRANT, "", NULL, NULL},
        {FORM, "Basic YXRoZW5h", GRANT, "", NULL, NULL},     /* no colon */
        {FORM, "Basic OnMzY3JldA==", GRANT, "", NULL, NULL}, /* no id */
        {FORM, "Basic QXRoZW5hOng=", GRANT, "", NULL, NULL}, /* Athena:x */
        {FORM, "Basic YSU1OmI=", GRANT, "", NULL, NULL},     /* a%5:b */
        {FORM, "Basic YXRo*W5hOnMzY3JldA==", GRANT, "", NULL, NULL},
        {FORM, "Basic YXRo=W5hOnMzY3JldA==", GRANT, "", NULL, NULL},
        {FORM, "Basic YXRo{W5hOnMzY3JldA==", GRANT, "", NULL, NULL},
        {FORM, "Basic Pj4+Ong=", GRANT, "", NULL, NULL}, /* >>>:x */
        {FORM, "Basic Pz8/Ong=", GRANT, "", NULL, NULL}, /* ???:x */
        {FORM, "Basic", GRANT, "", NULL, NULL},
        {FORM, "Basic ", GRANT, "", NULL, NULL},
        {FORM, "Bearer YXRoZW5hOnMzY3JldA==", GRANT, "", NULL, NULL},
        {FORM, "BasicYXRoZW5hOnMzY3JldA==", GRANT, "", NULL, NULL},
        /* What is refused. */
        {"", "", "", NULL, "invalid_request", "grant_type=client_credentials"},
        {FORM, "", "grant_type=", NULL, "invalid_request", "grant_type=client_credentials"},
        {FORM, "", "grant_type", NULL, "invalid_request", "grant_type=client_credentials"},
        {FORM, "", "client_id=athena", NULL, "invalid_request", "grant_type=client_credentials"},
        {FORM, "", "Grant_type=client_credentials", NULL, "invalid_request", "grant_type"},
        {FORM, "", GRANT "&" GRANT, NULL, "invalid_request", "grant_type is there twice"},
        {FORM, "", "grant_type=x&grant_type=y", NULL, "invalid_request", "twice"},
        {FORM, "", GRANT "&client_id=A&client_id=b", NULL, "invalid_request", "client_id is there"},
        {FORM, "", GRANT "&client_id=%", NULL, "invalid_request", "hexadecimal"},
        {FORM, "", GRANT "&x=%4", NULL, "invalid_request", "hexadecimal"},
        {FORM, "", GRANT "&client_secret=%zz", NULL, "invalid_request", "hexadecimal"},
        {FORM, "", GRANT "&%zz=1", NULL, "invalid_request", "hexadecimal"},
        {FORM, "", GRANT "&a_name_that_is_long%=1", NULL, "invalid_request", "hexadecimal"},
        {"", "", GRANT, NULL, "invalid_request", "Content-Type"},
        {"application/json", "", "{}", NULL, "invalid_request", "Content-Type"},
        {FORM "x", "", GRANT, NULL, "invalid_request", "Content-Type"},
        {FORM, "", "grant_type=password", NULL, "unsupported_grant_type", "client_credentials"},
        {FORM, "", GRANT "s", NULL, "unsupported_grant_type", "client_credentials"},
        {FORM, "", GRANT "%00", NULL, "unsupported_grant_type", "client_credentials"},
        {FORM, "", "grant_type=client%00redentials", NULL, "unsupported_grant_type", "client"},
        {FORM, "", "grant_type=%00", NULL, "unsupported_grant_type", "client_credentials"},
};

static void test_a_grant_is_checked_and_its_id_may_name_a_token(void **state) {
        for (size_t i = 0; i < LENGTH(cases); i++) {
                struct http1_request http = {
                        .authorization = slice_of(cases[i].authorization),
                        .content_type = slice_of(cases[i].type),
                        .body = slice_of(cases[i].body),
                };
                char name[TOKEN_NAME_MAX + 1] = "untouched";
                const char *error = NULL, *why = NULL;
                int r = grant_parse(&http, name, &error, &why);

                if (cases[i].name ? r != 0 || strcmp(name, cases[i].name) != 0
                                  : r != -EBADMSG || strcmp(name, "untouched") != 0 ||
                                            strcmp(error, cases[i].error) != 0 ||
                                            !strstr(why, cases[i].why))
                        fail_msg("case %zu: %d %s %s", i, r, name, why ? why : "");
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_grant_is_checked_and_its_id_may_name_a_token),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
